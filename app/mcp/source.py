"""`ChartSource`s over an EHR's MCP server: alone, or beside the FHIR API for what that does not give.

`McpSource` is `FhirSource` with another way to ask, so that patient guard, paging, outcomes and completeness are the same
code. What a tool says in words becomes a document of the chart that is plainly the server's statement: nobody can show
whose it is, and no fact is made of it.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from app.boundary import Boundary
from app.errors import ChartsideError, SessionEnded
from app.fhir.client import FhirSource
from app.fhir.source import (
    ChartSource,
    Complete,
    Completeness,
    Failed,
    NotOffered,
    Query,
    Read,
    Resource,
    Restricted,
)
from app.launch_context import Grant, LaunchContext, Verb
from app.mcp.asking import McpAsking, Server
from app.mcp.client import Told
from app.smart.registration import Registration

DOCUMENTS = "DocumentReference"
# A FHIR read that gave nothing because the API does not give this type to this app.
NOT_GIVEN = ("denied", "not_offered")


class McpSource:
    """One patient's resources from the EHR's MCP server. Thread-safe. `token` and `refused` are as for `FhirSource`.

    `boundary` is the registration's: it decides which next links would be allowed. `now` dates what is said in words.
    """

    def __init__(
        self,
        server: Server,
        boundary: Boundary,
        context: LaunchContext,
        token: Callable[[], str],
        *,
        refused: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._name = server.mcp.name
        self._context = allowed = _with_governed(context, server.mcp.governs)
        self._now = now
        self._asking = McpAsking(server, allowed, token, refused)
        self._fhir = FhirSource(
            boundary, allowed, token, refused=refused, shared=server.shared, asking=self._asking
        )

    def begin_turn(self) -> None:
        """Count the requests of a turn from here."""
        self._fhir.begin_turn()

    def read_patient(self) -> Read:
        """Return the launched Patient as a `Read` of one resource."""
        return self._told(self._fhir.read_patient())

    def search(self, query: Query) -> Read:
        """Return the patient's resources for `query`, entries checked one by one."""
        return self._told(self._with_statements(self._fhir.search(query)))

    def more(self, read: Read) -> Read:
        """Go on from `read.next_token` to the end, within limits, and return both parts together."""
        return self._told(self._with_statements(self._fhir.more(read)))

    def fetch(self, reference: str) -> Read:
        """Return one resource that a resource of this patient refers to."""
        return self._told(self._fhir.fetch(reference))

    def history(self, reference: str) -> Read:
        """Return nothing: no tool gives the versions of a record."""
        return self._told(self._fhir.history(reference))

    def _told(self, read: Read) -> Read:
        return replace(read, via=self._name)

    # ------------------------------------------------------------ what tools say in words

    def _with_statements(self, read: Read) -> Read:
        """Add the server's statements to the documents, once those are read to their end."""
        if read.query.resource_type != DOCUMENTS or read.next_token:
            return read
        if isinstance(read.completeness, Failed) or any(_is_statement(r) for r in read.resources):
            return read
        requests = [read.requests]

        def count() -> None:
            requests[0] += 1

        said, why_not = self._statements(count)
        found = (*read.resources, *said)
        state = _with_statements(read.completeness, len(found), why_not)
        return replace(read, resources=found, completeness=state, requests=requests[0])

    def _statements(self, count: Callable[[], None]) -> tuple[list[Resource], str]:
        """Return the statements, and why one could not be had ("" if all could)."""
        found: list[Resource] = []
        try:
            for tool, told in self._asking.statements(count):
                if told.failed or not told.texts:
                    return found, f"a tool of {self._name} that answers in words went wrong"
                found.append(self._document(tool, told))
        except SessionEnded:
            raise
        except ChartsideError as error:
            return found, str(error)
        return found, ""

    def _document(self, tool: str, told: Told) -> Resource:
        """Return what a tool said as a document, so that it is searched, quoted and cited like one, under its name."""
        text = "\n".join(told.texts)
        said = f"{self._context.patient_id}\n{tool}\n{text}"
        title = f"Statement of {self._name} ({tool}), not a record"
        return {
            "resourceType": DOCUMENTS, "id": f"mcp-{hashlib.sha256(said.encode()).hexdigest()[:40]}",
            "status": "current", "type": {"text": title}, "date": self._now().isoformat(),
            "subject": {"reference": f"Patient/{self._context.patient_id}"},
            "author": [{"display": self._name}],
            "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}}],
        }  # fmt: skip


class JoinedSource:
    """The FHIR API, and the EHR's MCP server for what that does not give: a type that is not granted or not offered."""

    def __init__(self, fhir: ChartSource, mcp: ChartSource) -> None:
        self._fhir = fhir
        self._mcp = mcp

    def begin_turn(self) -> None:
        """Count the requests of a turn from here."""
        self._fhir.begin_turn()
        self._mcp.begin_turn()

    def read_patient(self) -> Read:
        """Return the launched Patient, by the FHIR API: what is not the same patient there is not this launch."""
        return self._fhir.read_patient()

    def search(self, query: Query) -> Read:
        """Return what the FHIR API gives, or what the MCP server gives in its place."""
        return _filled(self._fhir.search(query), lambda: self._mcp.search(query))

    def more(self, read: Read) -> Read:
        """Go on where it was begun."""
        return self._mcp.more(read) if read.via else self._fhir.more(read)

    def fetch(self, reference: str) -> Read:
        """Return one resource, as `search`."""
        return _filled(self._fhir.fetch(reference), lambda: self._mcp.fetch(reference))

    def history(self, reference: str) -> Read:
        """Return the versions that the FHIR API keeps."""
        return self._fhir.history(reference)


def joined(fhir: ChartSource, mcp: McpSource, registration: Registration | None) -> ChartSource:
    """Return what a launch reads its chart from, as its registration says."""
    alone = registration is None or registration.fhir.api == "off"
    return mcp if alone else JoinedSource(fhir, mcp)


def _with_governed(context: LaunchContext, kinds: Iterable[str]) -> LaunchContext:
    """Return a launch that may also ask for types which this EHR gives by MCP under rules of its own."""
    verbs = frozenset[Verb](("r", "s"))
    more = (Grant(level="patient", resource_type=kind, verbs=verbs) for kind in kinds)
    return replace(context, grants=(*context.grants, *more))


def _filled(read: Read, instead: Callable[[], Read]) -> Read:
    """Return the other read where the first was not given and the other is; both were asked, and both count."""
    if read.completeness.kind not in NOT_GIVEN:
        return read
    other = instead()
    requests = read.requests + other.requests
    if other.completeness.kind in NOT_GIVEN:
        return replace(read, requests=requests)
    return replace(other, requests=requests)


def _is_statement(resource: Resource) -> bool:
    return str(resource.get("id") or "").startswith("mcp-")


def _with_statements(state: Completeness, n: int, why_not: str) -> Completeness:
    """Return a completeness after the server's statements were added, or why one could not be."""
    if why_not:
        return Failed(reason=why_not, n=n)
    match state:
        case Complete():
            return Complete(n=n)
        case NotOffered():
            return (
                Restricted(why="only statements in words are given, no documents", n=n)
                if n
                else state
            )
        case _:
            return state
