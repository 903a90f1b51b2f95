"""`/sandbox/mcp-switches`: see, set and clear the switches. A sandbox has it, an EHR does not."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.mcp.switches import Switches


async def health(_: Request) -> Response:
    """Say that the server is up."""
    return PlainTextResponse("ok")


def switch_routes(switches: Switches) -> list[Route]:
    """Return the routes; POST takes switches by name, as JSON."""

    async def show(_: Request) -> Response:
        return JSONResponse(
            {name: value for name, value in vars(switches).items() if name != "calls"}
        )

    async def change(request: Request) -> Response:
        try:
            switches.set(await request.json())
        except (KeyError, AttributeError, ValueError) as error:
            return JSONResponse({"error": f"no such switch: {error}"}, 400)
        return await show(request)

    async def clear(_: Request) -> Response:
        switches.clear()
        return Response(status_code=204)

    path = "/sandbox/mcp-switches"
    return [
        Route(path, show, methods=["GET"]),
        Route(path, change, methods=["POST"]),
        Route(path, clear, methods=["DELETE"]),
    ]
