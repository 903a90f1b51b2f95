"""Make a snapshot into flat tables, once: `views.duckdb` for our own SQL, `deid.duckdb` for a free SELECT.

Beside `resources.duckdb`, each put in its place by one rename. `views.duckdb` has the views that cohorts read, `event` (one
row for each record, or component of a result) and `event_code`, days in the site's zone. Invariant 8: a record with a label that
restricts is left out and counted, with everything of a Patient and of an Encounter that is. Both are made again when the
site's labels, zone or the layout change.

Not protected: sensitive data without a label. A view that the data does not fit is missing, and said by name.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec
import orjson

from app.errors import CohortRefused
from app.fhir.labels import Labels
from app.warehouse.cohort import deid, events
from app.warehouse.cohort.tables import Built, DuckDbTables
from app.warehouse.store.snapshot import FILE, Snapshot
from app.warehouse.store.withheld import withhold
from app.warehouse.views import HERE, CompiledView, Table, compile_view

VIEWS, LAYOUT = "views.duckdb", 3
NAMES = (
    "patient", "condition", "condition_coding", "observation", "observation_coding", "observation_component",
    "medicationrequest", "medicationrequest_coding", "encounter", "immunization", "procedure", "procedure_coding",
    "diagnosticreport", "allergyintolerance", "questionnaireresponse",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Flat:
    """The flat tables of one snapshot."""

    folder: Path
    built: Built

    @contextmanager
    def views(self) -> Iterator[DuckDbTables]:
        """Open the identified tables, read-only; for generated SQL alone."""
        with duckdb.connect(str(self.folder / VIEWS), read_only=True) as db:
            yield DuckDbTables(db=db)


def flat(folder: Path, snapshot: Snapshot, labels: Labels, zone: str) -> Flat:
    """Return the flat tables of a snapshot, made if they are not there or were made under another policy.

    Raises:
        CohortRefused: there is no view of patients.
    """
    # Two that build at once would mix their files, and so the keys in them.
    with (folder / "flat.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _made(folder, snapshot, labels, zone)


def _made(folder: Path, snapshot: Snapshot, labels: Labels, zone: str) -> Flat:
    policy = policy_of(labels, zone)
    note = folder / f"{VIEWS}.json"
    if note.exists():
        built = msgspec.json.decode(note.read_bytes(), type=Built)
        if (built.layout, built.policy) == (LAYOUT, policy):
            return Flat(folder=folder, built=built)
    parts = {name: folder / f"{name}.{os.getpid()}.part" for name in (VIEWS, deid.FILE, note.name)}
    try:
        built = _build(folder, snapshot, labels, zone, policy, parts[VIEWS], parts[deid.FILE])
        parts[note.name].write_bytes(msgspec.json.encode(built))
        # Readers trust the note: it goes before the tables change, and comes back behind them.
        note.unlink(missing_ok=True)
        for name, part in parts.items():
            part.chmod(0o600)
            part.replace(folder / name)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return Flat(folder=folder, built=built)


def policy_of(labels: Labels, zone: str) -> str:
    """Name the labels and the zone that tables are made under."""
    named = sorted([*key, *sorted(value)] for key, value in labels.audiences.items())
    return hashlib.sha256(orjson.dumps([named, zone])).hexdigest()


def _build(
    folder: Path,
    snapshot: Snapshot,
    labels: Labels,
    zone: str,
    policy: str,
    views: Path,
    deidentified: Path,
) -> Built:
    day = (snapshot.data_as_of or snapshot.built_at)[:10]
    with duckdb.connect(str(views)) as db:
        # DuckDB would draw it into the standard output, which may be a protocol's.
        db.execute("SET enable_progress_bar = false")
        db.execute(f"ATTACH '{_quoted(folder / FILE)}' AS store (READ_ONLY)")
        db.execute("SET TimeZone = 'UTC'")
        withheld = withhold(db, labels)
        missing = _tables(db)
        if "patient" in missing:
            raise CohortRefused("the patients of this store cannot be read: " + missing["patient"])
        events.fill(db, zone, missing)
        patients = _count(db, "SELECT count(*) FROM person")
        db.execute(f"ATTACH '{_quoted(deidentified)}' AS deid")
        deid.fill(db, int(day[:4]), day)
        db.execute("CHECKPOINT deid")
        db.execute("DETACH deid")
        db.execute("DETACH store")
        db.execute("CHECKPOINT")
    return Built(
        snapshot=snapshot.number, day=day, policy=policy, withheld=withheld, missing=missing,
        patients=patients, layout=LAYOUT,
    )  # fmt: skip


def _tables(db: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Make each view a table; return why one is missing."""
    missing = {}
    for view in needed():
        try:
            db.execute(f'CREATE TABLE "{view.name}" AS {view.sql(Table(name="kept"))}')
        except duckdb.Error as error:
            # A message may quote a value of the data.
            missing[view.name] = type(error).__name__
    return missing


def needed() -> list[CompiledView]:
    """Return the views that events come from."""
    return [compile_view(orjson.loads((HERE / f"{name}.json").read_bytes())) for name in NAMES]


def _count(db: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = db.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
