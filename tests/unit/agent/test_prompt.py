"""What a provider caches: the beginning of a request is the same bytes in every turn and every process."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from app.agent.prompt import compose
from app.llm.port import Request
from tests.ndjson_source import launch
from tests.unit.agent.scripted import Scripted, say
from tests.unit.agent.shown import services

ROOT = Path(__file__).parents[3]
PRINT = "from tests.unit.agent.test_prompt import beginning; print(beginning('marlena'))"


def bytes_of(request: Request) -> bytes:
    return json.dumps(asdict(request), ensure_ascii=False).encode()


def beginning(chart: str) -> str:
    """Return a digest of the beginning that a fresh process composes of a chart."""
    found = services(launch(chart), Scripted(say("")))
    return hashlib.sha256(bytes_of(compose(found, ()))).hexdigest()


def test_two_processes_with_other_hash_seeds_compose_the_same_bytes() -> None:
    found = [
        subprocess.run(
            [sys.executable, "-c", PRINT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert found == [beginning("marlena")] * 2


def test_the_overview_is_the_one_that_was_kept_and_only_for_a_language_model() -> None:
    chart = launch("marlena")
    told = compose(services(chart, Scripted(say("")), digest=lambda: "KEPT", session="s"), ())
    assert (told.digest, told.session) == ("KEPT", "s")
    assert compose(services(chart, digest=lambda: "KEPT"), ()).digest == ""
