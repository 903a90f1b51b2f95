"""Perpetua Halloran's stay from 14-Nov-2026: sepsis from a port, antibiotics with levels, lines, pain, clots, kidneys.

What was ordered and what was given differ on purpose: enoxaparin is an active order that was last given on 16-Nov,
a vancomycin dose was held after a high level, and a potassium was corrected after a second look at the specimen.
"""

from typing import Any

from sandbox.generate.coding import HL7, coded, coding, quantity, refer
from sandbox.generate.pen import (
    Pen,
    Reference,
    Test,
    absent,
    at,
    loinc,
    period,
    rxnorm,
    snomed,
    stamp,
)

STAY = "enc-stay"
TESTS: dict[str, Test] = {
    "na": ("Sodium", "2951-2", "mmol/L", "mmol/L", "135", "145"),
    "k": ("Potassium", "2823-3", "mmol/L", "mmol/L", "3.5", "5.1"),
    "cl": ("Chloride", "2075-0", "mmol/L", "mmol/L", "98", "107"),
    "co2": ("Carbon dioxide, total", "2028-9", "mmol/L", "mmol/L", "22", "29"),
    "bun": ("Urea nitrogen", "3094-0", "mg/dL", "mg/dL", "7", "20"),
    "cr": ("Creatinine", "2160-0", "mg/dL", "mg/dL", "0.50", "1.10"),
    "glu": ("Glucose", "2345-7", "mg/dL", "mg/dL", "70", "99"),
    "ca": ("Calcium", "17861-6", "mg/dL", "mg/dL", "8.6", "10.2"),
    "alb": ("Albumin", "1751-7", "g/dL", "g/dL", "3.5", "5.0"),
    "mg": ("Magnesium", "19123-9", "mg/dL", "mg/dL", "1.7", "2.4"),
    "lac": ("Lactate", "2524-7", "mmol/L", "mmol/L", "0.5", "2.0"),
    "wbc": ("Leukocytes", "6690-2", "10³/µL", "10*3/uL", "4.0", "11.0"),
    "anc": ("Neutrophils", "751-8", "10³/µL", "10*3/uL", "1.80", "7.70"),
    "hgb": ("Hemoglobin", "718-7", "g/dL", "g/dL", "12.0", "15.5"),
    "plt": ("Platelets", "777-3", "10³/µL", "10*3/uL", "150", "400"),
    "bili": ("Bilirubin, total", "1975-2", "mg/dL", "mg/dL", "0.2", "1.2"),
    "alt": ("Alanine aminotransferase", "1742-6", "U/L", "U/L", "7", "45"),
    "ast": ("Aspartate aminotransferase", "1920-8", "U/L", "U/L", "8", "40"),
    "inr": ("INR", "6301-6", "ratio", "{INR}", "0.9", "1.1"),
    "vanc": ("Vancomycin, trough", "4092-3", "µg/mL", "ug/mL", "10.0", "20.0"),
    "vancr": ("Vancomycin, random", "20578-1", "µg/mL", "ug/mL", "", ""),
    "hr": ("Heart rate", "8867-4", "beats/min", "/min", "", ""),
    "rr": ("Respiratory rate", "9279-1", "breaths/min", "/min", "", ""),
    "temp": ("Body temperature", "8310-5", "°C", "Cel", "", ""),
    "spo2": ("Oxygen saturation", "2708-6", "%", "%", "", ""),
    "o2": ("Inhaled oxygen flow rate", "3151-8", "L/min", "L/min", "", ""),
    "wt": ("Body weight", "29463-7", "kg", "kg", "", ""),
    "ht": ("Body height", "8302-2", "cm", "cm", "", ""),
    "pain": ("Pain severity 0-10 verbal numeric rating", "72514-3", "points", "{score}", "", ""),
    "a1c": ("Hemoglobin A1c", "4548-4", "%", "%", "4.0", "5.6"),
    "tsh": ("Thyrotropin", "3016-3", "mIU/L", "m[IU]/L", "0.40", "4.50"),
    "ck": ("Creatine kinase", "2157-6", "U/L", "U/L", "30", "180"),
    "trop": ("Troponin I, high sensitivity", "89579-7", "ng/L", "ng/L", "", "15"),
    "ldl": ("LDL cholesterol", "13457-7", "mg/dL", "mg/dL", "", "129"),
    "hdl": ("HDL cholesterol", "2085-9", "mg/dL", "mg/dL", "50", ""),
    "chol": ("Cholesterol", "2093-3", "mg/dL", "mg/dL", "", "199"),
    "ef": ("Left ventricular ejection fraction", "10230-1", "%", "%", "", ""),
    "phq": ("PHQ-9 total score", "44261-6", "points", "{score}", "", ""),
    "gad": ("GAD-7 total score", "70274-6", "points", "{score}", "", ""),
    "morse": ("Morse fall risk total", "59460-6", "points", "{score}", "", ""),
    "braden": ("Braden scale total score", "38227-5", "points", "{score}", "", ""),
}
LABS = """
na k cl co2 bun cr glu ca alb mg wbc anc hgb plt bili alt ast inr
2026-11-14T19:05 131L 3.6 96L 19L 24H 0.82 212H 8.3L 3.0L 1.6L 0.4LL 0.02LL 8.9L 62L 1.1 38 41H 1.2H
2026-11-15T05:30 134L 3.9 101 21L 22H 0.78 188H 8.0L 2.7L 2.0 0.3LL 0.01LL 8.1L 48L 1.0 36 40 1.2H
2026-11-16T05:20 136 3.8 104 23 18 0.74 164H 8.1L 2.6L 1.9 0.5LL 0.09LL 7.6L 41L 0.9 33 35 1.2H
2026-11-17T05:25 137 4.0 105 24 19 0.96 158H 8.2L 2.6L 1.9 0.9LL 0.31LL 7.1L 38L 0.8 31 32 1.1
2026-11-18T05:15 138 - 106 23 27H 1.38H 171H 8.3L 2.7L 2.0 1.8L 0.88L 8.4L 44L 0.8 30 30 1.1
2026-11-19T05:20 138 4.6 106 22 31H 1.62H 149H 8.4L 2.7L 2.1 3.1L 1.74L 8.2L 59L 0.7 29 28 1.1
2026-11-20T05:10 139 4.5 107 23 29H 1.47H 141H 8.4L 2.8L 2.0 4.6 2.93 8.3L 77L 0.7 28 27 1.1
"""
SIGNS = """
bp hr rr temp spo2 o2
2026-11-14T18:45 88/46 128 26 39.4 92 -
2026-11-14T21:00 94/52 118 24 39.0 95 2
2026-11-15T06:00 102/58 108 20 38.4 96 2
2026-11-15T22:00 108/60 101 20 38.6 95 2
2026-11-16T06:00 112/64 96 18 38.1 96 1
2026-11-16T22:00 110/62 98 18 37.9 96 -
2026-11-17T06:00 118/66 92 18 37.6 97 -
2026-11-17T22:00 116/64 90 16 37.5 97 -
2026-11-18T06:00 122/70 88 16 37.2 97 -
2026-11-18T22:00 124/68 86 16 37.1 96 -
2026-11-19T06:00 126/72 84 16 36.9 97 -
2026-11-19T10:00 124/70 86 18 37.0 97 -
2026-11-19T14:00 128/72 88 18 37.1 97 -
2026-11-19T18:00 122/68 90 18 37.3 96 -
2026-11-19T22:00 118/66 96 20 37.9 95 -
2026-11-20T02:00 112/60 104 22 38.3 94 1
2026-11-20T06:00 116/64 98 20 37.8 95 1
"""
WEIGHTS = """
wt
2026-11-14T19:10 63.4
2026-11-17T06:10 65.9
2026-11-18T06:10 66.2
2026-11-19T06:10 65.4
2026-11-20T06:10 64.8
"""
VANCOMYCIN = (
    ("2026-11-14 21:15", "1000"), ("2026-11-15 09:10", "1000"), ("2026-11-15 21:05", "1000"),
    ("2026-11-16 09:20", "1000"), ("2026-11-16 21:30", "1250"), ("2026-11-17 09:15", "1250"),
    ("2026-11-17 21:10", "1250"), ("2026-11-18 09:05", "1250"), ("2026-11-18 21:00", ""),
    ("2026-11-19 12:40", "750"),
)  # fmt: skip
CEFEPIME = ("2026-11-14 20:05", "2026-11-15 04:10", "2026-11-15 12:00", "2026-11-15 20:05", "2026-11-16 04:00", "2026-11-16 12:10")  # fmt: skip
LEVELS = (
    ("vanc", "2026-11-16 20:40", "11.2"),
    ("vanc", "2026-11-18 20:35", "24.6H"),
    ("vancr", "2026-11-19 09:10", "18.9"),
)
# Drug, milligrams, when, pain before, pain after 45 minutes.
PRN = (
    ("oxycodone", "5", "2026-11-18 14:10", 6, 4), ("hydromorphone", "0.5", "2026-11-18 20:05", 8, 4),
    ("oxycodone", "5", "2026-11-19 09:20", 6, 3), ("hydromorphone", "0.5", "2026-11-19 16:30", 7, 3),
    ("oxycodone", "5", "2026-11-19 21:50", 5, 3), ("hydromorphone", "0.5", "2026-11-20 02:15", 8, 5),
    ("oxycodone", "5", "2026-11-20 06:40", 6, 4),
)  # fmt: skip
SUSCEPTIBILITY = (
    ("6932-8", "Oxacillin", ">=4", "R"), ("20475-8", "Vancomycin", "1", "S"), ("35789-7", "Daptomycin", "0.5", "S"),
    ("29258-1", "Linezolid", "2", "S"), ("193-3", "Clindamycin", ">=8", "R"), ("516-5", "Trimethoprim/sulfamethoxazole", "<=0.5", "S"),
)  # fmt: skip
INTERPRETED = {"S": "Susceptible", "R": "Resistant", "I": "Intermediate"}
DRUGS = {
    "vancomycin": rxnorm("11124", "vancomycin"), "cefepime": rxnorm("20481", "cefepime"),
    "enoxaparin": rxnorm("854235", "enoxaparin 40 mg/0.4 mL injection"),
    "hydromorphone": rxnorm("3423", "hydromorphone"), "oxycodone": rxnorm("1049621", "oxycodone 5 mg tablet"),
    "morphine": rxnorm("891881", "morphine extended release 15 mg tablet"),
    "filgrastim": rxnorm("68442", "filgrastim"), "insulin": rxnorm("86009", "insulin lispro"),
    "acetaminophen": rxnorm("161", "acetaminophen"),
}  # fmt: skip


