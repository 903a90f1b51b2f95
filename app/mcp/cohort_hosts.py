"""MCP hosts of analysts: a token for counts over many patients, made in an analyst's session, for a server of its own.

The audience is that server, so that no launch's token counts here and none of these opens a chart. It ends with the session, with the
analyst's right, with the registration's naming of the host, and by its time; each is asked at every request. No tool lists patients.

Not protected: a token that is stolen from a host asks for counts until it expires, at most 15 minutes; they are audited as the analyst's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.audit.log import AuditLog, Detail, Who
from app.errors import ChartsideError, NotAnalyst, NotFound, SessionEnded
from app.llm.port import ToolSpec
from app.mcp.authorization import Presented
from app.mcp.errors import McpBusy, McpEnded, McpHostRefused, McpRefused
from app.mcp.launch_tokens import LaunchTokens, Minted
from app.mcp.limits import Buckets
from app.mcp.refusals import Refusals
from app.smart.analyst import Analyst
from app.tools.cohort_door import CohortDoor

if TYPE_CHECKING:
    from app.tools.cohort_tools import CohortRegistry

SCOPE = "cohort"


@dataclass(frozen=True, kw_only=True)
class CohortCaller:
    """A host that was let in for an analyst; `token_id` is what the audit calls its token."""

    analyst: Analyst
    host: str
    token_id: str


@dataclass(frozen=True, kw_only=True)
class CohortReply:
    """What a call gave: text for a model, and the same tables as fields."""

    text: str
    is_error: bool
    tables: tuple[Mapping[str, Any], ...] = ()


class CohortHosts:
    """Mints and verifies their tokens, and calls the tools. `tokens` are of the server at `url` alone ("": there is none)."""

    def __init__(
        self,
        *,
        url: str,
        tokens: LaunchTokens,
        door: CohortDoor,
        audit: AuditLog,
        refusals: Refusals,
        buckets: Buckets,
        switched_on: Callable[[str], None],
    ) -> None:
        """`switched_on(slug)` raises where IT has switched hosts off."""
        self._url = url
        self._tokens = tokens
        self._door = door
        self._audit = audit
        self._refusals = refusals
        self._buckets = buckets
        self._switched_on = switched_on

    def mint(self, analyst: Analyst, host: str) -> Minted:
        """Return a token for a host.

        Raises:
            McpHostRefused: the registration does not name it, or there is no MCP server.
            SwitchedOff: IT has switched it off.
        """
        self._switched_on(analyst.slug)
        life_s = 60 * self._minutes(analyst.slug, host)
        claims = {
            "sub": analyst.user_reference, "client_id": host, "registration": analyst.slug,
            "analyst": analyst.session_id, "scope": SCOPE,
        }  # fmt: skip
        token, jti, life_s = self._tokens.sign(claims, life_s)
        detail: Detail = {"way": "analyst", "host": host, "scope": SCOPE, "token": jti, "seconds": life_s}  # fmt: skip
        self._audit.record("mcp_token", _who(analyst), detail)
        return Minted(token=token, url=self._url, host=host, scope=SCOPE, expires_in_s=life_s)

    def enter(self, presented: Presented) -> CohortCaller:
        """Return who a request is for; asked at every one of them.

        Raises:
            McpRefused: nobody, or one request too many.
            SwitchedOff: IT has switched it off.
        """
        try:
            claims = self._tokens.read(presented.token)
            caller = self._caller(claims)
        except McpRefused as error:
            # A first request brings no token, to be told that it needs one: that is no attempt on anything.
            if presented.token:
                self._refusals.record(Who(), error.code, f"{SCOPE}: {error}")
            raise
        registration = self._door.offers(caller.analyst.slug)
        most = registration.mcp_server.calls_per_minute
        wait_s, _ = self._buckets.take(caller.analyst.session_id, most)
        if wait_s:
            raise McpBusy(wait_s)
        return caller

    def tools(self, caller: CohortCaller) -> tuple[ToolSpec, ...]:
        """Return the tools; nothing is opened for that."""
        from app.tools.cohort_tools import described  # noqa: PLC0415  # loads DuckDB

        self._note(caller, "tools/list")
        return described()

    def call(self, caller: CohortCaller, name: str, arguments: Mapping[str, Any]) -> CohortReply:
        """Run a tool; a refusal is an answer that says why."""
        try:
            result = self._registry(caller).call(name, arguments)
        except ChartsideError as error:
            self._note(caller, "tools/call", result="error")
            return CohortReply(text=f"Refused: {error.public}", is_error=True)
        self._note(caller, "tools/call", result="error" if result.is_error else "ok")
        tables = tuple(
            {"words": one.words, "columns": one.columns, "rows": one.rows, "notes": one.notes}
            for one in result.tables
        )
        return CohortReply(text=result.text, is_error=result.is_error, tables=tables)

    def _registry(self, caller: CohortCaller) -> "CohortRegistry":
        from app.tools.cohort_tools import CohortRegistry  # noqa: PLC0415  # loads DuckDB

        return CohortRegistry(self._door.ask(caller.analyst, "", "mcp", caller.host))

    def _caller(self, claims: Mapping[str, Any]) -> CohortCaller:
        slug, session_id = str(claims.get("registration", "")), str(claims.get("analyst", ""))
        host = str(claims.get("client_id", ""))
        try:
            analyst = self._door.of_session(slug, session_id)
        except (SessionEnded, NotAnalyst, NotFound) as error:
            raise McpEnded("the analyst's session or right has ended") from error
        self._switched_on(slug)
        self._minutes(slug, host)
        return CohortCaller(analyst=analyst, host=host, token_id=str(claims.get("jti", "")))

    def _minutes(self, slug: str, host: str) -> int:
        registration = self._door.offers(slug)
        if not self._url or not registration.mcp_server.allows(host):
            raise McpHostRefused("[mcp_server] hosts does not name it")
        return registration.mcp_server.token_minutes

    def _note(self, caller: CohortCaller, act: str, **more: str) -> None:
        detail: Detail = {"act": act, "host": caller.host, "token": caller.token_id, "server": SCOPE, **more}  # fmt: skip
        self._audit.record("mcp", _who(caller.analyst), detail)


def _who(analyst: Analyst) -> Who:
    return Who(registration=analyst.slug, user_reference=analyst.user_reference)
