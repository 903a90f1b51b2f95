"""Read a chart folder: `manifest.json` says whose chart it is, `chart.ndjson.gz` holds its resources."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sandbox.settings import SandboxConfigurationError


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One loaded chart. `as_of` is the chart's own "now", which its dates are relative to."""

    name: str
    title: str
    patient_id: str
    as_of: datetime
    folder: Path

    @property
    def resources_path(self) -> Path:
        """Where the resources stand, one per line."""
        return self.folder / "chart.ndjson.gz"

    @property
    def relative_id(self) -> str:
        """The id of the RelatedPerson that every chart gets, so that a proxy's launch can be tried."""
        return f"relative-{self.patient_id}"


def read_manifest(folder: Path) -> Chart:
    """Return the chart that `folder` describes.

    Raises:
        SandboxConfigurationError: no manifest, a missing entry, or an `as_of` without a zone.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        chart = Chart(
            name=manifest["name"],
            title=manifest["title"],
            patient_id=manifest["patient"].removeprefix("Patient/"),
            as_of=datetime.fromisoformat(manifest["as_of"]),
            folder=folder,
        )
    except (OSError, ValueError, KeyError) as error:
        raise SandboxConfigurationError(f"{path}: {type(error).__name__}: {error}") from error
    if chart.as_of.tzinfo is None:
        raise SandboxConfigurationError(f"{path}: as_of needs a zone")
    return chart


def read_lines(chart: Chart) -> Iterator[bytes]:
    """Yield the chart's resources as JSON text, without empty lines."""
    with gzip.open(chart.resources_path, "rb") as lines:
        yield from (line for line in lines if line.strip())


def digest(charts: tuple[Chart, ...]) -> str:
    """Return a hash of the charts' bytes; equal charts in equal order give an equal hash."""
    total = hashlib.sha256()
    for chart in charts:
        total.update(chart.patient_id.encode())
        total.update(hashlib.sha256(chart.resources_path.read_bytes()).digest())
    return total.hexdigest()
