"""One suite for every `ChartSource`: the live FHIR client over a server, the file-based one that tests use, the EHR's MCP
server in its three shapes, each over the same FHIR server, and the store beside its EHR."""

import http.server
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.boundary import Boundary
from app.fhir.source import ChartSource, Complete, Denied, Query, Resource, Truncated
from app.fhir.values import categories
from app.launch_context import Grant
from tests.mcp_ehr import SHAPES, by_mcp
from tests.ndjson_source import NdjsonSource
from tests.store_of import over_store, store_of
from tests.unit.fhir.ehr import BASE, Ehr, bundle, observation, source

CHART: list[Resource] = [
    {"resourceType": "Patient", "id": "p1"},
    *(observation(f"o{n}", effectiveDateTime=f"2026-11-{n + 10}") for n in range(9)),
    observation("foreign", "p2", effectiveDateTime="2020-01-01"),
    observation("vital", category=[{"coding": [{"code": "vital-signs"}]}]),
]
LABS = Query(resource_type="Observation", params=(("category", "laboratory"), ("_count", "4")))
GRANTS = tuple(
    Grant(level="patient", resource_type=t, verbs=frozenset("rs"))
    for t in ("Patient", "Observation")
)


def server(chart: Sequence[Resource] = CHART, *, counted: bool = False) -> Ehr:
    """Answer searches over a chart, four a page, newest first, with next links; `counted`: with a total."""

    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == "Patient/p1":
            return 200, CHART[0]
        start = int(query.get("_offset", "0"))
        found = sorted(
            (r for r in chart[1:] if "laboratory" in categories(r)),
            key=lambda r: str(r["effectiveDateTime"]), reverse=True,
        )  # fmt: skip
        more = f"{BASE}/Observation?_offset={start + 4}" if start + 4 < len(found) else ""
        total = {"total": len(found)} if counted else {}
        return 200, bundle(*found[start : start + 4], next_url=more, **total)

    return Ehr(answer)


def live() -> ChartSource:
    return source(server(), grants=GRANTS)


def files() -> ChartSource:
    return NdjsonSource(CHART, "p1", denied=("Condition",))


def store(folder: Path) -> ChartSource:
    """The store of these records beside an EHR that has them too, and says how many."""
    own = [r for r in CHART if r["id"] != "foreign"]
    store_of(folder, CHART, types=("Condition",), as_of="2026-11-20T12:00:00Z")
    return over_store(folder, source(server(own, counted=True), grants=GRANTS), grants=GRANTS)


@pytest.fixture(params=["live", "files", "generic", "search", "typed", "store"])
def chart_source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChartSource]:
    if request.param == "store":
        yield store(tmp_path)
    elif request.param in SHAPES:
        with by_mcp(server(), request.param, grants=GRANTS) as asked:
            yield asked.source
    else:
        make: Callable[[], ChartSource] = {"live": live, "files": files}[request.param]
        yield make()


def test_the_patient_is_one_resource(chart_source: ChartSource) -> None:
    read = chart_source.read_patient()
    assert (read.completeness, [r["id"] for r in read.resources]) == (Complete(n=1), ["p1"])


def test_a_search_to_the_end_holds_only_this_patient(chart_source: ChartSource) -> None:
    read = chart_source.more(chart_source.search(replace(LABS, pages=1)))
    assert {r["id"] for r in read.resources} == {f"o{n}" for n in range(9)}


def test_one_page_says_that_it_is_not_whole(chart_source: ChartSource) -> None:
    read = chart_source.search(replace(LABS, pages=1))
    assert isinstance(read.completeness, Truncated)
    assert read.next_token != ""
    assert len(chart_source.more(read).resources) > len(read.resources)


def test_a_type_that_was_not_granted_is_denied_without_a_request(chart_source: ChartSource) -> None:
    read = chart_source.search(Query(resource_type="Condition"))
    assert read.completeness == Denied(scope="patient/Condition.rs", http_status=0)
    assert (read.requests, read.resources) == (0, ())


@pytest.mark.usefixtures("socket_enabled")
def test_a_sandbox_name_connects_to_this_machine_and_keeps_its_host_header() -> None:
    """RFC 6761 6.3, over a real loopback socket."""
    hosts: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the standard library's name
            hosts.append(self.headers["Host"])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.handle_request, daemon=True).start()
        origin = f"http://one.ehr.localhost:{listening.server_port}"
        guarded = Boundary(frozenset((origin,)), True)
        assert guarded.get_json(f"{origin}/fhir/metadata").json == {}
        guarded.close()
    assert hosts == [origin.removeprefix("http://")]
