"""How long the 7,000-resource chart takes at 100 ms a request and 6 connections, over loopback sockets.

`first_rows_s`: from the first request to the data of the card's rows. `all_p95_s`: to the end of every section, all
asked for at once. `vs_fhirclient` compares that with fhirclient as its documentation uses it: of the same types
`Type.where({"patient": id}).perform_resources_iter(server)`, one after another, each page parsed into its models. It
needs no categories, sorts nothing and names nobody, since none of this is needed for the same records; and it asks for no
page size, so the server's own counts, 20 here. `vs_fhirclient_our_pages` tells it our page sizes: what is left then is
what is won by asking for several pages at once, and by parsing faster. The pretend EHR runs beside it in a process of its own and answers from SQLite in
Python, so the machine's load, this process's CPU time and the pretend EHR's stand beside each figure, and the floor: the
time that so many requests wait if nothing takes any time. fhirclient's floor over ours is what can be won by waiting for
several requests at once.
"""

import gc
import math
import multiprocessing
import os
import runpy
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fhirclient.models.fhirelementfactory import (  # type: ignore[import-untyped]  # fhirclient ships no types
    FHIRElementFactory,
)
from fhirclient.models.patient import Patient  # type: ignore[import-untyped]
from fhirclient.server import FHIRServer  # type: ignore[import-untyped]
from werkzeug.serving import WSGIRequestHandler, make_server

from app.boundary import Boundary
from app.fhir.asking import CONNECTIONS
from app.fhir.client import FhirSource
from app.fhir.reader import LaunchChart
from app.fhir.sections import SECTIONS
from app.fhir.shared_ehr import SharedEhr
from app.fhir.source import Complete
from bench.figures import show
from sandbox import create_app, sandbox_state
from sandbox.settings import PACKAGE, SandboxSettings
from sandbox.tokens import AccessToken, Grant
from tests.ndjson_source import context, manifest

LATENCY_MS, RUNS, CHART = 100, 5, "large"
OFTEN_ENOUGH = 0.95
# The pretend EHR grants everything but fills.
ASKED = tuple(s for s in SECTIONS if s.kind not in ("Patient", "MedicationDispense"))


@dataclass(frozen=True, kw_only=True)
class Served:
    """Where the pretend EHR answers, a token of one launch of the chart, and how much CPU it has spent."""

    base: str
    token: str
    cpu_s: Callable[[], float]

    @property
    def origin(self) -> str:
        """Return the EHR's origin."""
        return self.base.removesuffix("/fhir")


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Seconds by the clock, of this process's CPU and of the pretend EHR's; how many requests there were, and records."""

    wall_s: float
    cpu_s: float
    ehr_cpu_s: float
    requests: int
    records: int

    def floor_s(self, connections: int = CONNECTIONS) -> float:
        """Return how long the requests wait for their answers at least, so many at once."""
        return math.ceil(self.requests / connections) * LATENCY_MS / 1000


def main() -> None:
    """Print the figures; garbage is looked for as the server's workers do it."""
    gc.freeze()
    gc.set_threshold(*runpy.run_path("gunicorn.conf.py")["GARBAGE_THRESHOLDS"])
    with ehr() as served:
        first = [read(served, whole=False) for _ in range(RUNS)]
        every = [read(served, whole=True) for _ in range(RUNS)]
        ours = sorted(every, key=lambda x: x.wall_s)[RUNS // 2]
        other = by_fhirclient(served)
        sized = by_fhirclient(served, our_pages=True)
        assert ours.records == other.records == sized.records, (ours, other, sized)
    told = f"{RUNS} runs, {LATENCY_MS} ms a request, {CONNECTIONS} connections, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    show(
        "chart_load.first_rows_s",
        round(late(first), 2),
        "s",
        goal=0.5,
        against=f"least {least(first)}; {told}",
    )
    show(
        "chart_load.all_p95_s",
        round(late(every), 2),
        "s",
        goal=1.5,
        against=f"least {least(every)}; {told}",
    )
    ratio, paged = other.wall_s / ours.wall_s, sized.wall_s / ours.wall_s
    show("chart_load.vs_fhirclient", round(ratio, 1), "times", goal=10, at_least=True,
         against=f"ours {ours.wall_s:.2f} s; fhirclient as documented, with the server's own page size, "
         f"{other.wall_s:.1f} s, {told_of(other, connections=1)}; told our page sizes {paged:.1f} times")  # fmt: skip
    show("chart_load.vs_fhirclient_our_pages", round(paged, 1), "times", goal=None,
         against=f"fhirclient told our page sizes {sized.wall_s:.1f} s, {told_of(sized, connections=1)}; "
         f"by waiting alone at most {sized.floor_s(1) / ours.floor_s():.1f} times")  # fmt: skip


