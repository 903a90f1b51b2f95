"""Which search parameters there are: a name, its kind, and where in a resource it looks.

A path goes down by elements, into lists as well; several are tried together. `OWN` stands for the references to the patient,
which are not compared but given by who asks.

Source: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["token", "date", "reference", "own", "id", "updated"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One search parameter."""

    name: str
    kind: Kind
    paths: tuple[str, ...] = ()


EFFECTIVE = "effectiveDateTime,effectivePeriod,effectiveInstant"
# Name, kind and paths; the kind is told by its first letter.
TABLE = {
    "Patient": "t:identifier=identifier t:gender=gender t:active=active d:birthdate=birthDate",
    "AllergyIntolerance": "t:clinical-status=clinicalStatus t:verification-status=verificationStatus t:category=category "
    "t:criticality=criticality t:type=type t:code=code,reaction.substance d:date=recordedDate",
    "Appointment": "t:status=status t:appointment-type=appointmentType t:service-type=serviceType d:date=start",
    "CarePlan": "t:category=category t:status=status t:intent=intent d:date=period r:encounter=encounter",
    "CareTeam": "t:category=category t:status=status d:date=period r:encounter=encounter",
    "Communication": "t:category=category t:status=status d:sent=sent d:received=received r:encounter=encounter",
    "Condition": "t:category=category t:clinical-status=clinicalStatus t:verification-status=verificationStatus "
    "t:severity=severity t:code=code d:onset-date=onsetDateTime,onsetPeriod d:recorded-date=recordedDate "
    "d:abatement-date=abatementDateTime,abatementPeriod r:encounter=encounter",
    "Consent": "t:category=category t:status=status t:scope=scope d:date=dateTime",
    "Coverage": "t:status=status t:type=type",
    "Device": "t:status=status t:type=type",
    "DeviceUseStatement": "r:device=device",
    "DiagnosticReport": f"t:category=category t:code=code t:status=status d:date={EFFECTIVE} d:issued=issued "
    "r:result=result r:encounter=encounter r:based-on=basedOn",
    "DocumentReference": "t:category=category t:type=type t:status=status t:security-label=securityLabel d:date=date "
    "d:period=context.period r:encounter=context.encounter",
    "Encounter": "t:class=class t:type=type t:status=status t:reason-code=reasonCode d:date=period",
    "EpisodeOfCare": "t:status=status t:type=type d:date=period",
    "FamilyMemberHistory": "t:status=status t:relationship=relationship t:code=condition.code d:date=date",
    "Flag": "d:date=period r:encounter=encounter",
    "Goal": "t:category=category t:lifecycle-status=lifecycleStatus t:achievement-status=achievementStatus "
    "d:start-date=startDate d:target-date=target.dueDate",
    "ImagingStudy": "t:status=status t:modality=modality,series.modality d:started=started r:encounter=encounter",
    "Immunization": "t:status=status t:vaccine-code=vaccineCode t:status-reason=statusReason d:date=occurrenceDateTime",
    "Medication": "t:code=code t:status=status",
    "MedicationAdministration": "t:status=status t:code=medicationCodeableConcept r:medication=medicationReference "
    "d:effective-time=effectiveDateTime,effectivePeriod",
    "MedicationDispense": "t:status=status t:type=type t:code=medicationCodeableConcept r:medication=medicationReference "
    "d:whenhandedover=whenHandedOver d:whenprepared=whenPrepared r:prescription=authorizingPrescription",
    "MedicationRequest": "t:status=status t:intent=intent t:category=category t:priority=priority "
    "t:code=medicationCodeableConcept r:medication=medicationReference d:authoredon=authoredOn r:encounter=encounter",
    "MedicationStatement": "t:status=status t:category=category t:code=medicationCodeableConcept "
    "r:medication=medicationReference d:effective=effectiveDateTime,effectivePeriod",
    "NutritionOrder": "t:status=status t:oraldiet=oralDiet.type d:datetime=dateTime r:encounter=encounter",
    "Observation": f"t:category=category t:code=code t:combo-code=code,component.code t:component-code=component.code "
    f"t:status=status t:data-absent-reason=dataAbsentReason d:date={EFFECTIVE} r:has-member=hasMember "
    "r:derived-from=derivedFrom r:encounter=encounter r:specimen=specimen",
    "Procedure": "t:category=category t:code=code t:status=status d:date=performedDateTime,performedPeriod r:encounter=encounter",
    "Provenance": "d:recorded=recorded r:target=target",
    "QuestionnaireResponse": "t:status=status d:authored=authored r:encounter=encounter",
    "RelatedPerson": "t:relationship=relationship t:active=active",
    "ServiceRequest": "t:category=category t:code=code t:status=status t:intent=intent t:priority=priority "
    "d:authored=authoredOn d:occurrence=occurrenceDateTime,occurrencePeriod r:encounter=encounter",
    "Specimen": "t:type=type t:status=status d:collected=collection.collectedDateTime,collection.collectedPeriod",
    "Task": "t:status=status t:intent=intent t:code=code d:authored-on=authoredOn r:focus=focus r:encounter=encounter",
}  # fmt: skip
# Records that belong to no patient: given by id to whoever may read the type.
SHARED = ("Medication", "Practitioner", "PractitionerRole", "Organization", "Location")
KINDS: dict[str, Kind] = {"t": "token", "d": "date", "r": "reference"}
# Types that name their patient as `patient` only have no `subject` to be searched by.
PATIENT_ONLY = frozenset((
    "AllergyIntolerance", "Immunization", "Device", "Consent", "FamilyMemberHistory", "EpisodeOfCare", "Coverage",
    "RelatedPerson", "Appointment", "Provenance",
))  # fmt: skip
COMMON = (
    Parameter(name="_id", kind="id"),
    Parameter(name="_lastUpdated", kind="updated"),
)
# What an answer brings along: (from, parameter) as FHIR writes it, and the other way round.
INCLUDES = frozenset((
    "MedicationRequest:medication", "MedicationDispense:medication", "MedicationAdministration:medication",
    "MedicationStatement:medication", "Observation:has-member", "Observation:derived-from", "Observation:specimen",
    "DiagnosticReport:result", "DiagnosticReport:based-on", "DeviceUseStatement:device", "MedicationDispense:prescription",
    *(f"{kind}:encounter" for kind, row in TABLE.items() if "r:encounter=" in row),
))  # fmt: skip
REVINCLUDES = frozenset(("Provenance:target", "Observation:has-member", "DiagnosticReport:result"))


def parameters(resource_type: str) -> dict[str, Parameter]:
    """Return the parameters of a type by name; of one that is not searched, none."""
    row = TABLE.get(resource_type)
    if row is None:
        return {}
    found = list(COMMON)
    for item in row.split():
        letter, _, rest = item.partition(":")
        name, _, paths = rest.partition("=")
        found.append(
            Parameter(name=name, kind=KINDS[letter], paths=tuple(p for p in paths.split(",") if p))
        )
    if resource_type not in ("Patient", "Medication"):
        owns = ("patient",) if resource_type in PATIENT_ONLY else ("patient", "subject")
        found += [Parameter(name=name, kind="own") for name in owns]
    return {one.name: one for one in found}


BY_TYPE = {kind: parameters(kind) for kind in TABLE}
