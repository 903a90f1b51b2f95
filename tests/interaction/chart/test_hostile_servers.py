"""A sample of what `bench/faults.py` asks of every server that behaves badly."""

import random

from bench.faults import CHARTS
from tests.hostile.behaviours import BEHAVIOURS
from tests.hostile.judge import QUESTIONS, Visit, judged

SAMPLED, SEED = 300, 20261120
# Too much for every run: tens of megabytes.
ONLY_IN_THE_BENCH = frozenset(("50 MB", "a gzip bomb", "a huge CapabilityStatement"))


def test_no_sampled_answer_behind_a_hostile_server_is_silently_wrong() -> None:
    """Every server is visited once, on one of the charts, and asked its share of the sample."""
    servers = [b for b in BEHAVIOURS if b.name not in ONLY_IN_THE_BENCH]
    drawn = random.Random(SEED)
    found = {}
    for server in servers:
        visit = Visit(chart=drawn.choice(CHARTS), behaviour=server)
        for question in drawn.sample(list(QUESTIONS), SAMPLED // len(servers)):
            if finding := judged(visit, question):
                found[visit.chart, server.name, question] = finding
    assert found == {}
