"""Perpetua Halloran, 58 years old: the chart that a first week brings and a demonstration forgets. Written by hand.

She has cancer of the breast, is in hospital with sepsis, and her record disagrees with itself: notes copy each other,
say what the lists deny, lack a signature or have an addendum; pages are scanned; results are corrected, preliminary,
missing or in error. The manifest's notes list what is wrong on purpose.
"""

from sandbox.generate import messy_history, messy_notes, messy_papers, messy_stay
from sandbox.generate.coding import HL7, coded, coding, quantity
from sandbox.generate.ndjson import Chart
from sandbox.generate.pen import Pen, Reference, at, attachment, loinc, period

SON = "Ignatius Halloran"
PEOPLE = (
    ("primary", "1000000221", "Family medicine", "clinic"), ("oncologist", "1000000222", "Medical oncology", "hospital"),
    ("hospitalist", "1000000223", "Hospital medicine", "hospital"), ("resident", "1000000224", "Internal medicine", "hospital"),
    ("cardiologist", "1000000225", "Cardiology", "hospital"), ("emergency", "1000000226", "Emergency medicine", "hospital"),
    ("nurse", "1000000227", "Nursing", "hospital"),
)  # fmt: skip
PDF = "application/pdf"
WRONG_ON_PURPOSE = (
    "Written by hand; every person and place is invented.",
    "Copied forward: one paragraph of 14-Nov stands in eight notes, an assessment of 15-Nov in six.",
    "Note against list: stage IIIA and IIB, NKDA or anaphylaxis and a penicillin rash, on warfarin and stopped in 2024, "
    "full code and a consent to no resuscitation, cefepime continues and stopped, creatinine at baseline and 1.47.",
    "Ordered, not given: enoxaparin is active and was last given on 16-Nov.",
    "Corrected potassium of 18-Nov, preliminary culture, registered culture, weight in pounds and lupus and a heparin "
    "allergy entered in error, lactate without a value, an unsigned discharge note, an addendum.",
    "Papers: a scan without text, a PDF with text, RTF, HTML, C-CDA, an outside record of 30 pages; two stand in a Binary.",
)


def chart() -> Chart:
    """Return the chart."""
    pen = Pen(prefix="ms", name="Perpetua Halloran", tests=messy_stay.TESTS)
    _people(pen)
    messy_history.write(pen)
    messy_stay.write(pen)
    _alerts(pen)
    _notes(pen)
    _papers(pen)
    return Chart(
        name="messy",
        title="HALLORAN, Perpetua: in hospital with sepsis during chemotherapy; a record that disagrees with itself",
        patient="ms-patient",
        generator="sandbox.generate.messy",
        generator_version="1",
        seed=None,
        resources=pen.resources,
        notes=WRONG_ON_PURPOSE,
    )


def _signed(pen: Pen, key: str) -> Reference:
    return pen.to("Practitioner", key, messy_history.SIGNS_AS[key])


def _people(pen: Pen) -> None:
    pen.place("clinic", "Harbor Clinic")
    pen.place("hospital", "Mercy Hospital")
    pen.place("riverbend", "Riverbend Orthopedic Hospital")
    for key, npi, specialty, place in PEOPLE:
        pen.person(key, messy_history.SIGNS_AS[key], npi, specialty, place)
    number = coded("MRN", coding(f"{HL7}/v2-0203", "MR", "Medical record number"))
    pen.write(
        "Patient", "patient", "2026-11-14", active=True, gender="female", birthDate="1968-05-21",
        identifier=[{"use": "usual", "type": number, "system": "urn:harbor:mrn", "value": "80003"}],
        name=[{"use": "official", "family": "Halloran", "given": ["Perpetua"]}],
        communication=[{"language": coded("Spanish", coding("urn:ietf:bcp:47", "es", "Spanish")), "preferred": True}],
        generalPractitioner=[_signed(pen, "primary")],
    )  # fmt: skip
    son = coding(f"{HL7}/v3-RoleCode", "SON", "natural son")
    agent = coding(f"{HL7}/v3-RoleCode", "HPOWATT", "healthcare power of attorney")
    pen.write(
        "RelatedPerson", "son", "2026-11-15", active=True, relationship=[coded("son", son), coded("health care agent", agent)],
        name=[{"text": SON, "family": "Halloran", "given": ["Ignatius"]}], telecom=[{"system": "phone", "value": "555-0188"}],
    )  # fmt: skip
    members = (("Attending", "hospitalist"), ("Resident", "resident"), ("Oncologist", "oncologist"), ("Nurse", "nurse"))  # fmt: skip
    pen.write(
        "CareTeam", "team", "2026-11-15", status="active", name="Ward 7 West", encounter=pen.to("Encounter", "enc-stay"),
        participant=[{"role": [coded(role)], "member": _signed(pen, key)} for role, key in members],
    )  # fmt: skip


