"""The sections of a chart, one row each: what is asked for, how it is called, which table it stands in, how it is read.

A new FHIR type is one row here and one function that states its facts. Two sections may share a table (orders and
reports) and so the first letter of their handles; a record's section follows from its type. Results are grids: their
three sections are one type, told apart by category.

Source: FHIR R4 resource pages, https://hl7.org/fhir/R4/resourcelist.html; US Core 9.0.0 for the types
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.fhir import alerts, care, given, orders, performed, planned, statements, surveys, visits
from app.fhir.facts import Facts, When
from app.fhir.source import Query, Resource

# A name stands in this table, and a test compares: a literal type would list every name twice.
SectionName = str
Columns = tuple[tuple[str, str], ...]


def _status(r: Resource) -> str:
    return str(r.get("status") or "no status")


@dataclass(frozen=True, kw_only=True)
class Table:
    """How records of one type stand in a table: its title, columns (heading, field), and how to read a record.

    `named` is the field that says what a record is, `one` what one record is called beside its source; of a `timed`
    table the hour matters.
    """

    title: str
    one: str
    named: str
    columns: Columns
    facts: Callable[[Resource], Facts]
    date: Callable[[Resource], When]
    group: Callable[[Resource], str] = _status
    timed: bool = False


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section: its FHIR type, the search that reads it, the letter of its handles, and the words for it.

    `count` is the size of a page; `whole` that of one that is not to be the first of the launch card's, where it differs:
    records that carry documents are asked for in small pages, whose size nobody knows before they come.
    `first`: the launch card needs its first page; all others are read on demand. `spoken` is how a chip names one
    record to a screen reader, "" where words of its own do.
    """

    name: SectionName
    kind: str
    words: str
    prefix: str = ""
    count: int = 100
    whole: int = 0
    sort: str = ""
    params: tuple[tuple[str, str], ...] = ()
    first: bool = False
    spoken: str = ""
    table: Table | None = None

    @property
    def query(self) -> Query:
        """Return the search of the section, newest first where the type can be sorted."""
        return self._query(self.count)

    @property
    def whole_query(self) -> Query:
        """Return the same search in pages for reading it to its end from the start, in few requests."""
        return self._query(self.whole or self.count)

    def _query(self, count: int) -> Query:
        if self.kind == "Patient":
            return Query(resource_type="Patient")
        sort = (("_sort", self.sort),) if self.sort else ()
        params = (*self.params, *sort, ("_count", str(count)))
        return Query(resource_type=self.kind, params=params)


def _categories(*codes: str) -> tuple[tuple[str, str], ...]:
    return (("category", ",".join(codes)),)


