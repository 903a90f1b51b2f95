"""What `chart_section` can show: each view's sections, and which of their records and results belong to it.

A view is what a clinician asks for; a section is what an EHR is asked for. One view may need several sections (alerts
stand in flags, consents, diet orders, observations, orders and documents), and a section serves several views.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.fhir.chart import Chart, Line, section_lines
from app.fhir.orders import REFERRAL_CODES
from app.fhir.readings import Row
from app.fhir.sections import BY_NAME, SectionName
from app.fhir.source import Resource
from app.fhir.values import categories, codes

Keeps = Callable[[Resource, Line], bool]
KeepsRow = Callable[[Resource, Row], bool]


@dataclass(frozen=True, kw_only=True)
class View:
    """A view: the sections it reads, in the order shown, and what it keeps of them (all where nothing is said).

    `rows` names the grid whose series belong to it; `missing` says why a view cannot be answered at all;
    `derived` are the sections that its records' status is worked out from; `computed`: it is worked out by rules, and has
    no records of its own.
    """

    sections: tuple[SectionName, ...] = ()
    keep: Keeps | None = None
    rows: SectionName = ""
    keep_row: KeepsRow | None = None
    missing: str = ""
    computed: bool = False
    derived: tuple[SectionName, ...] = ()
    note: str = ""

    def lines(self, chart: Chart) -> list[Line]:
        """Return the records of this view, section by section."""
        found = [
            line
            for name in self.sections
            if BY_NAME[name].table
            for line in section_lines(chart, name)
        ]
        if self.keep is None:
            return found
        return [x for x in found if self.keep(chart.resources.get(x.reference, {}), x)]

    def series(self, chart: Chart) -> list[Row]:
        """Return the series of this view."""
        if not self.rows:
            return []
        rows = chart.grids[BY_NAME[self.rows].prefix].rows
        return [
            row for row in rows if self.keep_row is None or self.keep_row(_newest(chart, row), row)
        ]


def _newest(chart: Chart, row: Row) -> Resource:
    reading = next(iter(row.cells.values()))[0]
    return chart.resources.get(reading.evidence[0].reference, {})


# ---------------------------------------------------------------- medicines by setting

HOME = frozenset(("community", "outpatient", "patientspecified"))


def _setting(*wanted: str) -> Keeps:
    def keep(resource: Resource, line: Line) -> bool:
        if line.reference.startswith("MedicationStatement/"):
            return True
        return bool({code.lower() for code in categories(resource)} & set(wanted))

    return keep


# ---------------------------------------------------------------- alerts

ALERT_WORDS = re.compile(
    r"\b(?:code status|full code|resuscitat\w*|dnr|dni|advance (?:care )?directive|living will|polst|molst|power of attorney"
    r"|health ?care (?:agent|proxy)|pregnan\w*|lactat\w*|breast-?feeding|isolation|precautions?|fall(?:s)? risk"
    r"|aspiration risk|npo|nothing by mouth|diet|tube feed\w*|enteral)\b",
    re.IGNORECASE,
)
# Code status, advance directives, pregnancy status, estimated delivery date, lactation (LOINC; one code of SNOMED CT).
ALERT_CODES = frozenset((
    "42348-3", "304251008", "75320-2", "81351-9", "45473-6", "86533-7", "64298-3", "100822-6", "82810-3", "11449-6", "11778-8",
    "63895-7",
))  # fmt: skip


def _is_alert(resource: Resource, line: Line) -> bool:
    kind = line.reference.partition("/")[0]
    if kind in ("Flag", "Consent", "NutritionOrder"):
        return True
    coded = codes(resource.get("code")) | codes(resource.get("type"))
    said = f"{line.text('order')} {line.text('type')} {line.text('description')}"
    return bool(coded & ALERT_CODES or ALERT_WORDS.search(said))


def _is_alert_row(_: Resource, row: Row) -> bool:
    return row.code in ALERT_CODES or bool(ALERT_WORDS.search(row.name))


# ---------------------------------------------------------------- orders, observations by category

REFERRAL = re.compile(r"\b(?:referr\w*|consult\w*)\b", re.IGNORECASE)


def _is_referral(resource: Resource, line: Line) -> bool:
    if line.reference.startswith("ServiceRequest/"):
        coded = categories(resource) | codes(resource.get("code"))
        return bool(coded & REFERRAL_CODES or REFERRAL.search(line.text("order")))
    said = f"{line.text('task')} {line.text('description')} {line.text('about')}"
    return line.reference.startswith("Appointment/") or bool(REFERRAL.search(said))


def _of(*wanted: str) -> KeepsRow:
    def keep(resource: Resource, _: Row) -> bool:
        return bool(categories(resource) & set(wanted))

    return keep


VIEWS: dict[str, View] = {
    "problems": View(sections=("problems",)),
    "medications": View(sections=("medications",)),
    "home_medications": View(
        sections=("medications", "statements"), keep=_setting(*HOME),
        note="Home: orders of the categories outpatient and community, and what was reported.",
    ),
    "inpatient_medications": View(
        sections=("medications",), keep=_setting("inpatient"), note="Orders of the category inpatient."
    ),
    "discharge_medications": View(
        sections=("medications",), keep=_setting("discharge"), note="Orders of the category discharge."
    ),
    "administrations": View(sections=("administrations",)),
    "fills": View(sections=("dispenses",)),
    "allergies": View(sections=("allergies",)),
    "labs": View(sections=("labs",), rows="labs"),
    "vitals": View(sections=("vitals",), rows="vitals"),
    "microbiology": View(sections=("reports", "labs")),
    # Whether an order is pending stands in the reports and results.
    "orders": View(sections=("requests",), derived=("reports", "labs")),
    "referrals": View(sections=("requests", "appointments", "tasks"), keep=_is_referral),
    "reports": View(sections=("reports", "imaging")),
    "procedures": View(sections=("procedures",)),
    "devices": View(sections=("device_use", "devices")),
    "alerts": View(
        sections=("flags", "consents", "diets", "requests", "notes", "other"), keep=_is_alert, rows="other",
        keep_row=_is_alert_row,
        note="Flags, consents and directives, diet, and orders, documents and observations named like alerts.",
    ),
    "encounters": View(sections=("encounters",)),
    "episodes": View(sections=("episodes",)),
    "appointments": View(sections=("appointments",)),
    "immunizations": View(sections=("immunizations",), note="History only: what is due next is not computed here."),
    "assessments": View(
        sections=("questionnaires", "other"), rows="other",
        keep_row=_of("survey", "functional-status", "cognitive-status", "disability-status", "exam"),
    ),
    "care_team": View(sections=("care_teams", "related"), note="Who is on call now is not in the record."),
    "care_plans": View(sections=("care_plans", "goals")),
    "coverage": View(sections=("coverage",), note="Formulary, copayment and prior authorization are not readable here."),
    "family": View(sections=("family",)),
    "social": View(sections=("other",), rows="other", keep_row=_of("social-history", "sdoh")),
    "messages": View(sections=("communications", "tasks")),
    "specimens": View(sections=("specimens", "provenance")),
    "care_gaps": View(computed=True),
}  # fmt: skip
