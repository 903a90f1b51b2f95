"""What Perpetua Halloran's record held before her stay: cancer care, clinic visits, surveys, referrals, warfarin.

Each table serves a question that clinicians ask (`sandbox.generate`'s docstring): why a statin was stopped, which
dose an INR belonged to, which referral never became an appointment.
"""

from sandbox.generate.coding import HL7, LOINC, coded, coding, quantity
from sandbox.generate.ndjson import Resource
from sandbox.generate.pen import Pen, Reference, at, loinc, period, rxnorm, snomed, stamp, status

CLINIC_VISITS = (
    ("enc-ed-2023", "EMER", "Emergency department visit", "2023-06-11 19:30", "2023-06-11 23:50", "emergency", "Chest pain", "hospital"),
    ("enc-2023-04", "AMB", "Office visit", "2023-04-18 10:00", "2023-04-18 10:30", "primary", "Muscle pain", "clinic"),
    ("enc-warfarin", "AMB", "Anticoagulation visit", "2024-03-11 09:00", "2024-03-11 09:20", "primary", "Anticoagulation", "clinic"),
    ("enc-ed-2025", "EMER", "Emergency department visit", "2025-01-19 08:10", "2025-01-19 14:30", "emergency", "Chest pain", "hospital"),
    ("enc-onc-03", "AMB", "Oncology visit", "2026-03-02 10:00", "2026-03-02 11:00", "oncologist", "Breast cancer, treatment plan", "hospital"),
    ("enc-stay-06", "IMP", "Hospital stay", "2026-06-09 14:00", "2026-06-14 11:30", "hospitalist", "Diarrhea on pembrolizumab", "hospital"),
    ("enc-onc-08", "AMB", "Oncology visit", "2026-08-18 09:00", "2026-08-18 09:40", "oncologist", "Cycle 5", "hospital"),
    ("enc-2026-10", "AMB", "Office visit", "2026-10-20 10:00", "2026-10-20 10:40", "primary", "Diabetes, mood", "clinic"),
    ("enc-onc-11", "AMB", "Oncology visit", "2026-11-03 09:00", "2026-11-03 10:00", "oncologist", "Cycle 7", "hospital"),
    ("enc-stay", "IMP", "Hospital stay", "2026-11-14 18:40", "", "hospitalist", "Fever during chemotherapy", "hospital"),
)  # fmt: skip
OLD_RESULTS = """
cr k a1c hgb plt anc
2025-08-12T08:30 0.70 4.2 7.4H 12.9 262 4.10
2026-02-24T08:20 0.72 4.3 7.1H 12.4 251 3.90
2026-03-31T08:10 0.70 4.1 - 11.0L 190 2.10
2026-04-21T08:10 0.71 4.0 - 10.2L 164 1.60L
2026-04-29T08:15 0.72 4.0 - 9.6L 71L 0.42LL
2026-05-12T08:05 0.70 4.1 - 9.8L 158 1.90
2026-08-18T08:20 0.73 4.2 7.9H 10.6L 201 3.30
2026-09-08T08:15 0.71 4.1 - 9.9L 170 2.40
2026-09-16T08:30 0.74 4.0 - 9.2L 52L 0.28LL
2026-11-03T08:10 0.72 4.2 - 9.6L 176 2.60
"""
INRS = """
inr
2024-03-11T09:05 1.6H
2024-03-25T09:10 2.1H
2024-04-22T09:00 3.4H
2024-05-06T09:05 2.6H
2024-06-17T09:00 2.4H
2024-08-12T09:10 1.8H
"""
WARFARIN = (
    ("warfarin-1", "2024-02-20 11:00", "2024-03-11", "5 mg once daily"),
    ("warfarin-2", "2024-03-11 09:15", "2024-04-22", "7.5 mg once daily"),
    ("warfarin-3", "2024-04-22 09:15", "2024-09-03", "6 mg once daily"),
)
HOME_PRESSURES = """
2026-08-24T07:10 138/84
2026-09-07T07:20 142/86
2026-09-21T07:00 134/82
2026-10-05T07:15 146/88
2026-10-19T07:05 140/84
2026-11-09T07:10 128/76
"""
PHQ9 = ("Little interest or pleasure", "Feeling down", "Trouble sleeping", "Tired or little energy", "Appetite", "Feeling bad about yourself", "Trouble concentrating", "Moving or speaking slowly", "Thoughts of being better off dead")  # fmt: skip
PHQ_ANSWERS = (("2026-03-02", (2, 2, 3, 3, 1, 1, 1, 1, 0)), ("2026-08-18", (1, 2, 2, 2, 1, 0, 1, 0, 0)), ("2026-10-20", (1, 1, 1, 2, 1, 0, 0, 0, 0)))  # fmt: skip
OFTEN = ("Not at all", "Several days", "More than half the days", "Nearly every day")
CHEMOTHERAPY = (
    ("1", "2026-03-10", "carboplatin", "560", "mg"), ("2", "2026-03-31", "carboplatin", "560", "mg"),
    ("3", "2026-04-21", "carboplatin", "540", "mg"), ("4", "2026-05-12", "carboplatin", "450", "mg"),
    ("5", "2026-08-18", "doxorubicin", "101", "mg"), ("6", "2026-09-08", "doxorubicin", "101", "mg"),
    ("7", "2026-11-03", "doxorubicin", "76", "mg"),
)  # fmt: skip
TAPER = (("60", "2026-06-11", "7"), ("40", "2026-06-18", "7"), ("20", "2026-06-25", "7"), ("10", "2026-07-02", "7"))  # fmt: skip
HOME = (
    ("metformin", "860975", "metformin 500 mg extended release tablet", "2025-08-12", "2 tablets by mouth once daily", "active"),
    ("lisinopril", "314076", "lisinopril 10 mg tablet", "2025-08-12", "1 tablet by mouth once daily", "on-hold"),
    ("sertraline", "312941", "sertraline 50 mg tablet", "2026-03-02", "1 tablet by mouth once daily", "active"),
    ("ondansetron", "312086", "ondansetron 8 mg tablet", "2026-03-10", "1 tablet every 8 hours as needed for nausea", "active"),
    ("atorvastatin", "617311", "atorvastatin 40 mg tablet", "2019-05-06", "1 tablet by mouth once daily", "stopped"),
)  # fmt: skip
VACCINES = (("2016-02-09", "115", "Tdap"), ("2021-03-14", "208", "COVID-19, mRNA"), ("2025-10-02", "140", "influenza, seasonal"), ("2024-05-20", "33", "pneumococcal polysaccharide 23-valent"))  # fmt: skip
SECTIONS = {"RAD": "Radiology", "CUS": "Cardiac ultrasound", "SP": "Surgical pathology", "GE": "Endoscopy"}  # fmt: skip
REPORTS = (
    ("ct-02", "RAD", "24627-2", "CT of chest, abdomen and pelvis", "2026-02-20 15:10", "Spiculated mass in the right breast, 31 mm. Right axillary node 14 mm. Liver: 8 mm low density in segment 6, too small to characterize. No lung nodules."),
    ("ct-07", "RAD", "24627-2", "CT of chest, abdomen and pelvis", "2026-07-10 11:20", "Right breast mass now 12 mm, before 31 mm. Axillary node 7 mm. Liver: the 8 mm low density in segment 6 is unchanged, most likely a cyst. Diffuse thickening of the colon has cleared."),
    ("cxr", "RAD", "36643-5", "Chest radiograph, two views", "2026-11-14 20:20", "Port in place. No consolidation. No effusion."),
    ("echo-02", "CUS", "42148-7", "Transthoracic echocardiogram", "2026-02-25 10:30", "Left ventricular ejection fraction 62% by biplane Simpson. No valve disease."),
    ("echo-08", "CUS", "42148-7", "Transthoracic echocardiogram", "2026-08-12 10:15", "Left ventricular ejection fraction 56% by biplane Simpson. Global longitudinal strain -17%."),
    ("echo-11", "CUS", "42148-7", "Transthoracic echocardiogram", "2026-11-18 14:00", "Ejection fraction 54%, limited windows. No vegetation seen; a transesophageal study is advised in bacteremia."),
    ("stress", "CUS", "18752-6", "Exercise stress echocardiogram", "2023-07-03 09:00", "9.2 METs, no wall motion abnormality, no chest pain."),
    ("path", "SP", "22634-0", "Surgical pathology, core needle biopsy of right breast", "2026-02-17 16:00", "Invasive ductal carcinoma, grade 3. Estrogen receptor 0%, progesterone receptor 0%, HER2 0 by immunohistochemistry. PD-L1 combined positive score 20. Axillary node: metastatic carcinoma."),
    ("colonoscopy", "GE", "18746-8", "Colonoscopy", "2023-11-08 13:00", "Two tubular adenomas of 6 and 9 mm removed. Preparation fair. Repeat colonoscopy in 3 years."),
)  # fmt: skip
STAGING = (
    ("21905-5", "Primary tumor.clinical [Class] Cancer", "cT2"), ("21906-3", "Regional lymph nodes.clinical [Class] Cancer", "cN1"),
    ("21907-1", "Distant metastases.clinical [Class] Cancer", "cM0"), ("21908-9", "Stage group.clinical Cancer", "IIB (anatomic)"),
    ("85337-4", "Estrogen receptor [Presence] in breast cancer specimen", "negative, 0%"),
    ("85339-0", "Progesterone receptor [Presence] in breast cancer specimen", "negative, 0%"),
    ("85319-2", "HER2 [Presence] in breast cancer specimen", "negative, 0 by immunohistochemistry"),
    ("83055-4", "PD-L1 combined positive score", "20"),
)  # fmt: skip
REFERRALS = (
    ("ref-genetics", "Referral to genetic counseling", "2026-03-02 11:00", "active", "oncologist"),
    ("ref-eye", "Referral to ophthalmology, diabetic eye examination", "2025-08-12 10:00", "active", "primary"),
    ("ref-derm", "Referral to dermatology", "2025-08-12 10:05", "active", "primary"),
    ("ref-cardio", "Referral to cardio-oncology", "2026-07-28 09:00", "completed", "oncologist"),
)  # fmt: skip