def write(pen: Pen) -> None:
    """Write the stay."""
    doctor = pen.to("Practitioner", "hospitalist", "E. Vandermeer, MD")
    nurse = pen.to("Practitioner", "nurse", "B. Adeyemi, RN")
    _orders(pen, doctor)
    _antibiotics(pen, nurse)
    _other_doses(pen, nurse)
    _measured(pen, nurse)
    _cultures(pen, doctor)
    _lines(pen, doctor)


def _orders(pen: Pen, doctor: Reference) -> None:
    inside = {"kind": "inpatient", "encounter": pen.to("Encounter", STAY)}
    by_reference = refer("Medication", "ms-vancomycin-vial", "vancomycin")
    pen.write(
        "Medication", "vancomycin-vial", "2026-11-14", code=DRUGS["vancomycin"], status="active"
    )
    rows = (
        ("vanc-1", "vancomycin", "2026-11-14 20:10", "completed", "1,000 mg IV every 12 hours"),
        ("vanc-2", "vancomycin", "2026-11-16 21:05", "stopped", "1,250 mg IV every 12 hours"),
        ("vanc-3", "vancomycin", "2026-11-19 11:55", "active", "750 mg IV every 24 hours"),
        ("cefepime", "cefepime", "2026-11-14 19:40", "stopped", "2 g IV every 8 hours"),
        ("enoxaparin", "enoxaparin", "2026-11-15 08:00", "active", "40 mg subcutaneously once daily; DVT prophylaxis"),
        ("hydromorphone", "hydromorphone", "2026-11-15 09:00", "active", "0.5 mg IV every 4 hours as needed for severe pain"),
        ("oxycodone", "oxycodone", "2026-11-15 09:00", "active", "5 mg by mouth every 6 hours as needed for moderate pain"),
        ("morphine", "morphine", "2026-11-17 10:00", "active", "15 mg by mouth every 12 hours"),
        ("filgrastim", "filgrastim", "2026-11-15 08:30", "completed", "300 mcg subcutaneously once daily until neutrophils recover"),
        ("insulin", "insulin", "2026-11-15 07:00", "active", "by scale before meals"),
        ("acetaminophen", "acetaminophen", "2026-11-15 07:00", "active", "650 mg by mouth every 6 hours as needed for fever"),
    )  # fmt: skip
    for key, drug, when, state, sig in rows:
        named = {"medicationReference": by_reference} if drug == "vancomycin" else {}
        prn = {"asNeededBoolean": True} if "as needed" in sig else None
        why = (
            {"statusReason": coded("MRSA grew; gram-negative cover no longer needed")}
            if key == "cefepime"
            else {}
        )
        pen.order(key, DRUGS[drug], when, doctor, sig, prn, status=state, **named, **why, **inside)


