"""Where exports land: one folder each, as received, never changed once it is whole.

    <data set>/lock
    <data set>/exports/<id>/export.json     what was asked for and how far it is; replaced as a whole
    <data set>/exports/<id>/done.jsonl      a line for each file that is downloaded and checked
    <data set>/exports/<id>/files/*.gz      the files, in gzip; a name ending in .part is not one yet

Every step is on the disk before the next begins, so a process that is killed at any point goes on where it was.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from app.warehouse.bulk.errors import ExportRunning
from app.warehouse.bulk.manifest import Wanted
from app.warehouse.bulk.request import ExportRequest

Phase = Literal["asked", "running", "downloading", "landed", "failed"]


class FileDone(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is downloaded and checked: bytes as stored, lines of each resource type, and what is wrong with it.

    `expired`: the server no longer has it, and nothing is stored.
    """

    number: int
    name: str
    size_bytes: int = 0
    sha256: str = ""
    types: dict[str, int] = {}
    headers: int = 0
    problem: str = ""
    expired: bool = False


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """How far one export is. `incomplete` says for each type why its files are not all there; `warnings` are for people.

    `whole`: it holds everything of its types (no `_since`), so what it lacks is gone. `members`: the ids of a group's patients
    at that time, where it tells them. `pruned`: its files are removed, and what they were is no longer noted.
    """

    export_id: str
    phase: Phase
    request: ExportRequest
    base: str
    started_at: str
    whole: bool
    location: str = ""
    transaction_time: str = ""
    files: tuple[Wanted, ...] = ()
    incomplete: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    error: str = ""
    ended: bool = False
    members: tuple[str, ...] | None = None
    pruned: bool = False

    @property
    def complete_types(self) -> tuple[str, ...]:
        """The types of which every file is there."""
        return tuple(kind for kind in self.request.types if kind not in self.incomplete)

    def reaches(self, mark: str) -> bool:
        """Tell whether it goes on from a moment up to which a type was read ("": never): what begins later leaves a gap."""
        return self.whole or (bool(mark) and not _is_later(self.request.since, mark))


class ExportFolder:
    """One export's folder. One process writes to it at a time (`DataSet.locked`); threads may add files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = path / "files"

    def read(self) -> Export:
        """Return how far it is."""
        return msgspec.json.decode((self.path / "export.json").read_bytes(), type=Export)

    def write(self, export: Export) -> Export:
        """Put the new state on the disk, then return it."""
        (self.path if export.pruned else self.files).mkdir(parents=True, exist_ok=True)
        replace(self.path / "export.json", msgspec.json.encode(export))
        return export

    def done(self) -> dict[int, FileDone]:
        """Return the files that are there by number; a last line that was cut off by a crash does not count."""
        try:
            lines = (self.path / "done.jsonl").read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        found = [one for line in lines[:-1] if (one := _read_done(line))]
        return {one.number: one for one in found if one.expired or self._stored(one)}

    def add(self, done: FileDone) -> None:
        """Note a file; the whole line is written at once, and is on the disk afterwards."""
        line = msgspec.json.encode(done) + b"\n"
        descriptor = os.open(self.path / "done.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            # A crash may have left half a line; a new one must not be glued to it.
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _stored(self, done: FileDone) -> bool:
        path = self.files / done.name
        return path.exists() and path.stat().st_size == done.size_bytes


def folder_of(warehouse: Path, slug: str, group: str) -> Path:
    """Return where a data set lies: one for the whole of a registration, one for each group."""
    return warehouse / slug / (f"group-{group}" if group else "all")


class DataSet:
    """The exports of one registration at one level (everything, all patients, or one group)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out.

        Raises:
            ExportRunning: one is in.
        """
        # Everything below is patients' records: nobody but the server's own user looks in.
        self.path.mkdir(0o700, parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ExportRunning(str(self.path)) from error
            yield

    def folders(self) -> list[ExportFolder]:
        """Return every export's folder, oldest first; one without a state was never asked for."""
        found = sorted((self.path / "exports").glob("*/export.json"))
        return [ExportFolder(path.parent) for path in found]

    def landed(self) -> list[tuple[ExportFolder, Export]]:
        """Return the exports that are whole, oldest first."""
        states = [(folder, folder.read()) for folder in self.folders()]
        return [(folder, state) for folder, state in states if state.phase == "landed"]

    def unfinished(self) -> ExportFolder | None:
        """Return the export that a process was working on when it ended."""
        return next(
            (folder for folder in reversed(self.folders()) if _goes_on(folder.read())), None
        )

    def begin(
        self, request: ExportRequest, base: str, at: datetime, *, whole: bool
    ) -> ExportFolder:
        """Make the folder of a new export, after all others by name."""
        stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
        taken = {folder.path.name for folder in self.folders()}
        last = max(taken, default="")
        number = 0
        while (name := f"{stamp}-{number:03d}") in taken:
            number += 1
        if name < last:
            # The clock went back; the order of exports is that of their names.
            name = f"{last.partition('-')[0]}-{int(last.partition('-')[2]) + 1:03d}"
        folder = ExportFolder(self.path / "exports" / name)
        folder.write(
            Export(
                export_id=name, phase="asked", request=request, base=base, whole=whole,
                started_at=at.astimezone(UTC).isoformat(timespec="seconds"),
            )
        )  # fmt: skip
        return folder

    def watermarks(self, types: Sequence[str]) -> dict[str, str]:
        """Return for each type up to which moment of the server it was read whole; "" for never.

        An export of which a type is incomplete, or that begins behind its mark, moves that type's mark nowhere.
        """
        marks = dict.fromkeys(types, "")
        for _, export in self.landed():
            for kind in export.complete_types:
                if kind in marks and export.reaches(marks[kind]):
                    marks[kind] = export.transaction_time
        return marks


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old content or the new, never a mixture."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have a folder's names on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_later(since: str, mark: str) -> bool:
    """Tell whether an instant is behind a mark; one that cannot be read may be."""
    if since == mark:
        return False
    try:
        return datetime.fromisoformat(since) > datetime.fromisoformat(mark)
    except (ValueError, TypeError):
        return True


def _goes_on(export: Export) -> bool:
    # An export that landed still has its files at the server until it is told.
    return export.phase not in ("landed", "failed") or (
        export.phase == "landed" and not export.ended
    )


def _read_done(line: bytes) -> FileDone | None:
    """Return what a line says, None where a crash cut it."""
    try:
        return msgspec.json.decode(line, type=FileDone)
    except msgspec.DecodeError:
        return None