def write(pen: Pen) -> None:
    """Write the history."""
    people = {key: pen.to("Practitioner", key, signs) for key, signs in SIGNS_AS.items()}
    for key, kind, text, start, end, who, reason, place in CLINIC_VISITS:
        ward = {"location": [{"location": {"display": "Mercy Hospital, 7 West, room 714"}}]} if key == "enc-stay" else {}  # fmt: skip
        pen.visit(key, kind, text, start, end, people[who], reason, pen.to("Organization", place), **ward)  # fmt: skip
    pen.series(OLD_RESULTS)
    pen.series(INRS)
    _medicines(pen, people)
    _oncology(pen, people)
    _reports(pen)
    _surveys(pen)
    _referrals(pen, people)
    _background(pen, people)


SIGNS_AS = {
    "primary": "W. Achterberg, MD", "oncologist": "F. Quarshie, MD", "hospitalist": "E. Vandermeer, MD",
    "cardiologist": "O. Brightwater, MD", "emergency": "J. Castellane, MD", "nurse": "B. Adeyemi, RN",
    "resident": "M. Popov-Lisle, MD",
}  # fmt: skip


def _medicines(pen: Pen, people: dict[str, Reference]) -> None:
    for key, code, drug, when, sig, state in HOME:
        pen.order(key, rxnorm(code, drug), f"{when} 10:10", people["primary"], sig, status=state, kind="community")  # fmt: skip
    for key, when, end, sig in WARFARIN:
        bounds = {"timing": {"repeat": {"boundsPeriod": period(when, end), "frequency": 1, "period": 1, "periodUnit": "d"}}}  # fmt: skip
        amount = {"doseAndRate": [{"doseQuantity": quantity(sig.split()[0], "mg", "mg")}]}
        pen.order(key, rxnorm("11289", "warfarin"), when, people["primary"], sig, {**bounds, **amount}, status="completed", reasonCode=[coded("Deep vein thrombosis after knee surgery")])  # fmt: skip
    for dose, when, days in TAPER:
        repeat = {"timing": {"repeat": {"boundsDuration": quantity(days, "days", "d"), "frequency": 1, "period": 1, "periodUnit": "d"}}}  # fmt: skip
        pen.order(f"prednisone-{dose}", rxnorm("8640", "prednisone"), f"{when} 09:00", people["hospitalist"], f"{dose} mg by mouth once daily for {days} days", repeat, status="completed", kind="discharge" if dose != "60" else "inpatient", encounter=pen.to("Encounter", "enc-stay-06"), reasonCode=[coded("Immune-related colitis")])  # fmt: skip
    pembrolizumab = {"resourceType": "Medication", "id": "drug", "code": rxnorm("1547545", "pembrolizumab")}  # fmt: skip
    pen.order(
        "pembrolizumab", {}, "2026-03-10 08:30", people["oncologist"], "200 mg IV every 3 weeks", status="stopped",
        contained=[pembrolizumab], medicationReference={"reference": "#drug"}, statusReason=coded("Immune-related colitis, grade 3"),
    )  # fmt: skip
    pen.write(
        "MedicationStatement", "said-turmeric", "2026-10-20 10:15", status="active", dateAsserted=at("2026-10-20 10:15"),
        medicationCodeableConcept=coded("turmeric capsules"), informationSource=pen.patient, dosage=[{"text": "2 a day, bought by herself"}],
    )  # fmt: skip
    pen.write(
        "MedicationStatement", "said-lisinopril", "2026-10-20 10:16", status="not-taken", dateAsserted=at("2026-10-20 10:16"),
        medicationCodeableConcept=coded("lisinopril 10 mg tablet"), informationSource=pen.patient, statusReason=[coded("Stopped it herself in August: cough")],
    )  # fmt: skip
    for key, drug, when, dose in (("cefazolin", "2180", "2026-03-04 09:20", "2000"), ("ceftriaxone", "2193", "2025-01-19 09:40", "1000")):  # fmt: skip
        pen.given(f"given-{key}", rxnorm(drug, key), when, quantity(dose, "mg", "mg"), people["nurse"], route="intravenous")  # fmt: skip