def _antibiotics(pen: Pen, nurse: Reference) -> None:
    stay = pen.to("Encounter", STAY)
    vial = refer("Medication", "ms-vancomycin-vial", "vancomycin")
    for when, dose in VANCOMYCIN:
        order = (
            "vanc-3" if when > "2026-11-19" else "vanc-2" if when > "2026-11-16 12" else "vanc-1"
        )
        key = f"given-vanc-{when[8:10]}-{when[11:13]}"
        more = {
            "context": stay,
            "request": pen.to("MedicationRequest", order),
            "medicationReference": vial,
        }
        if dose:
            pen.given(key, vial, when, quantity(dose, "mg", "mg"), nurse, route="intravenous", **more)  # fmt: skip
        else:
            held = [coded("Held: vancomycin level 24.6, creatinine rising")]
            pen.given(key, vial, when, None, nurse, status="not-done", statusReason=held, **more)
    for when in CEFEPIME:
        pen.given(f"given-cefepime-{when[8:10]}-{when[11:13]}", DRUGS["cefepime"], when, quantity("2000", "mg", "mg"), nurse, route="intravenous", context=stay, request=pen.to("MedicationRequest", "cefepime"))  # fmt: skip


def _other_doses(pen: Pen, nurse: Reference) -> None:
    stay = pen.to("Encounter", STAY)

    def dose(drug: str, when: str, amount: str, unit: str, route: str, **more: object) -> None:
        key = f"given-{drug}-{when[8:10]}-{when[11:13]}"
        pen.given(key, DRUGS[drug], when, quantity(amount, unit, "ug" if unit == "mcg" else unit) if amount else None, nurse, route=route, context=stay, request=pen.to("MedicationRequest", drug), **more)  # fmt: skip

    for when in ("2026-11-15 21:00", "2026-11-16 21:05"):
        dose("enoxaparin", when, "40", "mg", "subcutaneous")
    for when, why in (
        ("2026-11-17 21:00", "Held: platelets 38"),
        ("2026-11-18 21:00", "Held: platelets 44"),
        ("2026-11-19 21:00", "Patient refused: arms are bruised"),
    ):
        dose("enoxaparin", when, "", "mg", "subcutaneous", status="not-done", statusReason=[coded(why)])  # fmt: skip
    for day in range(15, 20):
        dose("filgrastim", f"2026-11-{day} 10:00", "300", "mcg", "subcutaneous")
    for when in ("2026-11-17 21:00", "2026-11-18 09:00", "2026-11-18 21:00", "2026-11-19 09:00", "2026-11-19 21:00"):  # fmt: skip
        dose("morphine", when, "15", "mg", "oral")
    for drug, amount, when, before, after in PRN:
        dose(drug, when, amount, "mg", "intravenous" if drug == "hydromorphone" else "oral")
        later = _minutes(when, 45)
        pen.result("pain", when, str(before), kind="survey", performer=[nurse], encounter=stay)
        pen.result("pain", later, str(after), kind="survey", performer=[nurse], encounter=stay)
    blood = coded("Transfusion of platelets"), coded("Transfusion of packed red blood cells")
    for key, code, when in (("tx-plt", blood[0], "2026-11-17 11:00"), ("tx-rbc", blood[1], "2026-11-17 14:00")):  # fmt: skip
        pen.write("Procedure", key, when, status="completed", code=code, performedDateTime=at(when), encounter=stay)  # fmt: skip


