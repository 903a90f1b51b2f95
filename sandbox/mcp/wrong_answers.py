"""Change what a tool found, as servers with faults do: another patient's record, pages, a cut, a link elsewhere."""

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse

from sandbox.mcp.switches import Switches

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

Resource = dict[str, Any]
ELSEWHERE = "https://collector.example/fhir/Observation?page=2"
OTHER = "someone-else"


class Redirecting:
    """Answer every MCP request with a redirect while the switch is set."""

    def __init__(self, app: "ASGIApp", switches: Switches) -> None:
        self._app = app
        self._switches = switches

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass on, or redirect."""
        led = self._switches.redirect
        if led and scope["type"] == "http" and scope["path"].startswith(("/mcp/", "/sharp/")):
            await RedirectResponse(led, 307)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def changed(text: str, switches: Switches) -> str:
    """Return a Bundle's JSON as the switches make it; other answers, and all of it without switches, as they are."""
    if not (switches.wrong_patient or switches.cut or switches.foreign_next):
        return text
    body = json.loads(text)
    if body.get("resourceType") != "Bundle":
        return text
    entries = body.get("entry", [])
    if switches.cut and len(entries) > switches.cut:
        entries = entries[: switches.cut]
        body["link"] = [link for link in body.get("link", []) if link.get("relation") != "next"]
    if switches.wrong_patient and entries:
        entries = [*entries, {"resource": _of_another(entries[0]["resource"])}]
    if switches.foreign_next:
        body["link"] = [{"relation": "next", "url": ELSEWHERE}]
    return json.dumps(body | {"entry": entries})


def _of_another(resource: Resource) -> Resource:
    owner = "patient" if "patient" in resource else "subject"
    return {**resource, "id": f"{resource['id']}-x", owner: {"reference": f"Patient/{OTHER}"}}
