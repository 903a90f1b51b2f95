"""`POST /api/launches/{launch}/mcp-token`: give an MCP host access to this launch's chart, because its user asked for it."""

from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from flask import Blueprint, Response, request

from app.audit.log import Detail, Who
from app.errors import ToolRefused
from app.launch_context import LaunchContext
from app.mcp.errors import McpHostRefused
from app.mcp.launch_tokens import Minted
from app.web.session import current_launch
from app.web.wire import McpToken
from app.wiring import Services


class _Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`host`: an id of the registration's `[mcp_server] hosts`; `scope`: less than the launch has, "" for all that reads.

    `resource`: which server the token is for, the MCP server or the store's FHIR server; each takes no token of the other.
    """

    host: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    scope: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    resource: Literal["mcp", "fhir"] = "mcp"


def blueprint(services: Services) -> Blueprint:
    """Return the door where a launched user has a token minted."""
    routes = Blueprint("mcp_token", __name__)

    @routes.post("/api/launches/<launch_id>/mcp-token")
    def mint(launch_id: str) -> Response:
        context = current_launch(launch_id)
        try:
            wanted = msgspec.json.decode(request.get_data(), type=_Wanted)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ToolRefused(f"the body is not a host and a scope: {error}") from error
        try:
            minted = _minted(services, context, wanted)
        except McpHostRefused as error:
            detail: Detail = {"code": error.code, "count": 1, "host": wanted.host}
            services.audit.record("refusal", Who.of(context), detail)
            raise
        answer = McpToken(
            access_token=minted.token,
            expires_in=minted.expires_in_s,
            scope=minted.scope,
            url=minted.url,
            host=minted.host,
        )
        return Response(msgspec.json.encode(answer), mimetype="application/json")

    return routes


def _minted(services: Services, context: LaunchContext, wanted: _Wanted) -> Minted:
    if wanted.resource == "mcp":
        return services.mcp_tokens.mint(context, wanted.host, wanted.scope)
    if not services.fhir_door.serves(context.registration):
        raise McpHostRefused("[bulk] facade is not on")
    minted = services.fhir_door.tokens.mint(context, wanted.host, wanted.scope)
    return replace(minted, url=f"{minted.url}/{context.registration}")
