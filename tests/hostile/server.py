"""A FHIR server over a chart file, in memory, that can be told to behave badly.

Without a `Behaviour` it is a plain, correct server: it honours `patient`, `category`, `_sort` and `_count`, pages with
next links, gives a total. A `Behaviour` changes records, Bundles or whole answers.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2

from app.boundary import pretty_fhir
from app.fhir.source import Resource
from tests.ndjson_source import manifest, resources

ISS = "https://ehr.test/fhir"
MARK = "Zacharias Otherpatient"
DATES = (
    "effectiveDateTime", "authoredOn", "recordedDate", "date", "whenHandedOver", "issued", "occurrenceDateTime",
    "performedDateTime",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request: path below the base, parameters, and how many came before it with the same path and page."""

    path: str
    query: Mapping[str, str]
    before: int

    @property
    def is_search(self) -> bool:
        """Tell whether it asks for a Bundle."""
        return "/" not in self.path and self.path != "metadata"

    @property
    def page(self) -> int:
        """Return the page asked for, from 0."""
        return int(self.query.get("_page", "0"))


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. `raised`: the connection ends so instead (before any byte, or after the body)."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raised: Exception | None = None


def same(found: Any, _: Request) -> Any:
    """Change nothing."""
    return found


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How a server behaves. `ignored`: parameters it does not look at; `page_size`: the most on one page (0: as asked).

    `record`, `bundle` and `reply` change what is sent. `apart`: fields that may then differ from the chart, because the
    server did not say them as the chart does. `mild`: an ordinary server, so that everything must be read.
    """

    name: str
    ignored: frozenset[str] = frozenset()
    page_size: int = 0
    record: Callable[[Resource, Request], Resource] = same
    bundle: Callable[[Resource, Request], Resource] = same
    reply: Callable[[Reply, Request], Reply] = same
    apart: frozenset[str] = frozenset()
    mild: bool = False


class HostileEhr(httpx2.BaseTransport):
    """One patient's chart behind a transport; thread-safe enough for six connections (counts only)."""

    def __init__(self, chart: str, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.patient = manifest(chart)["patient"]
        self._by_type = chart_of(chart)
        self._asked: dict[tuple[str, str], int] = {}
        self.requests = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        self.requests += 1
        path = request.url.path.removeprefix("/fhir").strip("/")
        query = dict(parse_qsl(request.url.query.decode()))
        known = (path, json.dumps(query, sort_keys=True))
        asked = Request(path=path, query=query, before=self._asked.get(known, 0))
        self._asked[known] = asked.before + 1
        reply = self.behaviour.reply(self._plain(asked), asked)
        if reply.raised is not None and not reply.body:
            raise reply.raised
        headers = {"Content-Type": "application/fhir+json", **reply.headers}
        return httpx2.Response(reply.status, headers=headers, stream=_Body(reply))

    def _plain(self, asked: Request) -> Reply:
        if asked.path == "metadata":
            return Reply(body=_json(self._statement()))
        if asked.is_search:
            return Reply(body=_json(self.behaviour.bundle(self._bundle(asked), asked)))
        kind, _, fhir_id = asked.path.partition("/")
        found = next((r for r in self._by_type.get(kind, []) if r["id"] == fhir_id), None)
        if found is None:
            return Reply(status=404, body=b"{}")
        return Reply(body=_json(self.behaviour.record(found, asked)))

    def _statement(self) -> Resource:
        listed = [{"type": kind} for kind in sorted({*self._by_type, *TYPES})]
        return {
            "resourceType": "CapabilityStatement",
            "rest": [{"mode": "server", "resource": listed}],
        }

    def _bundle(self, asked: Request) -> Resource:
        ignored = self.behaviour.ignored
        found = list(self._by_type.get(asked.path, []))
        wanted = set(asked.query.get("category", "").split(",")) - {""}
        if wanted and "category" not in ignored:
            found = [r for r in found if wanted & _categories(r)]
        newest = asked.query.get("_sort", "").startswith("-") and "_sort" not in ignored
        found.sort(key=_when, reverse=newest)
        size = 10**9 if "_count" in ignored else int(asked.query.get("_count", "100"))
        size = min(size, self.behaviour.page_size or size)
        page = found[asked.page * size : (asked.page + 1) * size]
        link = [{"relation": "self", "url": f"{ISS}/{asked.path}"}]
        if (asked.page + 1) * size < len(found):
            link.append({"relation": "next", "url": next_url(asked)})
        entries = [{"resource": self.behaviour.record(r, asked)} for r in page]
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(found),
            "link": link,
            "entry": entries,
        }


class _Body(httpx2.SyncByteStream):
    """Send a body as a socket would: in pieces, and then perhaps not to its end."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        body = self._reply.body
        for at in range(0, len(body), 2**16):
            yield body[at : at + 2**16]
        if self._reply.raised is not None:
            raise self._reply.raised


def next_url(asked: Request, page: int | None = None) -> str:
    """Return the address of the next page, or of a given one."""
    query = {**asked.query, "_page": str(asked.page + 1 if page is None else page)}
    return f"{ISS}/{asked.path}?{urlencode(query)}"


@cache
def chart_of(chart: str) -> dict[str, list[Resource]]:
    """Return a chart's records by type."""
    out: dict[str, list[Resource]] = {}
    for resource in resources(chart):
        out.setdefault(resource["resourceType"], []).append(resource)
    return out


TYPES = (
    "Patient", "Encounter", "Condition", "AllergyIntolerance", "MedicationRequest", "MedicationDispense", "Observation",
    "ServiceRequest", "DiagnosticReport", "DocumentReference", "MedicationAdministration", "MedicationStatement",
    "Immunization", "Procedure",
)  # fmt: skip


def _categories(resource: Resource) -> set[str]:
    return {c.get("code") for x in resource.get("category") or [] for c in x.get("coding") or []}


def _when(resource: Resource) -> str:
    period = resource.get("period") or resource.get("effectivePeriod") or {}
    return next((str(resource[d]) for d in DATES if resource.get(d)), str(period.get("start", "")))


def _json(body: Any) -> bytes:
    return (
        json.dumps(body, default=_number).encode()
        if not _has_decimal(body)
        else pretty_fhir(body).encode()
    )


def _has_decimal(body: Any) -> bool:
    waiting: list[Any] = [body]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Decimal):
            return True
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return False


def _number(value: object) -> float:
    raise TypeError(repr(value))


def entries_of(bundle: Resource) -> list[Any]:
    """Return a Bundle's entries."""
    return list(bundle.get("entry", []))


def changed(bundle: Resource, entries: Iterable[Any]) -> Resource:
    """Return a Bundle with other entries."""
    return {**bundle, "entry": list(entries)}