def _alerts(pen: Pen) -> None:
    stay = pen.to("Encounter", "enc-stay")
    for key, text, start, state in (
        ("isolation", "Contact isolation: MRSA", "2026-11-15 09:10", "active"),
        ("falls", "Fall risk: Morse 75", "2026-11-19 10:05", "active"),
        ("neutropenic", "Neutropenic precautions", "2026-11-14 20:00", "inactive"),
    ):
        end = "2026-11-19 08:00" if state == "inactive" else ""
        pen.write("Flag", f"flag-{key}", end or start, status=state, category=[coded("Safety", coding(f"{HL7}/flag-category", "safety", "Safety"))], code=coded(text), period=period(start, end), encounter=stay)  # fmt: skip
    scope = coded("Advance care directive", coding(f"{HL7}/consentscope", "adr", "Advance Care Directive"))  # fmt: skip
    pen.write(
        "Consent", "dnr", "2026-11-15 10:15", status="active", scope=scope, dateTime=at("2026-11-15 10:15"), performer=[pen.patient],
        category=[coded("Do not resuscitate", coding(f"{HL7}/consentcategorycodes", "dnr", "Do Not Resuscitate"))],
        provision={"type": "deny", "code": [coded("Cardiopulmonary resuscitation"), coded("Endotracheal intubation")]},
        policyRule=coded("State form, signed by the patient"),
    )  # fmt: skip
    pen.write(
        "Consent", "agent", "2026-03-02 10:50", status="active", scope=scope, dateTime=at("2026-03-02 10:50"), performer=[pen.patient],
        category=[coded("Health care power of attorney", coding(f"{HL7}/consentcategorycodes", "hcd", "Health Care Directive"))],
        provision={"type": "permit", "actor": [{"role": coded("health care agent"), "reference": pen.to("RelatedPerson", "son", SON)}]},
        policyRule=coded("Durable power of attorney for health care"),
    )  # fmt: skip
    order = coded("Code status: do not resuscitate, do not intubate")
    pen.request("sr-code", "Code status", order, "2026-11-15 10:20", _signed(pen, "hospitalist"), encounter=stay)  # fmt: skip
    pen.write(
        "NutritionOrder", "npo", "2026-11-19 17:00", status="active", intent="order", dateTime=at("2026-11-20 00:01"), orderer=_signed(pen, "hospitalist"), encounter=stay,
        oralDiet={"type": [coded("NPO", coding("http://snomed.info/sct", "182923009", "Nil by mouth"))], "instruction": "For transesophageal echocardiogram; sips with medicines"},
    )  # fmt: skip
    pen.write(
        "NutritionOrder", "tube", "2026-06-12 09:00", status="completed", intent="order", dateTime=at("2026-06-10 09:00"), orderer=_signed(pen, "hospitalist"), encounter=pen.to("Encounter", "enc-stay-06"),
        enteralFormula={"baseFormulaType": coded("Peptide-based formula"), "administration": [{"rateQuantity": quantity("45", "mL/h", "mL/h")}]},
    )  # fmt: skip


def _notes(pen: Pen) -> None:
    stay = {"context": {"encounter": [pen.to("Encounter", "enc-stay")]}}
    for key, when, who, fresh in messy_notes.DAILY:
        assessment = messy_notes.ASSESSMENT
        text = f"{messy_notes.HISTORY}\n\n{fresh}\n\n{assessment}"
        pen.note(f"note-{key}", loinc("11506-3", "Progress note"), when, _signed(pen, who), text, **stay)  # fmt: skip
    for key, code, title, when, who, text in messy_notes.REMAINING:
        inside = stay if when > "2026-11-14" else {}
        pen.note(f"note-{key}", loinc(code, title), when, _signed(pen, who), text, **inside)
    earlier = [{"code": "appends", "target": pen.to("DocumentReference", "note-pn-19")}]
    progress = loinc("11506-3", "Progress note")
    pen.note("note-addendum", progress, "2026-11-19 18:20", _signed(pen, "resident"), messy_notes.ADDENDUM, docStatus="amended", relatesTo=earlier, **stay)  # fmt: skip
    pen.note("note-draft", loinc("18842-5", "Discharge summary"), "2026-11-20 07:50", _signed(pen, "resident"), messy_notes.UNSIGNED, docStatus="preliminary", **stay)  # fmt: skip
    pen.note("note-error", progress, "2026-11-18 09:00", _signed(pen, "resident"), "Written in the wrong chart: hip fracture, day 1 after surgery.", status="entered-in-error", docStatus="entered-in-error", **stay)  # fmt: skip


