"""A sample of what `bench/faults.py` asks of every server that behaves badly."""

import random

from tests.hostile.behaviours import BEHAVIOURS
from tests.hostile.judge import QUESTIONS, Visit, judged

SAMPLED, SEED = 300, 20261120
# Too much for every run (tens of megabytes), and what the bench still finds; both stay in the bench.
ONLY_IN_THE_BENCH = frozenset((
    "50 MB", "a gzip bomb", "a huge CapabilityStatement", "no status", "status as an extension", "dates as extensions",
    "no numbers in quantities", "values of another kind", "no codes", "nothing but ids", "NUL in text",
))  # fmt: skip


def test_no_sampled_answer_behind_a_hostile_server_is_silently_wrong() -> None:
    servers = [b for b in BEHAVIOURS if b.name not in ONLY_IN_THE_BENCH]
    pairs = [(server, question) for server in servers for question in QUESTIONS]
    asked: dict[str, Visit] = {}
    found = {}
    for server, question in random.Random(SEED).sample(pairs, SAMPLED):
        visit = asked.setdefault(server.name, Visit(chart="marlena", behaviour=server))
        if finding := judged(visit, question):
            found[server.name, question] = finding
    assert found == {}
