"""Exports of a large population: is anything lost or twice there, after changes, deletions and kill -9; and what checking costs.

The pretend EHR and the copilot run as servers; the export is the command that IT runs, in a process of its own. What should
be there is kept by this program, which makes the changes.

The download is compared with a bare one of the same files by as many threads, in turn: it decodes and writes, checks nothing and waits for
no disk; ours looks at every line, in processes that start while the EHR makes its files, and waits until each file is on the disk. The files are asked for once before, since the pretend EHR packs them at
the first request; what an EHR takes to make them is in neither. The pretend EHR sends from its memory, without a network between, far faster than any
EHR; so the same is measured at 100 Mbit/s, too. `BULK=download python -m bench bulk` measures this alone.
"""

import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import httpx2
import msgspec
import orjson

from app.settings import Settings
from app.warehouse.bulk.download import Downloader
from app.warehouse.bulk.landing import DataSet, ExportFolder
from app.warehouse.bulk.lookers import Lookers
from app.warehouse.bulk.manifest import wanted_of
from app.warehouse.bulk.request import ExportRequest
from app.warehouse.bulk.server import BulkServer
from app.warehouse.bulk.waiting import Waiting
from app.warehouse.store.snapshot import FILE, current
from app.wiring import build
from bench.card import free_port
from bench.figures import show

PATIENTS, CHANGES, INCREMENTALS, KILLS = 2_000, 1_000, 5, 20
PAIRS, PARALLEL, NETWORK_BYTES_PER_S = 5, 4, 12_500_000
START_S = 300.0
Place = tuple[str, str]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chartside-bulk-") as name:
        folder = Path(name)
        population = folder / "population"
        expected = make_population(population, PATIENTS)
        with servers(folder, population) as world:
            world.expected = expected
            if os.environ.get("BULK") == "download":
                _download(world)
                return
            lost, twice = _incrementals(world)
            against = f"{len(expected):,} records, {INCREMENTALS} incremental exports"
            show("bulk.lost", lost, "records", goal=0, against=against)
            show("bulk.duplicated", twice, "records", goal=0, against=against)
            resumed, again = _kills(world)
            show("bulk.resumed_of_20", resumed, "kills", goal=KILLS, at_least=True, against=f"kill -9; {again} finished files were downloaded again")  # fmt: skip
            _download(world)