def _papers(pen: Pen) -> None:
    outside = loinc("34133-9", "Outside record")
    cardiologist, oncologist = _signed(pen, "cardiologist"), _signed(pen, "oncologist")

    def paper(key: str, title: str, when: str, kind: str, content: bytes, who: Reference | None = None) -> None:  # fmt: skip
        pen.document(f"doc-{key}", coded(title, *outside["coding"]), when, who, [attachment(content, kind, title)])  # fmt: skip

    def by_binary(key: str, title: str, when: str, kind: str, content: bytes) -> None:
        data = attachment(content, kind, title)
        binary = pen.write("Binary", f"bin-{key}", when, contentType=kind, data=data["data"])
        pointer = {"contentType": kind, "url": binary["reference"], "title": title, "size": len(content)}  # fmt: skip
        pen.document(f"doc-{key}", coded(title, *outside["coding"]), when, None, [pointer])

    by_binary("scan", "Scanned consent form, Mercy Hospital", "2026-11-15 12:00", PDF, messy_papers.scanned_pdf(2))  # fmt: skip
    letter = (
        "Harbor Imaging Center                                   22-Oct-2026", "",
        "Screening for osteoporosis in Perpetua Halloran, born 21-May-1968.", "",
        "Lumbar spine T-score -2.6, left hip T-score -1.9.", "Impression: osteoporosis of the lumbar spine.",
        "Advice: vitamin D level, and treatment after chemotherapy.",
    )  # fmt: skip
    by_binary("pdf", "Bone density report", "2026-10-22 16:00", PDF, messy_papers.text_pdf([letter]))  # fmt: skip
    paragraphs = (
        "Dear Dr. Quarshie,",
        "thank you for sending Mrs. Halloran. Strain has fallen from -20% to -17% since February, which is within the error of the method.",
        "I would continue doxorubicin up to 240 mg per square meter with an echocardiogram after every second cycle.",
    )  # fmt: skip
    paper("rtf", "Cardio-oncology letter", "2026-08-12 17:00", "application/rtf", messy_papers.rtf("Cardio-oncology letter", paragraphs), cardiologist)  # fmt: skip
    rows = (
        ("Lymphedema, right arm", "none"),
        ("Shoulder abduction", "150 degrees"),
        ("Grip, right", "22 kg"),
    )
    paper("html", "Physical therapy letter", "2026-09-30 15:00", "text/html; charset=utf-8", messy_papers.html("Physical therapy letter", rows, "Seen four times since August. Home exercises daily."), oncologist)  # fmt: skip
    sections = (
        ("48765-2", "Allergies", ("Penicillin: rash in childhood", "Shellfish: lip swelling")),
        ("10160-0", "Medications", ("Metformin ER 500 mg, 2 tablets daily", "Lisinopril 10 mg daily", "Vitamin D 1,000 units daily")),
        ("11450-4", "Problems", ("Type 2 diabetes", "Hypertension", "Osteoarthritis of the left knee, replaced 2024")),
    )  # fmt: skip
    paper("ccda", "Continuity of care document", "2026-01-12 09:00", "application/xml", messy_papers.ccda("Continuity of care document", sections))  # fmt: skip
    record = messy_papers.outside_record(30)
    paper("outside", "Hospital record, Riverbend Orthopedic Hospital", "2024-03-12 11:00", "text/plain; charset=utf-8", record.encode())  # fmt: skip
    pen.write(
        "Provenance", "prov-outside", "2024-03-12 11:00", target=[pen.to("DocumentReference", "doc-outside"), pen.patient], recorded=at("2024-03-12 11:00"),
        agent=[{"type": coded("Author"), "who": pen.to("Organization", "riverbend", "Riverbend Orthopedic Hospital")}],
    )  # fmt: skip
