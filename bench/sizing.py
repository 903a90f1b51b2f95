"""What a store takes as it grows: bytes, CPU seconds and memory of landing, snapshot and tables; and of very many small files.

For docs/sizing.md. CPU seconds are of all threads of a process of its own for each step, for the machine's load does not change them. Landing is
what the client does with a file behind the network: unpack it, look at every line, put it on the disk. The records are PyPI carebundle's: 200
invented patients, copied with other ids until there are enough; real charts have longer notes and repeat themselves less.
`SIZES=100000,300000,1000000 python -m bench sizing` names the sizes.
"""

import gzip
import itertools
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import msgspec

from app.boundary import Boundary, Download
from app.fhir.labels import Labels
from app.warehouse.bulk.download import Downloader
from app.warehouse.bulk.landing import DataSet
from app.warehouse.bulk.lookers import Lookers
from app.warehouse.bulk.manifest import Wanted
from app.warehouse.bulk.request import ExportRequest
from app.warehouse.bulk.waiting import Waiting
from app.warehouse.flatten.commit import Flattening
from app.warehouse.flatten.on_duckdb import OnDuckDb
from app.warehouse.flatten.tables import tasks_of
from app.warehouse.store.snapshot import FILE, apply, current
from bench.figures import show

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "100000").split(","))
PATIENTS, LINES_A_FILE, CHANGED = 200, 10_000, 0.01
SMALL_FILES, SMALL_LINES = 20_000, 5
NOW = datetime(2026, 11, 20, tzinfo=UTC)
BASE = "https://ehr.example/fhir"
CHUNK = 65_536
UUID = re.compile(rb"[0-9a-f]{4}([0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-)")
TYPE = re.compile(rb'"resourceType":"(\w+)"')
Source = tuple[str, Path]


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="chartside-sizing-") as name:
        place = Path(name)
        seed = invented(place / "seed")
        for size in SIZES:
            grown(place / str(size), seed, size)
        small(place / "small", seed, SMALL_FILES)


