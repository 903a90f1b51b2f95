"""The endpoints that a host of `app.mcp.sign_in` calls itself: metadata (RFC 8414), token and revocation (RFC 7009).

No token stands in an address or in a log.
"""

import msgspec
from flask import Blueprint, Response, abort, request

from app.errors import ChartsideError, SwitchedOff
from app.mcp.errors import McpRefused, OAuthRefused
from app.wiring import Services

MOST_FORM_BYTES = 16_384


def blueprint(services: Services) -> Blueprint:
    """Return them; where no registration names a client there are none."""
    routes = Blueprint("oauth", __name__)
    sign_in = services.sign_in

    @routes.before_request
    def _only_where_it_is_on() -> None:
        if not sign_in.is_on:
            abort(404)

    @routes.after_request
    def _browsers(response: Response) -> Response:
        origin = request.headers.get("Origin", "")
        if origin in services.settings.mcp_browser_origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Headers"] = "Content-Type, MCP-Protocol-Version"
            response.vary.add("Origin")
        return response

    @routes.get("/.well-known/oauth-authorization-server")
    def metadata() -> Response:
        response = _json(sign_in.metadata())
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response

    @routes.post("/oauth/token")
    def token() -> Response:
        try:
            return _json(sign_in.token(_form()))
        except (McpRefused, SwitchedOff) as error:
            return _error(error)

    @routes.post("/oauth/revoke")
    def revoke() -> Response:
        try:
            sign_in.revoke(_form())
        except OAuthRefused as error:
            return _error(error)
        return Response(status=200)

    return routes


def _form() -> dict[str, str]:
    """Return the parameters of a token request, each once (RFC 6749 3.2)."""
    if request.mimetype != "application/x-www-form-urlencoded" or (request.content_length or 0) > MOST_FORM_BYTES:  # fmt: skip
        raise OAuthRefused("invalid_request", "not a form")
    sent = dict(request.form.lists())
    if any(len(values) != 1 for values in sent.values()):
        raise OAuthRefused("invalid_request", "a parameter twice")
    return {name: values[0] for name, values in sent.items()}


def _error(error: ChartsideError) -> Response:
    """Return a refusal of the token endpoint (RFC 6749 5.2)."""
    code = error.oauth_error if isinstance(error, OAuthRefused) else "unauthorized_client"
    said = error.said if isinstance(error, OAuthRefused) else error.public
    response = _json({"error": code, "error_description": said})
    response.status_code = 401 if code == "invalid_client" else 400
    return response


def _json(value: object) -> Response:
    response = Response(msgspec.json.encode(value), mimetype="application/json")
    # RFC 6749 5.1.
    response.headers["Cache-Control"] = "no-store"
    return response