def _download(world: "World") -> None:
    ratio, ours, bare = _speed(world)
    show("bulk.vs_bare_download", round(ratio, 2), "x", goal=0.8, at_least=True, against=f"a bare parallel download of the same files {bare:.2f} s, ours {ours:.2f} s; medians of {PAIRS}")  # fmt: skip
    world.traps(bytes_per_s=NETWORK_BYTES_PER_S // PARALLEL)
    ratio, ours, bare = _speed(world)
    show("bulk.vs_bare_download_100_mbit", round(ratio, 2), "x", goal=0.8, at_least=True, against=f"the same over a network of 100 Mbit/s: bare {bare:.2f} s, ours {ours:.2f} s")  # fmt: skip
    world.traps()


def make_population(folder: Path, patients: int) -> dict[Place, str]:
    """Have PyPI carebundle write a population; return the version of every record by type and id."""
    folder.mkdir(parents=True)
    command = [
        sys.executable, "-m", "carebundle.cli", "generate", "--profile", "mixed", "--count", str(patients), "--sex", "mixed",
        "--age-range", "30-80", "--format", "ndjson", "--out", str(folder),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    found = {}
    for path in folder.glob("*.ndjson"):
        for line in path.read_bytes().splitlines():
            resource = orjson.loads(line)
            found[resource["resourceType"], resource["id"]] = version_of(resource)
    return found


def version_of(resource: dict[str, Any]) -> str:
    """Return what tells one version of a record from the next."""
    return str(resource.get("language", ""))


@dataclass(kw_only=True)
class World:
    """The servers and what the EHR should hold."""

    ehr: str
    environ: dict[str, str]
    folder: Path
    expected: dict[Place, str] = field(default_factory=dict)

    def data_set(self) -> DataSet:
        """Return where the exports land."""
        return DataSet(self.folder / "warehouse" / "sandbox" / "all")

    def traps(self, **switches: object) -> None:
        """Set the traps, and no others."""
        httpx2.put(f"{self.ehr}/sandbox/bulk", json=switches).raise_for_status()

    def change(self, put: Sequence[dict[str, Any]], delete: Sequence[Place]) -> None:
        """Change the EHR, and what is expected."""
        body = {"put": list(put), "delete": [f"{kind}/{fhir_id}" for kind, fhir_id in delete]}
        httpx2.post(f"{self.ehr}/sandbox/bulk/changes", json=body, timeout=60).raise_for_status()
        self.expected.update({(one["resourceType"], one["id"]): version_of(one) for one in put})
        for place in delete:
            del self.expected[place]

    def start(self, *more: str) -> "subprocess.Popen[bytes]":
        """Start the command that exports."""
        command = [sys.executable, "-m", "app.cli", "export", "sandbox", *more]
        return subprocess.Popen(
            command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def export(self, *more: str) -> str:
        """Export to the end; return what was printed."""
        running = self.start(*more)
        printed = running.communicate()[0].decode()
        if running.returncode:
            raise RuntimeError(f"the export ended with {running.returncode}: {printed[-2000:]}")
        return printed

    def fresh(self) -> None:
        """Forget every export."""
        shutil.rmtree(self.folder / "warehouse", ignore_errors=True)


@contextmanager
def servers(folder: Path, population: Path) -> Iterator[World]:
    """Run the pretend EHR and the copilot."""
    ehr_port, app_port = free_port(), free_port()
    command = [
        sys.executable, "-m", "sandbox.demo", "--ehr-port", str(ehr_port), "--app-port", str(app_port),
        "--folder", str(folder),
    ]  # fmt: skip
    environ = {**os.environ, "SANDBOX_POPULATION": str(population)}
    running = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
    ehr = f"http://127.0.0.1:{ehr_port}"
    try:
        _wait(running, f"{ehr}/sandbox/bulk", f"http://127.0.0.1:{app_port}/.well-known/jwks.json")
        yield World(ehr=ehr, environ=_cli_environ(folder, app_port), folder=folder)
    finally:
        running.terminate()
        running.wait(timeout=30)


def _cli_environ(folder: Path, app_port: int) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CHARTSIDE_")},
        "CHARTSIDE_ENVIRONMENT": "development",
        "CHARTSIDE_ORIGIN": f"http://app.localhost:{app_port}",
        "CHARTSIDE_SECRET_KEY": (folder / "secret_key").read_text().strip(),
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{folder / 'chartside.db'}",
        "CHARTSIDE_LAUNCH_CONFIG": str(folder / "launch_config"),
        "CHARTSIDE_WAREHOUSE": str(folder / "warehouse"),
    }


def _wait(running: "subprocess.Popen[bytes]", *addresses: str) -> None:
    end = time.monotonic() + START_S
    for address in addresses:
        while True:
            try:
                httpx2.get(address).raise_for_status()
                break
            except httpx2.HTTPError:
                if time.monotonic() > end or running.poll() is not None:
                    raise
                time.sleep(0.2)


# ------------------------------------------------------- what the store holds


def held(data_set: DataSet) -> tuple[dict[Place, str], int]:
    """Return the version of every record in the current snapshot, and how many rows repeat another."""
    found = current(data_set.path)
    if found is None:
        return {}, 0
    with duckdb.connect(str(found[0] / FILE), read_only=True) as db:
        rows = db.execute("SELECT resource_type, id, json FROM resource").fetchall()
    records = {(kind, fhir_id): version_of(orjson.loads(text)) for kind, fhir_id, text in rows}
    return records, len(rows) - len(records)


def _compare(world: World) -> tuple[int, int]:
    """Return how many records are missing or old, and how many are there though they should not be, or twice."""
    records, twice = held(world.data_set())
    lost = sum(records.get(place) != version for place, version in world.expected.items())
    return lost, twice + len(records.keys() - world.expected.keys())


# --------------------------------------------------------------- the figures


def _incrementals(world: World) -> tuple[int, int]:
    chance = random.Random(7)
    world.export()
    lost, more = _compare(world)
    for number in range(INCREMENTALS):
        _change(world, chance, f"x-{number}", CHANGES)
        world.export()
        now_lost, now_more = _compare(world)
        lost, more = lost + now_lost, more + now_more
    return lost, more


def _change(world: World, chance: random.Random, version: str, count: int) -> None:
    """Change records, make new ones, delete some: a share of each."""
    places = chance.sample(sorted(world.expected), count)
    changed, gone = places[: count // 2], places[count // 2 : count * 3 // 4]
    put = [_record(kind, fhir_id, version) for kind, fhir_id in changed]
    put += [_record("Condition", f"new-{version}-{number}", version) for number in range(count // 4)]  # fmt: skip
    world.change(put, gone)


def _record(kind: str, fhir_id: str, version: str) -> dict[str, Any]:
    return {"resourceType": kind, "id": fhir_id, "language": version}


@dataclass(frozen=True, kw_only=True)
class Point:
    """When to kill: as soon as `reached` sees it in the folder of the newest export."""

    name: str
    reached: Callable[[ExportFolder], bool]


def _points() -> list[Point]:
    def phase(name: str) -> Point:
        return Point(name=name, reached=lambda folder: folder.read().phase == name)

    def files(count: int) -> Point:
        return Point(name=f"{count} files", reached=lambda folder: len(folder.done()) >= count)

    def partial(folder: ExportFolder) -> bool:
        return any(folder.files.glob("*.part"))

    steps = [files(count) for count in (1, 2, 3, 5, 8, 12, 17, 23, 30, 38, 47, 57, 68, 80)]
    return [
        phase("asked"), phase("running"), phase("downloading"), Point(name="half a file", reached=partial), *steps,
        phase("landed"), Point(name="ended", reached=lambda folder: folder.read().ended),
    ]  # fmt: skip


def _kills(world: World) -> tuple[int, int]:
    """Return after how many kills nothing was lost or twice, and how many whole files were had again."""
    chance = random.Random(11)
    world.traps(per_file=1000)
    good = again = 0
    for number, point in enumerate(_points()):
        world.fresh()
        _change(world, chance, f"k-{number}", 40)
        before = _kill(world, point)
        world.export()
        again += _had_again(before)
        good += _compare(world) == (0, 0)
    world.traps()
    return good, again


def _kill(world: World, point: Point) -> dict[str, tuple[int, int]]:
    """Kill an export at a point; return the whole files that were there, with what the disk says of them."""
    running = world.start()
    folder: ExportFolder | None = None
    while running.poll() is None:
        folders = world.data_set().folders()
        folder = folders[-1] if folders else None
        if folder and _reached(point, folder):
            break
        time.sleep(0.0005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    return _marks(folder) if folder else {}


def _reached(point: Point, folder: ExportFolder) -> bool:
    try:
        return point.reached(folder)
    except (OSError, msgspec.DecodeError):
        return False


def _marks(folder: ExportFolder) -> dict[str, tuple[int, int]]:
    found = {}
    for done in folder.done().values():
        told = (folder.files / done.name).stat()
        found[str(folder.files / done.name)] = (told.st_ino, told.st_mtime_ns)
    return found


def _had_again(before: dict[str, tuple[int, int]]) -> int:
    changed = 0
    for name, mark in before.items():
        told = Path(name).stat()
        changed += (told.st_ino, told.st_mtime_ns) != mark
    return changed


def _speed(world: World) -> tuple[float, float, float]:
    """Time the download of one export's files, ours beside a bare one, in turn; return the ratio and both medians in s."""
    with Lookers() as lookers:
        # As the command does, which then waits for the EHR.
        lookers.start(PARALLEL)
        return _timed(world, lookers)


def _timed(world: World, lookers: Lookers) -> tuple[float, float, float]:
    services = build(Settings.from_env(world.environ))
    registration = services.registry.get("sandbox")
    if registration is None:
        raise RuntimeError("the sandbox is not registered")
    iss, boundary = registration.fhir.iss[0], services.boundaries["sandbox"]

    def token(refused: str) -> str:
        return services.smart.backend.get(registration, iss, refused=refused).access_token

    waiting = Waiting(clock=services.clock)
    server = BulkServer(
        base=iss, boundary=boundary, token=token, waiting=waiting, say=lambda _: None
    )
    wanted = wanted_of(server.wait(server.kick_off(ExportRequest())))
    ours, bare = [], []
    _bare(world, [one.url for one in wanted], token(""), "warm")
    for number in range(PAIRS):
        bare.append(_bare(world, [one.url for one in wanted], token(""), f"bare-{number}"))
        folder = ExportFolder(Path(tempfile.mkdtemp(dir=world.folder)))
        begun = time.perf_counter()
        done = Downloader(
            boundary=boundary,
            token=token,
            waiting=waiting,
            folder=folder,
            lookers=lookers,
            parallel=PARALLEL,
        ).all(wanted)
        ours.append(time.perf_counter() - begun)
        if any(one.problem for one in done.values()):
            raise RuntimeError("a file is not whole")
    ratios = [theirs / mine for theirs, mine in zip(bare, ours, strict=True)]
    return statistics.median(ratios), statistics.median(ours), statistics.median(bare)


def _bare(world: World, urls: Sequence[str], token: str, name: str) -> float:
    """Download with as many threads into files, decoded, checking nothing; return the seconds."""
    folder = world.folder / name
    folder.mkdir()
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    with httpx2.Client(headers=headers, timeout=60) as client, ThreadPoolExecutor(PARALLEL) as pool:

        def fetch(numbered: tuple[int, str]) -> None:
            number, url = numbered
            parts = urlsplit(url)
            local = f"http://127.0.0.1:{parts.port}{parts.path}"
            with client.stream("GET", local) as answer, (folder / f"{number}").open("wb") as file:
                answer.raise_for_status()
                for piece in answer.iter_bytes():
                    file.write(piece)

        begun = time.perf_counter()
        list(pool.map(fetch, enumerate(urls)))
        taken = time.perf_counter() - begun
    # What it wrote would be put on the disk while the next is measured.
    shutil.rmtree(folder)
    return taken
