"""What the EHR's chart page shows of a chart: the patient banner and a few plain tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.chart_files import Chart
from sandbox.data_plane import DataPlane, digits
from sandbox.users import display_name

Resource = dict[str, Any]

ROWS = "25"


@dataclass(frozen=True, kw_only=True)
class Banner:
    """The patient, as every EHR page heads them."""

    patient_id: str
    name: str
    birth_date: str
    sex: str
    mrn: str
    title: str
    about: str
    unusual: bool
    clinical_time: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """One list of the chart page. `source` is the search behind it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class _Section:
    title: str
    resource_type: str
    parameters: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    row: Callable[[Resource], tuple[str, ...]]


def banner(chart: Chart, data_plane: DataPlane) -> Banner:
    """Return the banner of a chart's patient."""
    patient = data_plane.read("Patient", chart.patient_id)
    identifiers = patient.get("identifier", [])
    numbers = [one["value"] for one in identifiers if _code(one.get("type", {})) == "MR"]
    name = _first(patient, "name")
    given = " ".join(name.get("given", []))
    full = f"{name['family'].upper()}, {given}" if "family" in name else display_name(patient)
    return Banner(
        patient_id=chart.patient_id,
        name=full,
        birth_date=_day(patient.get("birthDate")),
        sex=patient.get("gender", "unknown"),
        mrn=next(iter(numbers), "none"),
        title=chart.title,
        about=_about(chart),
        unusual=chart.name.startswith("special/"),
        clinical_time=f"{chart.as_of:%d-%b-%Y %H:%M}",
    )


def _about(chart: Chart) -> str:
    """Return what the chart shows, which its title says after the name."""
    said = chart.title.split(": ", 1)[-1]
    return said[:1].upper() + said[1:]


def tables(data_plane: DataPlane, patient_id: str, tab: str) -> list[Table]:
    """Return the tables of one tab; an unknown tab has none."""
    return [_table(data_plane, patient_id, section) for section in _SECTIONS.get(tab, ())]


def _table(data_plane: DataPlane, patient_id: str, section: _Section) -> Table:
    bundle = data_plane.search(
        section.resource_type,
        [("patient", patient_id), ("_count", ROWS), *section.parameters],
    )
    rows = tuple(section.row(entry["resource"]) for entry in bundle.get("entry", []))
    return Table(
        title=f"{section.title} ({len(rows)} of {bundle['total']})",
        columns=section.columns,
        rows=rows,
    )


def _condition(resource: Resource) -> tuple[str, ...]:
    return _text(resource.get("code")), _day(resource.get("onsetDateTime"))


def _medication(resource: Resource) -> tuple[str, ...]:
    dosage = _first(resource, "dosageInstruction").get("text", "")
    return (
        _text(resource.get("medicationCodeableConcept")),
        dosage,
        _day(resource.get("authoredOn")),
    )


def _allergy(resource: Resource) -> tuple[str, ...]:
    return _text(resource.get("code")), _code(resource.get("clinicalStatus", {}))


def _observation(resource: Resource) -> tuple[str, ...]:
    quantity = resource.get("valueQuantity", {})
    value = f"{digits(quantity['value'])} {quantity.get('unit', '')}" if quantity else ""
    flag = " ".join(_code(concept) for concept in resource.get("interpretation", []))
    shown = value or resource.get("valueString") or _text(resource.get("valueCodeableConcept"))
    return _day(resource.get("effectiveDateTime")), _text(resource.get("code")), shown, flag


def _document(resource: Resource) -> tuple[str, ...]:
    author = _first(resource, "author").get("display", "")
    return _day(resource.get("date")), _text(resource.get("type")), author


def _first(resource: Resource, element: str) -> Resource:
    found: Sequence[Resource] = resource.get(element, [])
    return found[0] if found else {}


def _text(concept: Resource | None) -> str:
    concept = concept or {}
    coding = _first(concept, "coding")
    return str(concept.get("text") or coding.get("display") or coding.get("code") or "")


def _code(concept: Resource) -> str:
    return str(_first(concept, "coding").get("code", ""))


def _day(text: str | None) -> str:
    if not text or len(text) < 10:
        return text or ""
    return f"{datetime.fromisoformat(text[:10]):%d-%b-%Y}"


_SECTIONS: Mapping[str, tuple[_Section, ...]] = {
    "summary": (
        _Section(
            title="Problems",
            resource_type="Condition",
            parameters=(("clinical-status", "active"), ("_sort", "-recorded-date")),
            columns=("Problem", "Onset"),
            row=_condition,
        ),
        _Section(
            title="Active medication orders",
            resource_type="MedicationRequest",
            parameters=(("status", "active"), ("_sort", "-authoredon")),
            columns=("Medication", "Directions", "Ordered"),
            row=_medication,
        ),
        _Section(
            title="Allergies",
            resource_type="AllergyIntolerance",
            parameters=(),
            columns=("Allergy", "Status"),
            row=_allergy,
        ),
    ),
    "results": (
        _Section(
            title="Laboratory results",
            resource_type="Observation",
            parameters=(("category", "laboratory"), ("_sort", "-date")),
            columns=("Date", "Test", "Result", "Flag"),
            row=_observation,
        ),
    ),
    "notes": (
        _Section(
            title="Notes",
            resource_type="DocumentReference",
            parameters=(("_sort", "-date"),),
            columns=("Date", "Type", "Author"),
            row=_document,
        ),
    ),
}
