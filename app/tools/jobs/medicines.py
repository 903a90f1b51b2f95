"""The rows of a medication review: each active order, its reason, the order before, and the results watched with it."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from app.fhir.chart import Chart, Line
from app.fhir.reader import LaunchChart
from app.llm.port import Entry
from app.llm.synonyms import contains
from app.llm.synonyms import load as load_synonyms
from app.tools.bounds import as_data
from app.tools.entries import line_entry, row_entry
from app.tools.jobs.picks import records
from app.tools.views import VIEWS

MOST_WATCHED = 3


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Results that are looked at with some medicines."""

    ingredients: tuple[str, ...]
    tests: tuple[str, ...]


def review(launch: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return each active order, followed by its reason, the order before it and its results; each says what it is."""
    chart, out = launch.chart, list[Entry]()
    launch.ensure("labs", "vitals", "problems")
    for entry in records(entries):
        line = chart.line(entry.handle)
        if line is not None:
            out += [
                entry,
                *_reason(chart, line),
                *_before(chart, line),
                *_watched(chart, entry.name),
            ]
    return out or list(entries)


def _reason(chart: Chart, line: Line) -> Iterator[Entry]:
    """Yield the problem that the order names, else the reason in its own words."""
    sent = chart.resources.get(line.reference, {}).get("reasonReference")
    named = (
        {str(r.get("reference")) for r in sent if isinstance(r, dict)}
        if isinstance(sent, list)
        else set()
    )
    linked = [x for x in chart.tables["P"] if x.reference in named]
    if linked:
        yield line_entry(chart, linked[0]).with_fields(("relation", "reason"))
    elif line.text("reason"):
        words = as_data(line.text("reason"))
        yield Entry(
            section="medications", handle=line.handle, name=words, fields=(("relation", "reason"),)
        )


def _before(chart: Chart, line: Line) -> Iterator[Entry]:
    """Yield the order of the same medicine before this one, with how many there are."""
    first = line.text("drug").casefold().split()[:1]
    older = [
        x for x in chart.tables["M"]
        if x.date < line.date and first and x.text("drug").casefold().split()[:1] == first
    ]  # fmt: skip
    older.sort(key=lambda x: x.date, reverse=True)
    if older:
        count = ("count", str(len(older)))
        yield line_entry(chart, older[0]).with_fields(("relation", "before"), count)


def _watched(chart: Chart, drug: str) -> Iterator[Entry]:
    """Yield the newest value of each result that the list names for a medicine."""
    synonyms = load_synonyms()
    names = [n for w in watches() if any(contains(drug, i) for i in w.ingredients) for n in w.tests]
    found = []
    for name in dict.fromkeys(names):
        codes = synonyms.test(name).loinc
        rows = [row_entry(chart, "L", r) for r in chart.grids["L"].rows if r.code in codes]
        newest = max((e for e in rows if e.cells), key=lambda e: e.cells[0].moment, default=None)
        if newest:
            found.append(
                replace(newest, cells=newest.cells[:1]).with_fields(("relation", "watched"))
            )
    found.sort(key=lambda e: not e.cells[0].flag)
    yield from found[:MOST_WATCHED]


@cache
def watches() -> tuple[Watch, ...]:
    """Read the list that comes with the application."""
    text = (resources.files("app.tools.jobs") / "monitoring.toml").read_text("utf-8")
    classes = load_synonyms().classes
    found = []
    for part in tomllib.loads(text)["watch"]:
        of_class = [i for c in classes if c.name in part.get("classes", ()) for i in c.ingredients]
        found.append(
            Watch(ingredients=(*part.get("ingredients", ()), *of_class), tests=tuple(part["tests"]))
        )
    return tuple(found)


# ---------------------------------------------------------------- home, stay and discharge

# Which lists a medicine stands on, and what that is called; the order in which they are shown.
LISTS: Mapping[tuple[bool, bool, bool], str] = {
    (False, False, True): "Discharge orders only",
    (False, True, True): "Ordered in the stay and at discharge",
    (True, False, True): "Home list and discharge orders",
    (True, True, True): "Home list, stay and discharge orders",
    (True, True, False): "Home list and stay",
    (True, False, False): "Home list only",
    (False, True, False): "Ordered in the stay only",
}
SILENT = "Setting not stated: home, stay or discharge"


def compared(launch: LaunchChart, entries: Sequence[Entry]) -> list[Entry]:
    """Return active orders and reported medicines under the lists they stand on, compared by the first word of the name."""
    chart, found = launch.chart, records(entries)
    launch.ensure("medications", "statements")
    on: dict[str, set[str]] = {}
    for name in ("home", "inpatient", "discharge"):
        lines = VIEWS[f"{name}_medications"].lines(chart)
        on[name] = {_first(x.text("drug")) for x in lines if x.group == "active"}
    out = []
    for entry in found:
        word = _first(entry.name)
        where = (word in on["home"], word in on["inpatient"], word in on["discharge"])
        out.append(entry.with_fields(("label", LISTS.get(where, SILENT))))
    order = [*LISTS.values(), SILENT]
    out.sort(key=lambda e: order.index(e.field("label")))
    return out or list(entries)


def _first(drug: str) -> str:
    return next(iter(drug.casefold().split()), "")
