"""Read the current snapshot from many threads, while the next one is written and takes its place.

One read-only connection for each snapshot, with a cursor for each thread. A request works on the snapshot that it began with;
the file stays open, whatever is removed, until the last reader has let it go.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from app.warehouse.store.record import Record
from app.warehouse.store.snapshot import CURRENT, FILE, NOTE, Snapshot

# A point read gains nothing from more threads: handing work to them takes longer than the read.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": "1", "memory_limit": "1GB", "enable_external_access": "false",
    "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "lock_configuration": "true",
}  # fmt: skip
TRIES = 20
# Whose record is in neither: patient and type are compared, and only what is given is read from the disk.
CHART = "SELECT resource_type, id, json FROM resource WHERE patient = ?"
OF_TYPE = f"{CHART} AND resource_type = ?"
ONE = f"{OF_TYPE} AND id = ?"


class OpenSnapshot:
    """One snapshot, open for reading. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self.snapshot = msgspec.json.decode((folder / NOTE).read_bytes(), type=Snapshot)
        self._connection = duckdb.connect(str(folder / FILE), read_only=True, config=CONFIG)
        self._own = threading.local()

    def chart(self, patient: str, resource_type: str = "") -> list[Record]:
        """Return a patient's records, of one type or of all, as they lie: by type and date, what is newly appended last."""
        if resource_type:
            return self._found(patient, OF_TYPE, [patient, resource_type])
        return self._found(patient, CHART, [patient])

    def record(self, patient: str, resource_type: str, fhir_id: str) -> Record | None:
        """Return one record of a patient ("": of nobody), None where there is none."""
        found = self._found(patient, ONE, [patient, resource_type, fhir_id])
        return found[0] if found else None

    def shared(self, ids: Sequence[str]) -> list[Record]:
        """Return the records of nobody (medicines, people, places) with these ids, of any type."""
        if not ids:
            return []
        return self._found("", f"{CHART} AND id IN (SELECT unnest(?))", ["", list(ids)])

    def _found(self, patient: str, sql: str, values: list[Any]) -> list[Record]:
        rows = self.cursor().execute(sql, values).fetchall()
        return [Record(resource_type=kind, id=fhir_id, patient=patient, text=text) for kind, fhir_id, text in rows]  # fmt: skip

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return this thread's own cursor."""
        found: duckdb.DuckDBPyConnection | None = getattr(self._own, "cursor", None)
        if found is None:
            found = self._own.cursor = self._connection.cursor()
        return found


class Snapshots:
    """The snapshots of one data set, as they come. Thread-safe."""

    def __init__(self, data_set: Path) -> None:
        self._path = data_set
        self._lock = threading.Lock()
        self._open: OpenSnapshot | None = None
        self._older: OpenSnapshot | None = None
        self._link = ""

    def current(self) -> OpenSnapshot | None:
        """Return the current snapshot, open; None when there is none.

        Raises:
            OSError: the file cannot be opened.
        """
        for attempt in range(TRIES):
            link = self._where()
            if not link:
                return None
            if link == self._link and self._open:
                return self._open
            try:
                return self._opened(link)
            except (FileNotFoundError, duckdb.IOException):
                # Its folder was removed between the look at the link and the opening: the link has moved on.
                if attempt == TRIES - 1:
                    raise
        return None

    def numbered(self, number: int) -> OpenSnapshot | None:
        """Return an earlier snapshot while it is kept; None when it is gone."""
        found = self.current()
        if found is None or found.snapshot.number == number:
            return found
        with self._lock:
            if self._older is None or self._older.snapshot.number != number:
                try:
                    self._older = OpenSnapshot(self._path / "snapshots" / f"{number:06d}")
                except (FileNotFoundError, duckdb.IOException):
                    return None
            return self._older

    def _where(self) -> str:
        try:
            return str((self._path / CURRENT).readlink())
        except FileNotFoundError:
            return ""

    def _opened(self, link: str) -> OpenSnapshot:
        with self._lock:
            if link != self._link or self._open is None:
                self._open, self._link = OpenSnapshot(self._path / link), link
            return self._open
