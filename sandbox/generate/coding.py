"""Small pieces of FHIR R4 that every builder needs: codes, references, quantities."""

from typing import Any

from sandbox.generate.ndjson import Resource, number

CVX = "http://hl7.org/fhir/sid/cvx"
HL7 = "http://terminology.hl7.org/CodeSystem"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
NPI = "http://hl7.org/fhir/sid/us-npi"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"


def coding(system: str, code: str, display: str) -> dict[str, str]:
    """Return one `Coding`."""
    return {"system": system, "code": code, "display": display}


def coded(text: str, *codings: dict[str, str]) -> Resource:
    """Return a `CodeableConcept`; its `text` is what the EHR's own screen shows."""
    return {"coding": list(codings), "text": text} if codings else {"text": text}


def category(system: str, code: str, display: str) -> list[Resource]:
    """Return a `category` of one concept from an HL7 code system named without its address."""
    return [{"coding": [coding(f"{HL7}/{system}", code, display)], "text": display}]


def refer(kind: str, fhir_id: str, display: str = "") -> dict[str, str]:
    """Return a relative reference, with a display if there is one."""
    reference = {"reference": f"{kind}/{fhir_id}"}
    return {**reference, "display": display} if display else reference


def quantity(value: str, unit: str, ucum: str) -> dict[str, Any]:
    """Return a `Quantity` with exactly the digits of `value`; `<6` becomes a comparator."""
    digits = value.lstrip("<>=")
    comparator = value[: len(value) - len(digits)]
    head: dict[str, Any] = {"value": number(digits)}
    if comparator:
        head["comparator"] = comparator
    return {**head, "unit": unit, "system": UCUM, "code": ucum}
