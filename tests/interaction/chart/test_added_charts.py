"""The charts of a child, a newborn, a messy record and two hospital stays, launched: the card is drawn and every section is read."""

import pytest

from app.fhir.sections import SECTIONS
from app.fhir.source import Complete, Query
from tests.stack import Browser, Stack


@pytest.mark.parametrize(
    ("chart", "family", "age"),
    [
        ("child", "THISTLEWOOD", "4y 1m"),
        ("newborn", "MARCHBANKS", "38h"),
        ("messy", "HALLORAN", "58y"),
        ("stay-heart", "RAVENSDALE", "81y"),
        ("stay-kidney", "WEXCOMBE", "67y"),
    ],
)
def test_an_added_chart_opens_and_every_section_of_it_is_read_to_its_end(
    stack: Stack, browser: Browser, chart: str, family: str, age: str
) -> None:
    launched = browser.launch(chart)
    banner = launched.get("/card").get_json()["banner"]
    assert (banner["family"], banner["age"]) == (family, age)
    context = stack.services.sessions.context(launched.launch_id)
    found = stack.services.charts.get(context).ensure(*(s.name for s in SECTIONS))
    # The sandbox gives no fills on purpose, as many EHRs do.
    unread = {n for n, state in found.items() if not isinstance(state, Complete)}
    assert unread == {"dispenses"}


def test_medicines_come_along_with_what_refers_to_them_once_the_ehr_said_so(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch("messy")
    chart = stack.services.charts.get(stack.services.sessions.context(launched.launch_id))
    chart.ensure("administrations")
    # Pages of five: what comes along is no entry of the page, so no page is missed.
    query = Query(resource_type="MedicationAdministration", params=(("_count", "5"),))
    read = chart.search(query)
    referred = {r["medicationReference"]["reference"] for r in read.resources if "medicationReference" in r}  # fmt: skip
    assert read.completeness == chart.sections["administrations"]
    assert referred
    assert {f"Medication/{r['id']}" for r in read.included} == referred
