"""A sample of the questions by the FHIR API and by an EHR's MCP server alone: the same answers, or a gap with a name.

All sixty, for every shape of tools: `python -m bench ehr_mcp`.
"""

from dataclasses import replace
from pathlib import Path

from sandbox.mcp.switches import Switches
from tests.evals.retrieval_gold import names, questions
from tests.evals.routes import compare, launched
from tests.mcp_ehr import mcp_only
from tests.stack import make_stack

CHART = "child"
ASKED = questions(26, but=[name for name in names() if name != CHART])


def test_an_mcp_server_gives_the_same_answers_or_names_the_gap(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    live = make_stack(tmp_path / "live")
    switches = Switches()
    by_mcp = make_stack(tmp_path, launch_config=mcp_only(tmp_path, "typed"), mcp=switches)
    found = compare(ASKED, launched(live), launched(by_mcp))
    by_mcp.transport.close()
    kinds = {one.question.kind: one.verdict for one in found}
    assert set(kinds.values()) == {"same", "named gap"}
    assert [kind for kind, verdict in kinds.items() if verdict == "named gap"] == [
        "medicines given"
    ]
    gap = next(one.gap for one in found if not one.same)
    assert gap.startswith(
        "Medication administrations (the EHR's MCP server): this EHR does not offer"
    )


def test_a_difference_without_a_word_is_found(tmp_path: Path) -> None:
    live = make_stack(tmp_path)
    (one,) = compare(ASKED[:1], launched(live), launched(live))
    assert one.verdict == "same"
    silent = replace(one, other=replace(one.other, found=frozenset(("Condition/other",))))
    assert silent.verdict == "differs"
