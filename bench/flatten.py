"""What 200,000 Observations cost to flatten to eleven columns by a view, beside SQL written by hand and beside sqlonfhir.

CPU seconds of all threads, for the machine's load does not change them. The hand-written SQL reads the same columns with the
same types and unnests in the select list: the least that it takes. sqlonfhir interprets a sample in a process of its own,
in an environment of its own, and its rows must be ours. A lateral join in what we generate would cost 35 times as much.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from app.warehouse.views import Files, compile_view, folder
from bench.figures import show

HOW_MANY, SAMPLE, ROUNDS = 200_000, 4_000, 3
ROOT = Path(__file__).parents[1]
ORACLES = ROOT / ".setup" / "oracles"
TESTS = (
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4.0, 12.0), ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.4, 3.0),
    ("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 60.0, 300.0), ("8480-6", "Systolic blood pressure", "mm[Hg]", 90.0, 180.0),
    ("29463-7", "Body weight", "kg", 45.0, 120.0), ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 7.0, 17.0),
)  # fmt: skip
COLUMNS = {
    "id": "getResourceKey()",
    "patient_id": "subject.getReferenceKey(Patient)",
    "encounter_id": "encounter.getReferenceKey(Encounter)",
    "status": "status",
    "category": "category.coding.code.first()",
    "effective": "effective.ofType(dateTime)",
    "value": "value.ofType(Quantity).value",
    "unit": "value.ofType(Quantity).unit",
}
VIEW = {
    "resource": "Observation",
    "select": [
        {"column": [{"name": name, "path": path} for name, path in COLUMNS.items()]},
        {
            "forEachOrNull": "code.coding",
            "column": [{"name": name, "path": name} for name in ("system", "code", "display")],
        },
    ],
}
BY_HAND = """
SELECT id, patient_id, encounter_id, status, category, effective, value, unit, c.system AS system, c.code AS code, c.display AS display
FROM (
  SELECT id, nullif(regexp_extract(subject.reference, 'Patient/([^/]+)', 1), '') AS patient_id,
    nullif(regexp_extract(encounter.reference, 'Encounter/([^/]+)', 1), '') AS encounter_id, status,
    category[1].coding[1].code AS category, effectiveDateTime AS effective, valueQuantity.value AS value,
    valueQuantity.unit AS unit, unnest(CASE WHEN len(code.coding) > 0 THEN code.coding ELSE [NULL] END) AS c
  FROM read_json('{file}', format = 'newline_delimited', columns = {{
    id: 'VARCHAR', status: 'VARCHAR', subject: 'STRUCT(reference VARCHAR)', encounter: 'STRUCT(reference VARCHAR)',
    category: 'STRUCT(coding STRUCT(code VARCHAR)[])[]', effectiveDateTime: 'VARCHAR',
    valueQuantity: 'STRUCT("value" DOUBLE, unit VARCHAR)', code: 'STRUCT(coding STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)[])'
  }})
)
"""
INTERPRET = """
import json, sys, time
from sqlonfhir import evaluate
view, file = json.load(sys.stdin)["view"], sys.argv[1]
started = time.process_time()
with open(file) as lines:
    rows = evaluate([json.loads(line) for line in lines], view)
