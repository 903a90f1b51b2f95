"""A launch reads its chart from the store of its EHR's export: the same answers as from the EHR, never more, and with a date."""

from zoneinfo import ZoneInfo

import pytest

from app.fhir.glass import ChartRestricted
from app.fhir.sections import SECTIONS
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from sandbox.profile_answers import _mark
from tests.evals.retrieval_gold import names, questions
from tests.interaction.warehouse.stored import Both, compared, open_both, stored_stack
from tests.stack import Stack

LARGE = ("large", "messy", "stay-heart", "stay-kidney", "typical", "child")
# Its Patient is shown to nobody: a test of its own, below.
SHOWN_TO_NOBODY = "special/employee"
CHARTS = [name for name in names() if name not in LARGE]
SECTION_NAMES = [section.name for section in SECTIONS]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return stored_stack(tmp_path_factory.mktemp("stored"), CHARTS)


def test_sixty_questions_get_the_same_answers_from_the_store_as_from_the_ehr(stack: Stack) -> None:
    found = compared(stack, questions(60, but=(*LARGE, SHOWN_TO_NOBODY)))
    assert [(a.question.arguments, a.text, b.text) for a, b in found.answers if a != b] == []
    assert found.from_store > 2 * found.from_ehr


@pytest.mark.parametrize("chart", ["glass", "sub-type", "restricted", "adolescent"])
def test_the_store_never_shows_what_the_ehr_holds_back(stack: Stack, chart: str) -> None:
    """The export holds it all: its client acts for no user."""
    both = open_both(stack, f"special/{chart}")
    assert sections(both, stored=True) == sections(both, stored=False)
    shown = {f"{r['resourceType']}/{r['id']}" for read in both.stored._reads.values() for r in read.resources}  # fmt: skip
    marked = {f"{r['resourceType']}/{r['id']}" for r in stack.state.data_plane.every() if _mark(r)}
    assert marked
    assert not shown & marked


def test_a_patient_whom_the_ehr_does_not_show_is_not_shown_from_the_store(stack: Stack) -> None:
    both = open_both(stack, SHOWN_TO_NOBODY)
    with pytest.raises(ChartRestricted):
        both.stored.first_read()
    assert both.stored.sections == {}


def test_an_answer_from_the_store_says_up_to_when_it_was_exported(stack: Stack) -> None:
    both = open_both(stack, "newborn")
    result = Registry(CHART_TOOLS, both.stored, both.context).call("chart_section", {"section": "problems"})  # fmt: skip
    # The site's own day, which is not the server's.
    today = stack.clock().astimezone(ZoneInfo("America/Chicago")).strftime("%d-%b-%Y")
    assert f"\nFROM the store, data as of {today} " in result.text
    card = both.launched.get("/card").get_json()
    assert "Read by the store, data as of" in str(card)


def sections(both: Both, *, stored: bool) -> dict[str, object]:
    chart = both.stored if stored else both.live
    chart.ensure(*SECTION_NAMES)
    return {
        name: (read.completeness, sorted(f"{r['resourceType']}/{r['id']}" for r in read.resources))
        for name, read in chart._reads.items()
    }
