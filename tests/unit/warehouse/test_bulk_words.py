"""What an EHR says of an export is about any patient: none of it may reach an operator's log or another's chart."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from app.warehouse.bulk import findings
from app.warehouse.bulk.landing import DataSet, FileDone
from app.warehouse.bulk.manifest import Wanted
from app.warehouse.bulk.request import ExportRequest

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "Mary Majors, MRN 4711: Condition/hiv-1 is not valid"


def found_in(tmp_path: Path, outcome: dict[str, Any]) -> findings.Findings:
    folder = DataSet(tmp_path).begin(
        ExportRequest(types=("Condition", "Patient")), "https://ehr.example", NOW, whole=True
    )
    wanted = Wanted(number=0, kind="error", url="https://f.example/0", resource_type="OperationOutcome", count=1, bearer=True)  # fmt: skip
    (folder.files / wanted.name).write_bytes(gzip.compress(orjson.dumps(outcome) + b"\n"))
    done = {0: FileDone(number=0, name=wanted.name, types={"OperationOutcome": 1})}
    export = msgspec.structs.replace(folder.read(), files=(wanted,))
    return findings.of_files(export, folder, done, {})


@pytest.mark.parametrize("severity", ["error", "fatal", "warning", "information", SECRET])
@pytest.mark.parametrize(
    "issue",
    [
        {"code": "exception", "diagnostics": SECRET},
        {"code": "exception", "details": {"text": SECRET}},
        {"code": SECRET},
        {"code": "mary majors", "details": SECRET},
    ],
)
def test_the_words_of_an_error_file_are_told_to_nobody(
    tmp_path: Path, severity: str, issue: dict[str, Any]
) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, **issue}]}
    found = found_in(tmp_path, outcome)
    told = orjson.dumps([found.incomplete, found.warnings]).decode().lower()
    assert "mary" not in told
    assert "4711" not in told
    assert bool(found.incomplete) == (severity in ("error", "fatal"))


def test_an_error_still_names_its_type(tmp_path: Path) -> None:
    issue = {"severity": "error", "code": "exception", "diagnostics": SECRET}
    found = found_in(tmp_path, {"resourceType": "OperationOutcome", "issue": [issue]})
    assert found.incomplete == {"Condition": "the server reports an error (exception)"}
