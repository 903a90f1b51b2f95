"""The launch card: what a clinician sees before typing anything."""

from datetime import datetime
from typing import Any, assert_never
from zoneinfo import ZoneInfo

import pytest

from app.errors import EhrRefused, EhrUnavailable, SessionEnded
from app.fhir.card import build_card
from app.fhir.display import Card, CardSection, Cite, Date, Piece, Row, Text, Value
from app.fhir.merged import RecordMerged
from app.fhir.reader import LaunchChart
from app.fhir.source import Query, Read, Resource
from tests.ndjson_source import NdjsonSource, context, launch
from tests.unit.fhir.ehr import Ehr, bundle, observation, source

NOW = datetime(2026, 11, 20, 8, 42, tzinfo=ZoneInfo("America/Chicago"))


def said(row: Row) -> str:
    """Return a row as text, chips as [n]."""
    return " / ".join(" ".join(map(_piece, line)) for line in (row.pieces, *row.meta))


def _piece(piece: Piece) -> str:
    match piece:
        case Cite(n=n, text=text):
            return f"[{n}{' ' + text if text else ''}]"
        case Value(text=text, unit=unit, flag=flag, range=limits):
            return " ".join(x for x in (text, unit, flag, f"({limits})" if limits else "") if x)
        case Text(text=text) | Date(text=text):
            return text
    assert_never(piece)


def card_of(chart: LaunchChart) -> Card:
    return build_card(chart, chart.sources, chart.now, chart.context.user_reference)


def sections(card: Card) -> dict[str, CardSection]:
    return {s.id: s for s in card.sections}


@pytest.fixture(scope="module")
def marlena() -> LaunchChart:
    return launch(
        "marlena",
        denied=("MedicationDispense",),
        encounter_id="me-enc-today",
        user_reference="Practitioner/me-prac-osei",
    )


def test_the_card_of_marlena(marlena: LaunchChart) -> None:
    card = card_of(marlena)
    found = {name: [said(row) for row in s.rows] for name, s in sections(card).items()}
    assert card.encounter is not None
    assert said(card.encounter) == (
        "Office visit 20-Nov-2026 08:30 · Harbor Clinic [1] / Reason diabetes and blood pressure follow-up; tired for 2 weeks"
    )
    assert (
        " ".join(map(_piece, sections(card)["since"].title))
        == "Since your last visit, 18-Sep-2026 (63 days)"
    )
    assert found == {
        "since": [
            "Potassium 5.6 mmol/L H (3.5–5.1) [2] / 19-Nov-2026 final · before: 5.0 on 14-Oct-2026 , 4.6 on 11-Jun-2026",
            "eGFR 52 L → 34 mL/min/1.73 m² L (≥ 60) [3] / 11-Jun-2026 to 19-Nov-2026 , final · creatinine 1.15 H to 1.64 mg/dL H [4]",
            "Also out of range: Glucose 162 mg/dL H [5] ; BUN 38 mg/dL H [6] ; CO2 20 mmol/L L [7]",
            "New order from outside: ibuprofen 600 mg three times a day [8] / Ordered 02-Oct-2026 , Bayside Urgent Care · 30-day supply ended 01-Nov-2026 unless refilled (2 refills)",
            "Ordered at that visit: spironolactone 25 mg once daily [9] / 18-Sep-2026 , A. Osei, MD",
            "2 new notes / Telephone 14-Nov-2026 , T. Alvarez, RN [10] / Pre-visit 19-Nov-2026 , K. Brandt, PA ; part copied from 14-Nov-2026 [11]",
        ],
        "allergies": ["penicillin – anaphylaxis [12] ; sulfonamides – rash [13]"],
        "pending": [
            "Complete blood count [14] / Collected 19-Nov-2026 09:10 · registered, no result yet",
            "Urine albumin/creatinine ratio [15] / Ordered 18-Sep-2026 · no result [16 259 searched]",
        ],
        "unread": [
            "Medication fills: the EHR does not give them to this app",
            "12 scanned documents (newest 02-Nov-2026 )",
        ],
    }  # fmt: skip
    assert [r.tone for r in sections(card)["since"].rows] == ["alarm", *["plain"] * 5]
    assert (card.read_at, card.suggestions) == (
        "20-Nov-2026 08:42", ("Why did eGFR fall?", "Pre-visit summary", "Active medicines", "Last labs", "What is pending?"),
    )  # fmt: skip


def test_the_first_card_costs_at_most_twelve_requests(marlena: LaunchChart) -> None:
    assert card_of(marlena).requests <= 12
    assert card_of(launch("large")).requests <= 12