ORDERS = (("order or report", "order"), ("date", "date"), ("status", "status"), ("by", "author"))
ALERT = (("alert", "alert"), ("since", "date"), ("until", "ended"), ("status", "status"), ("by", "author"))  # fmt: skip
SECTIONS: tuple[Section, ...] = (
    Section(name="patient", kind="Patient", words="Identity", first=True),
    Section(
        name="encounters", kind="Encounter", words="Encounters", prefix="E", whole=1000, sort="-date", first=True,
        table=Table(
            title="ENCOUNTERS", one="Encounter", named="type", facts=visits.encounter, date=visits.started,
            columns=(("start", "date"), ("class", "class"), ("type", "type"), ("reason", "reason"), ("site", "site")),
        ),
    ),
    Section(
        name="problems", kind="Condition", words="Problems", prefix="P", count=200, whole=1000,
        sort="-recorded-date", first=True, spoken="condition",
        table=Table(
            title="PROBLEMS", one="Problem", named="problem", facts=statements.condition,
            date=statements.condition_date, group=statements.clinical_status,
            columns=(("problem", "problem"), ("onset", "date"), ("list", "list")),
        ),
    ),
    Section(
        name="allergies", kind="AllergyIntolerance", words="Allergies", prefix="A", first=True, spoken="allergy",
        table=Table(
            title="ALLERGIES", one="Allergy", named="substance", facts=statements.allergy,
            date=lambda r: (str(r.get("recordedDate") or ""), "recorded"),
            group=statements.allergy_group,
            columns=(("substance", "substance"), ("reaction", "reaction"), ("criticality", "criticality"),
                     ("verification", "verification")),
        ),
    ),
    Section(
        name="medications", kind="MedicationRequest", words="Medication orders", prefix="M", count=200, whole=1000,
        sort="-authoredon", first=True,
        table=Table(
            title="MEDICATION ORDERS", one="Medication request", named="drug", facts=orders.order,
            date=orders.ordered, group=orders.order_group,
            columns=(("drug", "drug"), ("dose", "dose"), ("route", "route"), ("frequency", "frequency"),
                     ("ordered", "date"), ("by", "author"), ("supply", "supply")),
        ),
    ),
    Section(
        name="dispenses", kind="MedicationDispense", words="Medication fills", prefix="D", whole=1000,
        sort="-whenhandedover", first=True, spoken="medication fill",
        table=Table(
            title="MEDICATION FILLS", one="Medication fill", named="drug", facts=orders.dispense,
            date=orders.dispensed,
            columns=(("drug", "drug"), ("quantity", "quantity"), ("supply", "supply"), ("dispensed", "date")),
        ),
    ),
    Section(
        name="labs", kind="Observation", words="Laboratory results", prefix="L", count=500, whole=1000, sort="-date",
        first=True, params=_categories("laboratory"),
    ),
    Section(
        name="vitals", kind="Observation", words="Vital signs", prefix="V", count=500, whole=1000, sort="-date",
        first=True, params=_categories("vital-signs"),
    ),
    Section(
        name="other", kind="Observation", words="Other observations", prefix="O", count=1000, sort="-date",
        params=_categories(
            "survey", "social-history", "exam", "therapy", "activity", "procedure", "imaging", "sdoh",
            "functional-status", "disability-status", "cognitive-status", "treatment-intervention-preference",
            "care-experience-preference", "observation-adi-documentation",
        ),
    ),
    Section(
        name="requests", kind="ServiceRequest", words="Orders", prefix="R", sort="-authored", first=True,
        table=Table(
            title="ORDERS", one="Order", named="order", facts=orders.request, date=orders.ordered,
            columns=ORDERS,
        ),
    ),
    Section(
        name="reports", kind="DiagnosticReport", words="Diagnostic reports", prefix="R", whole=200,
        sort="-date", first=True,
        table=Table(
            title="REPORTS", one="Diagnostic report", named="order", facts=orders.report,
            date=orders.report_date, group=orders.report_group, columns=ORDERS,
        ),
    ),
    Section(
        name="notes", kind="DocumentReference", words="Notes", prefix="N", sort="-date", first=True,
        table=Table(
            title="NOTES", one="Document", named="type", facts=visits.note, date=visits.note_date,
            group=lambda r: str(r.get("docStatus") or r.get("status") or "no status"),
            columns=(("date", "date"), ("type", "type"), ("author", "author"), ("format", "format")),
        ),
    ),
    Section(
        name="administrations", kind="MedicationAdministration", words="Medication administrations", prefix="G",
        count=1000, sort="-effective-time", spoken="administration",
        table=Table(
            title="MEDICATION ADMINISTRATIONS", one="Medication administration", named="drug",
            facts=given.administration, date=given.administered, group=given.administration_group, timed=True,
            columns=(("drug", "drug"), ("dose", "dose"), ("rate", "rate"), ("route", "route"), ("date", "date"),
                     ("why not", "status reason"), ("by", "author")),
        ),
    ),
    Section(
        name="statements", kind="MedicationStatement", words="Reported medicines", prefix="U",
        spoken="reported medicine",
        table=Table(
            title="REPORTED MEDICINES", one="Medication statement", named="drug", facts=given.statement,
            date=given.reported,
            columns=(("drug", "drug"), ("dose", "dose"), ("route", "route"), ("frequency", "frequency"),
                     ("reported", "date"), ("by", "author")),
        ),
    ),
    Section(
        name="immunizations", kind="Immunization", words="Immunizations", prefix="I", count=1000, sort="-date",
        spoken="immunization",
        table=Table(
            title="IMMUNIZATIONS", one="Immunization", named="vaccine", facts=given.immunization,
            date=given.vaccinated, group=given.immunization_group,
            columns=(("vaccine", "vaccine"), ("date", "date"), ("dose number", "dose number"),
                     ("why not", "status reason"), ("reported", "reported")),
        ),
    ),
    Section(
        name="procedures", kind="Procedure", words="Procedures", prefix="C", count=1000, sort="-date",
        spoken="procedure",
        table=Table(
            title="PROCEDURES", one="Procedure", named="procedure", facts=performed.procedure,
            date=performed.procedure_date,
            columns=(("procedure", "procedure"), ("date", "date"), ("body site", "body site"), ("reason", "reason"),
                     ("outcome", "outcome"), ("by", "author")),
        ),
    ),
    Section(
        name="imaging", kind="ImagingStudy", words="Imaging studies", prefix="X", spoken="imaging study",
        table=Table(
            title="IMAGING STUDIES (images are not read)", one="Imaging study", named="study",
            facts=performed.imaging_study, date=performed.study_date,
            columns=(("study", "study"), ("modality", "modality"), ("body site", "body site"), ("date", "date")),
        ),
    ),
    Section(
        name="specimens", kind="Specimen", words="Specimens", prefix="Z", spoken="specimen",
        table=Table(
            title="SPECIMENS", one="Specimen", named="specimen", facts=performed.specimen,
            date=performed.specimen_date,
            columns=(("specimen", "specimen"), ("date", "date"), ("body site", "body site"), ("method", "method")),
        ),
    ),
    Section(
        name="flags", kind="Flag", words="Flags", prefix="F", spoken="flag",
        table=Table(title="FLAGS", one="Flag", named="alert", facts=alerts.flag, date=alerts.flagged, columns=ALERT),
    ),
    Section(
        name="consents", kind="Consent", words="Consents and directives", prefix="F", spoken="consent",
        table=Table(
            title="CONSENTS AND DIRECTIVES", one="Consent", named="alert", facts=alerts.consent,
            date=alerts.consented,
            columns=(("alert", "alert"), ("decision", "decision"), ("about", "about"), ("people", "people"), *ALERT[1:]),
        ),
    ),
    Section(
        name="diets", kind="NutritionOrder", words="Diet orders", prefix="F", spoken="diet order",
        table=Table(
            title="DIET ORDERS", one="Diet order", named="alert", facts=alerts.diet, date=alerts.diet_ordered,
            columns=(("diet", "alert"), ("texture", "texture"), ("rate", "rate"), ("directions", "directions"),
                     ("ordered", "date"), ("by", "author")),
        ),
    ),
    Section(
        name="devices", kind="Device", words="Devices", prefix="K", spoken="device",
        table=Table(
            title="DEVICES", one="Device", named="device", facts=performed.device, date=performed.device_date,
            columns=(("device", "device"), ("model", "model"), ("maker", "manufacturer"), ("UDI", "UDI")),
        ),
    ),
    Section(
        name="device_use", kind="DeviceUseStatement", words="Devices in use", prefix="K", spoken="device in use",
        table=Table(
            title="DEVICES IN USE", one="Use of a device", named="device", facts=performed.device_use,
            date=performed.device_used, timed=True,
            columns=(("device", "device"), ("body site", "body site"), ("since", "date"), ("until", "ended"),
                     ("reason", "reason")),
        ),
    ),
    Section(
        name="appointments", kind="Appointment", words="Appointments", prefix="Y", spoken="appointment",
        table=Table(
            title="APPOINTMENTS", one="Appointment", named="appointment", facts=planned.appointment,
            date=planned.appointment_date, timed=True,
            columns=(("appointment", "appointment"), ("date", "date"), ("reason", "reason"), ("with", "author"),
                     ("site", "site")),
        ),
    ),
    Section(
        name="tasks", kind="Task", words="Tasks", prefix="W", spoken="task",
        table=Table(
            title="TASKS", one="Task", named="task", facts=planned.task, date=planned.task_date,
            columns=(("task", "task"), ("about", "about"), ("description", "description"), ("written", "date"),
                     ("due", "due"), ("for", "author")),
        ),
    ),
    Section(
        name="communications", kind="Communication", words="Messages", prefix="W", spoken="message",
        table=Table(
            title="MESSAGES", one="Message", named="task", facts=planned.communication, date=planned.said_on,
            columns=(("about", "task"), ("message", "description"), ("sent", "date"), ("by", "author"),
                     ("to", "people")),
        ),
    ),
    Section(
        name="questionnaires", kind="QuestionnaireResponse", words="Questionnaires", prefix="Q",
        spoken="questionnaire",
        table=Table(
            title="QUESTIONNAIRES", one="Questionnaire", named="survey", facts=surveys.questionnaire,
            date=surveys.answered_on,
            columns=(("survey", "survey"), ("date", "date"), ("answers", "answers"), ("by", "author")),
        ),
    ),
    Section(
        name="care_teams", kind="CareTeam", words="Care teams", prefix="T", spoken="care team",
        table=Table(
            title="CARE TEAMS", one="Care team", named="team", facts=care.care_team, date=care.begun,
            columns=(("team", "team"), ("people", "people"), ("since", "date")),
        ),
    ),
    Section(
        name="related", kind="RelatedPerson", words="Related persons", prefix="T", spoken="related person",
        table=Table(
            title="RELATED PERSONS", one="Related person", named="person", facts=care.relative, date=care.begun,
            group=lambda r: "inactive" if r.get("active") is False else "active",
            columns=(("person", "person"), ("relationship", "relationship"), ("phone", "phone")),
        ),
    ),
    Section(
        name="care_plans", kind="CarePlan", words="Care plans", prefix="T", spoken="care plan",
        table=Table(
            title="CARE PLANS", one="Care plan", named="plan", facts=care.care_plan, date=care.begun,
            columns=(("plan", "plan"), ("activities", "activities"), ("for", "reason"), ("since", "date")),
        ),
    ),
    Section(
        name="goals", kind="Goal", words="Goals", prefix="T", spoken="goal",
        table=Table(
            title="GOALS", one="Goal", named="plan", facts=care.goal, date=care.goal_date,
            group=lambda r: str(r.get("lifecycleStatus") or "no status"),
            columns=(("goal", "plan"), ("target", "target"), ("since", "date"), ("due", "due"),
                     ("achievement", "achievement")),
        ),
    ),
    Section(
        name="coverage", kind="Coverage", words="Coverage", prefix="B", spoken="coverage",
        table=Table(
            title="COVERAGE", one="Coverage", named="payer", facts=care.coverage, date=care.begun,
            columns=(("payer", "payer"), ("plan", "plan"), ("kind", "category"), ("since", "date"),
                     ("until", "ended")),
        ),
    ),
    Section(
        name="family", kind="FamilyMemberHistory", words="Family history", prefix="H", spoken="family history",
        table=Table(
            title="FAMILY HISTORY", one="Family history", named="relative", facts=care.family_member,
            date=care.told_on,
            columns=(("relative", "relative"), ("conditions", "conditions"), ("deceased", "deceased"),
                     ("recorded", "date")),
        ),
    ),
    Section(
        name="episodes", kind="EpisodeOfCare", words="Episodes of care", prefix="J", spoken="episode of care",
        table=Table(
            title="EPISODES OF CARE", one="Episode of care", named="type", facts=care.episode, date=care.begun,
            columns=(("type", "type"), ("since", "date"), ("until", "ended"), ("about", "reason"), ("by", "author")),
        ),
    ),
    Section(
        name="provenance", kind="Provenance", words="Sources of records", prefix="Z", spoken="source of records",
        table=Table(
            title="SOURCES OF RECORDS", one="Source of records", named="source", facts=surveys.provenance,
            date=surveys.made_on, group=lambda _: "",
            columns=(("source", "source"), ("date", "date"), ("by", "author"), ("for", "site")),
        ),
    ),
)  # fmt: skip
BY_NAME: dict[SectionName, Section] = {section.name: section for section in SECTIONS}
# Only Observation has several sections; its records stand in grids, not in a table.
BY_TYPE: dict[str, Section] = {s.kind: s for s in SECTIONS if s.table}
GRIDS: dict[str, Section] = {s.prefix: s for s in SECTIONS if s.prefix and not s.table}
FIRST: tuple[SectionName, ...] = tuple(s.name for s in SECTIONS if s.first)
# The sections that share a table, by the letter of its handles.
BY_PREFIX: dict[str, tuple[Section, ...]] = {
    prefix: tuple(s for s in SECTIONS if s.prefix == prefix)
    for prefix in dict.fromkeys(s.prefix for s in SECTIONS if s.prefix)
}
TABLES: tuple[str, ...] = tuple(p for p in BY_PREFIX if p not in GRIDS)
SECTION_WORDS: dict[SectionName, str] = {s.name: s.words for s in SECTIONS}


def section_of(reference: str) -> Section:
    """Return the section of a record that stands in a table, by its type."""
    return BY_TYPE[reference.partition("/")[0]]


def table_of(reference: str) -> Table:
    """Return how records of a type stand in a table."""
    found = section_of(reference).table
    if found is None:
        raise KeyError(reference.partition("/")[0])
    return found
