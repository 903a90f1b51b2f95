"""The committed charts: whole, consistent, and with every row that the design draws."""

import base64
import gzip
import json
import re
from collections import Counter
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from sandbox.generate import child, marlena, messy, messy_notes, ndjson, newborn, unusual

Resource = dict[str, Any]

SPECIAL = tuple(chart.name for chart in unusual.charts())
# Written by hand for the questions that the others cannot answer; each is built again from its module.
WRITTEN = {"child": child.chart, "messy": messy.chart, "newborn": newborn.chart}
ADDED = (*WRITTEN, "stay-heart", "stay-kidney")
MOST_BYTES = 150_000
STAYS = ("stay-heart", "stay-kidney")
NAMES = ("marlena", "typical", "large", *WRITTEN, *STAYS, *SPECIAL)
FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
OF_NO_PATIENT = {"Practitioner", "PractitionerRole", "Organization", "Location", "Medication"}
# A record that was merged names the other one.
LINKED = {"Patient/sv-patient", "Patient/ml-patient", "Patient/mr-patient"}
OWNERS = ("subject", "patient", "beneficiary", "for", "securityContext")

# FHIR R4 and US Core: without these a resource of the type is not valid. `a|b` is a choice.
REQUIRED = {
    "Appointment": "status participant start end",
    "Binary": "contentType data securityContext",
    "Communication": "status subject sent payload",
    "Consent": "status scope category patient provision",
    "DeviceUseStatement": "status subject device",
    "EpisodeOfCare": "status patient period",
    "FamilyMemberHistory": "status patient relationship",
    "Flag": "status code subject",
    "Medication": "code",
    "MedicationDispense": "status medicationCodeableConcept subject whenHandedOver",
    "MedicationStatement": "status medicationCodeableConcept subject",
    "NutritionOrder": "status intent patient dateTime",
    "Provenance": "target recorded agent",
    "QuestionnaireResponse": "status subject authored item",
    "RelatedPerson": "patient name relationship",
    "Specimen": "type subject",
    "Task": "status intent for code authoredOn",
    "AllergyIntolerance": "clinicalStatus|verificationStatus code patient",
    "CarePlan": "status intent category subject",
    "CareTeam": "status subject participant",
    "Claim": "status type use patient created provider priority insurance",
    "Condition": "category code subject",
    "Coverage": "status beneficiary payor",
    "Device": "patient",
    "DiagnosticReport": "status category code subject effectiveDateTime",
    "DocumentReference": "status type category subject date content",
    "Encounter": "status class type subject period",
    "ExplanationOfBenefit": "status type use patient created insurer provider outcome insurance",
    "Goal": "lifecycleStatus description subject",
    "ImagingStudy": "status subject",
    "Immunization": "status vaccineCode patient occurrenceDateTime primarySource",
    "Location": "name",
    "MedicationAdministration": "status medicationCodeableConcept|medicationReference subject effectiveDateTime|effectivePeriod",
    "MedicationRequest": "status intent medicationCodeableConcept|medicationReference subject authoredOn requester",
    "Observation": (
        "status category code subject effectiveDateTime "
        "valueQuantity|valueCodeableConcept|valueString|valueInteger|valueDateTime|component|hasMember|dataAbsentReason"
    ),
    "Organization": "active name",
    "Patient": "identifier name gender birthDate",
    "Practitioner": "identifier name",
    "PractitionerRole": "practitioner organization",
    "Procedure": "status code subject performedDateTime|performedPeriod",
    "ServiceRequest": "status intent category code subject authoredOn requester",
}


@cache
def manifest(name: str) -> Resource:
    text = (ndjson.CHARTS / name / "manifest.json").read_text(encoding="utf-8")
    parsed: Resource = json.loads(text)
    return parsed