def test_each_number_of_the_card_resolves(marlena: LaunchChart) -> None:
    card_of(marlena)
    labels = [
        marlena.chart.label(marlena.sources.get(n)) for n in range(1, len(marlena.sources) + 1)
    ]
    assert labels[:4] == [
        "encounter, office visit 20-Nov-2026",
        "potassium, 19-Nov-2026",
        "eGFR, 18 results",
        "creatinine, 18 results",
    ]
    assert labels[7] == "medication request, ibuprofen"
    assert labels[-1] == "259 searched: laboratory results, 03-Mar-2019 to 19-Nov-2026, complete"


def test_the_banner_of_marlena(marlena: LaunchChart) -> None:
    banner = card_of(marlena).banner
    assert (banner.family, banner.given, banner.title, banner.born, banner.age, banner.sex, banner.mrn) == (
        "EVERGREEN", "Marlena", "Ms", "14-Mar-1958", "68y", "Female", "00471182",
    )  # fmt: skip
    assert (banner.allergies.state, banner.allergies.text) == (
        "known",
        "penicillin – anaphylaxis; sulfonamides – rash",
    )


# ---------------------------------------------------------------- small charts


def chart_of(
    *found: Resource,
    denied: tuple[str, ...] = (),
    patient: dict[str, Any] | None = None,
    **changes: Any,
) -> LaunchChart:
    p = {"resourceType": "Patient", "id": "p1", "birthDate": "1958-03-14", **(patient or {})}
    return LaunchChart(
        NdjsonSource([p, *found], "p1", denied=denied), context("p1", NOW, **changes), NOW
    )


def allergy(code: str = "", **more: Any) -> Resource:
    return {
        "resourceType": "AllergyIntolerance", "id": f"a{code}", "patient": {"reference": "Patient/p1"},
        "code": {"coding": [{"code": code}], "text": "substance"},
        "clinicalStatus": {"coding": [{"code": "active"}]}, "recordedDate": "2026-11-18", **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "denied", "state", "title"),
    [
        ((allergy("1"),), (), "known", "Known allergies"),
        ((allergy("716186003"),), (), "none", "No known allergies"),
        ((), (), "unasked", "Allergies not recorded"),
        ((allergy("1631000175102"),), (), "unasked", "Allergies not recorded"),
        ((), ("AllergyIntolerance",), "unread", "Allergies could not be read"),
    ],
)
def test_the_four_allergy_states_are_never_mixed(
    found: tuple[Resource, ...], denied: tuple[str, ...], state: str, title: str
) -> None:
    shown = card_of(chart_of(*found, denied=denied)).banner.allergies
    assert (shown.state, shown.title) == (state, title)


@pytest.mark.parametrize(
    ("patient", "age", "notice"),
    [
        ({"birthDate": "2026-08-08"}, "14w 6d", ""),
        ({"birthDate": "2011-05-02"}, "15y 6m", "Age 12 to 17: confidentiality rules apply"),
        ({"birthDate": "2025-11-21"}, "52w 0d", ""),
        ({"birthDate": "2025-01-31"}, "21m 20d", ""),
        ({"birthDate": "2008-11-20"}, "18y", ""),
        ({"birthDate": "1940-03-14", "deceasedDateTime": "2026-10-11"}, "86y", "Died 11-Oct-2026. Care-gap and visit suggestions are off."),
        ({"birthDate": "1940"}, "", ""),
    ],
)  # fmt: skip
def test_ages_by_band_and_notices(patient: dict[str, Any], age: str, notice: str) -> None:
    banner = card_of(chart_of(patient=patient)).banner
    assert (banner.age, banner.notice) == (age, notice)


def test_a_child_shows_its_weight_with_its_date() -> None:
    weight = observation(
        "w", category=[{"coding": [{"code": "vital-signs"}]}], effectiveDateTime="2026-11-13",
        code={"coding": [{"code": "29463-7"}]}, valueQuantity={"value": 5, "unit": "kg"},
    )  # fmt: skip
    banner = card_of(chart_of(weight, patient={"birthDate": "2026-08-08"})).banner
    assert (banner.weight, banner.weight_date) == ("5 kg", "13-Nov-2026")


@pytest.mark.parametrize(
    "patient", [{"link": [{"type": "replaced-by"}]}, {"active": False, "link": [{"type": "refer"}]}]
)
def test_a_merged_record_shows_nothing(patient: dict[str, Any]) -> None:
    with pytest.raises(RecordMerged):
        card_of(chart_of(patient=patient))