def _minutes(when: str, minutes: int) -> str:
    total = int(when[11:13]) * 60 + int(when[14:16]) + minutes
    return f"{when[:11]}{total // 60:02}:{total % 60:02}"


def _measured(pen: Pen, nurse: Reference) -> None:
    stay: dict[str, Any] = {"encounter": pen.to("Encounter", STAY)}
    pen.series(LABS, **stay)
    pen.series(SIGNS, "vital-signs", performer=[nurse], **stay)
    pen.series(WEIGHTS, "vital-signs", performer=[nurse], **stay)
    for test, when, cell in LEVELS:
        pen.result(test, when, cell, **stay)
    pen.result("lac", "2026-11-14 19:05", "4.1H", **stay)
    pen.result("lac", "2026-11-15 01:10", "1.9", **stay)
    # Reported as 6.4 at 06:05, corrected at 07:40: the specimen was hemolyzed and was drawn again.
    pen.result(
        "k", "2026-11-18 05:15", "4.4", status="corrected", issued=stamp("2026-11-18 07:40"), **stay,
        note=[{"text": "Corrected result. Previously reported as 6.4 mmol/L at 06:05; specimen hemolyzed."}],
    )  # fmt: skip
    clotted = loinc("2524-7", "Lactate")
    pen.observe("lac-absent", "laboratory", clotted, "2026-11-19 05:20", dataAbsentReason=absent("error", "Specimen not usable"), **stay)  # fmt: skip
    pen.result("wt", "2026-11-16 06:10", "145.2", kind="vital-signs", status="entered-in-error", key="wt-error", **stay)  # fmt: skip
    awake = loinc("67775-7", "Level of responsiveness")
    for when, word in (("2026-11-14 18:45", "Confused"), ("2026-11-15 06:00", "Alert"), ("2026-11-19 22:00", "Alert"), ("2026-11-20 02:00", "Alert"), ("2026-11-20 06:00", "Alert")):  # fmt: skip
        pen.observe(f"avpu-{when[8:10]}-{when[11:13]}", "vital-signs", awake, when, valueCodeableConcept=coded(word), **stay)  # fmt: skip
    for test, when, cell in (("morse", "2026-11-15 10:00", "60"), ("morse", "2026-11-19 10:00", "75"), ("braden", "2026-11-15 10:00", "17"), ("braden", "2026-11-19 10:00", "15")):  # fmt: skip
        pen.result(test, when, cell, kind="survey", performer=[nurse], **stay)


