"""Run clinosim, which simulates a hospital, and read one of its patients."""

import functools
import json
import subprocess
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from sandbox.generate.ndjson import Resource

DISTRIBUTION = "clinosim"
SEED = 42
ARGUMENTS = (
    "-p",
    "400",
    "-s",
    str(SEED),
    "--country",
    "US",
    "--end",
    "2026-11-20",
    "--format",
    "fhir-r4",
)
_OWNERS = ("subject", "patient", "beneficiary")


def version(clinosim: str) -> str:
    """Return the version of the generator behind the command `clinosim`."""
    told = (_population(clinosim) / "_generator_metadata.json").read_text(encoding="utf-8")
    return str(json.loads(told)["clinosim_version"])


def patient(clinosim: str, fhir_id: str) -> tuple[list[Resource], list[Resource]]:
    """Return the patient with everything recorded of them, and what belongs to nobody: people and places.

    Numbers are `Decimal`, references `Type/id`.

    Raises:
        LookupError: this version and seed make no such patient.
    """
    own: list[Resource] = []
    shared: list[Resource] = []
    for resource in _resources(_population(clinosim)):
        owner = next((resource[key]["reference"] for key in _OWNERS if key in resource), None)
        mine = resource["resourceType"] == "Patient" and resource["id"] == fhir_id
        if mine or owner == f"Patient/{fhir_id}":
            own.append(resource)
        elif owner is None and resource["resourceType"] != "Patient":
            shared.append(resource)
    if not own:
        raise LookupError(f"clinosim made no patient {fhir_id}")
    return own, shared


def _resources(folder: Path) -> Iterator[Resource]:
    for path in sorted(folder.glob("*.ndjson")):
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line, parse_float=Decimal) for line in lines)


@functools.cache
def _population(clinosim: str) -> Path:
    """Simulate the hospital once per process (about a minute) and return the folder of its export."""
    folder = Path(tempfile.mkdtemp(prefix="chartside-charts-"))
    command = [clinosim, "simulate", *ARGUMENTS, "-o", str(folder)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - operator's own
    return folder / "fhir_r4"