def _oncology(pen: Pen, people: dict[str, Reference]) -> None:
    codes = {"carboplatin": "40048", "doxorubicin": "3639"}
    for cycle, day, drug, dose, unit in CHEMOTHERAPY:
        pen.given(
            f"chemo-{cycle}", rxnorm(codes[drug], drug), f"{day} 11:00", quantity(dose, unit, unit), people["nurse"],
            route="intravenous", note=[{"text": f"Cycle {cycle}, day 1"}],
        )  # fmt: skip
    for code, name, value in STAGING:
        pen.observe(f"stage-{code}", "laboratory" if code.startswith("8") else "exam", loinc(code, name), "2026-02-24 12:00", valueCodeableConcept=coded(value), performer=[people["oncologist"]])  # fmt: skip
    ecog = loinc("89247-1", "ECOG Performance Status score")
    for day, grade in (("2026-03-02", "0"), ("2026-05-12", "1"), ("2026-08-18", "1"), ("2026-11-03", "2")):  # fmt: skip
        pen.observe(f"ecog-{day}", "survey", ecog, f"{day} 10:00", valueQuantity=quantity(grade, "points", "{score}"))  # fmt: skip
    pen.write("EpisodeOfCare", "episode", "2026-03-02", status="active", type=[coded("Oncology treatment")], period=period("2026-03-02"), managingOrganization=pen.to("Organization", "hospital"))  # fmt: skip
    pen.write("Procedure", "tx-rbc-may", "2026-05-01 10:00", status="completed", code=coded("Transfusion of packed red blood cells"), performedDateTime=at("2026-05-01 10:00"))  # fmt: skip
    pen.write(
        "CarePlan", "plan", "2026-03-02", status="active", intent="plan", title="Treatment plan for triple negative breast cancer",
        category=[coded("Treatment plan")], description="Carboplatin, paclitaxel and pembrolizumab for 4 cycles, then doxorubicin and cyclophosphamide for 4 cycles, then surgery.",
    )  # fmt: skip
    pen.write("Goal", "goal", "2026-03-02", lifecycleStatus="active", description=coded("Surgery with clear margins"), startDate="2026-03-02")  # fmt: skip


