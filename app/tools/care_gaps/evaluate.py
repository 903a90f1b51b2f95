"""Hold one rule against the chart: met, not met, excluded, cannot tell, or a rule for others.

"Not met" needs every section that could hold the evidence, and those of every exclusion, read to their ends: else nothing is
"due", and what was not read is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.fhir.chart import Chart, why_incomplete
from app.fhir.citation import ComputedInput
from app.fhir.dates import as_date, day, months_before, years_old
from app.fhir.measures.rules import Evidence, Rule
from app.fhir.reader import LaunchChart
from app.fhir.sections import SECTION_WORDS
from app.fhir.source import Complete
from app.fhir.unsorted import lacking
from app.tools.bounds import as_data
from app.tools.calculators.inputs import Inputs, Need
from app.tools.care_gaps.records import Hit, hits, nameless
from app.tools.entries import none_records

Status = Literal["not met", "cannot tell", "met", "excluded", "does not apply"]
Answer = Literal["yes", "no", "unknown"]
MOST_VALUE = 1_000.0


@dataclass(kw_only=True)
class Result:
    """What came of one rule: `who` and `evidence` are what it used, with their places; `missing` is what could not be told."""

    rule: Rule
    status: Status = "does not apply"
    who: list[ComputedInput] = field(default_factory=list)
    evidence: list[ComputedInput] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def ends(self, status: Status) -> "Result":
        """Return this result with its status; what is certain misses nothing."""
        self.status = status
        if status != "cannot tell":
            self.missing = []
        return self


def evaluate(launch: LaunchChart, rule: Rule) -> Result:
    """Return the result of one rule; the sections it needs have been read on as far as the EHR gives them."""
    out = Result(rule=rule)
    for criterion in (_ages, _sex, _population):
        if (answer := criterion(launch, rule, out)) != "yes":
            return out.ends("does not apply" if answer == "no" else "cannot tell")
    excluded = [_holds(launch, one, out, quiet=True) for one in rule.exclusion]
    if "yes" in excluded:
        return out.ends("excluded")
    groups = []
    for group in rule.met:
        before = len(out.evidence)
        groups.append([_holds(launch, one, out) for one in group])
        if set(groups[-1]) == {"yes"}:
            # What meets it is all that is shown.
            out.evidence = out.evidence[before:]
            return out.ends("met")
    open_group = any("no" not in group for group in groups)
    return out.ends("cannot tell" if open_group or "unknown" in excluded else "not met")


# ---------------------------------------------------------------- who


def _ages(launch: LaunchChart, rule: Rule, out: Result) -> Answer:
    born = str(launch.chart.patient.get("birthDate") or "")
    years = years_old(born, _today(launch.chart))
    if years is None:
        out.missing.append("date of birth")
        return "unknown"
    out.who.append(ComputedInput(name="Age", text=f"{years} years", moment=born, role="born"))
    low, high = rule.ages
    return "yes" if low <= years <= high else "no"


def _sex(launch: LaunchChart, rule: Rule, out: Result) -> Answer:
    if not rule.sex:
        return "yes"
    ask = Inputs(launch=launch)
    female = ask.female()
    out.who += ask.used
    out.missing += ask.missing
    if female is None:
        return "unknown"
    return "yes" if female == (rule.sex == "female") else "no"


def _population(launch: LaunchChart, rule: Rule, out: Result) -> Answer:
    answers = [_holds(launch, one, out, quiet=True) for one in rule.population]
    out.who, out.evidence = [*out.who, *out.evidence], []
    if not answers or "yes" in answers:
        return "yes"
    return "unknown" if "unknown" in answers else "no"


# ---------------------------------------------------------------- evidence


def _holds(launch: LaunchChart, one: Evidence, out: Result, *, quiet: bool = False) -> Answer:
    """Tell whether the chart has this evidence; `quiet`: that there is none needs no row."""
    chart, start = launch.chart, since(launch.chart, one)
    every = [hit for hit in hits(chart, one) if hit.date[:10] <= _today(chart)]
    inside = [hit for hit in every if hit.date[:10] >= start] if start else every
    unplaced = [hit for hit in every if start and hit not in inside and start.startswith(hit.date)]
    unread = _unread(launch, one)
    if one.has_limit:
        return _within_limit(launch, one, inside, unread, out)
    days = {hit.date[:10]: hit for hit in reversed(inside)}
    if len(days) >= one.count:
        out.evidence += [_found(one, hit) for hit in list(days.values())[-one.count :][::-1]]
        return "yes"
    open_ones = unread or [
        *(f"the day of {one.set.name} ({as_data(hit.text)})" for hit in unplaced),
        *_without_name(chart, one, start),
    ]
    out.missing += open_ones
    if not quiet:
        out.evidence.append(_nothing(chart, one, every, inside, start))
    return "unknown" if open_ones else "no"


def _without_name(chart: Chart, one: Evidence, start: str) -> list[str]:
    """Count, by section, the records of the time that do not say what they are."""
    today, said = _today(chart), []
    for name in one.set.sections:
        dates = [line.date[:10] for line in nameless(chart, one, name)]
        inside = [d for d in dates if d <= today and (d >= start or start.startswith(d))]
        if inside:
            said.append(lacking(len(inside), f"a name in {SECTION_WORDS[name].lower()}"))
    return said


def _within_limit(
    launch: LaunchChart, one: Evidence, inside: Sequence[Hit], unread: list[str], out: Result
) -> Answer:
    """Compare the newest value; it is the newest only of a section that was read to its end."""
    chart, start = launch.chart, since(launch.chart, one)
    if unread:
        out.missing += unread
        return "unknown"
    if not inside:
        out.evidence.append(_nothing(chart, one, hits(chart, one), inside, start))
        return "no"
    need = Need(
        name=one.set.name, loinc=one.set.loinc, unit=one.unit, low=0, high=MOST_VALUE, section=one.set.sections[0]
    )  # fmt: skip
    newest = [
        m for m in Inputs(launch=launch).series(need, start) if m.used.handle == inside[0].handle
    ]
    if not newest:
        out.missing.append(f"{one.set.name} as a number ({day(inside[0].date)})")
        return "unknown"
    out.evidence.append(newest[0].used)
    value = newest[0].value
    within = value <= one.at_most if one.at_most is not None else value < (one.below or 0)
    return "yes" if within else "no"


def since(chart: Chart, one: Evidence) -> str:
    """Return the ISO day that evidence is counted from, "" for ever."""
    today = _today(chart)
    if one.season:
        this_year = f"{today[:4]}-{one.season}"
        return this_year if this_year <= today else f"{int(today[:4]) - 1}-{one.season}"
    return months_before(today, one.months) if one.months else ""


def _unread(launch: LaunchChart, one: Evidence) -> list[str]:
    states = [(name, launch.sections.get(name)) for name in one.set.sections]
    return [
        as_data(f"{SECTION_WORDS[name].lower()}: {why_incomplete(state)}")
        for name, state in states
        if not isinstance(state, Complete)
    ]


def _found(one: Evidence, hit: Hit) -> ComputedInput:
    return ComputedInput(
        name=_capital(one.set.name),
        text=as_data(hit.text),
        handle=hit.handle,
        moment=hit.date,
        role=hit.role,
    )


def _nothing(
    chart: Chart, one: Evidence, every: Sequence[Hit], inside: Sequence[Hit], start: str
) -> ComputedInput:
    """State that there is too little, with the newest there is; a search is cited where there is none at all."""
    limits = f" since {day(start)}" if start else ""
    if inside:
        n = len({hit.date[:10] for hit in inside})
        return ComputedInput(
            name=_capital(one.set.name), text=f"{n} of {one.count}{limits}", handle=inside[0].handle,
            moment=inside[0].date, role=inside[0].role,
        )  # fmt: skip
    if every:
        text = f"none{limits}; the newest is older" if as_date(every[0].date) else f"none{limits}"
        return ComputedInput(
            name=_capital(one.set.name), text=text, handle=every[0].handle, moment=every[0].date, role=every[0].role
        )  # fmt: skip
    (record, *_) = none_records(chart, f"{one.set.name}{limits}", one.set.sections)
    text = "none recorded" if record.complete else "not found in what was read"
    return ComputedInput(name=_capital(one.set.name), text=text, handle=record.handle)


def _today(chart: Chart) -> str:
    return chart.now.astimezone(chart.zone).date().isoformat()


def _capital(name: str) -> str:
    return name if name[1:2].isupper() else name[:1].upper() + name[1:]