def _cultures(pen: Pen, doctor: Reference) -> None:
    stay: dict[str, Any] = {"encounter": pen.to("Encounter", STAY)}
    code = loinc("600-7", "Bacteria identified in blood by culture")
    order = pen.request("sr-culture-1", "Laboratory procedure", code, "2026-11-14 18:55", doctor, status="completed")  # fmt: skip
    drawn = {"collectedDateTime": at("2026-11-14 19:00")}
    spec = pen.write("Specimen", "spec-port", "2026-11-14 19:00", type=coded("Blood, drawn through the port"), collection=drawn)  # fmt: skip
    grew = coded("Staphylococcus aureus, methicillin resistant", coding("http://snomed.info/sct", "115329001", "Methicillin resistant Staphylococcus aureus"))  # fmt: skip
    isolate = pen.observe("isolate", "laboratory", code, "2026-11-14 19:00", valueCodeableConcept=grew, specimen=spec, **stay)  # fmt: skip
    system = f"{HL7}/v3-ObservationInterpretation"
    tested = [
        pen.observe(
            f"mic-{key}", "laboratory", loinc(key, f"{drug} [Susceptibility]"), "2026-11-14 19:00",
            valueQuantity=quantity(mic, "µg/mL", "ug/mL"), derivedFrom=[isolate], specimen=spec,
            interpretation=[coded(INTERPRETED[letter], coding(system, letter, INTERPRETED[letter]))], **stay,
        )
        for key, drug, mic, letter in SUSCEPTIBILITY
    ]  # fmt: skip
    pen.report("culture-1", "MB", code, "2026-11-14 19:00", [isolate, *tested], basedOn=[order], specimen=[spec], conclusion="MRSA in both bottles from the port at 11 hours, from the arm at 16 hours.", **stay)  # fmt: skip
    again = pen.request("sr-culture-2", "Laboratory procedure", code, "2026-11-18 06:00", doctor)
    none = pen.observe("growth-2", "laboratory", code, "2026-11-18 06:30", status="preliminary", valueCodeableConcept=coded("No growth at 48 hours"), **stay)  # fmt: skip
    pen.report("culture-2", "MB", code, "2026-11-18 06:30", [none], status="preliminary", basedOn=[again], **stay)  # fmt: skip
    urine = loinc("630-4", "Bacteria identified in urine by culture")
    sterile = pen.observe("growth-urine", "laboratory", urine, "2026-11-14 19:20", valueCodeableConcept=coded("No growth"), **stay)  # fmt: skip
    pen.report("culture-urine", "MB", urine, "2026-11-14 19:20", [sterile], **stay)
    tip = coded("Culture of catheter tip")
    pen.report("culture-tip", "MB", tip, "2026-11-17 15:40", status="registered", **stay)
    for key, text, when in (
        ("sr-tee", "Transesophageal echocardiogram", "2026-11-19 16:10"),
        ("sr-glucan", "1,3-beta-D-glucan, serum, sent out", "2026-11-16 08:20"),
        ("sr-picc", "Placement of peripherally inserted central catheter", "2026-11-19 17:30"),
    ):
        kind = "Laboratory procedure" if "serum" in text else "Procedure"
        pen.request(key, kind, coded(text), when, doctor, **stay)


