"""A store of some resources, made by the statements that exports are taken over with."""

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import orjson

from app.boundary import Boundary
from app.fhir.labels import DEFAULT, Labels
from app.fhir.source import ChartSource
from app.settings import Secret
from app.store.seal import Seal
from app.warehouse.facade.service import Facade
from app.warehouse.store import keys
from app.warehouse.store.reading import Snapshots
from app.warehouse.store.snapshot import (
    CURRENT,
    FILE,
    LAYOUT,
    NOTE,
    TABLES,
    Snapshot,
    _counted,
    _incoming,
)
from app.warehouse.store.source import Store, StoreSource
from tests.ndjson_source import context
from tests.unit.fhir.ehr import NOW

AS_OF = "2026-11-20T06:00:00.000+00:00"
EHR_BASE = "https://ehr.test/fhir"


def store_of(
    data_set: Path, resources: Iterable[Mapping[str, Any]], *, number: int = 1, base: str = EHR_BASE,
    types: Iterable[str] = (), incomplete: Mapping[str, str] | None = None, as_of: str = AS_OF,
) -> Snapshot:  # fmt: skip
    """Make these resources the current snapshot; `types` were exported too and hold nothing."""
    sent = [dict(one) for one in resources]
    kinds = sorted({one["resourceType"] for one in sent} | set(types))
    folder = data_set / "snapshots" / f"{number:06d}"
    folder.mkdir(parents=True)
    lines = folder / "lines.ndjson.gz"
    lines.write_bytes(
        gzip.compress(b"\n".join(one.pop("_line", None) or orjson.dumps(one) for one in sent))
    )
    with duckdb.connect(str(folder / FILE)) as db:
        db.execute(TABLES)
        db.execute(_incoming(), [[str(lines)], keys.paths(), kinds])
        counts, unfiled = _counted(db, "true"), _counted(db, "patient = ''")
    snapshot = Snapshot(
        number=number, layout=LAYOUT, exports=(), as_of=dict.fromkeys(kinds, as_of), incomplete=dict(incomplete or {}),
        counts=counts, base=base, built_at=as_of, unfiled=unfiled,
    )  # fmt: skip
    (folder / NOTE).write_bytes(msgspec.json.encode(snapshot))
    link = data_set / CURRENT
    link.unlink(missing_ok=True)
    link.symlink_to(Path("snapshots") / folder.name)
    return snapshot


def facade_of(data_set: Path, base: str = EHR_BASE) -> Facade:
    """Return the facade of a data set."""
    seal = Seal(Secret(b"k" * 32), "facade")
    return Facade(Snapshots(data_set), base=base, zone=ZoneInfo("America/Chicago"), seal=seal)


def over_store(data_set: Path, live: ChartSource, *, labels: Labels = DEFAULT, **launch: Any) -> StoreSource:  # fmt: skip
    """Return a source of patient p1 over a store, beside an EHR."""
    boundary = Boundary(frozenset(("https://ehr.test",)), False, None)
    snapshots = Snapshots(data_set)
    seal = Seal(Secret(b"k" * 32), "facade")
    facade = Facade(snapshots, base=EHR_BASE, zone=ZoneInfo("America/Chicago"), seal=seal)
    stores = [Store(snapshots=snapshots, facade=facade)]
    return StoreSource(live, stores, boundary, context("p1", NOW, **launch), labels=labels)
