"""How many tokens the chart costs a language model (o200k_base, counted by npm js-tiktoken).

`against` is what others need for the same, where it was measured. A figure without a goal is reported only.
"""

import json
import re
import string
import subprocess
import time
from pathlib import Path
from shutil import which

from app.boundary import pretty_fhir
from app.fhir.chart import Chart
from app.fhir.sections import GRIDS, SECTIONS
from app.fhir.tables import digest, measurements, table
from app.tools.chart_tools import CHART_TOOLS
from app.tools.jobs.catalogue import JOBS
from app.tools.registry import Registry
from app.tools.summaries import summary
from app.tools.views import VIEWS
from bench import made_chart
from bench.figures import show
from tests.ndjson_source import launch, resources

# What the largest answers come from, beside every section: all results, words that stand in every note, wide queries.
LARGE_QUESTIONS: tuple[tuple[str, dict[str, object]], ...] = (
    ("chart_overview", {}), ("chart_pending", {}), ("chart_notes", {}), ("chart_notes", {"words": ["patient"]}),
    ("note_read", {"note": "N1"}), ("changes_since", {"anchor": "date", "date": "1950-01-01"}),
    ("chart_results", {"kind": "labs"}), ("chart_results", {"kind": "vitals"}), ("chart_results", {"kind": "other"}),
    ("chart_results", {"tests": ["creatinine", "potassium", "sodium", "glucose", "hemoglobin", "platelets"]}),
    ("chart_search", {"words": ["breast", "pain", "dental"]}),
    ("chart_query", {"sql": "SELECT handle, name, time, detail, author, site FROM records ORDER BY time DESC"}),
)  # fmt: skip
REPORTS: tuple[tuple[str, dict[str, object]], ...] = tuple(
    ("chart_job", {"name": job.name}) for job in JOBS
)
DECLARED = re.compile(r"CUT: \d|\d more|older left out|more passages|^\d+ of \d+:", re.MULTILINE)
HERE = Path(__file__).parent
ALL = 10**9


def count(texts: list[str]) -> list[int]:
    """Return the o200k_base tokens of each text."""
    node = which("node")
    if node is None:
        raise SystemExit("bench.tokens needs node on the path")
    done = subprocess.run(
        [node, str(HERE / "count_tokens.mjs")],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"count_tokens.mjs failed: {done.stderr.strip()[-300:]}")
    found: list[int] = json.loads(done.stdout)
    return found


def values(chart: Chart, prefix: str) -> int:
    """Count the values of a grid, components singly."""
    rows = chart.grids[prefix].rows
    return sum(len(r.evidence) for row in rows for cell in row.cells.values() for r in cell)


def digests() -> None:
    """Measure the overview of each chart."""
    goals = {"typical": 1800.0, "marlena": None}
    sizes = count([digest(launch(name)) for name in goals])
    for (name, goal), size in zip(goals.items(), sizes, strict=True):
        against = "344,000 raw (FHIR MCP servers)" if goal else ""
        show(f"tokens.digest_{name}", size, "tokens", goal=goal, against=against)


def labs() -> None:
    """Measure every laboratory value of a chart, each citable, with names, units, ranges and dates."""
    for name, goal in (("typical", 10.0), ("large", 7.0)):
        chart = launch(name)
        chart.ensure("labs")
        (size,) = count([measurements(chart.chart, "L", budget_tokens=ALL)])
        each = round(size / values(chart.chart, "L"), 2)
        against = "32 to 497 (FHIR MCP servers)"
        show(f"tokens.labs_per_value_{name}", each, "tokens per value", goal=goal, against=against)