def _lines(pen: Pen, doctor: Reference) -> None:
    stay: dict[str, Any] = {"encounter": pen.to("Encounter", STAY)}
    rows = (
        ("port", "Implanted venous access port, right chest", "completed", "2026-03-04 09:00", "2026-11-17 15:30"),
        ("piv", "Peripheral intravenous catheter, left forearm", "active", "2026-11-17 15:00", ""),
        ("foley", "Indwelling urinary catheter", "active", "2026-11-15 02:00", ""),
    )  # fmt: skip
    for key, text, state, start, end in rows:
        device = pen.write("Device", f"dev-{key}", start, status="active" if state == "active" else "inactive", type=coded(text))  # fmt: skip
        pen.write("DeviceUseStatement", f"use-{key}", end or start, status=state, device=device, timingPeriod=period(start, end), recordedOn=at(start))  # fmt: skip
    for key, code, when in (
        ("proc-port-in", snomed("233547006", "Insertion of implantable venous access port"), "2026-03-04 09:30"),
        ("proc-foley", snomed("410024004", "Catheterization of urinary bladder"), "2026-11-15 02:00"),
        ("proc-port-out", coded("Removal of implantable venous access port"), "2026-11-17 15:30"),
    ):  # fmt: skip
        pen.write("Procedure", key, when, status="completed", code=code, performedDateTime=at(when), performer=[{"actor": doctor}], **(stay if when > "2026-11" else {}))  # fmt: skip
