"""Records as no server should send them: seeded mutations of the sandbox's own, and everything that reads a chart.

A mutated record may be unreadable, but then it is counted: it stands in a table or a grid, or it is counted as left out,
or its section says that it was not read to its end. Whatever raises anything but a deliberate error is a crash.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.agent.facts import facts
from app.boundary import Boundary
from app.errors import ChartsideError
from app.fhir import blocks
from app.fhir.banner import banner
from app.fhir.card import build_card
from app.fhir.chart import Chart
from app.fhir.client import FhirSource
from app.fhir.reader import LaunchChart
from app.fhir.sections import SECTIONS
from app.fhir.source import Complete, Resource
from app.fhir.source_view import source
from app.tools.calculators.catalogue import CALCULATORS
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from app.tools.views import VIEWS
from tests.hostile.server import ISS, Behaviour, HostileEhr, Request, chart_of
from tests.ndjson_source import context, manifest

CHARTS = ("marlena", "messy", "stay-kidney", "stay-heart", "newborn", "child")
# Of each type this many records stand beside the mutated one.
NEIGHBOURS = 3
USER = "Practitioner/none"
STRANGE: tuple[Any, ...] = (
    None, True, 5, -1, 0.1, 10**30, 1e308, "", " ", "x", [], {}, [None], [[]], ["x"], [5], {"x": 1}, {"value": "x"},
    "2026-13-45", "0000-00-00", "9999-12-31T23:59:60Z", "2026-11-08T02:30:00", "24:00", "-5", "NaN", "1e400", "\0",
    "\u202e", "é́", "<b>x</b>", "urn:uuid:x", "Patient/other", "#p", "http://[", "|", "a|b\nc", "L3b", "[P3]",
)  # fmt: skip
QUERIES = (
    "select handle, name, status, time from records order by time desc",
    "select handle, test, value, unit, time from results where value > 1",
)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One mutated record: which chart and record it was, what was done, and what is sent."""

    chart: str
    original: Resource
    sent: Resource
    done: str

    @property
    def reference(self) -> str:
        """Return the reference of the record, as it was."""
        return f"{self.original['resourceType']}/{self.original['id']}"


def mutants(seed: int, n: int) -> Iterator[Mutant]:
    """Yield `n` mutants, every type in turn."""
    drawn = random.Random(seed)
    every: dict[str, list[tuple[str, Resource]]] = {}
    read = {section.kind for section in SECTIONS}
    for chart in CHARTS:
        for kind, found in chart_of(chart).items():
            if kind in read:
                every.setdefault(kind, []).extend((chart, r) for r in found)
    kinds = sorted(every)
    for at in range(n):
        chart, original = drawn.choice(every[kinds[at % len(kinds)]])
        sent = json.loads(json.dumps(original, default=float))
        done = [_mutate(drawn, sent) for _ in range(drawn.choice((1, 1, 2, 4)))]
        yield Mutant(chart=chart, original=original, sent=sent, done="; ".join(filter(None, done)))


# ---------------------------------------------------------------- mutations


