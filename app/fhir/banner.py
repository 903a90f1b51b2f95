"""The identity strip: who this is, how old, which encounter, and the four allergy states, never mixed.

An empty allergy list is never "none".
"""

import re
from typing import Literal

from app.fhir.ages import patient_age
from app.fhir.chart import Chart, Line
from app.fhir.dates import day, days_between, years_old
from app.fhir.display import Allergies, Banner, Date, Piece
from app.fhir.pieces import plain, strong
from app.fhir.reader import LaunchChart
from app.fhir.source import Complete, Completeness, Resource, Restricted
from app.fhir.statements import none_known, not_asked
from app.fhir.values import codes
from app.fhir.visits import is_admission
from app.fhir.words import visit_words

ADULT = 18
WEIGHT = "29463-7"
TEST = "HTEST"
OPEN = frozenset(("in-progress", "arrived", "triaged", "onleave"))
CURRENT = frozenset(("active", "no status"))


def banner(launch: LaunchChart) -> Banner:
    """Return the banner of the launched patient."""
    chart, p = launch.chart, launch.chart.patient
    name, born = official_name(p), str(p.get("birthDate") or "")
    today = chart.now.date().isoformat()
    died = str(p.get("deceasedDateTime") or "")
    died_shown = (
        chart.print_date(died) if died else "date not sent" if p.get("deceasedBoolean") else ""
    )
    weight, weight_date = _weight(chart, born, today)
    notice, tone = _notice(p, died_shown, today)
    return Banner(
        family=str(name.get("family") or "").upper(), given=" ".join(name.get("given") or []),
        title=next(iter(name.get("prefix") or []), ""), born=day(born),
        age="" if died_shown and not died else patient_age(p, chart.now, chart.zone, died),
        sex=str(p.get("gender") or "sex not recorded").capitalize(), mrn=mrn(p), died=died_shown,
        weight=weight, weight_date=weight_date, encounter=_encounter(launch), allergies=allergies(chart),
        notice=notice, notice_tone=tone,
    )  # fmt: skip


def official_name(patient: Resource) -> Resource:
    """Return the official name, else the usual one, else the first that is not old."""
    names = [n for n in patient.get("name") or [] if isinstance(n, dict) and n.get("use") != "old"]
    by_use = {n.get("use"): n for n in reversed(names)}
    return by_use.get("official") or by_use.get("usual") or next(iter(names), {})


def mrn(patient: Resource) -> str:
    """Return the medical record number as sent: typed MR, else the identifier in usual use."""
    sent = [i for i in patient.get("identifier") or [] if isinstance(i, dict) and i.get("value")]
    typed = [i for i in sent if "MR" in codes(i.get("type"))]
    usual = [i for i in sent if i.get("use") == "usual"]
    return str(next((i["value"] for i in [*typed, *usual]), "not sent"))


def _weight(chart: Chart, born: str, today: str) -> tuple[str, str]:
    """Return the newest weight of a child and its date."""
    years = years_old(born, today)
    if years is None or years >= ADULT:
        return "", ""
    row = next((r for r in chart.grids["V"].rows if r.code == WEIGHT), None)
    if row is None:
        return "not recorded", ""
    newest = next(iter(row.cells.values()))[0]
    return f"{newest.text} {newest.unit}".strip(), day(newest.moment)


def _notice(patient: Resource, died: str, today: str) -> tuple[str, Literal["", "deceased", "rules"]]:  # fmt: skip
    """Return everything that is unusual about this record, most serious first."""
    said = []
    if died:
        when = f"Died {died}." if re.search(r"\d{4}$", died) else "Died, date not sent."
        said.append(f"{when} Care-gap and visit suggestions are off.")
    if patient.get("active") is False:
        said.append("This record is marked as not in use. Check that it is the right one.")
    if _is_test(patient):
        said.append("Test patient: not a real person.")
    years = years_old(str(patient.get("birthDate") or ""), today)
    if not died and years is not None and 12 <= years < ADULT:
        said.append("Age 12 to 17: confidentiality rules apply")
    return " ".join(said), "deceased" if died else "rules" if said else ""


