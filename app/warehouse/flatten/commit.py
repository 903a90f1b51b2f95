"""Write the tables of the current snapshot beside those that are read, then put them in their place at once.

    <out>/<n>/manifest.json                    what is there, of which snapshot, up to which moment; written last
    <out>/<n>/<view>/part-0.parquet            a table, or …/bucket=<hex>/… of one that is split
    <out>/<n>/definitions/<view>.json          the ViewDefinition that it was made by
    <out>/current                              a link to one of them

A folder without a manifest is not finished, and is removed by the next run. Numbers grow; some older ones are kept for readers.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import duckdb
import msgspec

from app.fhir.labels import Labels
from app.warehouse.bulk.landing import replace, sync_folder
from app.warehouse.flatten.errors import FlattenFailed
from app.warehouse.flatten.tables import Task, described
from app.warehouse.store.snapshot import FILE, Snapshot, current
from app.warehouse.store.withheld import withhold
from app.warehouse.views import DUCKDB

MANIFEST, CURRENT, LAYOUT = "manifest.json", "current", 1
MEMORY = "4GB"
BLOCK = 2**20
TRIES = 5


class Engine(Protocol):
    """What writes tables from `kept`, a view of (resource_type, json) in `db`."""

    @property
    def name(self) -> str:
        """How the manifest calls it."""

    def write(
        self, db: duckdb.DuckDBPyConnection, tasks: Sequence[Task], place: Path, spill: Path
    ) -> dict[str, str]:
        """Write a folder of `place` for each table; return why a table is missing, by name."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One Parquet file; `path` from the manifest's folder."""

    path: str
    rows: int
    bytes: int
    sha256: str


class TableNote(msgspec.Struct, frozen=True, kw_only=True):
    """One table: the moment up to which its resource type was read whole ("": never), and why it is not, where it is not."""

    view: str
    resource: str
    description: str
    identifies: bool
    rows: int
    bytes: int
    files: tuple[File, ...]
    columns: tuple[dict[str, str | bool], ...]
    sorted_by: tuple[str, ...]
    split_by: str
    as_of: str
    incomplete: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder of tables holds. `withheld` counts records that carry a restricting label, or belong to one that does.

    `missing` says why a view has no table; `not_asked` names views that identify patients and were left out for that.
    """

    layout: int
    number: int
    made_at: str
    engine: str
    base: str
    snapshot: int
    as_of: dict[str, str]
    incomplete: dict[str, str]
    withheld: dict[str, int]
    missing: dict[str, str]
    not_asked: tuple[str, ...]
    tables: tuple[TableNote, ...]


@dataclass(frozen=True, kw_only=True)
class Flattening:
    """What tables are made of, and how; `kept` folders of tables stay, the newest of them current."""

    data_set: Path
    out: Path
    labels: Labels
    engine: Engine
    kept: int = 2

    def run(self, tasks: Sequence[Task], not_asked: Sequence[str], now: datetime) -> Manifest:
        """Write the tables and make them the current ones.

        Raises:
            FlattenFailed: there is no snapshot, another run is at it, or the engine stopped.
        """
        with self._alone():
            for left in self.out.glob("*.part"):
                shutil.rmtree(left, ignore_errors=True)
            number = 1 + max((int(one.name) for one in self._finished()), default=0)
            partial = self.out / f"{number:06d}.part"
            partial.mkdir(mode=0o700)
            try:
                manifest = self._written(partial, tasks, not_asked, number, now)
                partial.rename(self.out / f"{number:06d}")
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            sync_folder(self.out)
            self._point(f"{number:06d}")
            for old in self._finished()[: -max(self.kept, 1)]:
                shutil.rmtree(old, ignore_errors=True)
            return manifest

    def _written(
        self, partial: Path, tasks: Sequence[Task], not_asked: Sequence[str], number: int, now: datetime,
    ) -> Manifest:  # fmt: skip
        spill, definitions = partial / "spill", partial / "definitions"
        spill.mkdir()
        definitions.mkdir()
        with self._store(spill) as (db, snapshot):
            withheld = withhold(db, self.labels)
            missing = self.engine.write(db, tasks, partial, spill)
        shutil.rmtree(spill)
        notes = []
        for task in tasks:
            folder = partial / task.view.name
            if task.view.name in missing:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            shutil.copyfile(task.definition, definitions / f"{task.view.name}.json")
            notes.append(_note(partial, folder, task, snapshot))
        manifest = Manifest(
            layout=LAYOUT, number=number, made_at=now.isoformat(timespec="seconds"), engine=self.engine.name,
            base=snapshot.base, snapshot=snapshot.number, as_of=snapshot.as_of, incomplete=snapshot.incomplete,
            withheld=withheld, missing=missing, not_asked=tuple(not_asked), tables=tuple(notes),
        )  # fmt: skip
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        replace(partial / MANIFEST, content)
        return manifest

    @contextmanager
    def _store(self, spill: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Snapshot]]:
        """Open the current snapshot; its file stays readable, whatever is removed meanwhile."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY, "temp_directory": str(spill),
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
        }  # fmt: skip
        with duckdb.connect(config=config) as db:
            db.execute("SET TimeZone = 'UTC'")
            # It would be drawn into standard output, whoever reads that.
            db.execute("SET enable_progress_bar = false")
            yield db, self._attached(db)

    def _attached(self, db: duckdb.DuckDBPyConnection) -> Snapshot:
        for attempt in range(TRIES):
            found = current(self.data_set)
            if found is None:
                break
            try:
                db.execute(f"ATTACH {DUCKDB.text(str(found[0] / FILE))} AS store (READ_ONLY)")
            except duckdb.IOException as error:
                # Removed between the look at the link and the opening: the link has moved on.
                if attempt == TRIES - 1:
                    raise FlattenFailed("the snapshot cannot be opened") from error
            else:
                return found[1]
        raise FlattenFailed("there is no snapshot yet: export first")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.out.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.out / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise FlattenFailed(f"another run writes into {self.out}") from error
            yield

    def _finished(self) -> list[Path]:
        return sorted(path.parent for path in self.out.glob(f"[0-9]*[0-9]/{MANIFEST}"))

    def _point(self, name: str) -> None:
        link = self.out / f"{CURRENT}.{os.getpid()}.part"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        link.replace(self.out / CURRENT)
        sync_folder(self.out)


def _note(place: Path, folder: Path, task: Task, snapshot: Snapshot) -> TableNote:
    files = tuple(_file(place, path) for path in sorted(folder.rglob("*.parquet")))
    view, kind = task.view, task.view.resource
    return TableNote(
        view=view.name, resource=kind, description=view.description, identifies=view.restricted,
        rows=sum(one.rows for one in files), bytes=sum(one.bytes for one in files), files=files,
        columns=tuple(described(column) for column in view.columns), sorted_by=task.order,
        split_by=task.bucket(DUCKDB) if task.digits else "", as_of=snapshot.as_of.get(kind, ""),
        incomplete=snapshot.incomplete.get(kind, ""),
    )  # fmt: skip


def _file(place: Path, path: Path) -> File:
    """Return what a file is, once it is on the disk, for its owner alone."""
    path.chmod(0o600)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
        os.fsync(file.fileno())
    found = duckdb.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]).fetchone()
    return File(
        path=str(path.relative_to(place)), rows=int(found[0]) if found else 0, bytes=path.stat().st_size,
        sha256=digest.hexdigest(),
    )  # fmt: skip