def _places(found: Any, path: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Yield every place inside a record as its container, its key there and its path."""
    items = (
        found.items()
        if isinstance(found, dict)
        else enumerate(found)
        if isinstance(found, list)
        else ()
    )
    for key, value in list(items):
        if path or key not in ("resourceType", "id"):
            yield found, key, f"{path}.{key}"
            yield from _places(value, f"{path}.{key}")


def _mutate(drawn: random.Random, record: Resource) -> str:
    places = list(_places(record))
    elements = sorted({path.split(".")[1] for _, __, path in places})
    if not elements:
        return ""
    # An element first, then a place inside it: long lists of codings are not all that is mutated.
    element = drawn.choice(elements)
    holder, key, path = drawn.choice([p for p in places if p[2].split(".")[1] == element])
    name = drawn.choice(sorted(MUTATIONS))
    MUTATIONS[name](drawn, holder, key, places)
    return f"{name} {path}"


Places = Sequence[tuple[Any, Any, str]]


def _delete(_: random.Random, holder: Any, key: Any, __: Places) -> None:
    del holder[key]


def _retype(drawn: random.Random, holder: Any, key: Any, _: Places) -> None:
    holder[key] = drawn.choice(STRANGE)


def _nest(drawn: random.Random, holder: Any, key: Any, _: Places) -> None:
    value = holder[key]
    holder[key] = drawn.choice(
        ([value], [[value]], {"value": value}, {str(key): value}, [value, None])
    )


def _duplicate(_: random.Random, holder: Any, key: Any, __: Places) -> None:
    value = holder[key]
    holder[key] = [*value, *value] if isinstance(value, list) else [value, value]


def _swap(drawn: random.Random, holder: Any, key: Any, places: Places) -> None:
    other, there, _ = drawn.choice(places)
    if there in (other if isinstance(other, dict) else range(len(other))):
        copied = json.loads(json.dumps([holder[key], other[there]]))
        holder[key] = copied[1]
        if other is not holder or there != key:
            other[there] = copied[0]


def _oversize(drawn: random.Random, holder: Any, key: Any, _: Places) -> None:
    value = holder[key]
    deep: Any = "x"
    for _level in range(60):
        deep = [deep] if drawn.random() < 0.5 else {"extension": deep}
    long = value * 300 if isinstance(value, list) else str(value) * 2000
    holder[key] = drawn.choice((long, deep, "9" * 5000, 10**400))


def _rename(drawn: random.Random, holder: Any, key: Any, _: Places) -> None:
    if isinstance(holder, dict):
        holder[drawn.choice((f"_{key}", str(key).upper(), f"{key}x"))] = holder.pop(key)


MUTATIONS: Mapping[str, Callable[[random.Random, Any, Any, Places], None]] = {
    "delete": _delete, "retype": _retype, "nest": _nest, "duplicate": _duplicate, "swap": _swap, "oversize": _oversize,
    "rename": _rename,
}  # fmt: skip


# ---------------------------------------------------------------- a server with one of them


class MutantEhr(HostileEhr):
    """A correct server over a few records of each type, one of which it sends mutated."""

    def __init__(self, mutant: Mutant) -> None:
        def record(found: Resource, _: Request) -> Resource:
            return mutant.sent if found is mutant.original else found

        super().__init__(mutant.chart, Behaviour(name="mutant", record=record))
        self._by_type = _neighbours(mutant)


def _neighbours(mutant: Mutant) -> dict[str, list[Resource]]:
    """Return a few records of each type, the original of the mutant among them."""
    return {
        kind: [r for at, r in enumerate(found) if at < NEIGHBOURS or r is mutant.original]
        for kind, found in chart_of(mutant.chart).items()
    }


def launched(mutant: Mutant) -> LaunchChart:
    """Return a launch on the chart that holds a mutant."""
    told = manifest(mutant.chart)
    now = datetime.fromisoformat(told["as_of"]).astimezone(ZoneInfo("America/Chicago"))
    boundary = Boundary(frozenset(("https://ehr.test",)), False, MutantEhr(mutant))
    who = context(told["patient"], now, iss=ISS)
    return LaunchChart(FhirSource(boundary, who, lambda: "t", sleep=lambda _: None), who, now)


# ---------------------------------------------------------------- everything that reads a chart


def crashes(mutant: Mutant, *, one_in: int = 1, at: int = 0) -> list[str]:
    """Read a mutant's chart in every way; return what raised, and that the mutant was dropped without a word.

    `one_in`: call only this share of the tools, another one for each `at`, and cite only the mutant.
    """
    launch = launched(mutant)
    try:
        launch.first_read()
    except ChartsideError:
        return []  # the Patient itself: nothing is shown, and that is said
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
        return [_said("first read", error)]
    found = []
    for name, way in _ways(launch, mutant, one_in, at):
        try:
            way()
        except ChartsideError:
            continue
        except Exception as error:  # noqa: BLE001
            found.append(_said(name, error))
    return found or ([] if is_accounted_for(launch, mutant) else ["dropped without a word"])


def _said(where: str, error: Exception) -> str:
    at = error.__traceback__
    while at and at.tb_next:
        at = at.tb_next
    place = f"{at.tb_frame.f_code.co_filename.rpartition('/app/')[2]}:{at.tb_lineno}" if at else ""
    return f"{where}: {type(error).__name__}: {str(error)[:80]} ({place})"


def _ways(
    launch: LaunchChart, mutant: Mutant, one_in: int, at: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "card", lambda: _sent(build_card(launch, launch.sources, launch.now, USER))
    yield "banner", lambda: _sent(banner(launch))
    yield "ensure", lambda: launch.ensure(*(section.name for section in SECTIONS))
    yield "card of everything", lambda: _sent(build_card(launch, launch.sources, launch.now, USER))
    registry = Registry(CHART_TOOLS, launch, launch.context)
    for name, arguments in list(_calls())[at % one_in :: one_in]:
        yield f"{name} {json.dumps(arguments)}", partial(registry.call, name, arguments)
    yield "citations", lambda: _cited(launch, mutant.reference if one_in > 1 else "")
    yield "export", lambda: json.dumps(launch.export())


def _calls() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "chart_overview", {}
    yield "chart_pending", {}
    yield "changes_since", {"anchor": "date", "date": "2026-06-01"}
    for anchor in ("my_last_visit", "admission", "last_note", "24h"):
        yield "changes_since", {"anchor": anchor}
    for section in VIEWS:
        yield "chart_section", {"section": section, "limit": 100}
        yield "chart_section", {"section": section, "since": "7d", "words": "pain"}
    for kind in ("labs", "vitals", "other"):
        yield "chart_results", {"kind": kind}
    yield (
        "chart_results",
        {"tests": ["potassium", "weight"], "since": "2026-01-01", "until": "2026-11-19"},
    )
    yield "chart_notes", {}
    yield "chart_notes", {"words": ["pain"]}
    yield "note_read", {"note": "N1"}
    yield "chart_search", {"words": ["potassium", "stroke", "warfarin"]}
    yield "safety_checks", {}
    for sql in QUERIES:
        yield "chart_query", {"sql": sql}
    for name in CALCULATORS:
        yield "calculate", {"name": name}


def _cited(launch: LaunchChart, only: str) -> None:
    """Open the source of everything that has a handle (of one record, with `only`), and show it as a block."""
    chart = launch.chart
    handles = [x.handle for lines in chart.tables.values() for x in lines]
    for grid in chart.grids.values():
        handles += [r.handle for r in grid.rows]
        handles += [r.handle + place for r in grid.rows for place in r.cells]
    if only:
        handles = [h for h in handles if any(f.reference == only for f in chart.evidence(h))]
    for handle in handles:
        launch.chart.label(handle)
        launch.chart.summary(handle)
        facts(handle, chart.evidence(handle), chart.zone)
        _sent(source(launch, launch.sources.number(handle)))
        _sent(blocks.show(launch, [handle]))


def _sent(shown: Any) -> bytes:
    return msgspec.json.encode(shown)


def is_accounted_for(launch: LaunchChart, mutant: Mutant) -> bool:
    """Tell whether the mutant, like its neighbours, is shown, counted as left out, or makes its section incomplete."""
    chart, kind = launch.chart, mutant.original["resourceType"]
    states = [chart.sections.get(s.name) for s in SECTIONS if s.kind == kind]
    if kind == "Patient" or not all(isinstance(state, Complete) for state in states):
        return True
    hidden = [r for r in _neighbours(mutant)[kind] if not _is_shown(chart, f"{kind}/{r['id']}")]
    counted = sum(n for why, n in chart.left_out.items() if why.startswith(f"{kind} "))
    return counted >= len(hidden)


def _is_shown(chart: Chart, reference: str) -> bool:
    in_tables = any(x.reference == reference for lines in chart.tables.values() for x in lines)
    return in_tables or any(
        fact.reference == reference
        for grid in chart.grids.values()
        for row in grid.rows
        for cell in row.cells.values()
        for reading in cell
        for fact in reading.evidence
    )
