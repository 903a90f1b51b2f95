"""The same flat tables by Spark, as Parquet, for `--engine spark`: what criteria and rules are asked of past one machine.

`spark/` beside `resources.duckdb` holds `person`, and `event` and `event_code` in a folder for each kind of record (`kind=observation`),
sorted by patient. What counts and what is withheld the snapshot decides, as for `flat`, whose notes these are too. Keys are random
nowhere here: a free SELECT, which is about keys, is answered by DuckDB alone.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec

from app.errors import CohortRefused
from app.fhir.labels import Labels
from app.warehouse.cohort.events import Writing, codes, events, parts
from app.warehouse.cohort.flat import LAYOUT, needed, policy_of
from app.warehouse.cohort.tables import Built, SparkTables
from app.warehouse.spark.errors import SparkStopped
from app.warehouse.spark.records import hand_over
from app.warehouse.spark.session import Session, opened
from app.warehouse.store.snapshot import FILE, Snapshot
from app.warehouse.store.withheld import withhold
from app.warehouse.views import DUCKDB, SPARK, CompiledView, Table

FOLDER, NOTE = "spark", "built.json"
PERSON = (
    "SELECT id AS patient_id, birth_date, coalesce(nullif(birth_sex, ''), gender) AS sex, "
    "coalesce(deceased, FALSE) OR deceased_at IS NOT NULL AS deceased FROM patient WHERE replaced_by_id IS NULL"
)
SCHEMAS = {
    "person": "patient_id STRING, birth_date STRING, sex STRING, deceased BOOLEAN",
    "event": (
        "event STRING, patient_id STRING, kind STRING, record STRING, part BIGINT, status STRING, verification STRING, category STRING, "
        "class STRING, day STRING, moment STRING, text STRING, value DOUBLE, unit STRING, comparator STRING, visit STRING"
    ),
    "event_code": "event STRING, patient_id STRING, kind STRING, system STRING, code STRING",
}  # fmt: skip
BY = "kind"


@dataclass(frozen=True, kw_only=True)
class FlatOnSpark:
    """The flat tables of one snapshot, in a session that runs."""

    session: Session
    built: Built

    @contextmanager
    def views(self) -> Iterator[SparkTables]:
        """Give the identified tables; for generated SQL alone."""
        yield SparkTables(session=self.session)


@contextmanager
def flat_on_spark(
    folder: Path, snapshot: Snapshot, labels: Labels, zone: str, master: str
) -> Iterator[FlatOnSpark]:
    """Open the flat tables of a snapshot, made if they are not there or were made under another policy.

    Raises:
        CohortRefused: Spark is not there or stopped; there is no view of patients.
    """
    place, spill = folder / FOLDER, folder / f"{FOLDER}.{os.getpid()}.part"
    try:
        spill.mkdir(mode=0o700)
        with opened(master, spill) as session:
            # Two that build at once would mix their files.
            with (folder / "flat.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                built = _found(place, policy_of(labels, zone))
                if built is None:
                    built = _build(session, folder, snapshot, labels, zone, spill)
                    shutil.rmtree(place, ignore_errors=True)
                    (spill / FOLDER).rename(place)
            for name, schema in SCHEMAS.items():
                session.read(name, place / name, schema)
            yield FlatOnSpark(session=session, built=built)
    except SparkStopped as error:
        raise CohortRefused(str(error)) from error
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def _found(place: Path, policy: str) -> Built | None:
    note = place / NOTE
    if not note.exists():
        return None
    built = msgspec.json.decode(note.read_bytes(), type=Built)
    return built if (built.layout, built.policy) == (LAYOUT, policy) else None


def _build(
    session: Session, folder: Path, snapshot: Snapshot, labels: Labels, zone: str, spill: Path
) -> Built:
    made = spill / FOLDER
    made.mkdir(mode=0o700)
    with duckdb.connect() as db:
        db.execute("SET enable_progress_bar = false")
        db.execute(f"ATTACH {DUCKDB.text(str(folder / FILE))} AS store (READ_ONLY)")
        withheld = withhold(db, labels)
        hand_over(db, session, {view.resource for view in needed()}, spill / "records")
    missing = _views(session, spill)
    if "patient" in missing:
        raise CohortRefused("the patients of this store cannot be read: " + missing["patient"])
    _events(session, made, zone, missing)
    patients = session.execute("SELECT count(*) FROM person").fetchall()[0][0]
    built = Built(
        snapshot=snapshot.number, day=(snapshot.data_as_of or snapshot.built_at)[:10], policy=policy_of(labels, zone),
        withheld=withheld, missing=missing, patients=patients, layout=LAYOUT,
    )  # fmt: skip
    (made / NOTE).write_bytes(msgspec.json.encode(built))
    for path in made.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return built


def _views(session: Session, spill: Path) -> dict[str, str]:
    """Make each view a table of the session; return why one is missing."""
    missing = {}
    for view in needed():
        at = spill / "views" / view.name
        why = session.write(view.sql(Table(name="resource"), SPARK), at, ())
        if why:
            missing[view.name] = why
            continue
        session.read(view.name, at, _schema(view))
    return missing


def _schema(view: CompiledView) -> str:
    return ", ".join(
        f"{SPARK.identifier(c.name)} {SPARK.list_type(c.kind) if c.collection else SPARK.types[c.kind]}"
        for c in view.columns
    )


def _events(session: Session, made: Path, zone: str, missing: dict[str, str]) -> None:
    """Write person, event and event_code, each from those before it."""
    writing = Writing(dialect=SPARK, zone=zone, number=_key, own="own_event")
    _table(session, made, "person", PERSON, ("patient_id",))
    session.define("own_event", " UNION ALL ".join(events(writing, missing)))
    every = ["SELECT * FROM own_event", *parts(writing, missing)]
    order = ("patient_id", "moment", "event")
    _table(session, made, "event", " UNION ALL ".join(every), order, by=BY)
    listed = codes(writing, missing)
    sql = " UNION ALL ".join(listed) or "SELECT event, patient_id, kind, kind AS system, kind AS code FROM event WHERE FALSE"  # fmt: skip
    _table(session, made, "event_code", sql, ("patient_id", "event", "system", "code"), by=BY)


def _table(
    session: Session, made: Path, name: str, sql: str, order: tuple[str, ...], *, by: str = ""
) -> None:
    why = session.write(sql, made / name, order, split=by, by=by)
    if why:
        raise SparkStopped(f"Spark stopped: {name}: {why}")
    session.read(name, made / name, SCHEMAS[name])


def _key(kind: str, part: str) -> str:
    """Name an event: ids of FHIR have no slash."""
    return f"concat_ws('/', '{kind}', {'id' if not part else f'o.record, {part}'})"
