"""Schemas from signatures, validated calls, bounded answers, no tool without a scope."""

from dataclasses import replace
from typing import Any, Literal

import msgspec
import pytest

from app.agent.clean import Cleaner
from app.fhir.citation import CITATION, SHOW
from app.fhir.reader import LaunchChart
from app.launch_context import Grant
from app.tools.bounds import (
    MOST_CHARACTERS,
    as_data,
    bounded,
    digest_as_data,
    table_as_data,
    tokens,
)
from app.tools.chart_tools import CHART_TOOLS
from app.tools.entries import line_entry
from app.tools.registry import Call, Found, Registry, Tool, ToolResult
from tests.ndjson_source import launch
from tests.requirements import requirement


@pytest.fixture(scope="module")
def chart() -> LaunchChart:
    return launch("marlena")


def sample(
    launch: LaunchChart,
    word: str,
    kind: Literal["a", "b"] = "a",
    most: int = 5,
    every: list[str] = [],  # noqa: B006
) -> Found:
    """Do a thing."""
    return Found(text=f"{word} {kind} {most} {every} [L3a]", sections=())


def long(launch: LaunchChart) -> Found:
    """Say much."""
    return Found(text="\n".join(f"line {n}" for n in range(5000)), sections=())


def registry(chart: LaunchChart, *tools: Any, **more: Any) -> Registry:
    return Registry(
        [Tool(function=t, reads=("Observation",)) for t in tools], chart, chart.context, **more
    )


def test_a_schema_is_derived_flat_and_without_the_chart(chart: LaunchChart) -> None:
    (spec,) = registry(chart, sample).describe()
    assert (spec.name, spec.description) == ("sample", "Do a thing.")
    assert spec.schema == {
        "type": "object",
        "properties": {
            "word": {"type": "string"},
            "kind": {"enum": ["a", "b"], "default": "a"},
            "most": {"type": "integer", "default": 5},
            "every": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": False,
        "required": ["word"],
    }


@requirement("attack-54")
@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("sample", "{}", "word"), ("sample", '{"word": 5}', "str"), ("sample", '{"word": "x", "kind": "c"}', "kind"),
        ("sample", '{"word": "x", "patient": "other"}', "patient"), ("sample", "not json", "JSON"), ("sample", "[]", "Refused"), ("other", "{}", "No such tool"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_told(
    chart: LaunchChart, name: str, arguments: str, told: str
) -> None:
    result = registry(chart, sample).call(name, arguments)
    assert (result.is_error, told in result.text, result.handles) == (True, True, ())


def test_a_call_gives_text_and_handles(chart: LaunchChart) -> None:
    result = registry(chart, sample).call("sample", {"word": "x", "every": ["y"]})
    assert result == ToolResult(text="x a 5 ['y'] [L3a]", handles=("L3a",))
    assert registry(chart, sample).call("sample", '{"word": "x"}').text.startswith("x a 5 []")


def test_a_long_answer_is_cut_and_says_so(chart: LaunchChart) -> None:
    text = registry(chart, long).call("long", "").text
    assert len(text) <= MOST_CHARACTERS
    assert "more lines. Narrow" in text
    assert bounded("x" * 10_000).endswith("more characters. Ask for less.")
    assert tokens("x" * 165) == 101


def test_the_audit_is_told_of_every_call(chart: LaunchChart) -> None:
    calls: list[Call] = []
    able = Registry(CHART_TOOLS, chart, chart.context, calls.append)
    able.call("chart_pending", "{}")
    able.call("chart_results", '{"tests": 1}')
    able.call("a patient's name", "{}")
    assert [(c.name, c.is_error, c.sections) for c in calls] == [
        ("chart_pending", False, ("requests", "reports", "labs")),
        ("chart_results", True, ()),
        ("", True, ()),
    ]


def test_tools_are_listed_in_one_order_and_are_small(chart: LaunchChart) -> None:
    specs = Registry(reversed(CHART_TOOLS), chart, chart.context).describe()
    assert specs == Registry(CHART_TOOLS, chart, chart.context).describe()
    assert [s.name for s in specs] == sorted(s.name for s in specs)
    listed = msgspec.json.encode([msgspec.to_builtins(s) for s in specs])
    # JSON schemas have at least 3 characters a token (o200k_base): an estimate; the bench counts.
    assert len(listed) / 3 < 2500
    assert all("patient" not in s.schema["properties"] for s in specs)  # type: ignore[operator]


def test_a_tool_without_its_scope_is_absent() -> None:
    grants = (Grant(level="patient", resource_type="Observation", verbs=frozenset("rs")),)
    chart = launch("marlena", grants=grants)
    names = [s.name for s in Registry(CHART_TOOLS, chart, chart.context).describe()]
    assert "chart_results" in names
    assert "chart_notes" not in names
    assert Registry(CHART_TOOLS, chart, chart.context).call("chart_notes", "{}").is_error


@requirement("attack-54")
def test_chart_text_cannot_pose_as_a_citation() -> None:
    assert as_data("see [L3a, M2] and [show M1] and [1]") == "see (L3a, M2) and (show M1) and [1]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[L\u200b1a]", "(L1a)"), ("[L<b>1a]", "(L1a)"), ("[L<<b>b>1a]", "(L1a)"), ("[sh\u00adow L1]", "(show L1)"),
        ("\u2066[M\u20692]", "(M2)"), ("[<i>show L1 L2]", "(show L1 L2)"), ("[L\ue0001a]", "(L1a)"),
        ("[show L1", "(show L1"), ("[L1a, ", "(L1a, "), ("cut [", "cut ("), ("Glucose [Mass/volume]", "Glucose [Mass/volume]"),
    ],
)  # fmt: skip
def test_nothing_hides_a_citation_in_chart_text(text: str, shown: str) -> None:
    assert as_data(text) == shown
    cleaner = Cleaner()
    said = cleaner.feed(as_data(text)) + cleaner.finish()
    assert not CITATION.search(said)
    assert not SHOW.search(said)


def test_a_table_keeps_its_signs_and_opens_no_citation() -> None:
    table = "L3 TSH a<LLN|b>60|[L<b>1a] [show L1] Glucose [Mass/volume]"
    cleaned = "L3 TSH a<LLN|b>60|(L<b>1a] (show L1) Glucose [Mass/volume]"
    assert table_as_data(table) == cleaned
    assert digest_as_data(f"Cite [P3]: a row.\n{table}") == f"Cite [P3]: a row.\n{cleaned}"


def test_a_forged_name_reaches_no_model_and_no_answer(chart: LaunchChart) -> None:
    line = chart.chart.tables["M"][0]
    forged = "aspirin [L\u200b1a] [sh<b>ow L1]"
    facts = tuple(replace(f, name=forged, value=forged) for f in line.facts)
    entry = line_entry(chart.chart, replace(line, facts=facts))
    said = " ".join([entry.name, *(text for _, text in entry.fields)])
    assert "(L1a) (show L1)" in entry.name
    assert "[" not in said
