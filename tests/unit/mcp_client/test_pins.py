"""Which tools may be called: what a tool says of itself decides first, then the site, then the hash."""

import pytest

from app.mcp.pins import Listed, Standing, standing, why_not
from app.smart.ehr_mcp import McpTool
from tests.requirements import requirement

SAYS_NOTHING: tuple[object, ...] = (
    None,
    {},
    {"title": "Search"},
    {"destructiveHint": False},
    {"openWorldHint": True},
)
WRITES: tuple[object, ...] = ({"readOnlyHint": False}, {"destructiveHint": True}, {"readOnlyHint": True, "destructiveHint": True}, {"readOnlyHint": "yes"})  # fmt: skip


def listed(annotations: object, description: str = "finds") -> Listed:
    given = {"name": "search", "description": description, "annotations": annotations}
    return Listed(name="search", definition=given)


def approved(tool: Listed, *, reads_only: bool) -> McpTool:
    return McpTool(sha256=tool.sha256, adapter="search", reads_only=reads_only)


@requirement("chartside:mcp:read-only")
@pytest.mark.parametrize("annotations", SAYS_NOTHING)
def test_one_that_says_nothing_is_called_only_where_the_site_answers_for_it(
    annotations: object,
) -> None:
    tool = listed(annotations)
    assert standing(None, tool) == "silent"
    assert standing(approved(tool, reads_only=False), tool) == "silent"
    assert standing(approved(tool, reads_only=True), tool) == "approved"
    assert standing(approved(tool, reads_only=True), listed(annotations, "writes")) == "changed"
    assert why_not("search", "silent", "it") == "the tool search of it does not say that it only reads, so it is not called"  # fmt: skip


@requirement("chartside:mcp:read-only")
@pytest.mark.parametrize("annotations", WRITES)
def test_for_one_that_says_that_it_may_write_no_site_can_answer(annotations: object) -> None:
    tool = listed(annotations)
    expected: Standing = "writes"
    assert standing(approved(tool, reads_only=True), tool) == expected
