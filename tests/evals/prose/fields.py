"""The words that templates are filled with, drawn from one chart's facts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random

from tests.evals.prose.chart import ChartFile, Order, Record, Result

STYLES = (
    "%d-%b-%Y", "%d %b %Y", "%B %-d, %Y", "%b %-d, %Y", "%Y-%m-%d", "%-d %B %Y", "%m/%d/%Y", "%d-%b-%Y", "%-d %b %Y",
    "%-d %b", "%B %-d", "%d-%b",
)  # fmt: skip
YEARLESS = 9
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, kw_only=True)
class Filling:
    """What a template can say: words by key, dates by key (printed in one style), and the facts behind them."""

    kind: str
    chart: ChartFile
    words: Mapping[str, str]
    dates: Mapping[str, date] = field(default_factory=dict)
    style: int = 0
    facts: tuple[Result | Order | Record, ...] = ()

    def change(self, **words: str) -> "Filling":
        return replace(self, words={**self.words, **words})

    def all(self) -> dict[str, str]:
        """Return every word; empty ones are not there."""
        shown = {k: d.strftime(STYLES[self.style]) for k, d in self.dates.items()}
        return {k: v for k, v in {**self.words, **shown}.items() if v != ""}


def style(rng: Random, days: list[date], chart: ChartFile) -> int:
    """Choose how dates are written; a date without its year only within this year."""
    last = len(STYLES) if all(d.year == chart.today.year for d in days) else YEARLESS
    return rng.randrange(last)


def cite(*refs: str) -> str:
    return f"[[{';'.join(refs)}]]"


def patient(chart: ChartFile) -> dict[str, str]:
    """Say who the patient is."""
    p = chart.patient
    born = date.fromisoformat(p["birthDate"])
    before = (chart.today.month, chart.today.day) < (born.month, born.day)
    woman = p["gender"] == "female"
    name = f"{p['name'][0]['given'][0]} {p['name'][0]['family']}"
    return {
        "patient": name, "family": p["name"][0]["family"], "age": str(chart.today.year - born.year - before),
        "sex": "woman" if woman else "man", "female": "female" if woman else "male", "her": "her" if woman else "his",
        "Her": "Her" if woman else "His", "She": "She" if woman else "He", "title": "Ms." if woman else "Mr.",
    }  # fmt: skip


def value(r: Result, n: str = "") -> dict[str, str]:
    return {f"value{n}": r.value, f"unit{n}": r.unit.replace("{score}", "").replace("{INR}", "")}


def one(chart: ChartFile, rng: Random) -> Filling | None:
    """One result."""
    r = rng.choice(chart.results)
    levels = {"H": ("high", "above"), "L": ("low", "below"), "N": ("normal", "within")}
    level, above = levels.get(r.flag, ("", ""))
    words = {
        **patient(chart), **value(r), "test": rng.choice(r.names), "test_long": r.names[0], "c": cite(r.ref),
        "flag": r.flag if r.flag in ("H", "L") else "", "level": level, "elevated": {"H": "elevated", "L": "low"}.get(r.flag, ""),
        "above": above if above != "within" and r.low and r.high else "", "low": r.low, "high": r.high, "status": r.status,
        "role": "measured" if r.vital else "collected", "was": "was", "time": r.clock if not r.vital else "",
    }  # fmt: skip
    dates = {"date": r.day, **({"issued": r.issued} if r.issued and not r.vital else {})}
    if r.status == "preliminary" or (r.status == "corrected" and rng.random() < 0.5):
        return None
    return Filling(
        kind="one",
        chart=chart,
        words=words,
        dates=dates,
        style=style(rng, list(dates.values()), chart),
        facts=(r,),
    )


def trend(chart: ChartFile, rng: Random) -> Filling | None:
    """Two results of one test, in order of time."""
    second = rng.choice(chart.results)
    earlier = [
        r
        for r in chart.results
        if r.code == second.code and r.unit == second.unit and r.day < second.day
    ]
    if not earlier:
        return None
    first = max(earlier, key=lambda r: r.day) if rng.random() < 0.6 else rng.choice(earlier)
    if float(first.value) == float(second.value):
        return None
    up = float(second.value) > float(first.value)
    words = {
        **patient(chart), "test": rng.choice(second.names), "test_long": second.names[0], "v1": first.value, "v2": second.value,
        "unit": second.unit, "rose": rng.choice(("rose", "increased", "climbed", "went up") if up else ("fell", "decreased", "dropped", "declined")),
        "rise": "rise" if up else "fall", "higher": "higher" if up else "lower", "rising": "rising" if up else "falling",
        "c": cite(first.ref, second.ref), "c1": cite(first.ref), "c2": cite(second.ref), "series": cite(f"series:{second.ref}"),
    }  # fmt: skip
    dates = {"d1": first.day, "d2": second.day}
    return Filling(
        kind="trend",
        chart=chart,
        words=words,
        dates=dates,
        style=style(rng, [first.day, second.day], chart),
        facts=(first, second),
    )


def panel(chart: ChartFile, rng: Random) -> Filling | None:
    """Three results of one moment."""
    first = rng.choice(chart.results)
    beside = {
        r.code: r
        for r in chart.results
        if r.day == first.day and r.clock == first.clock and r.vital == first.vital
    }
    beside.pop(first.code)
    if len(beside) < 2:
        return None
    three = [first, *rng.sample(sorted(beside.values(), key=lambda r: r.code), 2)]
    if len({float(r.value) for r in three}) < 3:
        return None
    words = {"c": cite(*(r.ref for r in three)), "c12": cite(*(r.ref for r in three[:2])), "role": "measured" if first.vital else "collected",
             **patient(chart)}  # fmt: skip
    for n, r in enumerate(three, 1):
        words |= {
            f"t{n}": rng.choice(r.names),
            f"v{n}": r.value,
            f"u{n}": r.unit.replace("{score}", ""),
            f"c{n}": cite(r.ref),
            f"f{n}": r.flag if r.flag in ("H", "L") else "",
        }
    return Filling(
        kind="panel",
        chart=chart,
        words=words,
        dates={"date": first.day},
        style=style(rng, [first.day], chart),
        facts=tuple(three),
    )


def pressure(chart: ChartFile, rng: Random) -> Filling | None:
    found = rng.choice(chart.pressures)
    words = {**patient(chart), "top": found.top, "bottom": found.bottom, "c": cite(found.ref), "role": rng.choice(("measured", "taken")), "was": "was",
             "bp": rng.choice(("blood pressure", "BP"))}  # fmt: skip
    record = Record(
        ref=found.ref, kind="pressure", name="blood pressure", day=found.day, status="final"
    )
    return Filling(
        kind="pressure",
        chart=chart,
        words=words,
        dates={"date": found.day},
        style=style(rng, [found.day], chart),
        facts=(record,),
    )


def order(chart: ChartFile, rng: Random) -> Filling | None:
    o = rng.choice(chart.orders)
    active = o.status == "active"
    words = {
        **patient(chart), "drug": o.drug if len(o.drug) > 3 and "/" not in o.name and not o.name[0].isdigit() else "", "name": o.name,
        "dose": f"{o.dose} {o.unit}" if o.unit else "", "often": o.often, "route": o.route if o.route == "oral" else "",
        "ostatus": o.status, "Ostatus": o.status.capitalize(), "who": o.who, "refills": o.refills, "days": o.days, "why": o.why.casefold(),
        "stopped_for": o.stopped_for.casefold() if o.status == "stopped" else "", "c": cite(o.ref), "ordered": rng.choice(("ordered", "prescribed")),
        "active": "active" if active else "", "stopped": rng.choice(("stopped", "discontinued")) if o.status == "stopped" else "",
        "completed": "completed" if o.status == "completed" else "", "was": "was" if active else "",
    }  # fmt: skip
    return Filling(
        kind="order",
        chart=chart,
        words=words,
        dates={"date": o.day},
        style=style(rng, [o.day], chart),
        facts=(o,),
    )


def allergy(chart: ChartFile, rng: Random) -> Filling | None:
    if not chart.allergies:
        return None
    a = rng.choice(chart.allergies)
    words = {
        **patient(chart),
        "substance": a.name if a.name != "Allergic disposition" else "",
        "reaction": a.more,
        "grave": a.grave,
        "who": a.who,
        "c": cite(a.ref),
        "has": "has",
    }
    return Filling(
        kind="allergy",
        chart=chart,
        words=words,
        dates={"date": a.day} if a.day else {},
        style=style(rng, [a.day] if a.day else [], chart),
        facts=(a,),
    )


def problem(chart: ChartFile, rng: Random) -> Filling | None:
    p = rng.choice(chart.problems)
    side = next((s for s in ("left", "right") if f"{s} " in p.name.casefold()), "")
    words = {
        **patient(chart), "problem": p.name, "has": "has" if p.status == "active" else "", "pstatus": p.status, "active": "active" if p.status == "active" else "",
        "resolved": p.status if p.status in ("resolved", "inactive") else "", "who": p.who, "c": cite(p.ref), "side": side,
        "sure": "confirmed" if p.status == "active" else "", "is": "is",
    }  # fmt: skip
    dates = {
        **({"onset": p.day} if p.day else {}),
        **({"recorded": p.recorded} if p.recorded else {}),
    }
    return Filling(
        kind="problem",
        chart=chart,
        words=words,
        dates=dates,
        style=style(rng, list(dates.values()), chart),
        facts=(p,),
    )


def visit(chart: ChartFile, rng: Random) -> Filling | None:
    v = rng.choice(chart.visits)
    if v.day is None:
        return None
    words = {
        **patient(chart),
        "visit": v.name[:1].lower() + v.name[1:],
        "who": v.who,
        "site": v.site,
        "why": v.more[:1].lower() + v.more[1:],
        "c": cite(v.ref),
        "vstatus": v.status if v.status == "finished" else "",
    }
    return Filling(
        kind="visit",
        chart=chart,
        words=words,
        dates={"date": v.day},
        style=style(rng, [v.day], chart),
        facts=(v,),
    )


def quotable(note: Record, chart: ChartFile) -> list[str]:
    """Return lines of a note that stand in no earlier note, short enough to be quoted."""
    earlier = " ".join(
        " ".join(n.text.split())
        for n in chart.notes
        if n.day and note.day and (n.day < note.day or (n.day == note.day and n.ref < note.ref))
    ).casefold()
    flat = [
        " ".join(s.split())
        for p in note.text.replace("\r", "").split("\n\n")
        for s in p.replace("\n#", "\n\n#").split(". ")
    ]
    plain = [
        s.rstrip(".")
        for s in flat
        if not any(mark in s for mark in ("#", "“", '"', "(", ";", "- "))
    ]
    return [s for s in plain if 4 <= len(s.split()) <= 16 and s.casefold() not in earlier]


def note(chart: ChartFile, rng: Random) -> Filling | None:
    n = rng.choice([n for n in chart.notes if n.text])
    lines = quotable(n, chart)
    if not lines or n.day is None:
        return None
    words = {
        **patient(chart),
        "quote": rng.choice(lines),
        "who": n.who,
        "note": n.name.casefold(),
        "c": cite(n.ref),
        "signed": rng.choice(("signed", "written")),
    }
    return Filling(
        kind="note",
        chart=chart,
        words=words,
        dates={"date": n.day},
        style=style(rng, [n.day], chart),
        facts=(n,),
    )


def denial(chart: ChartFile, rng: Random) -> Filling | None:
    """What a note denies in a sentence of its own: "No black stools."."""
    able = [
        (n, s)
        for n in chart.notes
        for s in re.findall(r"(?:^|[.\n] ?)No ([a-z]+(?: [a-z]+)?)(?=[.,])", n.text)
        if s not in ("red flags", "new diagnoses")
    ]
    if not able:
        return None
    n, thing = rng.choice(able)
    assert n.day
    words = {
        **patient(chart),
        "thing": thing,
        "denied": "denied",
        "no": "No",
        "who": n.who,
        "note": n.name.casefold(),
        "c": cite(n.ref),
    }
    return Filling(
        kind="denial",
        chart=chart,
        words=words,
        dates={"date": n.day},
        style=style(rng, [n.day], chart),
        facts=(n,),
    )


def request(chart: ChartFile, rng: Random) -> Filling | None:
    if not chart.requests:
        return None
    r = rng.choice(chart.requests)
    assert r.day
    words = {
        **patient(chart),
        "requested": r.name,
        "who": r.who,
        "c": cite(r.ref),
        "ordered": rng.choice(("ordered", "requested")),
        "rstatus": r.status,
    }
    return Filling(
        kind="request",
        chart=chart,
        words=words,
        dates={"date": r.day},
        style=style(rng, [r.day], chart),
        facts=(r,),
    )


# Looked for in the words of the whole chart before it is denied.
ABSENT = {
    "labs": ("urine albumin", "lactate", "ferritin", "uric acid", "NT-proBNP", "lithium"),
    "medications": (
        "rivaroxaban",
        "gabapentin",
        "sertraline",
        "prednisone",
        "allopurinol",
        "amiodarone",
    ),
    "problems": ("gout", "cirrhosis", "psoriasis", "epilepsy", "celiac disease"),
    "allergies": ("latex", "codeine", "iodine"),
}


def absent(chart: ChartFile, rng: Random) -> Filling | None:
    """Something that stands nowhere in the chart, and the search for it."""
    section = rng.choice(sorted(ABSENT))
    what = rng.choice(ABSENT[section])
    if what.casefold() in chart.everything or (what == "urine albumin" and chart.name != "marlena"):
        return None
    words = {
        **patient(chart),
        "what": what,
        "c": cite(f"search:{what}|{section}"),
        "count": f"count:{section}",
        "no": "No",
        "not": "not",
        section: section,
    }
    return Filling(kind="absent", chart=chart, words=words)


def sequence(chart: ChartFile, rng: Random) -> Filling | None:
    """An order and a result, one before the other."""
    o, r = rng.choice(chart.orders), rng.choice(chart.results)
    if (
        o.day == r.day
        or not o.drug
        or "/" in o.name
        or o.name[0].isdigit()
        or o.status != "active"
        or len(o.drug) <= 3
    ):
        return None
    before = o.day < r.day
    words = {**patient(chart), **value(r), "drug": o.drug, "test": r.names[0], "before": "before" if before else "after", "after": "after" if before else "before",
             "preceded": "preceded" if before else "followed", "co": cite(o.ref), "cr": cite(r.ref), "c": cite(o.ref, r.ref)}  # fmt: skip
    return Filling(
        kind="sequence",
        chart=chart,
        words=words,
        dates={"d1": o.day, "d2": r.day},
        style=style(rng, [o.day, r.day], chart),
        facts=(o, r),
    )


def several(chart: ChartFile, rng: Random) -> Filling | None:
    """A few records of one kind, counted."""
    kind = rng.choice(("notes", "active orders", "results"))
    pools: dict[str, list[str]] = {
        "notes": [n.ref for n in chart.notes if n.text],
        "active orders": [o.ref for o in chart.orders if o.status == "active"],
        "results": [],
    }
    some = rng.choice(chart.results)
    pools["results"] = [r.ref for r in chart.results if r.code == some.code]
    many = rng.randrange(2, 5)
    if len(pools[kind]) < many:
        return None
    cited = rng.sample(pools[kind], many)
    words = {
        **patient(chart),
        "n": NUMBERS[many],
        "digit": str(many),
        "c": cite(*cited),
        "kind": kind if kind != "results" else f"{some.names[0]} results",
    }
    return Filling(kind="several", chart=chart, words=words)


def general(chart: ChartFile, rng: Random) -> Filling | None:
    """Nothing of this chart; a result only for what is wrong to call general."""
    r = rng.choice(chart.results)
    return Filling(
        kind="general",
        chart=chart,
        words={**patient(chart), "test": r.names[0], **value(r)},
        facts=(r,),
    )


Fill = Callable[[ChartFile, Random], Filling | None]
KINDS: Mapping[str, Fill] = {
    "one": one, "trend": trend, "panel": panel, "pressure": pressure, "order": order, "allergy": allergy, "problem": problem,
    "visit": visit, "note": note, "denial": denial, "request": request, "absent": absent, "sequence": sequence, "several": several, "general": general,
}  # fmt: skip
