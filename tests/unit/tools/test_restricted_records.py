"""Invariant 8: what is labelled restricted is counted by every tool that reads its section, never silently dropped."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from app.fhir.reader import LaunchChart
from app.fhir.sections import SectionName
from app.fhir.source import Completeness, Failed, Query, Read, Resource, Restricted, Truncated
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from tests.ndjson_source import NdjsonSource, context, manifest, resources

PSY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
TOLD = manifest("messy")
NOW = datetime.fromisoformat(TOLD["as_of"]).astimezone(ZoneInfo("America/Chicago"))
CALLS: dict[str, dict[str, object]] = {
    "calculate": {"name": "crcl"},
    "changes_since": {"anchor": "24h"},
    "chart_job": {"name": "sbar"},
    "chart_notes": {},
    "chart_overview": {},
    "chart_pending": {},
    "chart_query": {"sql": "select handle, name from records where section = 'problems'"},
    "chart_results": {},
    "chart_search": {"words": ["vancomycin"]},
    "chart_section": {"section": "alerts"},
    "note_read": {"note": "N1"},
    "safety_checks": {"kind": "renal"},
}


def labelled(found: Iterable[Resource]) -> list[Resource]:
    """Return resources of which the first of each type carries a restricting label, but for who and what is only named."""
    seen = {"Patient", "Medication", "Practitioner", "Organization", "Location"}
    out = []
    for resource in found:
        first = resource["resourceType"] not in seen
        seen.add(resource["resourceType"])
        out.append({**resource, "meta": {"security": [PSY]}} if first else resource)
    return out


class Watched(LaunchChart):
    """A chart that remembers which sections it was asked for."""

    asked: list[SectionName] = []  # noqa: RUF012  # set before each use

    def ensure(self, *names: SectionName) -> dict[SectionName, Completeness]:
        self.asked = [*self.asked, *names]
        return super().ensure(*names)


def watched(source: NdjsonSource) -> Watched:
    return Watched(source, context(TOLD["patient"], NOW), NOW)


def test_every_tool_is_asked() -> None:
    assert set(CALLS) == {tool.name for tool in CHART_TOOLS}


@pytest.mark.parametrize("name", CALLS)
def test_a_tool_counts_what_is_withheld_of_every_section_it_reads(name: str) -> None:
    launch = watched(NdjsonSource(labelled(resources("messy")), TOLD["patient"]))
    launch.ensure("labs")
    launch.asked = []
    found = Registry(CHART_TOOLS, launch, launch.context).call(name, CALLS[name])
    assert not found.is_error
    held = {n for n in launch.asked if launch.sections[n].kind == "restricted"}
    assert held <= set(found.completeness)
    counted = [look for look in found.looks if look.completeness.kind == "restricted"]
    assert counted
    for look in counted:
        said = f"{look.label}: restricted by the EHR (1 record labelled restricted by the EHR, not shown here)"
        assert said in found.text


class Ended(NdjsonSource):
    """Searches of one type end in a given state."""

    state: Completeness

    def _answer(self, query: Query, most: int) -> Read:
        read = super()._answer(query, most)
        return replace(read, completeness=self.state) if query.resource_type == "Condition" else read  # fmt: skip


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (Restricted(why="more exists", n=10), "restricted by the EHR (more exists; 1 record labelled"),
        (Failed(reason="time-out", n=10), "not read (time-out; 1 record labelled"),
        (Truncated(n=10, total=99), "not shown here; 10 of 99 read)"),
        (Truncated(n=10, total=None), "not shown here; 10 read, and more exist)"),
    ],
)  # fmt: skip
def test_the_count_stands_beside_what_else_is_missing(state: Completeness, said: str) -> None:
    source = Ended(labelled(resources("messy")), TOLD["patient"])
    source.state = state
    launch = watched(source)
    found = Registry(CHART_TOOLS, launch, launch.context).call("chart_section", {"section": "problems"})  # fmt: skip
    assert said in found.text
    assert "1 record labelled restricted by the EHR, not shown here" in found.text
