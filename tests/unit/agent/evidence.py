"""Evidence as the chart gives it, made by hand: two results, a series, two orders, a note, a search, an allergy."""

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from app.agent.facts import Lexicon
from app.agent.grounding import Background, Check, Judged, Part, judge
from app.fhir.citation import CITATION, DateRole, Evidence

ZONE = ZoneInfo("America/Chicago")


def fact(reference: str, field: str, value: str, **more: str) -> Evidence:
    values = {"version": "1", "path": "x", "name": "", **more}
    return Evidence(reference=reference, field=field, value=value, **values)  # type: ignore[arg-type]


def result(
    fhir_id: str, name: str, value: str, unit: str, date: str, *, flag: str = "", limits: str = "",
    status: str = "final", role: DateRole = "collected",
) -> tuple[Evidence, ...]:  # fmt: skip
    same = {"name": name, "status": status, "date": date, "date_role": role}
    reference = f"Observation/{fhir_id}"
    found = [
        fact(reference, "value", value, unit=unit, **same),
        fact(reference, "flag", flag, **same),
    ]
    return (*found, *([fact(reference, "range", limits, **same)] if limits else []))


def order(
    fhir_id: str, name: str, dose: str, unit: str, often: str, date: str, *, status: str = "active",
    supply: tuple[str, str] = ("", ""), refills: str = "",
) -> tuple[Evidence, ...]:  # fmt: skip
    reference = f"MedicationRequest/{fhir_id}"
    same = {"name": name, "status": status, "date": date, "date_role": "ordered"}
    found = [
        fact(reference, "drug", name, **same),
        fact(reference, "dose", dose, unit=unit, **same),
        fact(reference, "frequency", often, **same),
        fact(reference, "date", date, **same),
        fact(reference, "status", status, **same),
    ]
    if supply[0]:
        ended = {**same, "date": supply[1], "date_role": "ended"}
        found.append(fact(reference, "supply", supply[0], unit="days", **ended))
    if refills:
        found.append(fact(reference, "refills", refills, **same))
    return tuple(found)


NOTE = "Reports ibuprofen 3 times a day most days for back pain since 02-Oct-2026. Eating and drinking less. No black stools."
COLLECTED = "2026-11-19T09:10:00-06:00"
EVIDENCE: dict[str, tuple[Evidence, ...]] = {
    "L3a": result("k1", "Potassium", "5.6", "mmol/L", COLLECTED, flag="H", limits="3.5–5.1"),
    "L1a": result("c1", "Creatinine", "1.64", "mg/dL", COLLECTED, flag="H", limits="0.50–1.10"),
    "L2": result("e1", "eGFR", "34", "mL/min/1.73 m²", COLLECTED, flag="L", limits="≥ 60")
    + result("e2", "eGFR", "52", "mL/min/1.73 m²", "2026-06-11T09:08:00-05:00", flag="L", limits="≥ 60"),
    "L4a": result("b1", "Blood culture", "no growth", "", COLLECTED, status="preliminary"),
    "L5a": result("t1", "Troponin I", "<6", "ng/L", COLLECTED),
    "L6a": result("h1", "Hemoglobin", "12.412345678", "g/dL", COLLECTED),
    "V1a": result("b", "Systolic BP", "148", "mmHg", "2026-10-02T16:55:00-05:00", role="measured")
    + result("b", "Diastolic BP", "84", "mmHg", "2026-10-02T16:55:00-05:00", role="measured"),
    "M1": order("s", "spironolactone 25 mg tablet", "25", "mg", "once daily", "2026-09-18T10:45:00-05:00", supply=("90", "2026-12-17")),
    "M2": order("i", "ibuprofen 600 mg tablet", "600", "mg", "three times a day", "2026-10-02T17:20:00-05:00", supply=("30", "2026-11-01"), refills="2"),
    "M3": order("x", "losartan 50 mg tablet", "50", "mg", "once daily", "2021-11-09", status="stopped"),
    "M4": order("m", "metformin 500 mg tablet", "1000", "mg", "twice a day", "2026-09-07"),
    "N2": (fact("DocumentReference/n", "words", NOTE, name="Telephone note", status="final", date="2026-11-14T10:20:00-06:00", date_role="signed"),),
    "P1": (fact("Condition/p", "problem", "Chronic kidney disease stage 3a", name="Chronic kidney disease stage 3a", status="active", date="2023-05-09", date_role="onset"),),
    "A1": (fact("AllergyIntolerance/a", "substance", "No known allergies", name="No known allergies", status="active", date="2020-01-01", date_role="recorded"),),
    "A2": (
        fact("AllergyIntolerance/b", "substance", "penicillin", name="penicillin", status="active", date="2019-09-10", date_role="recorded"),
        fact("AllergyIntolerance/b", "reaction", "anaphylaxis", name="penicillin", status="active"),
    ),
    "R1": (fact("ServiceRequest/r", "order", "Urine albumin/creatinine ratio", name="Urine albumin/creatinine ratio", status="active", date="2026-09-18", date_role="ordered"),),
    "S1": (
        fact("", "search", "412", name="urine albumin", status="complete", date="20-Nov-2026 08:42", date_role="searched"),
        fact("", "span", "03-Mar-2019"),
        fact("", "span", "20-Nov-2026"),
    ),
    "S2": (fact("", "search", "50", name="gout", status="incomplete", date_role="searched"),),
}  # fmt: skip
LEXICON = Lexicon(
    tests={
        "potassium": "potassium", "k": "potassium", "creatinine": "creatinine", "egfr": "egfr", "chloride": "chloride",
        "blood pressure": "blood pressure", "hemoglobin": "hemoglobin", "troponin i": "troponin", "blood culture": "blood culture",
    },
    drugs=frozenset(("ibuprofen", "spironolactone", "apixaban", "warfarin", "losartan", "metformin", "penicillin")),
    chart_drugs=frozenset(("ibuprofen", "spironolactone", "losartan", "metformin")),
)  # fmt: skip


def parts(text: str) -> list[Part]:
    """Split a written sentence at its citations."""
    found, at = [], 0
    for match in CITATION.finditer(text):
        found.append(
            Part(text=text[at : match.start()], handles=tuple(re.split("[,;] ?", match[1])))
        )
        at = match.end()
    return [*found, Part(text=text[at:])]


def judged(
    text: str, question: str = "", evidence: Mapping[str, tuple[Evidence, ...]] | None = None
) -> Judged:
    known = Background(lexicon=LEXICON, zone=ZONE, question=question)
    return judge(parts(text), evidence or EVIDENCE, known)


def checked(text: str) -> Check:
    """Return the only check of a sentence with one handle."""
    (found,) = judged(text).checks.values()
    return found