def _is_test(patient: Resource) -> bool:
    """Tell whether a Patient is tagged as test data (http://terminology.hl7.org/CodeSystem/v3-ActReason, HTEST)."""
    meta = patient.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return any(
        isinstance(tag, dict) and tag.get("code") == TEST and str(tag.get("system")).endswith("v3-ActReason")
        for tag in (tags if isinstance(tags, list) else [])
    )  # fmt: skip


# ---------------------------------------------------------------- encounter


def current_encounter(launch: LaunchChart) -> Line | None:
    """Return the encounter of the launch, else the newest one that is open."""
    lines = launch.chart.tables.get("E", [])
    named = f"Encounter/{launch.context.encounter_id}"
    given = next((x for x in lines if x.reference == named), None)
    return given or next((x for x in lines if x.group in OPEN), None)


def _encounter(launch: LaunchChart) -> tuple[Piece, ...]:
    chart, line = launch.chart, current_encounter(launch)
    if line is None:
        return (plain("No open encounter"),)
    place = line.text("site")
    if is_admission(chart.resources[line.reference]) and line.group in OPEN:
        stay = days_between(line.date, chart.now.date().isoformat())
        since = (plain("Admitted"), Date(text=day(line.date)))
        # The day of admission is day 1.
        number = (plain(f", day {stay + 1}"),) if stay is not None else ()
        return (*since, *number, *((plain("·"), strong(place)) if place else ()))
    return (
        plain(visit_words(line)),
        Date(text=day(line.date)),
        *((plain(f", {place}"),) if place else ()),
    )


# ---------------------------------------------------------------- allergies


def known_allergies(chart: Chart) -> list[Line]:
    """Return current allergies, high criticality first; statements of none or of not asking are left out."""
    lines = [x for x in chart.tables.get("A", []) if x.group in CURRENT]
    real = [x for x in lines if not not_asked(chart.resources[x.reference])]
    return sorted(real, key=lambda x: x.text("criticality") != "high")


def allergies(chart: Chart) -> Allergies:
    """Return one of four states: known, none (stated), unasked (empty), unread (refused, failed or cut)."""
    known = known_allergies(chart)
    state = chart.sections.get("allergies")
    whole = isinstance(state, Complete)
    if known:
        text = "; ".join(_words(x) for x in known)
        more = "" if whole else "; more may exist, see the EHR"
        noun = "allergy" if len(known) == 1 else "allergies"
        return Allergies(
            state="known",
            title="Known allergies",
            text=text + more,
            short=(f"{len(known)} known", noun),
        )
    if not isinstance(state, Complete):
        return _unread(state)
    stated = [x for x in chart.tables.get("A", []) if none_known(chart.resources[x.reference])]
    if stated:
        return _stated(chart, stated)
    return Allergies(
        state="unasked", title="Allergies not recorded", text="ask, and record it in the EHR",
        short=("Allergies", "not recorded"),
    )  # fmt: skip


def _words(line: Line) -> str:
    reaction = line.text("reaction")
    return f"{line.text('substance')} – {reaction}" if reaction else line.text("substance")


def _unread(state: Completeness | None) -> Allergies:
    text = (
        "see the EHR"
        if not isinstance(state, Restricted)
        else "the EHR restricts them; see the EHR"
    )
    return Allergies(
        state="unread",
        title="Allergies could not be read",
        text=text,
        short=("Allergies", "not readable"),
    )


def _stated(chart: Chart, stated: list[Line]) -> Allergies:
    """Say what was stated: no known allergies at all, or of one kind only (drugs, food, environment)."""
    whole = [x for x in stated if "716186003" in codes(chart.resources[x.reference].get("code"))]
    line = (whole or stated)[0]
    title = "No known allergies" if whole else line.text("substance")
    recorded = f"recorded {day(line.date)}" if line.date else "date not sent"
    return Allergies(state="none", title=title, text=recorded, short=("No known", "allergies"))
