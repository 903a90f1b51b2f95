"""A store of given resources, as exports make it, without an export; and a population of carebundle's."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import orjson

from app.warehouse.store import keys
from app.warehouse.store.snapshot import CURRENT, FILE, LAYOUT, NOTE, TABLES, Snapshot

AS_OF = "2026-01-15T12:00:00.000Z"


def carebundle(place: Path, count: int = 200) -> list[dict[str, Any]]:
    """Return a generated population, the same at every call: mixed profiles, 30 to 80 years, all at 01-Jan-2026."""
    subprocess.run(
        [sys.executable, "-m", "carebundle.cli", "generate", "--profile", "mixed", "--count", str(count), "--sex", "mixed",
         "--age-range", "30-80", "--format", "ndjson", "--seed", "1", "--out", str(place)],
        check=True, capture_output=True,
    )  # fmt: skip
    return [orjson.loads(line) for file in sorted(place.glob("*.ndjson")) for line in file.read_bytes().splitlines()]  # fmt: skip


def store(
    data_set: Path, resources: Iterable[dict[str, Any]], number: int = 1, base: str = "https://ehr.example/fhir"
) -> tuple[Path, Snapshot]:  # fmt: skip
    """Write resources as a snapshot of a data set, and make it the current one."""
    folder = data_set / "snapshots" / f"{number:06d}"
    folder.mkdir(parents=True)
    lines = folder / "all.ndjson"
    lines.write_bytes(b"\n".join(orjson.dumps(one) for one in resources))
    with duckdb.connect(str(folder / FILE)) as db:
        db.execute(TABLES)
        db.execute(
            f"INSERT INTO resource SELECT resource_type, id, patient, date, last_updated, json FROM (SELECT {keys.columns('found', 'json')}, json::VARCHAR AS json "
            "FROM (SELECT json, json_extract_string(json, $2) AS found FROM read_ndjson_objects($1))) ORDER BY patient, resource_type, date, id",
            [str(lines), keys.paths()],
        )
        counts = dict(db.execute("SELECT resource_type, count(*) FROM resource GROUP BY 1").fetchall())  # fmt: skip
    lines.unlink()
    snapshot = Snapshot(
        number=number, layout=LAYOUT, exports=(str(number),), as_of=dict.fromkeys(counts, AS_OF), incomplete={}, counts=counts,
        base=base, built_at=AS_OF,
    )  # fmt: skip
    (folder / NOTE).write_bytes(msgspec.json.encode(snapshot))
    link = data_set / CURRENT
    link.unlink(missing_ok=True)
    link.symlink_to(folder.relative_to(data_set))
    return folder, snapshot
