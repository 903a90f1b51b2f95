"""Ottoline Thistlewood, 4 years old: asthma, growth, vaccines, an antibiotic by weight. Written by hand.

Her two visits to an emergency department and three courses of steroids lie within twelve months of the charts' clock,
one more course lies before; her mother is a RelatedPerson and has her own record, which is not here.
"""

from sandbox.generate.coding import ICD10, SNOMED, coded, coding, quantity
from sandbox.generate.ndjson import Chart
from sandbox.generate.pen import Pen, Reference, Test, loinc, period, rxnorm, snomed, status

NOTE = loinc("11506-3", "Progress note")
EMERGENCY = loinc("34111-5", "Emergency department note")
PREDNISOLONE = rxnorm("283077", "prednisolone 15 mg/5 mL oral solution")
TESTS: dict[str, Test] = {
    "wt": ("Body weight", "29463-7", "kg", "kg", "", ""),
    "len": ("Body height", "8302-2", "cm", "cm", "", ""),
    "hc": ("Head circumference", "9843-4", "cm", "cm", "", ""),
    "bmi": ("Body mass index", "39156-5", "kg/m²", "kg/m2", "", ""),
    "bwt": ("Birth weight", "8339-4", "g", "g", "", ""),
    "ga": ("Gestational age at birth", "76516-4", "weeks", "wk", "", ""),
    "temp": ("Body temperature", "8310-5", "°C", "Cel", "", ""),
    "hr": ("Heart rate", "8867-4", "beats/min", "/min", "", ""),
    "rr": ("Respiratory rate", "9279-1", "breaths/min", "/min", "", ""),
    "spo2": ("Oxygen saturation", "2708-6", "%", "%", "", ""),
    "hgb": ("Hemoglobin", "718-7", "g/dL", "g/dL", "11.0", "14.0"),
    "lead": ("Lead, venous", "5671-3", "µg/dL", "ug/dL", "", "3.5"),
    "eos": ("Eosinophils", "711-2", "10³/µL", "10*3/uL", "0.00", "0.50"),
}
GROWTH = """
wt len hc bmi
2022-10-05T10:00 3.21 49.5 34.0 -
2022-10-19T09:30 3.62 51.5 35.1 -
2022-12-06T09:15 5.08 57.0 38.1 -
2023-02-07T09:20 6.31 61.8 40.3 -
2023-04-04T09:10 7.22 65.5 42.0 -
2023-07-05T09:05 8.26 69.9 43.7 -
2023-10-04T09:30 9.05 73.8 44.8 -
2024-01-09T10:10 9.70 77.3 45.6 -
2024-04-03T09:45 10.42 80.4 46.2 -
2024-10-02T09:20 11.71 85.9 47.2 15.9
2025-04-08T09:00 12.85 90.6 - 15.7
2025-10-07T09:15 14.10 95.0 - 15.6
2026-10-06T09:10 16.05 102.2 - 15.4
2026-11-19T15:10 16.20 - - -
"""
SIGNS = """
temp hr rr spo2
2025-09-30T16:20 37.4 138 40 93
2026-01-17T22:05 37.9 150 48 90
2026-01-18T02:10 37.2 132 32 95
2026-05-09T03:40 37.0 146 44 91
2026-05-09T07:15 36.9 128 30 96
2026-10-22T11:05 38.1 134 38 94
2026-11-19T15:10 38.9 128 26 98
"""
VACCINES = """
2022-10-03 08 hepatitis B, pediatric
2022-12-06 08 hepatitis B, pediatric
2022-12-06 116 rotavirus, pentavalent
2022-12-06 20 DTaP
2022-12-06 49 Hib (PRP-OMP)
2022-12-06 215 pneumococcal conjugate 15-valent
2022-12-06 10 polio, inactivated
2023-02-07 116 rotavirus, pentavalent
2023-02-07 20 DTaP
2023-02-07 49 Hib (PRP-OMP)
2023-02-07 215 pneumococcal conjugate 15-valent
2023-02-07 10 polio, inactivated
2023-04-04 116 rotavirus, pentavalent
2023-04-04 20 DTaP
2023-04-04 215 pneumococcal conjugate 15-valent
2023-04-04 08 hepatitis B, pediatric
2023-07-05 10 polio, inactivated
2023-10-04 03 MMR
2023-10-04 21 varicella
2023-10-04 83 hepatitis A, pediatric
2024-01-09 49 Hib (PRP-OMP)
2024-01-09 215 pneumococcal conjugate 15-valent
2024-01-09 20 DTaP
2024-04-03 83 hepatitis A, pediatric
2024-10-02 150 influenza, quadrivalent
2025-10-07 140 influenza, seasonal
"""