def invented(place: Path) -> list[bytes]:
    """Return records of invented patients, a line each."""
    command = [
        sys.executable, "-m", "carebundle.cli", "generate", "--profile", "mixed", "--count", str(PATIENTS), "--sex", "mixed",
        "--age-range", "30-80", "--format", "ndjson", "--seed", "1", "--out", str(place),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return [line for path in sorted(place.glob("*.ndjson")) for line in path.read_bytes().splitlines()]  # fmt: skip


def copies(seed: Sequence[bytes], size: int) -> Iterator[bytes]:
    """Yield so many records: the same patients again and again, under other ids."""
    endless = (UUID.sub(b"%04x\\1" % number, line) for number in itertools.count() for line in seed)
    return itertools.islice(endless, size)


def files(place: Path, lines: Iterator[bytes], lines_a_file: int) -> list[Source]:
    """Write lines as a server sends them, in gzip, a type in each file; return type and path."""
    place.mkdir(parents=True)
    found: list[Source] = []
    waiting: dict[str, list[bytes]] = {}

    def write(kind: str) -> None:
        path = place / f"{len(found):06d}.gz"
        path.write_bytes(gzip.compress(b"\n".join(waiting.pop(kind)) + b"\n", 6))
        found.append((kind, path))

    for line in lines:
        match = TYPE.search(line)
        kind = match[1].decode() if match else ""
        waiting.setdefault(kind, []).append(line)
        if len(waiting[kind]) == lines_a_file:
            write(kind)
    for kind in list(waiting):
        write(kind)
    return found


class Disk:
    """Stands where the network is: the server's files are on this disk."""

    @contextmanager
    def download(self, url: str, **_: object) -> Iterator[Download]:
        """Open a file as the boundary does."""
        with Path(url).open("rb") as file:
            pieces = iter(lambda: file.read(CHUNK), b"")
            yield Download(status=200, headers={"content-encoding": "gzip"}, pieces=pieces)


def land(data_set: Path, sources: Sequence[Source], *, whole: bool) -> int:
    """Land files as an export; return the bytes that it takes."""
    request = ExportRequest(types=tuple(sorted({kind for kind, _ in sources})))
    if not whole:
        request = msgspec.structs.replace(request, since=NOW.isoformat())
    folder = DataSet(data_set).begin(request, BASE, NOW, whole=whole)
    wanted = tuple(
        Wanted(number=n, kind="output", url=str(path), resource_type=kind, count=None, bearer=False)
        for n, (kind, path) in enumerate(sources)
    )
    with Lookers() as lookers:
        downloader = Downloader(
            boundary=cast("Boundary", Disk()), token=lambda _: "", folder=folder, lookers=lookers,
            waiting=Waiting(clock=lambda: NOW),
        )  # fmt: skip
        done = downloader.all(wanted)
    if problems := [one.problem for one in done.values() if one.problem]:
        raise SystemExit(f"sizing: {problems[0]}")
    folder.write(
        msgspec.structs.replace(
            folder.read(),
            phase="landed",
            files=wanted,
            transaction_time=NOW.isoformat(),
            ended=True,
        )
    )
    return sum(one.size_bytes for one in done.values())


def build(data_set: Path) -> tuple[int, int]:
    """Make the snapshot; return its records and its bytes."""
    snapshot = apply(DataSet(data_set), NOW)
    found = current(data_set)
    if snapshot is None or found is None:
        raise SystemExit("sizing: no snapshot was made")
    return sum(snapshot.counts.values()), (found[0] / FILE).stat().st_size


def flatten(data_set: Path, out: Path) -> tuple[int, int]:
    """Write every open view; return rows and bytes."""
    found = current(data_set)
    tasks, left = tasks_of(found[1].counts if found else {}, None, (), identifiers=False)
    work = Flattening(data_set=data_set, out=out, labels=Labels(), engine=OnDuckDb())
    manifest = work.run(tasks, left, NOW)
    if manifest.missing:
        raise SystemExit(f"sizing: {manifest.missing}")
    return sum(one.rows for one in manifest.tables), sum(one.bytes for one in manifest.tables)


def measured(work: Callable[..., Any], *given: Any, **more: Any) -> tuple[Any, float, int]:
    """Do work in a process of its own; return its result, CPU seconds and the most memory in MB."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_timed, work, given, more).result()


def _timed(
    work: Callable[..., Any], given: Sequence[Any], more: Mapping[str, Any]
) -> tuple[Any, float, int]:
    started = time.process_time()
    result = work(*given, **more)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return result, time.process_time() - started, most // 1024


def _tell(name: str, cpu_s: float, most_mb: int, against: str) -> None:
    show(f"sizing.{name}_cpu", round(cpu_s, 1), "s", goal=None, against=against)
    show(f"sizing.{name}_memory", most_mb, "MB", goal=None)


def grown(place: Path, seed: Sequence[bytes], size: int) -> None:
    """Print what a store of so many records takes, and a change of a hundredth of it."""
    sources = files(place / "sent", copies(seed, size), LINES_A_FILE)
    plain = sum(len(line) + 1 for line in copies(seed, size))
    landed, cpu_s, most = measured(land, place / "set", sources, whole=True)
    show(f"sizing.{size}.ndjson", plain, "bytes", goal=None, against=f"{len(sources)} files")
    show(f"sizing.{size}.landed", landed, "bytes", goal=None)
    _tell(f"{size}.land", cpu_s, most, "unpack, look at every line, checksum, disk")
    (records, held), cpu_s, most = measured(build, place / "set")
    if records != size:
        raise SystemExit(f"sizing: {records} records of {size}")
    show(f"sizing.{size}.snapshot", held, "bytes", goal=None)
    _tell(f"{size}.snapshot", cpu_s, most, "whole, sorted")
    (rows, table_bytes), cpu_s, most = measured(flatten, place / "set", place / "tables")
    show(f"sizing.{size}.tables", table_bytes, "bytes", goal=None, against=f"{rows:,} rows")
    _tell(f"{size}.tables", cpu_s, most, "every open view, DuckDB")
    changed = itertools.islice(copies(seed, size), 0, None, round(1 / CHANGED))
    newer = (line.replace(b'"resourceType"', b'"language":"en","resourceType"', 1) for line in changed)  # fmt: skip
    measured(land, place / "set", files(place / "changed", newer, LINES_A_FILE), whole=False)
    (records, _), cpu_s, most = measured(build, place / "set")
    if records != size:
        raise SystemExit(f"sizing: {records} records of {size} after a change")
    _tell(f"{size}.change", cpu_s, most, f"{CHANGED:.0%} of the records changed, applied to a copy")


def small(place: Path, seed: Sequence[bytes], how_many: int) -> None:
    """Print what very many files of five lines take."""
    size = how_many * SMALL_LINES
    sources = files(place / "sent", copies(seed, size), SMALL_LINES)
    _, cpu_s, most = measured(land, place / "set", sources, whole=True)
    _tell("small_files.land", cpu_s, most, f"{len(sources):,} files of {SMALL_LINES} lines")
    (records, _), cpu_s, most = measured(build, place / "set")
    _tell("small_files.snapshot", cpu_s, most, f"{records:,} records")
    if records != size:
        raise SystemExit(f"sizing: {records} records of {size}")


if __name__ == "__main__":
    main()
