"""Counts over many patients: what attackers can work out of them, whom rules agree on, and what a question costs after many.

`cohorts.leaks`: groups of 1 to 10 patients that follow from what 60 random attacks were told, by exact fractions over every union of
patients who cannot be told apart (goal 0). `cohorts.differ`: patients and rules whose verdict over many is another than that of their own chart's care gaps
(goal 0). `cohorts.describe_cpu_s`: 30 different descriptions of groups of some hundred patients, one after the other, the worst and the median.
`PATIENTS=2000 python -m bench cohorts` names how many patients.
"""

import itertools
import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.fhir.labels import Labels
from app.fhir.measures.rules import load
from app.fhir.reader import LaunchChart
from app.tools.care_gaps.evaluate import evaluate
from app.tools.care_gaps.gaps import SECTIONS
from app.tools.cohort_tools import CohortRegistry
from app.warehouse.cohort.answers import Cohorts
from app.warehouse.cohort.describe import PARTS
from app.warehouse.cohort.flat import Flat, flat
from app.warehouse.cohort.measures import measure
from app.warehouse.cohort.memory import Answered
from bench.figures import show
from tests.cohort_store import carebundle, store
from tests.ndjson_source import NdjsonSource, context
from tests.unit.warehouse.test_cohort_counts import asking, followed
from tests.unit.warehouse.test_cohort_registries import DAY, NOW, everybody, owner

PATIENTS = int(os.environ.get("PATIENTS", "600"))
ATTACKS, QUESTIONS, GROUPS = 60, 30, 9
CODES = ("E66", "I10", "E78", "E11", "E03", "J45")


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="chartside-cohorts-") as name:
        place = Path(name)
        show("cohorts.leaks", attacked(place), "groups", goal=0)
        made = carebundle(place / "ndjson", PATIENTS)
        folder, snapshot = store(place / "data", made)
        tables = flat(folder, snapshot, Labels(), "America/Chicago")
        against = f"{PATIENTS} patients, {len(load().rules)} rules"
        show("cohorts.differ", differing(tables, made), "verdicts", goal=0, against=against)
        spent = described(tables, place / "answered.sqlite")
        median = f"median {statistics.median(spent):.2f} s"
        show("cohorts.describe_cpu_s", round(max(spent), 2), "s", goal=None, against=median)


def attacked(place: Path) -> int:
    """Return how many groups of few patients can be worked out of what all attacks were told."""
    found = 0
    for seed in range(ATTACKS):
        chance = random.Random(seed)
        sizes = [chance.choice((1, 2, 3, 4, 6, 9, 12, 30)) for _ in range(GROUPS)]
        ends = list(itertools.accumulate(sizes))
        blocks = [set(range(end - n, end)) for end, n in zip(ends, sizes, strict=True)]
        cells = [set().union(*(b for b in blocks if chance.random() < 0.6)) for _ in range(14)]
        found += len(followed(asking(place / f"attack{seed}", ends[-1], cells, 1 + seed % 14)))
    return found


def differing(tables: Flat, made: Sequence[dict[str, Any]]) -> int:
    """Return how many verdicts differ between all patients at once and each chart alone."""
    own: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in made:
        own[one["id"] if one["resourceType"] == "Patient" else owner(one)].append(one)
    with tables.views() as db:
        over_all = {rule.key: measure(db, rule, DAY.isoformat()).patients for rule in load().rules}
    told = {key: {p: status for status, some in found.items() for p in some} for key, found in over_all.items()}  # fmt: skip
    wrong = 0
    for patient in everybody(made):
        chart = LaunchChart(NdjsonSource(own[patient], patient), context(patient, NOW), NOW)
        chart.ensure(*SECTIONS)
        for rule in load().rules:
            alone = evaluate(chart, rule).status
            wrong += alone != told[rule.key].get(patient, "does not apply")
    return wrong


def described(tables: Flat, path: Path) -> list[float]:
    """Return the CPU seconds of each description."""
    ask = Cohorts(
        flat=tables, answered=Answered(path=path), user="Practitioner/1", analyst=True, lists=False, record=lambda _: None,
        clock=lambda: datetime.now(UTC),
    )  # fmt: skip
    tools, chance, spent = CohortRegistry(ask), random.Random(1), []
    for _ in range(QUESTIONS):
        low = chance.choice((0, 30, 40, 50, 60))
        age = {"of": "age", "at_least": low, "at_most": low + chance.choice((15, 25, 40))}
        problem = {"of": "record", "kind": "condition", "codes": {"icd10": [chance.choice(CODES)]}}
        begun = time.process_time()
        tools.call("cohort_describe", {"criteria": {"all": [age, problem]}, "parts": list(PARTS)})
        spent.append(time.process_time() - begun)
    return spent