@cache
def resources(name: str) -> list[Resource]:
    """Return the chart; every number is the text that the file holds."""
    with gzip.open(ndjson.CHARTS / name / "chart.ndjson.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line, parse_float=str, parse_int=str) for line in lines]


def one(fhir_id: str) -> Resource:
    found = [r for r in resources("marlena") if r["id"] == fhir_id]
    assert len(found) == 1, fhir_id
    return found[0]


def of_type(kind: str) -> list[Resource]:
    return [r for r in resources("marlena") if r["resourceType"] == kind]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [r for item in value.values() for r in references(item)]
    if isinstance(value, list):
        return [r for item in value for r in references(item)]
    return []


def code(resource: Resource) -> str:
    return str(resource["code"]["coding"][0]["code"])


@pytest.mark.parametrize("name", NAMES)
def test_manifest_counts_what_the_chart_holds(name: str) -> None:
    counts = Counter(r["resourceType"] for r in resources(name))
    told = manifest(name)
    assert (told["name"], told["resources"], told["counts"]) == (
        name,
        len(resources(name)),
        dict(sorted(counts.items())),
    )
    assert told["as_of"] == "2026-11-20T08:42:00-06:00"


@pytest.mark.parametrize("name", NAMES)
def test_chart_is_about_one_patient(name: str) -> None:
    patient = f"Patient/{manifest(name)['patient']}"
    assert [f"Patient/{r['id']}" for r in resources(name) if r["resourceType"] == "Patient"] == [
        patient
    ]
    for resource in resources(name):
        if resource["resourceType"] in {"Appointment", "Provenance"}:
            assert patient in references(resource)
        elif resource["resourceType"] not in {*OF_NO_PATIENT, "Patient"}:
            subject = next(resource[key] for key in OWNERS if key in resource)
            assert subject["reference"] == patient
    assert {r for r in references(resources(name)) if r.startswith("Patient/")} - LINKED <= {
        patient
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_is_relative_and_resolves_within_the_chart(name: str) -> None:
    addresses = {f"{r['resourceType']}/{r['id']}" for r in resources(name)}
    assert len(addresses) == len(resources(name))
    for resource in resources(name):
        # A record that was merged names the one that stays, which is another chart.
        own = {key: value for key, value in resource.items() if key not in ("link", "contained")}
        inside = {f"#{one['id']}" for one in resource.get("contained", [])}
        assert set(references(own)) <= addresses | inside, resource["id"]
    assert "urn:uuid" not in json.dumps(resources(name))


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_fhir_ids(name: str) -> None:
    assert all(FHIR_ID.fullmatch(r["id"]) for r in resources(name))


@pytest.mark.parametrize("name", NAMES)
def test_resources_have_what_their_type_requires(name: str) -> None:
    for resource in resources(name):
        for choice in REQUIRED[resource["resourceType"]].split():
            sent = [resource.get(key) not in (None, "", [], {}) for key in choice.split("|")]
            assert any(sent), (resource["id"], choice)


@pytest.mark.parametrize("name", NAMES)
def test_no_result_is_more_exact_than_a_laboratory_reports(name: str) -> None:
    for resource in resources(name):
        for part in (resource, *resource.get("component", [])):
            ranges = [
                r[end]
                for r in part.get("referenceRange", [])
                for end in ("low", "high")
                if end in r
            ]
            for quantity in [part["valueQuantity"], *ranges] if "valueQuantity" in part else ranges:
                _, _, decimals = quantity["value"].partition(".")
                assert len(decimals) <= 3, (resource["id"], quantity)


@pytest.mark.parametrize("name", NAMES)
def test_blood_pressure_is_one_vital_sign_with_two_components(name: str) -> None:
    for resource in resources(name):
        if resource["resourceType"] != "Observation":
            continue
        assert code(resource) not in {"8480-6", "8462-4"}
        if code(resource) == "85354-9":
            assert resource["category"][0]["coding"][0]["code"] == "vital-signs"
            assert [code(part) for part in resource["component"]] == ["8480-6", "8462-4"]


@pytest.mark.parametrize("name", NAMES)
def test_no_event_is_later_than_the_charts_clock(name: str) -> None:
    for resource in resources(name):
        for key in ("effectiveDateTime", "issued", "authoredOn", "recordedDate", "date"):
            assert resource.get(key, "")[:19] <= "2026-11-20T08:42:00", resource["id"]


def test_marlena_is_built_again_byte_for_byte() -> None:
    folder = ndjson.CHARTS / "marlena"
    committed = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert ndjson.files(marlena.chart()) == committed


@pytest.mark.parametrize("chart", unusual.charts(), ids=lambda chart: chart.name)
def test_the_unusual_patients_are_built_again_byte_for_byte(chart: ndjson.Chart) -> None:
    folder = ndjson.CHARTS / chart.name
    committed = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert ndjson.files(chart) == committed


@pytest.mark.parametrize("name", WRITTEN)
def test_the_written_charts_are_built_again_byte_for_byte_and_stay_small(name: str) -> None:
    folder = ndjson.CHARTS / name
    committed = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert ndjson.files(WRITTEN[name]()) == committed
    assert len(committed["chart.ndjson.gz"]) < MOST_BYTES


@pytest.mark.parametrize("name", ADDED)
def test_resources_are_what_the_models_of_fhir_r4_say(name: str) -> None:
    """The models refuse an unknown element, a wrong type and a missing element."""
    with gzip.open(ndjson.CHARTS / name / "chart.ndjson.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            sent = json.loads(line)
            kind = sent["resourceType"]
            model = getattr(import_module(f"fhirclient.models.{kind.lower()}"), kind)
            model(sent, strict=True)


def test_the_newborn_is_38_hours_old_and_the_screen_is_not_back() -> None:
    chart = {r["id"]: r for r in resources("newborn")}
    born = datetime.fromisoformat(
        chart["nb-patient"]["_birthDate"]["extension"][0]["valueDateTime"]
    )
    hours = {
        (datetime.fromisoformat(r["effectiveDateTime"]) - born).total_seconds() / 3600: r[
            "valueQuantity"
        ]["value"]
        for r in chart.values()
        if r["resourceType"] == "Observation" and code(r) in {"1975-2", "58941-6"}
    }
    age = (datetime.fromisoformat(manifest("newborn")["as_of"]) - born).total_seconds() / 3600
    assert (int(age), hours) == (38, {12: "5.2", 24: "8.4", 36: "11.6"})
    assert chart["nb-screen"]["status"] == "registered"


def test_the_childs_amoxicillin_is_by_the_weight_of_its_day() -> None:
    chart = {r["id"]: r for r in resources("child")}
    weight = chart["ch-wt-202611191510"]["valueQuantity"]["value"]
    dosage = chart["ch-amoxicillin"]["dosageInstruction"][0]
    daily = int(dosage["doseAndRate"][0]["doseQuantity"]["value"]) * int(
        dosage["timing"]["repeat"]["frequency"]
    )
    assert (weight, round(daily / float(weight))) == ("16.20", 89)


def test_the_child_had_two_emergency_visits_and_three_steroid_courses_in_twelve_months() -> None:
    chart = resources("child")
    emergency = [
        r["period"]["start"][:10]
        for r in chart
        if r["resourceType"] == "Encounter" and r["class"]["code"] == "EMER"
    ]
    courses = [r["authoredOn"][:10] for r in chart if r["id"].startswith("ch-burst")]
    assert sorted(emergency) == ["2026-01-17", "2026-05-09"]
    assert sorted(day for day in courses if day > "2025-11-20") == [
        "2026-01-18",
        "2026-05-09",
        "2026-10-22",
    ]


def messy_chart() -> dict[str, Resource]:
    return {r["id"]: r for r in resources("messy")}


def words_of(document: Resource) -> str:
    inside = document["content"][0]["attachment"]
    return base64.b64decode(inside.get("data", "")).decode(errors="replace")


def test_one_paragraph_is_copied_into_eight_notes_and_the_lists_disagree_with_it() -> None:
    chart = messy_chart()
    documents = [r for r in chart.values() if r["resourceType"] == "DocumentReference"]
    copies = [d for d in documents if messy_notes.HISTORY in words_of(d)]
    assert (len(copies), min(d["date"] for d in copies)[:10]) == (8, "2026-11-14")
    for claim in ("stage IIIA", "on warfarin", "NKDA"):
        assert claim in messy_notes.HISTORY.replace("\n", " ")
    assert (
        chart["ms-stage-21908-9"]["valueCodeableConcept"]["text"],
        {chart[f"ms-warfarin-{n}"]["status"] for n in (1, 2, 3)},
        chart["ms-penicillin"]["reaction"][0]["manifestation"][0]["text"],
        chart["ms-dnr"]["status"],
        chart["ms-cefepime"]["status"],
    ) == ("IIB (anatomic)", {"completed"}, "rash as a child", "active", "stopped")


def test_documents_of_the_messy_chart_are_of_every_kind_a_reader_meets() -> None:
    chart = messy_chart()
    documents = [r for r in chart.values() if r["resourceType"] == "DocumentReference"]
    kinds = Counter(d["content"][0]["attachment"]["contentType"] for d in documents)
    states = Counter(d["docStatus"] for d in documents)
    assert kinds == {
        "text/plain; charset=utf-8": 20,
        "application/pdf": 2,
        "application/rtf": 1,
        "text/html; charset=utf-8": 1,
        "application/xml": 1,
    }
    assert states == {"final": 22, "amended": 1, "preliminary": 1, "entered-in-error": 1}
    outside = words_of(chart["ms-doc-outside"]).split("\f")
    assert (len(outside), outside[-1].splitlines()[0][-13:]) == (30, "page 30 of 30")
    binaries = {key: base64.b64decode(chart[key]["data"]) for key in ("ms-bin-scan", "ms-bin-pdf")}
    assert {key: (b"/Font" in data, b" Tj" in data) for key, data in binaries.items()} == {
        "ms-bin-scan": (False, False),
        "ms-bin-pdf": (True, True),
    }


def test_what_was_ordered_and_what_was_given_differ_in_the_messy_chart() -> None:
    chart = messy_chart()
    given = sorted(
        (r["effectiveDateTime"][:10], r["status"])
        for r in chart.values()
        if r["id"].startswith("ms-given-enoxaparin")
    )
    assert (chart["ms-enoxaparin"]["status"], given) == (
        "active",
        [
            ("2026-11-15", "completed"),
            ("2026-11-16", "completed"),
            ("2026-11-17", "not-done"),
            ("2026-11-18", "not-done"),
            ("2026-11-19", "not-done"),
        ],
    )
    levels = sorted(
        (r["effectiveDateTime"][:16], r["valueQuantity"]["value"])
        for r in chart.values()
        if r["resourceType"] == "Observation" and code(r) in {"4092-3", "20578-1"}
    )
    doses = sorted(
        (r["effectiveDateTime"][:16], r["dosage"]["dose"]["value"])
        for r in chart.values()
        if r["id"].startswith("ms-given-vanc") and r["status"] == "completed"
    )
    before = [[dose for dose in doses if dose[0] < level[0]][-1] for level in levels]
    assert list(zip(levels, before, strict=True)) == [
        (("2026-11-16T20:40", "11.2"), ("2026-11-16T09:20", "1000")),
        (("2026-11-18T20:35", "24.6"), ("2026-11-18T09:05", "1250")),
        (("2026-11-19T09:10", "18.9"), ("2026-11-18T09:05", "1250")),
    ]


@pytest.mark.parametrize(
    ("name", "stay", "given", "not_given", "notes"),
    [
        ("stay-kidney", ("2026-11-05", "2026-11-12"), 102, 4, 37),
        ("stay-heart", ("2026-11-15", "2026-11-17"), 21, 1, 15),
    ],
)
def test_hospital_stays_have_an_end_before_today_notes_and_doses_given_or_not(
    name: str, stay: tuple[str, str], given: int, not_given: int, notes: int
) -> None:
    chart = resources(name)
    inside = [r for r in chart if r["resourceType"] == "Encounter" and r["class"]["code"] == "IMP"]
    doses = Counter(r["status"] for r in chart if r["resourceType"] == "MedicationAdministration")
    written = [r for r in chart if r["resourceType"] == "DocumentReference"]
    assert [(r["period"]["start"][:10], r["period"]["end"][:10]) for r in inside] == [stay]
    assert (doses, len(written)) == ({"completed": given, "not-done": not_given}, notes)
    assert manifest(name)["generator"] == "clinosim"
    packed = (ndjson.CHARTS / name / "chart.ndjson.gz").stat().st_size
    assert packed < MOST_BYTES


def test_unusual_states_of_results_are_in_the_messy_chart() -> None:
    observations = [r for r in resources("messy") if r["resourceType"] == "Observation"]
    odd = sorted((r["id"], r["status"]) for r in observations if r["status"] != "final")
    assert odd == [
        ("ms-growth-2", "preliminary"),
        ("ms-k-202611180515", "corrected"),
        ("ms-wt-error", "entered-in-error"),
    ]
    assert [r["id"] for r in observations if "dataAbsentReason" in r] == ["ms-lac-absent"]


def test_medicines_of_the_messy_chart_are_named_by_code_by_reference_and_inside() -> None:
    named = Counter(
        order["medicationReference"]["reference"]
        for order in resources("messy")
        if order["resourceType"] == "MedicationRequest" and "medicationReference" in order
    )
    assert named == {"Medication/ms-vancomycin-vial": 3, "#drug": 1}


def test_marlena_is_who_the_banner_says() -> None:
    patient = one("me-patient")
    identifier = patient["identifier"][0]
    assert (patient["name"][0]["family"], patient["name"][0]["prefix"], patient["birthDate"]) == (
        "Evergreen",
        ["Ms"],
        "1958-03-14",
    )
    assert (patient["gender"], identifier["value"]) == ("female", "00471182")
    assert identifier["type"]["coding"][0]["code"] == "MR"


@pytest.mark.parametrize(
    ("loinc", "unit", "drawn"),
    [
        ("2823-3", "mmol/L", ["4.4", "4.5", "4.6", "5.0", "5.6 H"]),
        ("2160-0", "mg/dL", ["1.10", "1.11 H", "1.15 H", "1.34 H", "1.64 H"]),
        ("98979-8", "mL/min/1.73 m²", ["55 L", "54 L", "52 L", "43 L", "34 L"]),
    ],
)
def test_kidney_results_of_the_last_year_are_as_drawn(
    loinc: str, unit: str, drawn: list[str]
) -> None:
    series = [
        r
        for r in of_type("Observation")
        if code(r) == loinc and r["effectiveDateTime"] > "2025-11-20"
    ]
    series.sort(key=lambda r: r["effectiveDateTime"])
    days = ["2025-12-03", "2026-03-18", "2026-06-11", "2026-10-14", "2026-11-19"]
    assert [r["effectiveDateTime"][:10] for r in series] == days
    shown = []
    for result in series:
        flags = [i["coding"][0]["code"] for i in result.get("interpretation", [])]
        shown.append(" ".join([result["valueQuantity"]["value"], *flags]))
        assert (result["status"], result["valueQuantity"]["unit"]) == ("final", unit)
        assert result["performer"][0]["display"] == "Mercy Laboratory"
    assert shown == drawn


def test_drawn_reference_ranges_are_as_sent() -> None:
    texts = [
        one(f"me-obs-{key}-2026-11-19")["referenceRange"][0]["text"] for key in ("k", "cr", "egfr")
    ]
    assert texts == ["3.5–5.1", "0.50–1.10", "≥ 60"]


def test_visit_of_today_is_in_progress() -> None:
    today = one("me-enc-today")
    assert (today["status"], today["period"]) == (
        "in-progress",
        {"start": "2026-11-20T08:30:00-06:00"},
    )
    reason = "diabetes and blood pressure follow-up; tired for 2 weeks"
    assert today["reasonCode"] == [{"text": reason}]
    assert today["location"][0]["location"]["display"] == "Harbor Clinic"


def test_last_visit_of_the_user_was_in_september() -> None:
    mine = [
        e["period"]["start"][:10]
        for e in of_type("Encounter")
        if e["status"] == "finished"
        and e["participant"][0]["individual"]["display"] == "A. Osei, MD"
    ]
    assert max(mine) == "2026-09-18"


@pytest.mark.parametrize(
    ("fhir_id", "ordered", "by", "dose", "frequency", "supply_days", "refills"),
    [
        ("me-med-spironolactone", "2026-09-18", "A. Osei, MD", "25", "once daily", "90", "1"),
        (
            "me-med-ibuprofen",
            "2026-10-02",
            "P. Lindqvist, NP",
            "600",
            "three times a day",
            "30",
            "2",
        ),
        ("me-med-apixaban", "2026-09-07", "R. Mensah, MD", "5", "twice a day", "90", "3"),
        ("me-med-metformin", "2026-09-07", "A. Osei, MD", "1000", "twice a day", "90", "1"),
    ],
)
def test_drawn_orders_are_as_drawn(
    fhir_id: str, ordered: str, by: str, dose: str, frequency: str, supply_days: str, refills: str
) -> None:
    order = one(fhir_id)
    dosage, supply = order["dosageInstruction"][0], order["dispenseRequest"]
    assert (order["status"], order["authoredOn"][:10]) == ("active", ordered)
    assert order["requester"]["display"] == by
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == dose
    assert dosage["timing"]["code"]["text"] == frequency
    assert supply["expectedSupplyDuration"]["value"] == supply_days
    assert supply["numberOfRepeatsAllowed"] == refills
    per_day = int(dosage["timing"]["repeat"]["frequency"])
    assert int(supply["quantity"]["value"]) == per_day * int(supply_days)


def test_ibuprofen_came_from_outside_in_its_own_words() -> None:
    order = one("me-med-ibuprofen")
    assert (order["authoredOn"], order["meta"]["lastUpdated"]) == (
        "2026-10-02T17:20:00-05:00",
        "2026-10-02T17:21:00-05:00",
    )
    assert order["dosageInstruction"][0]["text"] == (
        "Ibuprofen 600 mg tablet. Take 1 tablet by mouth 3 times a day with food. "
        "Dispense 90, refills 2."
    )
    assert order["reportedReference"]["display"] == "Bayside Urgent Care"
    assert order["reasonCode"][0]["text"] == "Low back pain"


def test_nine_orders_are_active_and_no_fill_is_known() -> None:
    assert sum(order["status"] == "active" for order in of_type("MedicationRequest")) == 9
    assert of_type("MedicationDispense") == []


def test_allergies_are_the_two_of_the_banner() -> None:
    stated = [
        (a["code"]["text"], a["reaction"][0]["manifestation"][0]["text"], a["criticality"])
        for a in of_type("AllergyIntolerance")
    ]
    assert stated == [("penicillin", "anaphylaxis", "high"), ("sulfonamides", "rash", "low")]


def test_atrial_fibrillation_is_the_reason_for_apixaban() -> None:
    assert one("me-cond-af")["recordedDate"] == "2024-02-11"
    reason = one("me-med-apixaban")["reasonReference"]
    assert [r["reference"] for r in reason] == ["Condition/me-cond-af"]


def test_last_standing_weight_is_three_years_old() -> None:
    weights = {
        w["effectiveDateTime"][:10]: (w["valueQuantity"]["value"], w["status"])
        for w in of_type("Observation")
        if code(w) == "29463-7" and w["effectiveDateTime"] >= "2023-05-09"
    }
    assert weights == {
        "2023-05-09": ("71", "final"),
        "2024-08-20": ("171.0", "entered-in-error"),
    }


def test_blood_count_is_registered_and_urine_albumin_only_ordered() -> None:
    report = one("me-dr-cbc-2026-11-19")
    assert (report["status"], report["effectiveDateTime"], report.get("result")) == (
        "registered",
        "2026-11-19T09:10:00-06:00",
        None,
    )
    order = one("me-sr-uacr-2026-09-18")
    assert (order["status"], order["authoredOn"][:10]) == ("active", "2026-09-18")
    answered = {r for o in resources("marlena") for r in references(o.get("basedOn", []))}
    assert "ServiceRequest/me-sr-uacr-2026-09-18" not in answered
    assert not [o for o in of_type("Observation") if "albumin" in o["code"]["text"].lower()]


def note(fhir_id: str) -> str:
    attachment = one(fhir_id)["content"][0]["attachment"]
    return base64.b64decode(attachment["data"]).decode()


def test_notes_since_the_last_visit_are_the_two_drawn_and_one_copies_the_other() -> None:
    new = sorted(
        (d["date"][:10], d["author"][0]["display"])
        for d in of_type("DocumentReference")
        if d["date"] > "2026-09-19" and "author" in d
    )
    assert new == [("2026-11-14", "T. Alvarez, RN"), ("2026-11-19", "K. Brandt, PA")]
    copied, written = note("me-doc-pre-2026-11-19").split("\n\n")
    assert copied == note("me-doc-tel-2026-11-14")
    assert copied == (
        "Patient called about tiredness. Reports ibuprofen 3 times a day most days for back pain "
        "since early October. Nausea this week, eating and drinking less. No black stools."
    )
    assert written == (
        "New today: laboratory called potassium 5.6; Dr. Osei told by message at 15:32. "
        "Visit tomorrow."
    )


def test_twelve_scanned_documents_have_no_text() -> None:
    scans = [d for d in of_type("DocumentReference") if "url" in d["content"][0]["attachment"]]
    assert (len(scans), max(d["date"][:10] for d in scans)) == (12, "2026-11-02")
    assert not any("data" in d["content"][0]["attachment"] for d in scans)


def test_unusual_results_are_there_and_outside_the_drawn_series() -> None:
    unusual = Counter(o["status"] for o in of_type("Observation") if o["status"] != "final")
    assert unusual == {"corrected": 1, "preliminary": 1, "entered-in-error": 1}
    comparators = [
        o["id"] for o in of_type("Observation") if "comparator" in o.get("valueQuantity", {})
    ]
    absent = [o["id"] for o in of_type("Observation") if "dataAbsentReason" in o]
    assert (comparators, absent) == (["me-obs-trop-2024-02-11"], ["me-obs-mg-2024-08-20"])
