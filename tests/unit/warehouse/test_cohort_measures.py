"""Rules of care over many patients give each patient the verdict of plain Python, and that of the patient's own care gaps."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import CohortRefused
from app.fhir.labels import Labels
from app.fhir.measures.rules import load
from app.fhir.reader import LaunchChart
from app.tools.care_gaps.evaluate import evaluate
from app.tools.care_gaps.gaps import SECTIONS
from app.warehouse.cohort.answers import FEW, Cohorts
from app.warehouse.cohort.flat import Flat, flat
from app.warehouse.cohort.measures import measure
from app.warehouse.cohort.memory import Answered
from tests.cohort_store import store
from tests.ndjson_source import NdjsonSource, context
from tests.unit.warehouse.conftest import Made

NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)
DAY = "2026-01-15"
RULES = {rule.key: rule for rule in load().rules}
Resource = dict[str, Any]
ICD, SNOMED, LOINC, CVX, RX = (
    "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/cvx", "http://www.nlm.nih.gov/research/umls/rxnorm",
)  # fmt: skip


def more(resources: Sequence[Resource]) -> Iterator[Resource]:  # noqa: C901 - one line for each kind of record
    """Yield what the generated charts lack: vaccines, procedures, reports, old and sharp and unsure records."""
    patients = [one for one in resources if one["resourceType"] == "Patient"]
    for n, patient in enumerate(patients):
        who = {"reference": f"Patient/{patient['id']}"}

        def made(kind: str, name: str, system: str, code: str, text: str, _n: int = n, _who: Resource = who, **fields: Any) -> Resource:  # fmt: skip
            coded = {"coding": [{"system": system, "code": code, "display": text}], "text": text}
            return {"resourceType": kind, "id": f"{name}{_n}", "patient" if kind == "Immunization" else "subject": _who,
                    "vaccineCode" if kind == "Immunization" else "code": coded, "status": "completed", **fields}  # fmt: skip

        if n % 3 == 0:
            yield made("Immunization", "flu", CVX, "150", "Influenza", occurrenceDateTime=("2025-10-01", "2025-06-30", "2025")[n % 9 // 3])  # fmt: skip
        if n % 4 == 0:
            yield made("Immunization", "pcv", CVX, ("216", "133", "33")[n % 3], "Pneumococcal", occurrenceDateTime="2020-01-01", status="not-done" if n % 5 == 0 else "completed")  # fmt: skip
            yield made("Immunization", "ppsv", CVX, "33", "PPSV23", occurrenceDateTime="2021-01-01")
        if n % 5 < 2:
            yield made(
                "Immunization", "za", CVX, "187", "Shingrix", occurrenceDateTime="2023-01-01"
            )
            yield made("Immunization", "zb", CVX, "187", "Shingrix", occurrenceDateTime=("2023-01-01", "2023-05-01")[n % 2])  # fmt: skip
        if n % 7 < 2:
            yield made("Procedure", "col", SNOMED, "73761001", "Colonoscopy", performedDateTime=("2016-01-14", "2016-01-16")[n % 7])  # fmt: skip
        if n % 11 == 0:
            yield made("Condition", "hosp", ICD, "Z51.5", "Encounter for palliative care", clinicalStatus={"coding": [{"code": "active"}]})  # fmt: skip
        if n % 6 == 1:
            yield made("Condition", "dm", ICD, "E11.9", "Type 2 diabetes mellitus", clinicalStatus={"coding": [{"code": "active"}]},
                       verificationStatus={"coding": [{"code": ("confirmed", "refuted")[n % 4 // 2]}]})  # fmt: skip
        if n % 8 < 2:
            yield made("DiagnosticReport", "mam", LOINC, "24606-6", "MG Breast Screening", status=("final", "preliminary")[n % 3 == 0], effectiveDateTime="2025-03-03")  # fmt: skip
            yield made("Procedure", "eye", SNOMED, "722161008", "Retinal examination", performedDateTime="2025-06-06")  # fmt: skip
        if n % 9 == 2 or n % 20 == 3:
            yield {"resourceType": "MedicationRequest", "id": f"st{n}", "subject": who, "status": ("active", "stopped")[n % 4 == 0], "intent": "order" if n % 5 else "plan",
                   "authoredOn": "2025-05-05", "medicationCodeableConcept": {"text": "Atorvastatin 20 MG Oral Tablet"}}  # fmt: skip
        if n % 10 == 3:
            yield made("Condition", "cad", ICD, "I25.10", "Atherosclerotic heart disease", clinicalStatus={"coding": [{"code": "resolved"}]})  # fmt: skip
        for name, code, value, unit, when in (
            ("a", "4548-4", 9.5, "%", "2025-12-01"),
            ("b", "4548-4", 5.0, "%", "2026-01-14"),
            ("c", "4548-4", 60, "mg/dL", "2026-01-10"),
        ):
            if n % 4 == "abc".index(name):
                yield {"resourceType": "Observation", "id": f"o{name}{n}", "subject": who, "status": ("final", "cancelled")[n % 3 == 0], "effectiveDateTime": f"{when}T02:00:00Z",
                       "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
                       "code": {"coding": [{"system": LOINC, "code": code}], "text": "Hemoglobin A1c"}, "valueQuantity": {"value": value, "unit": unit, "code": unit, "system": "http://unitsofmeasure.org"}}  # fmt: skip


@pytest.fixture(scope="module")
def enriched(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    # A third of the generated results becomes old, so that "within 12 months" decides something.
    def aged(n: int, one: Resource) -> Resource:
        if one["resourceType"] == "Observation" and n % 3 == 0:
            return {**one, "effectiveDateTime": "2024-06-01T09:00:00Z"}
        return one

    resources = [aged(n, one) for n, one in enumerate(made[1])]
    resources += more(resources)
    folder, snapshot = store(tmp_path_factory.mktemp("enriched"), resources)
    return flat(folder, snapshot, Labels(), "America/Chicago"), resources


# ---------------------------------------------------------------- plain Python, by the words of each rule

Chart = dict[str, list[Resource]]


def charts(resources: Sequence[Resource]) -> dict[str, Chart]:
    found: dict[str, Chart] = defaultdict(lambda: defaultdict(list))
    for one in resources:
        if one["resourceType"] == "Patient":
            found[one["id"]]["Patient"].append(one)
        elif whose := one.get("subject") or one.get("patient"):
            found[whose["reference"].removeprefix("Patient/")][one["resourceType"]].append(one)
    return found


def codes(one: Resource) -> list[str]:
    return [c["code"] for c in (one.get("code") or one.get("vaccineCode") or {}).get("coding", [])]


def problem(chart: Chart, *begins: str, active: bool = True) -> bool:
    for one in chart["Condition"]:
        sure = one.get("verificationStatus", {}).get("coding", [{"code": "confirmed"}])[0]["code"] == "confirmed"  # fmt: skip
        now = one["clinicalStatus"]["coding"][0]["code"] == "active"
        if sure and (now or not active) and any(code.startswith(begins) for code in codes(one)):
            return True
    return False


def done(chart: Chart, kind: str, *wanted: str, since: str = "") -> list[str]:
    """Return the days of procedures, vaccines or reports that were done, as precise as sent."""
    state = {"completed"} if kind != "DiagnosticReport" else {"final"}
    days = [
        str(one.get("occurrenceDateTime") or one.get("performedDateTime") or one.get("effectiveDateTime"))[:10]
        for one in chart[kind]
        if one["status"] in state and set(codes(one)) & set(wanted)
    ]  # fmt: skip
    return [day for day in days if day >= since]


def results(chart: Chart, loinc: str, since: str) -> list[tuple[str, float, str]]:
    found: list[tuple[str, float, str]] = []
    for one in chart["Observation"]:
        # 02:00 in UTC is the evening before in Chicago.
        when = one["effectiveDateTime"]
        day = f"{when[:8]}{int(when[8:10]) - 1:02d}T20" if "T02" in when else when
        if one["status"] != "final" or day[:10] < since:
            continue
        parts = [x for x in [one, *one.get("component", [])] if loinc in codes(x)]
        values = [x["valueQuantity"] for x in parts if "valueQuantity" in x]
        found += [(day, x["value"], x["code"]) for x in values]
    return sorted(found)


def statin(chart: Chart) -> bool:
    return any("statin" in one["medicationCodeableConcept"]["text"].lower() and one["status"] == "active" and one["intent"] == "order"
               for one in chart["MedicationRequest"])  # fmt: skip


def within(chart: Chart, loinc: str, unit: str, limit: Callable[[float], bool]) -> bool | None:
    found = results(chart, loinc, "2025-01-15")
    if not found:
        return False
    return limit(found[-1][1]) if found[-1][2] == unit else None


def flu(chart: Chart) -> bool | None:
    if done(chart, "Immunization", "150", since="2025-07-01"):
        return True
    return None if "2025" in done(chart, "Immunization", "150") else False


DM, ESRD, HOSPICE = ("E10", "E11", "E13"), ("N18.6",), ("Z51.5",)
Verdict = Callable[[Chart], bool | None]
Naive = tuple[tuple[int, int], str, Callable[[Chart], bool], Callable[[Chart], bool], Verdict]


def hospice(chart: Chart) -> bool:
    return problem(chart, *HOSPICE, active=False)


def hospice_or_esrd(chart: Chart) -> bool:
    return hospice(chart) or problem(chart, *ESRD, active=False)


def no_statin(chart: Chart) -> bool:
    allergic = any("statin" in str(one.get("code")).lower() for one in chart["AllergyIntolerance"])
    return hospice_or_esrd(chart) or allergic


NAIVE: dict[str, Naive] = {
    "diabetes_a1c_12m": ((18, 75), "", lambda c: problem(c, *DM), hospice, lambda c: bool(results(c, "4548-4", "2025-01-15"))),
    "diabetes_a1c_6m": ((18, 120), "", lambda c: problem(c, *DM), hospice, lambda c: bool(results(c, "4548-4", "2025-07-15"))),
    "diabetes_a1c_9": ((18, 75), "", lambda c: problem(c, *DM), hospice, lambda c: within(c, "4548-4", "%", lambda v: v <= 9)),
    "bp_control": ((18, 85), "", lambda c: problem(c, "I10"), hospice_or_esrd,
                   lambda c: bool(within(c, "8480-6", "mm[Hg]", lambda v: v < 140) and within(c, "8462-4", "mm[Hg]", lambda v: v < 90))),
    "statin_diabetes": ((40, 75), "", lambda c: problem(c, *DM), no_statin, statin),
    "statin_ascvd": ((18, 120), "", lambda c: problem(c, "I25", active=False), no_statin, statin),
    "diabetes_kidney": ((18, 85), "", lambda c: problem(c, *DM), hospice_or_esrd, lambda c: all(
        any(results(c, code, "2025-01-15") for code in some) for some in (("98979-8", "62238-1", "33914-3", "69405-9", "48642-3"), ("9318-7", "14959-1", "14958-3", "13705-9")))),
    "diabetes_eye": ((18, 75), "", lambda c: problem(c, *DM), hospice, lambda c: bool(done(c, "Procedure", "722161008", since="2025-01-15"))),
    "colorectal_screening": ((45, 75), "", lambda c: True, hospice, lambda c: bool(done(c, "Procedure", "73761001", since="2016-01-15"))),
    "breast_screening": ((40, 74), "female", lambda c: True, hospice, lambda c: bool(done(c, "DiagnosticReport", "24606-6", since="2024-01-15"))),
    "influenza": ((19, 120), "", lambda c: True, lambda c: False, flu),
    "pneumococcal": ((50, 120), "", lambda c: True, lambda c: False, lambda c: bool(done(c, "Immunization", "216")) or bool(
        done(c, "Immunization", "133") and done(c, "Immunization", "33"))),
    "zoster": ((50, 120), "", lambda c: True, lambda c: False, lambda c: len(set(done(c, "Immunization", "187"))) >= 2),
}  # fmt: skip


def verdict(chart: Chart, naive: Naive) -> str:
    (low, high), sex, about, out, met = naive
    (patient,) = chart["Patient"]
    born = str(patient["birthDate"])
    years = int(DAY[:4]) - int(born[:4]) - int(born[5:] > DAY[5:])
    if not low <= years <= high or (sex and patient["gender"] != sex) or not about(chart):
        return "does not apply"
    if out(chart):
        return "excluded"
    return {True: "met", False: "not met", None: "cannot tell"}[met(chart)]


def by_patient(tables: Flat, key: str, everybody: Sequence[str]) -> dict[str, str]:
    with tables.views() as db:
        found = measure(db, RULES[key], DAY).patients
    told = {patient: str(status) for status, some in found.items() for patient in some}
    assert len(told) == sum(map(len, found.values()))
    return {patient: told.get(patient, "does not apply") for patient in everybody}


@pytest.mark.parametrize("key", NAIVE)
def test_a_rule_over_many_patients_is_what_plain_python_says(key: str, enriched: Made) -> None:
    every = charts(enriched[1])
    expected = {patient: verdict(chart, NAIVE[key]) for patient, chart in every.items()}
    assert by_patient(enriched[0], key, list(every)) == expected
    # It decides something.
    assert {"met", "not met", "does not apply"} <= {*expected.values(), "does not apply"}


def test_one_patients_care_gaps_say_the_same(enriched: Made) -> None:
    own = {key: [one for kind in chart.values() for one in kind] for key, chart in charts(enriched[1]).items()}  # fmt: skip
    some = sorted(own)[::8]
    over_all = {key: by_patient(enriched[0], key, some) for key in RULES}
    differ = []
    for patient in some:
        opened = LaunchChart(NdjsonSource(own[patient], patient), context(patient, NOW), NOW)
        opened.ensure(*SECTIONS)
        for key, rule in RULES.items():
            alone = evaluate(opened, rule).status
            if alone != over_all[key][patient]:
                differ.append((patient, key, alone, over_all[key][patient]))
    assert differ == []
    assert {status for each in over_all.values() for status in each.values()} == {"met", "not met", "excluded", "cannot tell", "does not apply"}  # fmt: skip


def test_measures_are_shown_like_other_counts(enriched: Made, tmp_path: Path) -> None:
    audit: list[Any] = []
    ask = Cohorts(flat=enriched[0], answered=Answered(path=tmp_path / "a"), user="Practitioner/1", analyst=True, lists=True, record=audit.append, clock=lambda: NOW)  # fmt: skip
    table = ask.measures(list(RULES.values())[:5])
    cells = [cell for row in table.rows for cell in row[2:]]
    assert FEW in cells
    assert all(int(cell) == 0 or int(cell) >= 11 for cell in cells if cell.isdigit())
    rule = RULES["colorectal_screening"]
    everybody = list(charts(enriched[1]))
    due = [p for p, status in by_patient(enriched[0], rule.key, everybody).items() if status == "not met"]  # fmt: skip
    assert ask.measured(rule, "not met") == sorted(due)
    with pytest.raises(CohortRefused, match="counts only"):
        replace(ask, lists=False).measured(rule, "not met")
    assert [one["what"] for one in audit] == ["measure"] * 5 + ["list", "list"]