def known_sizes() -> None:
    """Measure a chart of known size: 990 laboratory values of 30 tests, 12 problems, 12 orders."""
    chart = made_chart.launch()
    chart.ensure("labs", "problems", "medications")
    grid = chart.chart.grids["L"]
    assert values(chart.chart, "L") == made_chart.TESTS * made_chart.DRAWS
    text, _ = summary(chart.chart, "L", grid.rows)
    texts = {
        "labs1000_citable": (measurements(chart.chart, "L", budget_tokens=ALL), 5200),
        "labs1000_summary": (text, 1500),
        "problems12": (table(chart.chart, "P"), 240),
        "medications12": (table(chart.chart, "M"), 330),
    }
    sizes = count([text for text, _ in texts.values()])
    for (name, (_, goal)), size in zip(texts.items(), sizes, strict=True):
        show(f"tokens.{name}", size, "tokens", goal=goal)


def ratios() -> None:
    """Measure what a chart of 7,000 resources costs as sent, as its overview, and as every clinical row; and compiling it."""
    chart = launch("large")
    chart.ensure(*(section.name for section in SECTIONS))
    raw = [pretty_fhir(r) for r in resources("large")]
    compact = [
        json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")) for text in raw
    ]
    grids = [measurements(chart.chart, prefix, budget_tokens=ALL) for prefix in GRIDS]
    rows = [table(chart.chart, s.prefix, section=s.name, most=ALL) for s in SECTIONS if s.table]
    sizes = count([*compact, *grids, *rows, digest(launch("large"))])
    every, views, overview = sizes[: len(compact)], sizes[len(compact) : -1], sizes[-1]
    show("tokens.digest_large", overview, "tokens", goal=3500, against=f"{len(raw):,} resources")
    show("tokens.raw_ratio_digest", sum(every) // overview, "times", goal=250, at_least=True)
    show("tokens.raw_ratio_all", sum(every) // sum(views), "times", goal=40, at_least=True)
    started = time.process_time()
    chart.read_again()
    spent = (time.process_time() - started) * 1000
    show("tokens.compile_ms_large", round(spent), "ms of CPU", goal=150, against="first pages")


def largest_result() -> None:
    """Measure the largest answer that any tool gives of the largest chart, asked for as much as it takes.

    An answer that leaves something out says so: `CUT`, `more` or how to go on; one that does not is an error here.
    """
    chart = launch("large")
    registry = Registry(CHART_TOOLS, chart, chart.context)
    asked = [
        (f"chart_section {view}", registry.call("chart_section", {"section": view, "limit": 100}))
        for view in VIEWS
    ]
    for name, arguments in (*LARGE_QUESTIONS, *REPORTS):
        asked.append((f"{name} {arguments}", registry.call(name, arguments)))
    sizes = count([result.text for _, result in asked])
    size, (name, result) = max(zip(sizes, asked, strict=True), key=lambda pair: pair[0])
    for what, found in asked:
        assert not found.is_error, (what, found.text)
        named = {h.rstrip("'").rstrip(string.ascii_lowercase) for h in found.handles}
        left_out = {e.handle for e in found.entries} - {""} - named
        assert not left_out or DECLARED.search(found.text), (what, sorted(left_out)[:5])
    declared = "truncation declared" if DECLARED.search(result.text) else "whole"
    show(
        "tokens.largest_result",
        size,
        "tokens",
        goal=4500,
        against=f"{name}, {declared}; of {len(asked)} calls",
    )


def tool_list() -> None:
    """Measure the list of tools as a model is sent it: names, descriptions and schemas as compact JSON."""
    chart = launch("typical")
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
        for tool in Registry(CHART_TOOLS, chart, chart.context).describe()
    ]
    (size,) = count([json.dumps(tools, ensure_ascii=False, separators=(",", ":"))])
    show(
        "tokens.tool_list",
        size,
        "tokens",
        goal=2500,
        against=f"{len(tools)} tools; 600 to 8,000 (FHIR MCP servers)",
    )


MEASURES = (digests, labs, known_sizes, ratios, largest_result, tool_list)


def main() -> None:
    """Print all figures."""
    for measure in MEASURES:
        measure()


if __name__ == "__main__":
    main()
