"""The product knows no patient: nothing of a sandbox chart stands in its code or data files."""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHARTS = sorted((ROOT / "sandbox" / "charts").glob("*/chart.ndjson.gz"))


def code() -> str:
    """Return everything under `app/` as one text."""
    kinds = {".py", ".toml", ".json", ".sql", ".mako", ".txt", ".md"}
    return "\n".join(
        path.read_text("utf-8")
        for path in sorted((ROOT / "app").rglob("*"))
        if path.suffix in kinds
    )


def resources() -> Iterator[dict[str, Any]]:
    for chart in CHARTS:
        for line in gzip.decompress(chart.read_bytes()).splitlines():
            yield json.loads(line)


def test_no_patient_name_and_no_resource_id() -> None:
    text = code()
    words = set(re.findall(r"[\w.-]+", text))
    names, ids = set(), set()
    for resource in resources():
        ids.add(resource["id"])
        if resource["resourceType"] == "Patient":
            for name in resource["name"]:
                names |= {name["family"], *name["given"]}
    assert len(ids) > 8_000
    assert ids & words == set()
    assert [name for name in names if re.search(rf"\b{re.escape(name)}\b", text, re.I)] == []


def test_no_sentence_of_a_note() -> None:
    words = code().lower().split()
    text, pairs = " ".join(words), set(pairwise(words))
    sentences: set[str] = set()
    for resource in resources():
        for content in resource.get("content", []):
            data = content["attachment"].get("data")
            if data and content["attachment"].get("contentType", "").startswith("text/plain"):
                note = base64.b64decode(data).decode()
                parts = re.split(r"(?<=[.!?])\s+|\n+", note)
                sentences |= {" ".join(part.split()).lower() for part in parts}
    # A sentence of under four words ("Alert and oriented.") is nobody's own.
    assert [s for s in sentences if len(s.split()) > 3 and _stands_in(s, text, pairs)] == []


def _stands_in(sentence: str, text: str, pairs: set[tuple[str, str]]) -> bool:
    """Tell whether the sentence is part of the text. Its outer words may be parts of longer ones, its inner words
    are words of the text in the same order, which is looked up before the text is searched."""
    return all(pair in pairs for pair in pairwise(sentence.split()[1:-1])) and sentence in text


def test_no_result_of_a_patient() -> None:
    """No (code, value, date) triple of a chart occurs within one line of code."""
    lines = code().splitlines()
    dated = [
        line for line in lines if re.search(r"\d{4}-\d{2}-\d{2}|\d{2}-[A-Z][a-z]{2}-\d{4}", line)
    ]
    found = []
    for resource in resources():
        value = resource.get("valueQuantity", {}).get("value")
        if resource["resourceType"] != "Observation" or value is None:
            continue
        code_sent = resource["code"]["coding"][0]["code"]
        day = resource.get("effectiveDateTime", "")[:10]
        found += [
            line for line in dated if code_sent in line and str(value) in line and day in line
        ]
    assert found == []