def result(
    n: int, when: str, value: float, flag: str = "", code: str = "2823-3", **more: Any
) -> Resource:
    sent: dict[str, Any] = {"interpretation": [{"coding": [{"code": flag}]}]} if flag else {}
    return observation(
        f"r{n}{code}", effectiveDateTime=when, valueQuantity={"value": value, "unit": "mmol/L"},
        code={"coding": [{"code": code}]}, referenceRange=[{"low": {"value": 3}, "high": {"value": 5}}], **sent, **more,
    )  # fmt: skip


def since(*found: Resource) -> list[Row]:
    return list(sections(card_of(chart_of(*found)))["since"].rows)


def test_a_flag_that_moved_further_out_takes_the_red_bar_and_one_that_came_back_does_not() -> None:
    worse = since(result(1, "2026-11-01", 5, "H"), result(2, "2026-11-19", 6, "H"))
    better = since(result(1, "2026-11-01", 6, "H"), result(2, "2026-11-19", 5, "H"))
    assert (worse[0].tone, better[0].tone) == ("alarm", "plain")
    assert said(better[0]).startswith("Also out of range: Potassium 5 mmol/L H")


def test_critical_comes_only_from_the_sent_code_and_comes_first() -> None:
    rows = since(
        result(1, "2026-11-01", 4),
        result(2, "2026-11-19", 2, "LL", "2951-2"),
        result(3, "2026-11-19", 6, "H"),
    )
    assert [r.tone for r in rows] == ["alarm", "alarm"]
    assert said(rows[0]).startswith("Sodium 2 mmol/L LL")


def test_preliminary_and_corrected_say_so() -> None:
    rows = since(result(1, "2026-11-19", 6, "H", status="preliminary"))
    assert "19-Nov-2026 preliminary" in said(rows[0])


def test_a_normal_result_since_the_visit_is_new() -> None:
    (one,) = since(result(1, "2026-11-19", 4))
    assert said(one).startswith(
        "New results of 1 test; the newest result is not flagged. No new orders, problems or notes found."
    )
    (two,) = since(result(1, "2026-11-19", 4), result(2, "2026-11-19", 140, "", "2951-2"))
    assert said(two).startswith("New results of 2 tests; the newest result of each is not flagged.")


def test_nothing_new_cites_the_searches_and_is_not_said_of_an_unread_section() -> None:
    whole = since()
    assert said(whole[0]).startswith(
        "No new results, orders, problems or notes found. [1 no laboratory results]"
    )
    part = sections(card_of(chart_of(denied=("Observation",))))["since"].rows
    assert said(part[0]).startswith("Nothing new in what could be read.")


def test_a_restricted_label_is_withheld_and_counted() -> None:
    secret = result(1, "2026-11-19", 6, "H", meta={"security": [{"code": "R"}]})
    chart = chart_of(secret)
    unread = [said(r) for r in sections(card_of(chart))["unread"].rows]
    assert chart.chart.grids["L"].rows == ()
    assert unread == ["Laboratory results: 1 record labelled restricted by the EHR, not shown here"]


def test_reads_are_told_to_the_audit_hook_and_requests_are_counted() -> None:
    told: list[tuple[str, int]] = []

    def on_read(query: Query, read: Read) -> None:
        told.append((query.resource_type, len(read.resources)))

    p = {"resourceType": "Patient", "id": "p1"}
    files = NdjsonSource([p, *(observation(f"o{n}") for n in range(600))], "p1")
    chart = LaunchChart(files, context("p1", NOW), NOW, on_read)
    chart.first_read()
    assert (len(told), chart.requests, dict(told)["Observation"]) == (11, 11, 0)
    assert chart.sections["labs"].kind == "truncated"
    assert chart.ensure("labs")["labs"].kind == "complete"
    asked = len(files.asked)
    chart.ensure("labs", "vitals")
    assert len(files.asked) == asked
    chart.read_again()
    assert chart.chart.counts["labs"] == 500


@pytest.mark.parametrize(
    ("status", "error"), [(500, EhrUnavailable), (403, EhrRefused), (401, SessionEnded)]
)
def test_without_its_patient_a_chart_is_not_shown_and_the_one_before_stays(
    status: int, error: type[Exception]
) -> None:
    broken: list[int] = []

    def answer(path: str, _: dict[str, str]) -> tuple[int, Any]:
        if broken:
            return broken[0], {}
        return 200, {"resourceType": "Patient", "id": "p1"} if path == "Patient/p1" else bundle()

    chart = LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW)
    before = chart.first_read()
    broken.append(status)
    with pytest.raises(error):
        chart.read_again()
    assert chart.chart is before
    with pytest.raises(error):
        LaunchChart(source(Ehr(answer)), context("p1", NOW), NOW).first_read()