def _reports(pen: Pen) -> None:
    for key, section, code, name, when, conclusion in REPORTS:
        pen.report(key, section, loinc(code, name), when, category=[coded(SECTIONS[section], coding(f"{HL7}/v2-0074", section, SECTIONS[section]))], conclusion=conclusion)  # fmt: skip
    for when, value in (("2026-02-25 10:30", "62"), ("2026-08-12 10:15", "56"), ("2026-11-18 14:00", "54")):  # fmt: skip
        pen.result("ef", when, value, kind="imaging", method=coded("biplane Simpson"))
    pen.write(
        "ImagingStudy", "ct-study", "2026-07-10 11:20", status="available", started=at("2026-07-10 10:40"), description="CT of chest, abdomen and pelvis with contrast",
        modality=[coding("http://dicom.nema.org/resources/ontology/DCM", "CT", "Computed Tomography")], numberOfSeries=4, numberOfInstances=612,
    )  # fmt: skip
    for test, when, value in (("trop", "2023-06-11 20:05", "6"), ("trop", "2025-01-19 08:40", "7"), ("trop", "2025-01-19 11:40", "8"), ("tsh", "2026-02-24 08:20", "2.10"), ("tsh", "2026-10-20 10:45", "9.80H"), ("ck", "2023-04-18 10:20", "892H"), ("chol", "2025-08-12 08:30", "221H"), ("hdl", "2025-08-12 08:30", "44L"), ("ldl", "2025-08-12 08:30", "148H")):  # fmt: skip
        pen.result(test, when, value)
    pen.result("ht", "2026-03-02 10:00", "164", kind="vital-signs")
    pen.result("wt", "2026-03-02 10:00", "68.2", kind="vital-signs")
    pen.result("wt", "2026-11-03 09:10", "64.1", kind="vital-signs")