def chart() -> Chart:
    """Return the chart."""
    pen = Pen(prefix="ch", name="Ottoline Thistlewood", tests=TESTS)
    _people(pen)
    doctor = pen.to("Practitioner", "doctor", "S. Appiah, MD")
    visits = _visits(pen, doctor)
    _background(pen, doctor)
    _medicines(pen, doctor, visits)
    _measurements(pen)
    _notes(pen, doctor, visits)
    return Chart(
        name="child",
        title="THISTLEWOOD, Ottoline: 4 years old, with asthma, growth, vaccines and a dose by weight",
        patient="ch-patient",
        generator="sandbox.generate.child",
        generator_version="1",
        seed=None,
        resources=pen.resources,
        notes=("Written by hand; every person and place is invented.",),
    )


def _people(pen: Pen) -> None:
    clinic = pen.place("clinic", "Lakeside Pediatrics")
    pen.place("hospital", "Mercy Hospital")
    pen.person("doctor", "S. Appiah, MD", "1000000201", "Pediatrics", "clinic")
    pen.person("emergency", "J. Castellane, MD", "1000000202", "Emergency medicine", "hospital")
    number = coded(
        "MRN",
        coding("http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "Medical record number"),
    )
    pen.write(
        "Patient", "patient", "2026-11-19", active=True, gender="female", birthDate="2022-10-03",
        identifier=[{"use": "usual", "type": number, "system": "urn:harbor:mrn", "value": "80001"}],
        name=[{"use": "official", "family": "Thistlewood", "given": ["Ottoline"]}],
        generalPractitioner=[pen.to("Practitioner", "doctor", "S. Appiah, MD")], managingOrganization=clinic,
        communication=[{"language": coded("English", coding("urn:ietf:bcp:47", "en", "English")), "preferred": True}],
    )  # fmt: skip
    mother = coding("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH", "mother")
    pen.write(
        "RelatedPerson", "mother", "2022-10-03", active=True, relationship=[coded("mother", mother)],
        name=[{"text": "Rosamund Thistlewood", "family": "Thistlewood", "given": ["Rosamund"]}],
        telecom=[{"system": "phone", "value": "555-0171", "use": "mobile"}],
    )  # fmt: skip
    pen.write(
        "CareTeam", "team", "2026-10-06", status="active", name="Asthma care",
        participant=[
            {"role": [coded("Primary care physician")], "member": pen.to("Practitioner", "doctor", "S. Appiah, MD")},
            {"role": [coded("Mother")], "member": pen.to("RelatedPerson", "mother", "Rosamund Thistlewood")},
        ],
    )  # fmt: skip
    kind = coding(
        "http://terminology.hl7.org/CodeSystem/v3-ActCode", "SUBSIDIZ", "subsidized health program"
    )
    pen.write(
        "Coverage", "coverage", "2026-01-01", status="active", type=coded("Medicaid managed care", kind),
        subscriberId="TH-448120", payor=[{"display": "Prairie Health Plan for Children"}],
        period=period("2026-01-01"), relationship=coded("child"),
    )  # fmt: skip


def _visits(pen: Pen, doctor: Reference) -> dict[str, Reference]:
    emergency = pen.to("Practitioner", "emergency", "J. Castellane, MD")
    clinic, hospital = pen.to("Organization", "clinic", "Lakeside Pediatrics"), pen.to("Organization", "hospital", "Mercy Hospital")  # fmt: skip
    rows = (
        ("enc-2025-09", "AMB", "Sick visit", "2025-09-30 16:10", "2025-09-30 16:55", doctor, "Wheezing", clinic),
        ("enc-2025-10", "AMB", "Well child visit", "2025-10-07 09:00", "2025-10-07 09:40", doctor, "Well child, 3 years", clinic),
        ("enc-ed-01", "EMER", "Emergency department visit", "2026-01-17 21:50", "2026-01-18 03:10", emergency, "Asthma exacerbation", hospital),
        ("enc-ed-05", "EMER", "Emergency department visit", "2026-05-09 03:25", "2026-05-09 08:05", emergency, "Asthma exacerbation", hospital),
        ("enc-2026-05", "AMB", "Follow-up visit", "2026-05-13 10:00", "2026-05-13 10:30", doctor, "Asthma after emergency visit", clinic),
        ("enc-2026-10", "AMB", "Well child visit", "2026-10-06 09:00", "2026-10-06 09:45", doctor, "Well child, 4 years", clinic),
        ("enc-2026-10b", "AMB", "Sick visit", "2026-10-22 10:50", "2026-10-22 11:40", doctor, "Cough and wheezing", clinic),
        ("enc-2026-11", "AMB", "Sick visit", "2026-11-19 15:00", "2026-11-19 15:35", doctor, "Ear pain and fever", clinic),
    )  # fmt: skip
    return {row[0]: pen.visit(*row) for row in rows}


def _background(pen: Pen, doctor: Reference) -> None:
    asthma = coded("Moderate persistent asthma", coding(SNOMED, "427295004", "Moderate persistent asthma"), coding(ICD10, "J45.40", "Moderate persistent asthma, uncomplicated"))  # fmt: skip
    pen.problem("asthma", asthma, "2024-11", "2025-01-14", doctor)
    pen.problem("eczema", snomed("24079001", "Atopic dermatitis"), "2023-05", "2023-07-05", doctor)
    pen.problem(
        "otitis", snomed("65363002", "Otitis media, right ear"), "2026-11-18", "2026-11-19 15:30", doctor,
        category=[coded("Encounter Diagnosis", coding("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis", "Encounter Diagnosis"))],
        encounter=pen.to("Encounter", "enc-2026-11"),
    )  # fmt: skip
    pen.problem(
        "bronchiolitis", snomed("4120002", "Bronchiolitis"), "2023-12-20", "2023-12-21", doctor,
        clinicalStatus=status("condition-clinical", "resolved"), abatementDateTime="2024-01-03",
    )  # fmt: skip
    pen.allergy("egg", snomed("102263004", "egg"), "hives", "low", "2023-10-04", category=["food"])
    for key, role, name, code, text, age in (
        ("mother", "MTH", "mother", "195967001", "Asthma", "9"),
        ("father", "FTH", "father", "61582004", "Allergic rhinitis", "15"),
        ("grandmother", "MGRMTH", "maternal grandmother", "44054006", "Type 2 diabetes", "52"),
    ):
        kin = coding("http://terminology.hl7.org/CodeSystem/v3-RoleCode", role, name)
        pen.write(
            "FamilyMemberHistory", f"family-{key}", "2024-10-02", status="completed", date="2024-10-02",
            relationship=coded(name, kin),
            condition=[{"code": snomed(code, text), "onsetAge": quantity(age, "years", "a")}],
        )  # fmt: skip
    for row in VACCINES.strip().splitlines():
        when, cvx, name = row.split(" ", 2)
        pen.vaccine(when, cvx, name)
    refused = coding(
        "http://terminology.hl7.org/CodeSystem/v3-ActReason", "PATOBJ", "patient objection"
    )
    pen.vaccine(
        "2026-10-06", "140", "influenza, seasonal", status="not-done",
        statusReason=coded("Mother wishes to wait until the cold is over", refused),
    )  # fmt: skip
    pen.appointment("app-vaccines", "Nurse visit for vaccines", "2026-12-04 09:00", "2026-12-04 09:20", "booked", created="2026-10-06")  # fmt: skip


def _medicines(pen: Pen, doctor: Reference, visits: dict[str, Reference]) -> None:
    emergency = pen.to("Practitioner", "emergency", "J. Castellane, MD")
    pen.order("fluticasone", rxnorm("896184", "fluticasone 44 mcg inhaler"), "2026-05-13 10:25", doctor, "2 puffs twice a day with spacer and mask", encounter=visits["enc-2026-05"])  # fmt: skip
    pen.order("albuterol", rxnorm("745679", "albuterol 90 mcg inhaler"), "2025-01-14 10:00", doctor, "2 puffs every 4 hours as needed for wheezing, with spacer", {"asNeededBoolean": True})  # fmt: skip
    bursts = (
        ("burst-2025-09", "2025-09-30 16:45", doctor, "enc-2025-09", "9 mL once daily for 5 days", 5),
        ("burst-2026-01", "2026-01-18 02:50", emergency, "enc-ed-01", "9 mL once daily for 5 days", 5),
        ("burst-2026-05", "2026-05-09 07:50", emergency, "enc-ed-05", "10 mL once daily for 4 days", 4),
        ("burst-2026-10", "2026-10-22 11:30", doctor, "enc-2026-10b", "10 mL once daily for 5 days", 5),
    )  # fmt: skip
    for key, when, who, visit, sig, days in bursts:
        supply = {
            "expectedSupplyDuration": quantity(str(days), "days", "d"),
            "numberOfRepeatsAllowed": 0,
        }
        pen.order(key, PREDNISOLONE, when, who, sig, status="completed", encounter=visits[visit], dispenseRequest=supply, reasonCode=[coded("Asthma exacerbation")])  # fmt: skip
    oral = {"route": coded("oral", coding(SNOMED, "26643006", "Oral route"))}
    pen.order(
        "amoxicillin", rxnorm("308189", "amoxicillin 400 mg/5 mL oral suspension"), "2026-11-19 15:30", doctor,
        "9 mL (720 mg) by mouth twice a day for 10 days",
        {
            **oral,
            "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d", "boundsDuration": quantity("10", "days", "d")}},
            "doseAndRate": [{"doseQuantity": quantity("720", "mg", "mg")}],
        },
        encounter=visits["enc-2026-11"], reasonReference=[pen.to("Condition", "otitis")],
        dispenseRequest={"quantity": quantity("180", "mL", "mL"), "numberOfRepeatsAllowed": 0, "expectedSupplyDuration": quantity("10", "days", "d")},
    )  # fmt: skip
    doses = (
        ("neb-1", "albuterol 2.5 mg/3 mL nebulizer solution", "2026-01-17 22:15", "2.5", "inhalation", "enc-ed-01"),
        ("neb-2", "albuterol 2.5 mg/3 mL nebulizer solution", "2026-01-17 22:40", "2.5", "inhalation", "enc-ed-01"),
        ("pred-ed-1", "prednisolone 15 mg/5 mL oral solution", "2026-01-17 22:30", "27", "oral", "enc-ed-01"),
        ("neb-3", "albuterol 2.5 mg/3 mL nebulizer solution", "2026-05-09 03:50", "2.5", "inhalation", "enc-ed-05"),
        ("pred-ed-2", "prednisolone 15 mg/5 mL oral solution", "2026-05-09 04:05", "30", "oral", "enc-ed-05"),
    )  # fmt: skip
    for key, drug, when, dose, route, visit in doses:
        pen.given(key, coded(drug), when, quantity(dose, "mg", "mg"), emergency, route=route, context=visits[visit])  # fmt: skip


