"""What was written about Perpetua Halloran: notes that copy each other, disagree with the lists, and abbreviate.

`HISTORY`, first written on 14-Nov, stands word for word in eight notes; `ASSESSMENT`, first written on 15-Nov, still
says "day 2" on 20-Nov. Nothing marks either as copied. The rows of a note are key, LOINC, title, moment, author, text.
"""

HISTORY = """58F w/ TNBC (R breast, stage IIIA) s/p 7 cycles, last AC 11/3, p/w fever 39.4, rigors x1d and SOB. DM2, HTN, hx LLE DVT
on warfarin. Allergies: NKDA. Port in R chest since March, site tender and red."""
ASSESSMENT = """# Septic shock, MRSA bacteremia from port: vancomycin day 2, goal trough 15 to 20. Cefepime continues.
# Neutropenic fever: ANC 10, filgrastim daily.
# Renal: Cr 0.78, at baseline.
# DVT ppx: enoxaparin 40 mg daily.
# Code status: full code, confirmed with patient on admission."""
DAILY = (
    ("pn-15", "2026-11-15 10:30", "hospitalist", "Interval: BP better after 3 L, off oxygen tonight if stable. Gram-positive cocci in clusters from the port.\nPatient and her son Ignatius asked for no resuscitation and no intubation; form signed 11/15, order changed."),
    ("pn-16", "2026-11-16 10:10", "resident", "Interval: MRSA in 2 of 2 sets. ID agrees with vanc. Tmax 38.1."),
    ("pn-17", "2026-11-17 11:20", "resident", "Interval: plts 38, platelet unit before port removal this afternoon. Hgb 7.1, 1 u PRBC."),
    ("pn-18", "2026-11-18 10:40", "resident", "Interval: K 6.4 called at 06:05, lab corrected to 4.4, hemolyzed. Cr 1.38, up from 0.74. Afebrile 24h."),
    ("pn-19", "2026-11-19 11:15", "resident", "Interval: vanc level 24.6 last night, dose held; 18.9 this AM. Cr 1.62. Pain in back worse, MRI spine under discussion."),
    ("pn-20", "2026-11-20 08:10", "resident", "Interval: T 38.3 at 02:00, HR 104, back on 1 L. NPO for TEE at 13:00. Repeat cultures so far negative."),
)  # fmt: skip
CARDIOLOGY = """
Asked by Dr. Vandermeer about endocarditis in MRSA bacteremia.
Transthoracic study 18-Nov limited, no vegetation, ejection fraction 54%.
Recommendations:
1. Transesophageal echocardiogram on 20-Nov; nothing by mouth from midnight.
2. Repeat blood cultures every 48 hours until two are negative.
3. No further doxorubicin until the ejection fraction is measured again; it was 62% in February.
4. Lisinopril stays on hold while creatinine rises.
"""
PRESENTATION = ("adm-14", "34117-2", "History and physical note", "2026-11-14 22:10", "hospitalist", f"""
{HISTORY}
Lives with her son. Took ondansetron at home. PCN: anaphylaxis per daughter-in-law, pt unsure.
Exam: T 39.4, HR 128, BP 88/46, RR 26, SpO2 92% RA. Port site erythema 3 cm. Lungs clear. No murmur.
Plan: cultures x2, vanc/cefepime, 30 mL/kg LR, lactate q4h. Full code.
""")  # fmt: skip
REMAINING = (
    PRESENTATION,
    ("nurse-19", "34746-8", "Nurse note", "2026-11-19 22:05", "nurse", f"""
{HISTORY}
Refused enoxaparin, arms bruised. Pain 5/10 before oxycodone, 3/10 after. Up to chair x2 with assist of 1. Foley draining.
Contact precautions kept. DNR band on left wrist."""),
    ("cardio-19", "11488-4", "Cardiology consult note", "2026-11-19 15:45", "cardiologist", CARDIOLOGY),
    ("ed-2023", "34111-5", "Emergency department note", "2023-06-11 23:30", "emergency", """
Chest pain 2 h after moving furniture, worse on twisting. Two troponins 6 ng/L. Electrocardiogram without change.
HEART score 3 by the physician. Home; stress echo as outpatient."""),
    ("ed-2025", "34111-5", "Emergency department note", "2025-01-19 14:00", "emergency", """
Pleuritic chest pain with cough and fever, right base crackles. Troponin 7 then 8. Ceftriaxone 1 g given without reaction.
CT for embolism not done: contrast not wanted by the patient."""),
    ("pcp-2023", "11506-3", "Progress note", "2023-04-18 10:40", "primary", """
Thigh pain for 3 weeks, cannot climb stairs. CK 892. Stop atorvastatin for good; retry a low dose of another statin in autumn if she agrees.
She did not want another one."""),
    ("pcp-10", "11506-3", "Progress note", "2026-10-20 10:42", "primary", """
Sleeps better, PHQ-9 is 6, was 14. Home pressures around 140/85. She stopped lisinopril in August because of a cough, chart still says she takes it.
A1c 7.9 in August while on steroids. Asks about semaglutide; wait until chemotherapy is over. TSH drawn today with the rest.
Colonoscopy due again this autumn, after chemotherapy. Father had colon cancer at 61, mother breast cancer at 44."""),
    ("onc-03", "11506-3", "Oncology progress note", "2026-03-02 10:58", "oncologist", """
Triple negative cancer of the right breast, cT2 cN1 cM0. ECOG 0. BSA 1.74.
Plan: carboplatin AUC 5, weekly paclitaxel, pembrolizumab for 4 cycles, then doxorubicin 60 mg per square meter with cyclophosphamide for 4, surgery after that.
Genetic counseling because of her mother and sister."""),
    ("onc-11", "11506-3", "Oncology progress note", "2026-11-03 09:55", "oncologist", """
Cycle 7 day 1 today. Tired, ECOG 2. Neutrophils fell to 280 after cycle 6 and to 420 after cycle 3. Doxorubicin cut to 45 mg per square meter.
Colitis from pembrolizumab in June, grade 3, cleared on prednisone 60 mg with a 4-week taper; do not give it again."""),
    ("dc-06", "18842-5", "Discharge summary", "2026-06-14 11:20", "hospitalist", """
Admitted 09-Jun with ten stools a day on pembrolizumab; colonoscopy with diffuse colitis. Methylprednisolone, then prednisone 60 mg.
Tube feeding at 45 mL per hour from 10-Jun to 12-Jun. Changes at discharge: NEW prednisone taper 40, 20, 10 mg a week each; STOPPED pembrolizumab; CONTINUED metformin, sertraline."""),
)  # fmt: skip
ADDENDUM = """
Addendum to my note of 19-Nov: after speaking with pharmacy, vancomycin 750 mg every 24 hours, next level before the third dose.
The line above that says goal trough 15 to 20 is out of date; target 400 to 600 by area under the curve.
"""
UNSIGNED = """
Draft. Discharge to rehab maybe Tuesday if TEE neg. Abx: dapto vs vanc x6 wk, PICC today?? Oxy script. F/u onc 11/24. ***
"""
