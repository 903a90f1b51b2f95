"""A sample of the questions directly and by an MCP host: the same records, and the same said of them.

All sixty, over every chart: `python -m bench mcp`.
"""

from pathlib import Path

from tests.evals.by_host import compare
from tests.evals.retrieval_gold import names, questions
from tests.evals.routes import launched
from tests.stack import make_stack, registered

CHART = "child"
ASKED = questions(16, but=[name for name in names() if name != CHART])


def test_a_host_is_told_what_the_chat_is_told(tmp_path: Path) -> None:
    often = 'hosts = ["*"]\ncalls_per_minute = 600'
    stack = make_stack(tmp_path, launch_config=registered(tmp_path, ('hosts = ["*"]', often)))
    found = compare(stack, ASKED, launched(stack))
    assert len(found) >= 15
    assert {one.verdict for one in found} == {"same"}
    # Neither is the same for telling nothing.
    assert sum(len(one.other.found) for one in found) > 30
    assert not any(one.other.missing for one in found)
