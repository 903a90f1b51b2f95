"""Babyboy Marchbanks, 38 hours old at the charts' clock, born at 36 weeks. Written by hand.

The hour of birth is sent (patient-birthTime), bilirubin by the hour, the newborn screen is collected and not back.
What belongs to the mother, such as her streptococcus culture, stands in her record, which is not here.
"""

from sandbox.generate.coding import SNOMED, UCUM, coded, coding, quantity
from sandbox.generate.ndjson import Chart
from sandbox.generate.pen import Pen, Reference, Test, absent, at, loinc, rxnorm, snomed

BORN = "2026-11-18 18:30"
TESTS: dict[str, Test] = {
    "bwt": ("Birth weight", "8339-4", "g", "g", "", ""),
    "wt": ("Body weight", "29463-7", "g", "g", "", ""),
    "len": ("Body height --lying", "8306-3", "cm", "cm", "", ""),
    "hc": ("Head circumference", "9843-4", "cm", "cm", "", ""),
    "ga": ("Gestational age at birth", "76516-4", "weeks", "wk", "", ""),
    "apgar1": ("1 minute Apgar score", "9272-6", "points", "{score}", "", ""),
    "apgar5": ("5 minute Apgar score", "9274-2", "points", "{score}", "", ""),
    "temp": ("Body temperature", "8310-5", "°C", "Cel", "", ""),
    "hr": ("Heart rate", "8867-4", "beats/min", "/min", "", ""),
    "rr": ("Respiratory rate", "9279-1", "breaths/min", "/min", "", ""),
    "pre": ("Oxygen saturation, preductal", "59407-7", "%", "%", "", ""),
    "post": ("Oxygen saturation, postductal", "59418-4", "%", "%", "", ""),
    "tcb": ("Bilirubin, transcutaneous", "58941-6", "mg/dL", "mg/dL", "", ""),
    "bili": ("Bilirubin, total", "1975-2", "mg/dL", "mg/dL", "", ""),
    "dbil": ("Bilirubin, direct", "1968-7", "mg/dL", "mg/dL", "", "0.5"),
    "glu": ("Glucose, point of care", "41653-7", "mg/dL", "mg/dL", "45", "99"),
    "hct": ("Hematocrit", "4544-3", "%", "%", "42", "65"),
}
SIGNS = """
temp hr rr
2026-11-18T19:00 36.4 152 58
2026-11-18T23:00 36.8 144 48
2026-11-19T07:00 36.9 138 44
2026-11-19T19:00 37.0 140 46
2026-11-20T07:00 36.9 136 42
"""


def chart() -> Chart:
    """Return the chart."""
    pen = Pen(prefix="nb", name="Babyboy Marchbanks", tests=TESTS)
    doctor, nurse = _people(pen)
    _results(pen, nurse)
    _orders(pen, doctor, nurse)
    _notes(pen, doctor, nurse)
    return Chart(
        name="newborn",
        title="MARCHBANKS, Babyboy: 38 hours old, born at 36 weeks",
        patient="nb-patient",
        generator="sandbox.generate.newborn",
        generator_version="1",
        seed=None,
        resources=pen.resources,
        notes=("Written by hand; every person and place is invented.",),
    )


