"""A store of invented laboratory results, written straight into the tables of a snapshot: as many as wanted, the same each time."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import msgspec

from app.warehouse.bulk.landing import DataSet, FileDone
from app.warehouse.bulk.manifest import Wanted
from app.warehouse.bulk.request import ExportRequest
from app.warehouse.store.snapshot import CURRENT, FILE, LAYOUT, NOTE, TABLES, Snapshot

RESULTS_EACH = 100
AS_OF = "2026-11-20T14:42:00.000+00:00"
# About 1,000 bytes: what a laboratory result of US Core takes.
RESOURCE = """
'{"resourceType":"Observation","id":"' || id || '","meta":{"versionId":"' || version || '","lastUpdated":"' || updated || '","profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}],"text":"Laboratory"}],"code":{"coding":[{"system":"http://loinc.org","code":"' || 2000 + draw % 30 || '-7","display":"Result ' || draw % 30 || ', mass per volume in serum or plasma"}],"text":"Result ' || draw % 30 || '"},"subject":{"reference":"Patient/' || patient || '"},"encounter":{"reference":"Encounter/e' || patient || '-' || result // 10 || '"},"effectiveDateTime":"' || date || '","issued":"' || updated || '","valueQuantity":{"value":' || (draw % 2000) / 10.0 || ',"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"},"referenceRange":[{"low":{"value":3.5,"unit":"mmol/L"},"high":{"value":5.1,"unit":"mmol/L"},"text":"3.5-5.1"}],"performer":[{"reference":"Practitioner/d' || draw % 400 || '","display":"Clinician number ' || draw % 400 || '"}]}'
"""


def patient_id(number: int) -> str:
    """Return the id of a patient."""
    return f"p{number:06d}"


def results(where: str, version: int) -> str:
    """Return a SELECT of results with the columns of `resource`; `where` narrows `p` (patient) and `result`."""
    return f"""
    SELECT 'Observation' AS resource_type, id, patient, date, updated AS last_updated, {RESOURCE} AS json FROM (
      SELECT printf('p%06d', p) AS patient, result, 'o' || p || '-' || result AS id, {version} AS version,
        hash(p * {RESULTS_EACH} + result) % 1000000 AS draw,
        strftime(TIMESTAMP '2021-01-01' + to_days(result::INTEGER * 17) + to_minutes(p % 600), '%Y-%m-%dT%H:%M:00Z') AS date,
        strftime(TIMESTAMP '2021-01-01' + to_days(result::INTEGER * 17 + {version}) + to_minutes(p % 600), '%Y-%m-%dT%H:%M:00.000Z') AS updated
      FROM range($1) patients(p), range({RESULTS_EACH}) results(result) WHERE {where} ORDER BY p, result)
    """


def people() -> str:
    """Return a SELECT of the patients themselves."""
    return """
    SELECT 'Patient' AS resource_type, id, id AS patient, '1950-01-01' AS date, '2021-01-01T00:00:00.000Z' AS last_updated,
      '{"resourceType":"Patient","id":"' || id || '","meta":{"versionId":"1","lastUpdated":"2021-01-01T00:00:00.000Z"},"gender":"other","birthDate":"1950-01-01","name":[{"family":"Invented","given":["' || id || '"]}]}' AS json
    FROM (SELECT printf('p%06d', p) AS id FROM range($1) patients(p))
    """


def fill(data_set: Path, patients: int) -> Snapshot:
    """Make a data set with one snapshot of so many patients."""
    folder = data_set / "snapshots" / "000001"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / FILE), config={"memory_limit": "2GB"}) as db:
        db.execute(TABLES)
        for first in range(0, patients, 2000):
            where = f"p >= {first} AND p < {first + 2000}"
            db.execute(
                f"INSERT INTO resource SELECT * FROM (({results(where, 1)}) UNION ALL (SELECT * FROM ({people()}) "
                f"WHERE id >= '{patient_id(first)}' AND id < '{patient_id(first + 2000)}')) ORDER BY patient, resource_type, date, id",
                [patients],
            )
    counts = {"Observation": patients * RESULTS_EACH, "Patient": patients}
    snapshot = Snapshot(
        number=1, layout=LAYOUT, exports=(), as_of=dict.fromkeys(counts, AS_OF), incomplete={}, counts=counts,
        base="https://ehr.test/fhir", built_at=AS_OF,
    )  # fmt: skip
    (folder / NOTE).write_bytes(msgspec.json.encode(snapshot))
    (data_set / CURRENT).symlink_to(Path("snapshots") / folder.name)
    return snapshot


def land_changes(data_set: Path, patients: int, one_in: int, version: int) -> int:
    """Land an incremental export of every n-th result or so, all over the patients, changed; return how many."""
    found = DataSet(data_set)
    request = ExportRequest(types=("Observation", "Patient"), since=AS_OF)
    folder = found.begin(request, "https://ehr.test/fhir", datetime.now(UTC), whole=False)
    folder.files.mkdir(parents=True, exist_ok=True)
    name = "Observation.ndjson.gz"
    where = f"hash(p * {RESULTS_EACH} + result) % {one_in} = {version % one_in}"
    with duckdb.connect() as db, gzip.open(folder.files / name, "wb", compresslevel=1) as lines:
        rows = db.execute(f"SELECT json FROM ({results(where, version)})", [patients])
        count = 0
        while some := rows.fetchmany(10_000):
            lines.write(b"".join(text.encode() + b"\n" for (text,) in some))
            count += len(some)
    size = (folder.files / name).stat().st_size
    wanted = Wanted(number=0, kind="output", url="https://ehr.test/f", resource_type="Observation", count=count, bearer=False)  # fmt: skip
    folder.add(FileDone(number=0, name=wanted.name, size_bytes=size, types={"Observation": count}))
    (folder.files / name).rename(folder.files / wanted.name)
    state = msgspec.structs.replace(
        folder.read(), phase="landed", files=(wanted,), transaction_time=AS_OF, ended=True
    )
    folder.write(state)
    return count
