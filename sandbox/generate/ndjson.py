"""Write a chart as `chart.ndjson.gz` and `manifest.json`, byte for byte the same every time.

Numbers are `Decimal` so that a result keeps the digits its laboratory reported: 5.0 stays 5.0 and
1.10 stays 1.10. `json` cannot write a `Decimal` as a number, hence the small writer here.
"""

import gzip
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.generate.clock import AS_OF

Resource = dict[str, Any]

CHARTS = Path(__file__).resolve().parent.parent / "charts"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One patient's resources and the words its manifest says about them."""

    name: str
    title: str
    patient: str
    generator: str
    generator_version: str
    seed: int | None
    resources: Sequence[Resource]
    notes: Sequence[str] = ()


def number(text: str) -> Decimal | int:
    """Return `text` as the JSON number with the same digits."""
    return Decimal(text) if "." in text else int(text)


def render(value: Any) -> str:
    """Return `value` as compact JSON; keys keep their order, decimals their digits.

    Raises:
        TypeError: a `float`, whose digits are not those the source wrote.
    """
    match value:
        case dict():
            return "{" + ",".join(f"{render(key)}:{render(value[key])}" for key in value) + "}"
        case list() | tuple():
            return "[" + ",".join(render(item) for item in value) + "]"
        case Decimal():
            return f"{value:f}"
        case float():
            raise TypeError(f"{value!r} is a float; charts hold Decimal")
        case _:
            return json.dumps(value, ensure_ascii=False)


def lines(resources: Sequence[Resource]) -> bytes:
    """Return the resources as NDJSON, in the order of their type and id."""
    ordered = sorted(resources, key=lambda resource: (resource["resourceType"], resource["id"]))
    return "".join(render(resource) + "\n" for resource in ordered).encode()


def compress(content: bytes) -> bytes:
    """Return `content` gzipped without a name or a time, so that equal input gives equal bytes."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as archive:
        archive.write(content)
    return packed.getvalue()


def manifest(chart: Chart) -> dict[str, Any]:
    """Return what a reader must know before opening the chart."""
    counts = Counter(resource["resourceType"] for resource in chart.resources)
    return {
        "name": chart.name,
        "title": chart.title,
        "patient": chart.patient,
        "as_of": AS_OF.isoformat(),
        "generator": chart.generator,
        "generator_version": chart.generator_version,
        "seed": chart.seed,
        "resources": len(chart.resources),
        "counts": dict(sorted(counts.items())),
        "notes": list(chart.notes),
    }


def files(chart: Chart) -> dict[str, bytes]:
    """Return the chart's files, by name, as they stand in its folder."""
    described = json.dumps(manifest(chart), indent=2, ensure_ascii=False) + "\n"
    return {
        "chart.ndjson.gz": compress(lines(chart.resources)),
        "manifest.json": described.encode(),
    }


def write(chart: Chart, charts: Path = CHARTS) -> Path:
    """Write the chart's files to its folder and return the folder."""
    folder = charts / chart.name
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files(chart).items():
        (folder / name).write_bytes(content)
    return folder