def _people(pen: Pen) -> tuple[Reference, Reference]:
    hospital = pen.place("hospital", "Mercy Hospital")
    doctor = pen.person("doctor", "H. Oyelaran, MD", "1000000211", "Neonatology", "hospital")
    nurse = pen.person("nurse", "C. Tremaine, RN", "1000000212", "Nursing", "hospital")
    number = coded(
        "MRN",
        coding("http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "Medical record number"),
    )
    hour = {
        "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
        "valueDateTime": at(BORN),
    }
    pen.write(
        "Patient", "patient", BORN, active=True, gender="male", birthDate="2026-11-18",
        _birthDate={"extension": [hour]}, multipleBirthBoolean=False,
        identifier=[{"use": "usual", "type": number, "system": "urn:harbor:mrn", "value": "80002"}],
        name=[{"use": "official", "family": "Marchbanks", "given": ["Babyboy"]}],
    )  # fmt: skip
    mother = coding("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "NMTH", "natural mother")
    pen.write(
        "RelatedPerson", "mother", BORN, active=True, relationship=[coded("natural mother", mother)],
        name=[{"text": "Celestine Marchbanks", "family": "Marchbanks", "given": ["Celestine"]}],
    )  # fmt: skip
    pen.visit("stay", "IMP", "Birth", BORN, "", doctor, "Liveborn infant, 36 weeks", hospital, location=[{"location": {"display": "Mercy Hospital, Mother and Baby, room 12"}}])  # fmt: skip
    stay = pen.to("Encounter", "stay")
    pen.problem("preterm", snomed("395507008", "Late preterm infant, 36 weeks"), "2026-11-18", "2026-11-18 19:10", doctor, encounter=stay)  # fmt: skip
    pen.problem("jaundice", snomed("387712008", "Neonatal jaundice"), "2026-11-19", "2026-11-19 19:20", doctor, encounter=stay)  # fmt: skip
    pen.write(
        "AllergyIntolerance", "nka", "2026-11-18 19:10", recordedDate=at("2026-11-18 19:10"),
        clinicalStatus={"coding": [coding("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", "Active")]},
        verificationStatus={"coding": [coding("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "unconfirmed", "Unconfirmed")]},
        code=snomed("716186003", "No known allergy"),
    )  # fmt: skip
    return doctor, nurse


def _results(pen: Pen, nurse: Reference) -> None:
    seen = {"performer": [nurse]}
    for test, when, cell in (
        ("bwt", BORN, "2610"), ("len", "2026-11-18 18:50", "46.5"), ("hc", "2026-11-18 18:50", "32.4"),
        ("wt", "2026-11-18 18:50", "2610"), ("wt", "2026-11-19 18:40", "2515"), ("wt", "2026-11-20 06:10", "2455"),
        ("pre", "2026-11-19 19:00", "98"), ("post", "2026-11-19 19:00", "97"),
    ):  # fmt: skip
        pen.result(test, when, cell, kind="vital-signs", **seen)
    pen.series(SIGNS, "vital-signs", **seen)
    for test, when, cell in (("ga", BORN, "36"), ("apgar1", "2026-11-18 18:31", "8"), ("apgar5", "2026-11-18 18:35", "9")):  # fmt: skip
        pen.result(test, when, cell, kind="exam")
    for test, when, cell in (
        ("glu", "2026-11-18 19:30", "48"), ("glu", "2026-11-18 22:30", "41L"), ("glu", "2026-11-19 01:30", "56"),
        ("tcb", "2026-11-19 06:30", "5.2"), ("bili", "2026-11-19 18:30", "8.4"), ("dbil", "2026-11-19 18:30", "0.3"),
        ("hct", "2026-11-19 18:30", "54"), ("bili", "2026-11-20 06:30", "11.6"), ("dbil", "2026-11-20 06:30", "0.3"),
    ):  # fmt: skip
        pen.result(test, when, cell)
    group, coombs = loinc("882-1", "ABO and Rh group, cord blood"), loinc("55774-4", "Direct antiglobulin test, cord blood")  # fmt: skip
    pen.observe("group", "laboratory", group, "2026-11-18 18:40", valueCodeableConcept=coded("A Rh(D) positive"))  # fmt: skip
    pen.observe("coombs", "laboratory", coombs, "2026-11-18 18:40", valueCodeableConcept=coded("negative"))  # fmt: skip
    hearing = (("left", "54108-6", "Pass"), ("right", "54109-4", "Refer"))
    for side, code, outcome in hearing:
        concept = loinc(code, f"Newborn hearing screen, {side} ear")
        pen.observe(f"hearing-{side}", "exam", concept, "2026-11-19 14:00", valueCodeableConcept=coded(outcome))  # fmt: skip
    screen = loinc("54089-8", "Newborn screening panel")
    ordered = pen.request("sr-screen", "Laboratory procedure", screen, "2026-11-18 19:20", pen.to("Practitioner", "doctor", "H. Oyelaran, MD"))  # fmt: skip
    blood = {
        "collectedDateTime": at("2026-11-19 18:45"),
        "method": coded("Heel stick on filter paper"),
    }
    spot = pen.write("Specimen", "spot", "2026-11-19 18:45", type=coded("Dried blood spot"), collection=blood)  # fmt: skip
    pen.report("screen", "LAB", screen, "2026-11-19 18:45", status="registered", basedOn=[ordered], specimen=[spot])  # fmt: skip
    pen.observe("crp", "laboratory", loinc("1988-5", "C reactive protein"), "2026-11-19 18:30", dataAbsentReason=absent("error", "Specimen clotted"))  # fmt: skip


def _orders(pen: Pen, doctor: Reference, nurse: Reference) -> None:
    stay = pen.to("Encounter", "stay")
    phytonadione = rxnorm("11258", "phytonadione 1 mg/0.5 mL injection")
    erythromycin = coded("erythromycin 0.5% ophthalmic ointment")
    for key, drug, sig in (
        ("phytonadione", phytonadione, "1 mg intramuscularly once within 6 hours of birth"),
        ("erythromycin", erythromycin, "1 cm ribbon in both eyes once"),
    ):
        pen.order(key, drug, "2026-11-18 18:45", doctor, sig, status="completed", kind="inpatient", encounter=stay)  # fmt: skip
    pen.given("given-phytonadione", phytonadione, "2026-11-18 19:20", quantity("1", "mg", "mg"), nurse, route="intramuscular", context=stay, request=pen.to("MedicationRequest", "phytonadione"))  # fmt: skip
    ribbon = {"value": 1, "unit": "cm ribbon", "system": UCUM, "code": "cm"}
    pen.given("given-erythromycin", erythromycin, "2026-11-18 19:22", ribbon, nurse, route="both eyes", context=stay, request=pen.to("MedicationRequest", "erythromycin"))  # fmt: skip
    pen.vaccine("2026-11-19", "08", "hepatitis B, pediatric")
    pen.write(
        "NutritionOrder", "feeding", "2026-11-19 02:00", status="active", intent="order", dateTime=at("2026-11-19 02:00"),
        orderer=doctor, encounter=stay,
        oralDiet={"type": [coded("Breast milk on demand, at least every 3 hours")]},
        supplement=[{"type": coded("Donor breast milk"), "quantity": quantity("10", "mL", "mL"), "instruction": "After each breastfeed until weight stops falling"}],
    )  # fmt: skip
    pen.write(
        "Flag", "car-seat", "2026-11-19 09:00", status="active", code=coded("Car seat tolerance test before discharge"),
        category=[coded("Safety", coding("http://terminology.hl7.org/CodeSystem/flag-category", "safety", "Safety"))],
        period={"start": at("2026-11-19 09:00")},
    )  # fmt: skip
    pen.request("sr-bili", "Laboratory procedure", loinc("1975-2", "Bilirubin, total"), "2026-11-20 07:10", doctor, occurrenceDateTime=at("2026-11-20 12:30"))  # fmt: skip
    pen.write(
        "Procedure", "birth", BORN, status="completed", performedDateTime=at(BORN),
        code=coded("Vaginal birth", coding(SNOMED, "48782003", "Delivery normal")), encounter=stay,
    )  # fmt: skip


def _notes(pen: Pen, doctor: Reference, nurse: Reference) -> None:
    inside = {"context": {"encounter": [pen.to("Encounter", "stay")]}}
    pen.note("note-admission", loinc("34117-2", "History and physical note"), "2026-11-18 19:40", doctor, """
Boy born at 36 weeks and 0 days after spontaneous labor, 18-Nov 18:30. Apgar 8 and 9. Birth weight 2610 g.
No resuscitation beyond drying. The mother's group B streptococcus culture and treatment are in her own record.
Glucose before feeds for 12 hours because of late preterm birth.""", **inside)  # fmt: skip
    pen.note("note-nurse", loinc("34746-8", "Nurse note"), "2026-11-19 19:30", nurse, """
Yellow to the chest at 24 hours. Latches for ten minutes, sleepy after. Four wet diapers, three stools.
Blood for the state screen sent at 24 hours. Right ear to be screened again before discharge.""", **inside)  # fmt: skip
    pen.note("note-progress", loinc("11506-3", "Progress note"), "2026-11-20 07:30", doctor, """
Day of life 2. Weight 2455 g, down 5.9%. Bilirubin 11.6 at 36 hours, rising 0.27 per hour since yesterday evening.
Next bilirubin at 12:30. Blood group A, antiglobulin test negative. Stays today.""", docStatus="preliminary", **inside)  # fmt: skip
