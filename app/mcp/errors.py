"""Why an MCP host gets nothing, each with one sentence that the host may show."""

from typing import ClassVar

from app.errors import ChartsideError, NotFound


class McpRefused(ChartsideError):
    """What the host sent proves nothing here: no token, a forged one, or one for another server."""

    status = 401
    code = "mcp.refused"
    public = (
        "This access token is not accepted. Connect again from Chartside in the patient's chart."
    )
    # RFC 6750 3.1: the error code of `WWW-Authenticate`.
    oauth: ClassVar[str] = "invalid_token"


class McpEnded(McpRefused):
    """The launch behind a token has ended, or the token has expired."""

    code = "mcp.ended"
    public = (
        "This access has ended, with its launch or by its time. "
        "Open Chartside again from the patient's chart and connect from there."
    )


class McpHostRefused(McpRefused):
    """The registration does not name this host, or there is no MCP server at all."""

    status = 403
    code = "mcp.host"
    public = "This site does not let this application read charts. Ask the IT department."
    oauth = "access_denied"


class McpOptedOut(McpRefused):
    """The patient asked that no AI be used, or whether they did could not be read."""

    status = 403
    code = "mcp.opted_out"
    public = (
        "This patient's chart is not given to AI applications: the patient asked for that, "
        "or whether they did could not be read."
    )
    oauth = "access_denied"


class McpOtherPatient(McpRefused):
    """A connection was begun for one patient, and its token is now for another."""

    status = 403
    code = "mcp.other_patient"
    public = (
        "This connection was begun for another patient's chart. Start a new one, with a new conversation, "
        "for the chart that is open now."
    )
    oauth = "access_denied"


class McpScopeMissing(McpRefused):
    """The token lacks what the launch itself has; a token with `scope` would do."""

    status = 403
    code = "mcp.scope"
    public = "This access does not cover that part of the chart."
    oauth = "insufficient_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"needs {scope}")
        self.scope = scope


class McpBusy(McpRefused):
    """More calls than the site allows one launch."""

    status = 429
    code = "mcp.busy"
    public = "Too many requests for this chart. Wait before asking again."
    oauth = "temporarily_unavailable"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s
        self.public = (
            f"Too many requests for this chart. Retry-After: ask again in {retry_after_s} seconds."
        )


class SharpRefused(McpRefused):
    """The FHIR context that a host sent in headers is not complete, or not of this site; `public` says what is wrong."""

    status = 403
    code = "mcp.context"
    public = "The FHIR context in the headers of this request is not accepted."
    oauth = "access_denied"

    def __init__(self, said: str, public: str) -> None:
        super().__init__(said)
        self.public = public


class SharpUnproved(SharpRefused):
    """The EHR does not confirm the token of a FHIR context, for this patient and no other."""

    code = "mcp.context_unproved"


class ClientRefused(McpRefused):
    """No registration names this application, or what it says of itself does not hold."""

    status = 400
    code = "mcp.client"
    public = "This site does not know this application. Ask the IT department."
    oauth = "invalid_client"


class OAuthRefused(McpRefused):
    """A request to the authorization server that does not hold; `oauth_error` is its code (RFC 6749 5.2)."""

    status = 400
    code = "mcp.oauth"
    public = "This sign-in cannot go on. Start again from the application."

    def __init__(self, oauth_error: str, said: str) -> None:
        super().__init__(said)
        self.oauth_error = oauth_error
        self.said = said


class McpHandleUnknown(NotFound):
    """A handle that the chart which is read for this caller now did not issue: an older one, or another token's."""

    code = "mcp.handle"
    public = (
        "This handle does not exist in the chart as this server reads it now: it may be from before a restart, or of another access. "
        "Call the tool again and use the handles that it gives now."
    )
