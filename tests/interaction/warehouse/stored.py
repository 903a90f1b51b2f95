"""Launches whose charts are read from the store of the same EHR's export."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from app.fhir.reader import LaunchChart
from app.fhir.source import ChartSource
from app.launch_context import LaunchContext
from app.smart.registration import Bulk
from app.warehouse.store.snapshot import apply
from app.warehouse.store.source import StoreSource
from sandbox.bulk.population import Population, of_charts
from sandbox.bulk.traps import BulkTraps
from tests.evals.retrieval import Answer, ask
from tests.evals.retrieval_gold import Question
from tests.interaction.warehouse.conftest import Exporter
from tests.stack import Launched, Stack, make_stack, patient_id, registered

TYPES = (
    "AllergyIntolerance", "Appointment", "CarePlan", "CareTeam", "Communication", "Condition", "Consent", "Coverage", "Device",
    "DeviceUseStatement", "DiagnosticReport", "DocumentReference", "Encounter", "EpisodeOfCare", "FamilyMemberHistory", "Flag",
    "Goal", "ImagingStudy", "Immunization", "Location", "Medication", "MedicationAdministration", "MedicationDispense",
    "MedicationRequest", "MedicationStatement", "NutritionOrder", "Observation", "Organization", "Patient", "Practitioner",
    "PractitionerRole", "Procedure", "Provenance", "QuestionnaireResponse", "RelatedPerson", "ServiceRequest", "Specimen", "Task",
)  # fmt: skip
TABLE = f'[bulk]\nchart = "store"\nfacade = "on"\ngroups = ["everyone"]\ntypes = {list(TYPES)}\n'.replace("'", '"')  # fmt: skip
VIA = re.compile(r" \(the store, data as of [^)]*\)|\nFROM the store, data as of [^\n]*")


def stored_stack(folder: Path, charts: Collection[str] | None = None, more: str = "") -> Stack:
    """Return both parties after an export of these charts (None: all), with a registration that reads the store."""
    stack = make_stack(folder, launch_config=registered(folder, more=f"{TABLE}\n{more}"))
    if charts is not None:
        stack.state.exports.population = population_of(stack, {patient_id(name) for name in charts})
    export(stack)
    return stack


def population_of(stack: Stack, patients: set[str]) -> Population:
    """Return what the EHR holds of some patients, and of nobody."""
    every, some = of_charts(stack.state.data_plane), Population()
    for stored in every.all():
        if stored.patient in patients or not stored.patient:
            some.put_as_is(stored.line, stored.changed_at)
    some.group("everyone", patients)
    return some


def export(stack: Stack) -> None:
    """Run an export, by the real client, and make it the current snapshot."""
    stack.state.exports.set(BulkTraps())
    exporter = Exporter(stack=stack, bulk=Bulk(types=TYPES, groups=("everyone",)))
    exporter.run("full")
    with exporter.sync().data_set.locked():
        assert apply(exporter.sync().data_set, stack.clock()) is not None


@dataclass(frozen=True, kw_only=True)
class Both:
    """One launch, its chart from the store, and the same chart from the EHR alone."""

    launched: Launched
    context: LaunchContext
    stored: LaunchChart
    live: LaunchChart


def open_both(stack: Stack, chart: str) -> Both:
    """Launch at a chart."""
    launched = stack.browser().launch(chart)
    context = stack.services.sessions.context(launched.launch_id)
    stored = stack.services.charts.get(context)
    now = stack.services.charts.now(context)
    return Both(
        launched=launched, context=context, stored=stored,
        live=LaunchChart(ehr_of(stored), context, now, labels=stored.labels),
    )  # fmt: skip


def ehr_of(chart: LaunchChart) -> ChartSource:
    """Return the EHR behind a chart from the store."""
    source = chart._source
    assert isinstance(source, StoreSource)
    return source._live


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Answers of the EHR and of the store, the store's without its date, and from where its sections came."""

    answers: list[tuple[Answer, Answer]]
    from_store: int
    from_ehr: int

    @property
    def same(self) -> int:
        """How many are the same, word for word."""
        return sum(live == stored for live, stored in self.answers)


def compared(stack: Stack, questions: Iterable[Question]) -> Compared:
    """Ask each question of the EHR and of the store."""
    charts: dict[str, Both] = {}
    found = []
    for question in questions:
        both = charts.get(question.chart) or open_both(stack, question.chart)
        charts[question.chart] = both
        stored = ask(both.stored, question)
        found.append((ask(both.live, question), replace(stored, text=VIA.sub("", stored.text))))
    via = [bool(both.stored.via(name)) for both in charts.values() for name in both.stored.sections]
    return Compared(answers=found, from_store=sum(via), from_ehr=len(via) - sum(via))
