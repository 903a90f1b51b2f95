"""The clinicians and places of Marlena's chart, and her visits to them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Person:
    """A clinician: how the EHR signs for them, and where they work."""

    family: str
    given: str
    suffix: str
    signs: str
    place: str
    specialty: str
    npi: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """An organization with one location."""

    name: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class Visit:
    """An encounter; `end` is empty while it is in progress."""

    day: str
    start: str
    end: str
    kind: str
    place: str
    who: str
    reason: str
    end_day: str = ""


PEOPLE = {
    "osei": Person(
        family="Osei",
        given="Abena",
        suffix="MD",
        signs="A. Osei, MD",
        place="harbor",
        specialty="Internal medicine",
        npi="9990000115",
    ),
    "mensah": Person(
        family="Mensah",
        given="Richard",
        suffix="MD",
        signs="R. Mensah, MD",
        place="harbor",
        specialty="Cardiology",
        npi="9990000123",
    ),
    "brandt": Person(
        family="Brandt",
        given="Katrin",
        suffix="PA",
        signs="K. Brandt, PA",
        place="harbor",
        specialty="Internal medicine",
        npi="9990000131",
    ),
    "alvarez": Person(
        family="Alvarez",
        given="Teresa",
        suffix="RN",
        signs="T. Alvarez, RN",
        place="harbor",
        specialty="Nursing",
        npi="9990000149",
    ),
    "lindqvist": Person(
        family="Lindqvist",
        given="Petra",
        suffix="NP",
        signs="P. Lindqvist, NP",
        place="bayside",
        specialty="Urgent care",
        npi="9990000156",
    ),
    "okoro": Person(
        family="Okoro",
        given="Daniel",
        suffix="MD",
        signs="D. Okoro, MD",
        place="mercy",
        specialty="Emergency medicine",
        npi="9990000164",
    ),
}

PLACES = {
    "harbor": Place(name="Harbor Clinic", phone="555-0110"),
    "bayside": Place(name="Bayside Urgent Care", phone="555-0121"),
    "mercy": Place(name="Mercy Hospital", phone="555-0130"),
    "lab": Place(name="Mercy Laboratory", phone="555-0131"),
}


def _office(day: str, start: str, end: str, reason: str) -> Visit:
    return Visit(
        day=day, start=start, end=end, kind="office", place="harbor", who="osei", reason=reason
    )


VISITS = {
    "ed-2019": Visit(
        day="2019-03-03",
        start="13:40",
        end="18:10",
        kind="emergency",
        place="mercy",
        who="okoro",
        reason="thirst and dizziness",
    ),
    "2019-09-10": _office("2019-09-10", "08:45", "09:25", "new patient; diabetes"),
    "2020-01-14": _office("2020-01-14", "10:45", "11:30", "cough and fever for 4 days"),
    "2020-03-04": _office("2020-03-04", "08:25", "09:00", "diabetes follow-up"),
    "2020-10-21": _office("2020-10-21", "08:40", "09:15", "diabetes and blood pressure follow-up"),
    "2021-05-12": _office("2021-05-12", "08:20", "08:55", "tiredness; dry cough on lisinopril"),
    "2021-08-16": _office("2021-08-16", "10:05", "10:35", "burning urination"),
    "2021-11-09": _office("2021-11-09", "09:05", "09:40", "blood pressure follow-up"),
    "2022-05-17": _office("2022-05-17", "08:30", "09:10", "annual visit; dizziness on losartan"),
    "2022-11-15": _office("2022-11-15", "09:45", "10:20", "diabetes follow-up; cough"),
    "2023-05-09": _office("2023-05-09", "08:35", "09:15", "annual visit"),
    "2023-11-14": _office("2023-11-14", "08:50", "09:25", "diabetes and kidney follow-up"),
    "hosp-2024": Visit(
        day="2024-02-11",
        start="15:05",
        end="11:30",
        end_day="2024-02-13",
        kind="inpatient",
        place="mercy",
        who="mensah",
        reason="palpitations",
    ),
    "card-2024": Visit(
        day="2024-02-27",
        start="13:10",
        end="13:45",
        kind="office",
        place="harbor",
        who="mensah",
        reason="atrial fibrillation follow-up",
    ),
    "2024-08-20": _office("2024-08-20", "09:10", "09:45", "diabetes and kidney follow-up"),
    "2025-03-12": _office("2025-03-12", "08:45", "09:25", "annual visit"),
    "2025-12-03": _office("2025-12-03", "08:35", "09:10", "diabetes and blood pressure follow-up"),
    "card-2026": Visit(
        day="2026-03-10",
        start="14:00",
        end="14:35",
        kind="office",
        place="harbor",
        who="mensah",
        reason="atrial fibrillation follow-up",
    ),
    "2026-03-18": _office("2026-03-18", "08:45", "09:20", "diabetes and blood pressure follow-up"),
    "2026-06-11": _office("2026-06-11", "08:40", "09:15", "blood pressure follow-up"),
    "2026-09-18": _office("2026-09-18", "10:15", "10:50", "blood pressure and diabetes follow-up"),
    "bayside": Visit(
        day="2026-10-02",
        start="16:45",
        end="17:30",
        kind="urgent",
        place="bayside",
        who="lindqvist",
        reason="low back pain",
    ),
    "today": Visit(
        day="2026-11-20",
        start="08:30",
        end="",
        kind="office",
        place="harbor",
        who="osei",
        reason="diabetes and blood pressure follow-up; tired for 2 weeks",
    ),
}
