"""Marlena's documents: notes with their text, and scanned pages without any.

The first paragraph of the pre-visit note of 19-Nov-2026 is copied forward from the telephone note
of 14-Nov-2026, word for word and unmarked: that is how it reaches a reader in an EHR.
"""

from dataclasses import dataclass

PHONE_CALL = (
    "Patient called about tiredness. Reports ibuprofen 3 times a day most days for back pain since "
    "early October. Nausea this week, eating and drinking less. No black stools."
)


@dataclass(frozen=True, kw_only=True)
class Note:
    """A clinical note: LOINC document type, author, visit if any, and its whole text."""

    key: str
    day: str
    time: str
    loinc: str
    display: str
    title: str
    author: str
    visit: str | None = None
    text: str


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A scanned document: pages as an image, kept as a Binary that holds no text."""

    key: str
    day: str
    title: str
    content_type: str
    size_bytes: int


NOTES = (
    Note(
        key="dc-2024",
        day="2024-02-13",
        time="11:05",
        loinc="18842-5",
        display="Discharge summary",
        title="Discharge summary",
        author="mensah",
        visit="hosp-2024",
        text="""Admitted 11-Feb-2024 with palpitations for one day. Electrocardiogram: atrial
fibrillation, rate 134. Rate controlled with metoprolol. Two troponin results
without a rise. Echocardiogram 12-Feb-2024: ejection fraction 60%, left atrium
mildly enlarged, no significant valve disease.

Stroke risk: age 65 to 74, female, hypertension, diabetes. Apixaban 5 mg twice
a day from today. Metoprolol succinate 50 mg once daily. Home 13-Feb-2024 in good condition.

Follow-up: cardiology clinic in two weeks. Avoid NSAIDs while on apixaban.""",
    ),
    Note(
        key="pn-2025-12-03",
        day="2025-12-03",
        time="09:35",
        loinc="11506-3",
        display="Progress note",
        title="Office visit progress note",
        author="osei",
        visit="2025-12-03",
        text="""Diabetes, hypertension, kidney disease follow-up. Feels well. No bleeding, no
falls. Blood pressure 148/86 here; home readings "about 140".

Assessment and plan
Diabetes: metformin continued. Retinal examination this month.
Hypertension: amlodipine 10 mg and metoprolol continued; recheck in spring.
Lisinopril stopped in 2021 for cough, losartan in 2022 for dizziness.
Chronic kidney disease stage 3a: eGFR stable in the fifties. Avoid NSAIDs.
Atrial fibrillation: apixaban continued.""",
    ),
    Note(
        key="cn-2026-03-10",
        day="2026-03-10",
        time="14:40",
        loinc="11488-4",
        display="Consult note",
        title="Cardiology follow-up note",
        author="mensah",
        visit="card-2026",
        text="""Atrial fibrillation since February 2024. No palpitations. Pulse 64, irregular.
No bleeding.

Continue apixaban 5 mg twice a day and metoprolol succinate 50 mg once daily.
Kidney function and blood count at least every six months on apixaban. Avoid
NSAIDs. Return in one year.""",
    ),
    Note(
        key="pn-2026-03-18",
        day="2026-03-18",
        time="09:40",
        loinc="11506-3",
        display="Progress note",
        title="Office visit progress note",
        author="osei",
        visit="2026-03-18",
        text="""Follow-up. Walking daily. Blood pressure 150/86.

Assessment and plan
Hypertension: above goal. She prefers to reduce salt first; recheck in June.
Diabetes: hemoglobin A1c pending today. Metformin continued.
Lipids: atorvastatin continued.""",
    ),
    Note(
        key="pn-2026-06-11",
        day="2026-06-11",
        time="09:30",
        loinc="11506-3",
        display="Progress note",
        title="Office visit progress note",
        author="osei",
        visit="2026-06-11",
        text="""Follow-up. Blood pressure 152/86, still above goal with less salt. Low back
stiffness in the mornings, no red flags, no medicine taken for it.

Assessment and plan
Hypertension: recheck in September; add another medicine if still above goal.
Chronic kidney disease stage 3a: laboratory today.
Diabetes: metformin continued.""",
    ),
    Note(
        key="pn-2026-09-18",
        day="2026-09-18",
        time="10:55",
        loinc="11506-3",
        display="Progress note",
        title="Office visit progress note",
        author="osei",
        visit="2026-09-18",
        text="""Hypertension and diabetes follow-up. Feels well. Blood pressure 156/88 on
amlodipine 10 mg and metoprolol. ACE inhibitor and losartan not tolerated;
sulfonamide rash, thiazide stopped for low sodium.

Assessment and plan
Hypertension: start spironolactone 25 mg once daily for blood pressure.
Potassium and creatinine in four weeks.
Diabetes and kidney disease: urine albumin/creatinine ratio ordered.
Influenza vaccine given. Return in November.""",
    ),
    Note(
        key="tel-2026-11-14",
        day="2026-11-14",
        time="10:20",
        loinc="34748-4",
        display="Telephone encounter Note",
        title="Telephone note",
        author="alvarez",
        text=PHONE_CALL,
    ),
    Note(
        key="pre-2026-11-19",
        day="2026-11-19",
        time="16:05",
        loinc="34109-9",
        display="Note",
        title="Pre-visit note",
        author="brandt",
        text=PHONE_CALL
        + "\n\nNew today: laboratory called potassium 5.6; Dr. Osei told by message at 15:32. "
        "Visit tomorrow.",
    ),
)

SCANS = (
    Scan(
        key="01",
        day="2019-03-05",
        title="Emergency department record, Mercy Hospital",
        content_type="application/pdf",
        size_bytes=412_880,
    ),
    Scan(
        key="02",
        day="2019-10-24",
        title="Colonoscopy report",
        content_type="application/pdf",
        size_bytes=188_204,
    ),
    Scan(
        key="03",
        day="2020-01-16",
        title="Chest radiograph report",
        content_type="image/jpeg",
        size_bytes=240_116,
    ),
    Scan(
        key="04",
        day="2020-08-04",
        title="Mammogram report",
        content_type="application/pdf",
        size_bytes=131_072,
    ),
    Scan(
        key="05",
        day="2021-04-02",
        title="COVID-19 vaccination card",
        content_type="image/jpeg",
        size_bytes=96_541,
    ),
    Scan(
        key="06",
        day="2022-09-01",
        title="Eye clinic letter",
        content_type="application/pdf",
        size_bytes=154_930,
    ),
    Scan(
        key="07",
        day="2023-06-20",
        title="Diabetic retinal examination",
        content_type="image/jpeg",
        size_bytes=302_477,
    ),
    Scan(
        key="08",
        day="2024-02-16",
        title="Hospital record, Mercy Hospital",
        content_type="application/pdf",
        size_bytes=2_214_310,
    ),
    Scan(
        key="09",
        day="2024-10-09",
        title="Advance directive form",
        content_type="application/pdf",
        size_bytes=201_648,
    ),
    Scan(
        key="10",
        day="2025-05-28",
        title="Mammogram report",
        content_type="application/pdf",
        size_bytes=127_540,
    ),
    Scan(
        key="11",
        day="2025-12-18",
        title="Diabetic retinal examination",
        content_type="image/jpeg",
        size_bytes=298_013,
    ),
    Scan(
        key="12",
        day="2026-11-02",
        title="Outside visit record, Bayside Urgent Care",
        content_type="application/pdf",
        size_bytes=356_782,
    ),
)