print(json.dumps({"cpu_s": time.process_time() - started, "rows": rows}, default=float))
"""


def observations(how_many: int) -> Iterator[dict[str, Any]]:
    """Yield Observations, the same ones every time; one in fifty has no code."""
    chance = random.Random(20260101)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    for n in range(how_many):
        code, display, unit, low, high = chance.choice(TESTS)
        at = (start + timedelta(minutes=chance.randrange(3_000_000))).isoformat()
        local = {
            "system": "urn:oid:1.2.840.113619.21.1",
            "code": f"L{code}",
            "display": display.upper(),
        }
        coding = [{"system": "http://loinc.org", "code": code, "display": display}]
        found: dict[str, Any] = {
            "resourceType": "Observation", "id": f"obs-{n:07d}",
            "meta": {"versionId": "1", "lastUpdated": at, "profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"]},
            "status": "final",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory", "display": "Laboratory"}]}],
            "code": {"coding": coding + [local] * (n % 4 == 0), "text": display} if n % 50 else {"text": display},
            "subject": {"reference": f"Patient/p{chance.randrange(2_000):05d}"},
            # sqlonfhir fails on a reference that is absent.
            "encounter": {"reference": f"Encounter/e{n // 8:07d}"},
            "effectiveDateTime": at, "issued": at,
            "valueQuantity": {"value": round(chance.uniform(low, high), 1), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        }  # fmt: skip
        yield found


def write(path: Path, how_many: int) -> Files:
    """Write Observations to a folder; return it as a source."""
    with (path / "Observation.000.ndjson").open("w") as file:
        file.writelines(json.dumps(one) + "\n" for one in observations(how_many))
    return folder(path)


def by_hand(source: Files) -> str:
    """Return the SQL that one would write for the same eleven columns."""
    return BY_HAND.format(file=source.by_type["Observation"][0])


def compiled(source: Files) -> str:
    """Return what the compiler makes of the view."""
    return compile_view(VIEW).sql(source)


def cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU seconds of all threads that work takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def ratio(source: Files, rounds: int) -> tuple[float, float, float]:
    """Return our CPU over that of the SQL by hand, and both in seconds: the best of several turns each.

    Raises:
        SystemExit: the rows differ.
    """
    with duckdb.connect(config={"threads": 2}) as connection:

        def turn(table: str, sql: str) -> float:
            return cpu_s(
                lambda: connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {sql}")
            )

        pairs = [
            (turn("ours", compiled(source)), turn("hand", by_hand(source))) for _ in range(rounds)
        ]
        names = ", ".join(column.name for column in compile_view(VIEW).columns)
        for one, other in (("ours", "hand"), ("hand", "ours")):
            more = connection.execute(f"SELECT count(*) FROM (SELECT {names} FROM {one} EXCEPT ALL SELECT {names} FROM {other})").fetchone()  # fmt: skip
            if more != (0,):
                raise SystemExit(f"flatten: {more} rows of {one} are not in {other}")
    ours, hand = min(a for a, _ in pairs), min(b for _, b in pairs)
    return ours / hand, ours, hand


def oracle() -> Path:
    """Return the Python of the environment with sqlonfhir, made from its lock when it is not there."""
    python = ORACLES / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", ORACLES], check=True)
        install = "-m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r"
        subprocess.run([python, *install.split(), ROOT / "requirements-oracles.txt"], check=True)
    return python


def interpreted(source: Files) -> tuple[float, list[dict[str, Any]]]:
    """Return the CPU seconds of sqlonfhir, and its rows."""
    done = subprocess.run(
        [oracle(), "-c", INTERPRET, str(source.by_type["Observation"][0])],
        input=json.dumps({"view": VIEW}), capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    return answer["cpu_s"], answer["rows"]


def main() -> None:
    """Print the figures."""
    with TemporaryDirectory() as place:
        large, sample = Path(place) / "large", Path(place) / "sample"
        large.mkdir()
        sample.mkdir()
        source, few = write(large, HOW_MANY), write(sample, SAMPLE)
        times, ours_s, hand_s = ratio(source, ROUNDS)
        theirs_s, theirs = interpreted(few)
        with duckdb.connect() as connection:
            cursor = connection.execute(compiled(few))
            names = [column[0] for column in cursor.description]
            ours = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if sorted(map(repr, ours)) != sorted(repr({n: row[n] for n in names}) for row in theirs):
        raise SystemExit("flatten: sqlonfhir gives other rows")
    against = f"{ours_s:.2f} s CPU; by hand {hand_s:.2f} s; {HOW_MANY:,} resources, rows identical"
    show("flatten.vs_hand_sql_cpu", round(times, 2), "times", goal=1.5, against=against)
    show("flatten.cpu_per_200k", round(ours_s, 2), "s", goal=1.5)
    faster = (theirs_s / SAMPLE) / (ours_s / HOW_MANY)
    against = f"sqlonfhir 0.0.2, {theirs_s:.2f} s for {SAMPLE:,} resources, rows identical"
    show("flatten.vs_sqlonfhir_cpu", round(faster, 1), "times", goal=15, at_least=True, against=against)  # fmt: skip


if __name__ == "__main__":
    main()