def _surveys(pen: Pen) -> None:
    phq, gad = loinc("44249-1", "PHQ-9 quick depression assessment panel"), (("2026-03-02", "11"), ("2026-10-20", "6"))  # fmt: skip
    for day, answers in PHQ_ANSWERS:
        items: list[Resource] = [
            {"linkId": str(n), "text": text, "answer": [{"valueCoding": coding(LOINC, f"LA{6568 + score}-5", OFTEN[score])}]}
            for n, (text, score) in enumerate(zip(PHQ9, answers, strict=True), 1)
        ]  # fmt: skip
        pen.write("QuestionnaireResponse", f"phq-{day}", f"{day} 09:40", status="completed", questionnaire="urn:harbor:questionnaire:phq-9", authored=at(f"{day} 09:40"), source=pen.patient, item=items)  # fmt: skip
        pen.result("phq", f"{day} 09:40", str(sum(answers)), kind="survey", hasMember=None, note=[{"text": phq["text"]}])  # fmt: skip
    for day, score in gad:
        pen.result("gad", f"{day} 09:45", score, kind="survey")
    for line in HOME_PRESSURES.strip().splitlines():
        moment, cell = line.split()
        pen.pressure(moment.replace("T", " "), cell, performer=[pen.patient], method=coded("Measured at home by the patient"))  # fmt: skip
    for day, cell in (("2026-08-18", "148/88"), ("2026-10-20", "150/90")):
        pen.pressure(f"{day} 10:05", cell)
    smoking = loinc("72166-2", "Tobacco smoking status")
    pen.observe("smoking", "social-history", smoking, "2026-03-02", valueCodeableConcept=snomed("8517006", "Former smoker"))  # fmt: skip


def _referrals(pen: Pen, people: dict[str, Reference]) -> None:
    for key, text, when, state, who in REFERRALS:
        pen.request(key, "Referral", coded(text), when, people[who], status=state)
    pen.appointment("app-derm", "Dermatology", "2025-10-14 13:00", "2025-10-14 13:20", "noshow", basedOn=[pen.to("ServiceRequest", "ref-derm")])  # fmt: skip
    pen.appointment("app-cardio", "Cardio-oncology", "2026-08-12 09:00", "2026-08-12 09:40", "fulfilled", people["cardiologist"], basedOn=[pen.to("ServiceRequest", "ref-cardio")])  # fmt: skip
    pen.appointment("app-onc", "Oncology, cycle 8", "2026-11-24 09:00", "2026-11-24 10:00", "booked", people["oncologist"], created="2026-11-03")  # fmt: skip
    for key, text, when, about in (
        ("task-genetics", "Schedule genetic counseling", "2026-03-03 08:00", "ref-genetics"),
        ("task-eye", "Obtain report of eye examination", "2025-08-13 08:00", "ref-eye"),
    ):
        pen.write("Task", key, when, status="requested", intent="order", code=coded(text), focus=pen.to("ServiceRequest", about), authoredOn=at(when), lastModified=stamp(when))  # fmt: skip
    pen.write(
        "Communication", "message", "2026-11-12 16:05", status="completed", sent=at("2026-11-12 16:05"), sender=pen.patient, recipient=[people["oncologist"]],
        payload=[{"contentString": "I feel cold and shaky since lunch. My temperature is 37.8. Should I come in?"}],
    )  # fmt: skip