def late(runs: list[Spent]) -> float:
    """Return the 95th of a hundred; of fewer than twenty runs the slowest."""
    times = sorted(x.wall_s for x in runs)
    return times[min(int(len(times) * OFTEN_ENOUGH), len(times) - 1)]


def least(runs: list[Spent]) -> str:
    return f"{min(x.wall_s for x in runs):.2f} s, {told_of(min(runs, key=lambda x: x.cpu_s))}"


def told_of(spent: Spent, connections: int = CONNECTIONS) -> str:
    return (
        f"CPU {spent.cpu_s:.2f} s, the EHR's {spent.ehr_cpu_s:.2f} s, {spent.requests} requests, "
        f"floor {spent.floor_s(connections):.1f} s"
    )


class Clock:
    """What has been spent since it was made."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._ehr_cpu_s = served.cpu_s()
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    def spent(self, requests: int, records: int) -> Spent:
        """Return it; `requests` were made, and gave so many records."""
        wall_s, cpu_s = time.perf_counter() - self._wall_s, time.process_time() - self._cpu_s
        ehr_cpu_s = self._served.cpu_s() - self._ehr_cpu_s
        return Spent(
            wall_s=wall_s, cpu_s=cpu_s, ehr_cpu_s=ehr_cpu_s, requests=requests, records=records
        )


def read(served: Served, *, whole: bool) -> Spent:
    """Read the chart in a launch of its own: the first rows, or every section to its end."""
    told = manifest(CHART)
    now = datetime.fromisoformat(told["as_of"])
    boundary = Boundary(frozenset((served.origin,)), sandbox=True)
    launched = context(told["patient"], now, iss=served.base)
    source = FhirSource(boundary, launched, lambda: served.token, shared=SharedEhr(boundary))
    chart = LaunchChart(source, launched, now)
    begun, records = Clock(served), 1
    if whole:
        states = chart.ensure(*(s.name for s in ASKED))
        unread = {name: state for name, state in states.items() if not isinstance(state, Complete)}
        assert not unread, unread
        records += sum(state.n for state in states.values() if isinstance(state, Complete))
    else:
        assert chart.first_read().tables["P"]
    return begun.spent(chart.requests, records)


def by_fhirclient(served: Served, *, our_pages: bool = False) -> Spent:
    """Read the same types with fhirclient's own server and searches, one after another, into its models."""
    patient = manifest(CHART)["patient"]
    pages = {s.kind: dict(s.whole_query.params)["_count"] for s in ASKED}
    server, asked = FHIRServer(None, base_uri=served.base), list[Any]()
    server.session.trust_env = False
    server.session.hooks["response"].append(lambda answer, **_: asked.append(answer.status_code))
    begun = Clock(served)
    server.get_capability()
    server.auth.access_token = served.token
    found = {f"Patient/{Patient.read(patient, server).id}"}
    for kind, count in pages.items():
        model = type(FHIRElementFactory.instantiate(kind, None))
        search = model.where({"patient": patient} | ({"_count": count} if our_pages else {}))
        found |= {f"{kind}/{one.id}" for one in search.perform_resources_iter(server)}
    return begun.spent(len(asked), len(found))


# ---------------------------------------------------------------- the pretend EHR in a process of its own


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, as a real server keeps them

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # werkzeug's name
        """Say nothing."""


def serve(here: Connection, folder: str) -> None:
    """Load the chart, listen on a free port, send address and token, then the CPU time as often as asked, until ended."""
    charts = (PACKAGE / "charts" / CHART,)
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=_Quiet)
    origin = f"http://127.0.0.1:{server.server_port}"
    app = create_app(
        SandboxSettings(
            ehr_origin=origin, data_folder=Path(folder), chart_folders=charts, latency_ms=LATENCY_MS
        )
    )
    server.app = app
    state = sandbox_state(app)
    client = state.settings.clients[0]
    launch = state.context(manifest(CHART)["patient"], client.client_id)
    grant = Grant(
        grant_id="bench",
        client_id=client.client_id,
        launch=launch,
        scopes=client.scopes,
        nonce=None,
    )
    token = state.access_tokens.issue(AccessToken(grant=grant, scopes=client.scopes), state.now())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here.send((f"{origin}/fhir", token))
    while here.recv():
        here.send(time.process_time())


def cpu_of(there: Connection) -> float:
    """Ask the pretend EHR's process for the CPU seconds that it has spent."""
    there.send(True)
    return float(there.recv())


@contextmanager
def ehr() -> Iterator[Served]:
    """Start the pretend EHR with the latency added, end it afterwards."""
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory(prefix="chartside-bench-") as folder:
        process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(there, folder), daemon=True
        )
        process.start()
        try:
            if not here.poll(120):
                raise SystemExit("the pretend EHR did not start")
            base, token = here.recv()
            yield Served(base=base, token=token, cpu_s=partial(cpu_of, here))
        finally:
            process.terminate()
            process.join(10)


if __name__ == "__main__":
    main()