def _measurements(pen: Pen) -> None:
    pen.series(GROWTH, "vital-signs")
    pen.series(SIGNS, "vital-signs")
    pen.result("bwt", "2022-10-03 04:12", "3250", kind="vital-signs")
    pen.result("ga", "2022-10-03 04:12", "39", kind="exam")
    pen.result("hgb", "2023-10-04 09:50", "11.6")
    pen.result("lead", "2023-10-04 09:50", "<1.0")
    pen.result("hgb", "2024-10-02 09:40", "10.8L")
    pen.result("hgb", "2025-04-08 09:30", "11.9")
    pen.result("eos", "2025-10-07 09:40", "0.82H")
    control = loinc("82669-3", "Childhood asthma control test score")
    for when, score in (("2025-10-07", "21"), ("2026-05-13", "14"), ("2026-10-06", "17")):
        pen.observe(f"cact-{when}", "survey", control, when, valueQuantity=quantity(score, "points", "{score}"))  # fmt: skip


def _notes(pen: Pen, doctor: Reference, visits: dict[str, Reference]) -> None:
    emergency = pen.to("Practitioner", "emergency", "J. Castellane, MD")

    def note(key: str, kind: dict[str, object], when: str, who: Reference, visit: str, text: str) -> None:  # fmt: skip
        pen.note(key, kind, when, who, text, context={"encounter": [visits[visit]]})

    note(
        "note-ed-01",
        EMERGENCY,
        "2026-01-18 03:00",
        emergency,
        "enc-ed-01",
        """
Ottoline arrived breathing fast after two days of a cold, drawing in between the ribs, saturation 90% on air.
Two nebulized albuterol treatments and prednisolone by mouth. After four hours she ran about the room, saturation 95%.
Home with four more days of prednisolone. Mother shown the spacer again.""",
    )
    note(
        "note-ed-05",
        EMERGENCY,
        "2026-05-09 08:00",
        emergency,
        "enc-ed-05",
        """
Woke coughing at 02:30 after a visit to a house with cats. Saturation 91% on arrival, 96% when she left.
One nebulizer, prednisolone 30 mg. Mother says the controller ran out in March and was not refilled.""",
    )
    note(
        "note-2026-05",
        NOTE,
        "2026-05-13 10:28",
        doctor,
        "enc-2026-05",
        """
Second emergency visit this year. Controller restarted: fluticasone 44 mcg, 2 puffs twice a day.
Written asthma plan given to mother for home and for preschool. Cats are avoided at the grandmother's house.""",
    )
    note(
        "note-2026-10",
        NOTE,
        "2026-10-06 09:44",
        doctor,
        "enc-2026-10",
        """
Four years old. Counts to ten, hops on one foot, knows her colors. Growing along her curve.
Preschool vaccines (DTaP, polio, measles-mumps-rubella, varicella) put off to 04-Dec because of a cold. Influenza vaccine: mother wishes to wait.""",
    )
    note("note-2026-11", NOTE, "2026-11-19 15:34", doctor, "enc-2026-11", """
Right ear pain since yesterday, 38.9 at home and here. Drum red and bulging. No wheezing today.
Amoxicillin 90 mg per kg per day in two doses for 10 days, by today's weight of 16.2 kg. Third steroid course of the year ended 26-Oct.""")  # fmt: skip