def _background(pen: Pen, people: dict[str, Reference]) -> None:
    doctor, cancer = people["primary"], people["oncologist"]
    for key, code, onset, recorded, who in (
        (
            "cancer",
            snomed("706970001", "Triple negative malignant neoplasm of right breast"),
            "2026-02-17",
            "2026-02-24",
            cancer,
        ),
        (
            "sepsis",
            snomed("91302008", "Sepsis"),
            "2026-11-14",
            "2026-11-14 20:00",
            people["hospitalist"],
        ),
        (
            "bacteremia",
            snomed("5758002", "Bacteremia due to MRSA, port infection"),
            "2026-11-14",
            "2026-11-15 09:00",
            people["hospitalist"],
        ),
        (
            "neutropenia",
            snomed("409089005", "Febrile neutropenia"),
            "2026-11-14",
            "2026-11-14 20:00",
            people["hospitalist"],
        ),
        ("diabetes", snomed("44054006", "Type 2 diabetes mellitus"), "2014", "2014-09-02", doctor),
        (
            "hypertension",
            snomed("59621000", "Essential hypertension"),
            "2011",
            "2011-05-10",
            doctor,
        ),
        ("depression", snomed("35489007", "Depression"), "2026-03", "2026-03-02", doctor),
    ):
        pen.problem(key, code, onset, recorded, who)
    gone = {"clinicalStatus": status("condition-clinical", "resolved")}
    pen.problem("dvt", snomed("128053003", "Deep vein thrombosis of left leg"), "2024-02-19", "2024-02-20", doctor, abatementDateTime="2024-09-03", **gone)  # fmt: skip
    pen.problem("colitis", snomed("64226004", "Colitis due to immune checkpoint inhibitor"), "2026-06-08", "2026-06-10", cancer, abatementDateTime="2026-07-10", **gone)  # fmt: skip
    pen.problem("lupus", snomed("55464009", "Systemic lupus erythematosus"), "", "2025-02-11", doctor, clinicalStatus=None, verificationStatus=status("condition-ver-status", "entered-in-error"))  # fmt: skip
    pen.allergy("penicillin", rxnorm("7980", "penicillin"), "rash as a child", "low", "2011-05-10", category=["medication"], recorder=doctor, asserter=pen.patient)  # fmt: skip
    pen.allergy("contrast", snomed("293637006", "iodinated contrast"), "hives", "low", "2026-02-20", category=["medication"], recorder=cancer)  # fmt: skip
    pen.allergy("heparin", rxnorm("5224", "heparin"), "thrombocytopenia", "high", "2026-11-17", clinicalStatus=None, verificationStatus=status("allergyintolerance-verification", "entered-in-error"))  # fmt: skip
    for role, name, text, age, key in (
        ("MTH", "mother", "Breast cancer", "44", "mother"), ("FTH", "father", "Colon cancer", "61", "father"),
        ("SIS", "sister", "Ovarian cancer", "52", "sister"),
    ):  # fmt: skip
        kin = coded(name, coding(f"{HL7}/v3-RoleCode", role, name))
        pen.write("FamilyMemberHistory", f"family-{key}", "2026-03-02", status="completed", date="2026-03-02", relationship=kin, condition=[{"code": coded(text), "onsetAge": quantity(age, "years", "a")}])  # fmt: skip
    for row in VACCINES:
        pen.vaccine(*row)
    kind = coded("Preferred provider organization", coding(f"{HL7}/v3-ActCode", "PPO", "preferred provider organization policy"))  # fmt: skip
    pen.write("Coverage", "coverage", "2026-01-01", status="active", type=kind, subscriberId="PH-90217", payor=[{"display": "Prairie Mutual"}], period=period("2026-01-01", "2026-12-31"), class_=[{"type": coded("plan"), "value": "PM-SILVER-3", "name": "Prairie Silver 3"}], relationship=coded("self"))  # fmt: skip
