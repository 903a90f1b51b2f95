"""Ask one launch's questions of the EHR's MCP server, for `app.fhir.client`: the same guard, paging and completeness.

The FHIR token is sent only in the modes that say so, and only to the registered address of the MCP server.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TypeVar

from app.boundary import Response
from app.errors import BoundaryRefused, EhrBusy, EhrRefused, NotRead
from app.fhir.asking import CONNECTIONS, Requests
from app.fhir.shared_ehr import SharedEhr
from app.fhir.source import Query
from app.launch_context import LaunchContext
from app.mcp.calls import Wanted, answer, arguments, choose, serves, status_of, too_narrow
from app.mcp.client import McpClient, Told
from app.mcp.pins import Tools, shown, why_not
from app.smart.ehr_mcp import Mcp, McpTool

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Server:
    """One EHR's MCP server, as all launches share it."""

    mcp: Mcp
    client: McpClient
    shared: SharedEhr


class McpAsking:
    """The requests of one launch to an MCP server. Thread-safe. `token` and `refused` are as for `FhirSource`."""

    def __init__(
        self,
        server: Server,
        context: LaunchContext,
        token: Callable[[], str],
        refused: Callable[[str], None],
    ) -> None:
        self._server = server
        self._context = context
        self._base = context.iss.rstrip("/")
        self._token = token
        self._refused = refused
        self._requests = Requests(server.shared)
        self._free = BoundedSemaphore(CONNECTIONS)
        self._tools = Tools(server.mcp.tools, self._list)

    def begin_turn(self) -> None:
        """A person asks something new: the requests of a turn are counted from here."""
        self._requests.begin_turn()

    def offers(self, iss: str, query: Query, *, ask: bool) -> bool | None:  # noqa: ARG002  # the port's
        """Tell whether a registered tool gives this; one that is not as approved says so when it is asked."""
        wanted = Wanted(path="", kind=query.resource_type, params=query.params)
        if any(serves(tool, wanted) for tool in self._server.mcp.tools.values()):
            return True
        if any(self._states(query.resource_type)):
            raise NotRead(
                f"{self._server.mcp.name} gives these in words only; they stand among the notes"
            )
        return False

    def keeps_versions(self, iss: str, resource_type: str) -> bool:  # noqa: ARG002  # the port's
        """No tool gives the history of a resource."""
        return False

    def includes(self, iss: str, resource_type: str, element: str) -> bool:  # noqa: ARG002  # the port's
        """No tool is asked for more than one type."""
        return False

    def get(
        self,
        url: str,
        count: Callable[[], None],
        *,
        accept: str = "",  # noqa: ARG002  # the port's: a tool gives FHIR JSON and nothing else
        bearer: bool = True,  # noqa: ARG002  # the port's: the registration says what is sent
    ) -> Response:
        """Ask for what stands at an address below the FHIR base.

        Raises:
            NotRead: no tool that may be called gives it, or it gave no records.
            EhrUnavailable: no answer.
            BoundaryRefused: the address is not below the FHIR base, or the server's is not registered.
            LimitReached, SessionEnded: as `app.fhir.asking.Asking.get`.
        """
        if not url.startswith(f"{self._base}/"):
            raise BoundaryRefused("an MCP server is asked for nothing outside the FHIR base")
        wanted = Wanted.of(url.removeprefix(f"{self._base}/"))
        name, tool = self._tool(wanted)
        try:
            told = self._call(name, tool, wanted, count)
        except EhrRefused as error:
            return _refused(error.http_status)
        except EhrBusy:
            return _refused(429)
        who = f"the tool {shown(name)} of {self._server.mcp.name}"
        return answer(told, tool, wanted, self._base, who)

    def statements(self, count: Callable[[], None]) -> Iterator[tuple[str, Told]]:
        """Yield what each tool that answers in words says; a failure is told, not raised."""
        for name, tool in self._server.mcp.tools.items():
            if tool.adapter == "statement" and self._context.can(tool.resource_type, "s"):
                yield name, self._call(name, tool, Wanted(path="", kind=tool.resource_type), count)

    def _states(self, kind: str) -> Iterator[str]:
        for name, tool in self._server.mcp.tools.items():
            if tool.adapter == "statement" and tool.resource_type == kind:
                yield name

    def _tool(self, wanted: Wanted) -> tuple[str, McpTool]:
        """Return the tool that gives it."""
        name = choose(self._server.mcp.tools, wanted)
        if not name:
            raise NotRead(f"no tool of {self._server.mcp.name} gives it")
        tool = self._server.mcp.tools[name]
        if parameter := too_narrow(tool, wanted):
            raise NotRead(
                f"the tool {shown(name)} of {self._server.mcp.name} cannot search by {parameter}"
            )
        return name, tool

    def _call(self, name: str, tool: McpTool, wanted: Wanted, count: Callable[[], None]) -> Told:
        state, found = self._tools.get(name, count)
        if state != "approved" or found is None:
            raise NotRead(why_not(name, state, self._server.mcp.name))
        given = arguments(tool, found, wanted, self._context.patient_id)

        def call(headers: dict[str, str]) -> Told:
            told = self._server.client.call(name, given, headers)
            if status_of(told) == 401:
                raise EhrRefused("a tool says 401", http_status=401, scope="")
            return told

        return self._authorized(call, count)

    def _list(self, count: Callable[[], None]) -> list[dict[str, object]]:
        return self._authorized(self._server.client.list_tools, count)

    def _authorized(self, ask: Callable[[dict[str, str]], T], count: Callable[[], None]) -> T:
        """Ask with the launch's token, and once more with a newer one where it was refused (401).

        Raises:
            EhrRefused: and it was refused again, or there is no newer one.
        """
        token = self._token()
        if self._server.mcp.mode == "none":
            return self._without_token(ask, count)
        try:
            return self._counted(ask, token, count)
        except EhrRefused as error:
            if error.http_status != 401:
                raise
            self._refused(token)
            newer = self._token()
            if newer == token:
                raise
        try:
            return self._counted(ask, newer, count)
        except EhrRefused as error:
            if error.http_status == 401:
                self._refused(newer)
            raise

    def _without_token(self, ask: Callable[[dict[str, str]], T], count: Callable[[], None]) -> T:
        """Ask a server that is sent no token, so that its 401 says nothing of the launch's."""
        try:
            return self._counted(ask, "", count)
        except EhrRefused as error:
            if error.http_status != 401:
                raise
            raise NotRead(f"{self._server.mcp.name} wants a token, and is sent none") from error

    def _counted(
        self, ask: Callable[[dict[str, str]], T], token: str, count: Callable[[], None]
    ) -> T:
        self._requests.count()
        count()
        with self._free, self._server.shared.connection():
            return ask(self._headers(token))

    def _headers(self, token: str) -> dict[str, str]:
        match self._server.mcp.mode:
            case "smart_token":
                return {"Authorization": f"Bearer {token}"}
            case "sharp":
                return {
                    "X-FHIR-Server-URL": self._base, "X-FHIR-Access-Token": token,
                    "X-Patient-ID": self._context.patient_id,
                }  # fmt: skip
            case "none":
                return {}


def _refused(status: int) -> Response:
    return Response(status=status, json=None, headers={}, size_bytes=0, body=b"")
