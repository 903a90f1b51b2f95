"""Tell whether a resource has the shape that its readers rely on, before anything reads it.

Only elements that are read outside the compilation of one record are listed: what else is wrongly typed fails
there, for that record alone. Not checked: values (a status that does not exist is shown as sent).

Source: FHIR R4 resource pages, https://hl7.org/fhir/R4/resourcelist.html
"""

from typing import Any

from app.fhir.source import Resource

TEXT: Any = "text"
LIST: Any = "list"
REFERENCE = {"reference": TEXT, "display": TEXT}
PERIOD = {"start": TEXT, "end": TEXT}
# An object stands for its elements, a list with one item for a list of such items.
SHAPES: dict[str, Any] = {
    "status": TEXT, "intent": TEXT, "docStatus": TEXT, "conclusion": TEXT, "description": TEXT,
    "authoredOn": TEXT, "effectiveDateTime": TEXT, "effectiveInstant": TEXT, "issued": TEXT, "date": TEXT,
    "recordedDate": TEXT, "whenHandedOver": TEXT, "onsetDateTime": TEXT, "abatementDateTime": TEXT,
    "period": PERIOD, "effectivePeriod": PERIOD, "onsetPeriod": PERIOD,
    "class": {"code": TEXT, "display": TEXT}, "encounter": REFERENCE, "serviceProvider": REFERENCE,
    "participant": [{"individual": REFERENCE}], "basedOn": [REFERENCE],
    "context": {"encounter": [REFERENCE], "period": PERIOD}, "content": [{"attachment": {}}],
    "category": LIST, "note": [{"text": TEXT}], "dosageInstruction": [{"text": TEXT}], "contained": [{}],
}  # fmt: skip
# Where a type has an element of the same name in another form.
ONE: dict[str, Any] = {"category": {}}
OWN_SHAPES: dict[str, dict[str, Any]] = {
    "Coverage": {"class": [{}]}, "Goal": {"description": {}}, "MedicationAdministration": ONE,
    "MedicationDispense": ONE, "MedicationStatement": ONE, "Procedure": ONE,
    "Appointment": {"participant": [{"actor": REFERENCE}]}, "Provenance": {"target": [REFERENCE]},
}  # fmt: skip
# Who the launch is about must be shown, so of a Patient only the elements that fit are read.
PATIENT: dict[str, Any] = {
    "name": [{"family": TEXT, "given": [TEXT], "prefix": [TEXT], "use": TEXT}], "identifier": [{"type": {}, "use": TEXT}],
    "birthDate": TEXT, "gender": TEXT, "deceasedDateTime": TEXT, "managingOrganization": REFERENCE,
}  # fmt: skip


def fitting_patient(patient: Resource) -> Resource:
    """Return a Patient without its wrongly typed elements; itself if there are none."""
    wrong = {
        name
        for name, shape in PATIENT.items()
        if patient.get(name) is not None and not _fits(patient[name], shape)
    }
    return {k: v for k, v in patient.items() if k not in wrong} if wrong else patient


def is_well_formed(resource: Resource) -> bool:
    """Tell whether the elements that are sent have the types that FHIR gives them; what is left out is well formed."""
    own = OWN_SHAPES.get(str(resource.get("resourceType")), {})
    return _fits(resource, {**SHAPES, **own} if own else SHAPES)


def _fits(sent: object, shape: Any) -> bool:
    if shape == TEXT:
        return isinstance(sent, str)
    if shape == LIST:
        return isinstance(sent, list)
    if isinstance(shape, list):
        return isinstance(sent, list) and all(_fits(item, shape[0]) for item in sent)
    return isinstance(sent, dict) and all(
        _fits(sent[name], inner) for name, inner in shape.items() if sent.get(name) is not None
    )
