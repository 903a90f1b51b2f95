"""An order that names no result is answered by one of its code, unless that one is older than the order."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.fhir.compile import compile_chart
from app.fhir.ledger import Ledger
from app.fhir.source import Complete
from tests.ndjson_source import launch

ZONE = ZoneInfo("America/Chicago")
CODE = {"code": {"coding": [{"system": "http://loinc.org", "code": "1975-2"}], "text": "Bilirubin"}}


@pytest.mark.parametrize(
    ("ordered", "collected", "state"),
    [
        ("2026-11-20T07:10:00-06:00", "2026-11-20T06:30:00-06:00", "pending"),
        ("2026-11-20T07:10:00-06:00", "2026-11-20T12:30:00-06:00", "resulted"),
        ("2026-11-20T07:10:00-06:00", "2026-11-20T13:20:00+00:00", "resulted"),
        ("2026-11-20T07:10:00-06:00", "2026-11-20", "resulted"),
        ("2026-11-20", "2026-11-20T06:30:00-06:00", "resulted"),
        ("2026-11-20", "2026-11-19T06:30:00-06:00", "pending"),
    ],
)
def test_a_result_answers_an_order_only_if_it_is_not_older(
    ordered: str, collected: str, state: str
) -> None:
    order: dict[str, Any] = {
        "resourceType": "ServiceRequest", "id": "r", "status": "active", "intent": "order", "authoredOn": ordered,
        **CODE,
    }  # fmt: skip
    result: dict[str, Any] = {
        "resourceType": "Observation", "id": "o", "status": "final", "effectiveDateTime": collected, **CODE,
        "category": [{"coding": [{"code": "laboratory"}]}], "valueQuantity": {"value": 9, "unit": "mg/dL"},
    }  # fmt: skip
    chart = compile_chart(
        {"requests": [order], "labs": [result]}, zone=ZONE, now=datetime(2026, 11, 20, 14, tzinfo=ZONE),
        sections={"requests": Complete(n=1), "labs": Complete(n=1)}, ledger=Ledger(),
    )  # fmt: skip
    assert [line.group for line in chart.tables["R"]] == [state]


def test_the_newborns_noon_bilirubin_is_pending_after_the_one_of_the_morning() -> None:
    chart = launch("newborn")
    chart.ensure("requests", "reports", "labs")
    pending = [x.text("order") for x in chart.chart.tables["R"] if x.group == "pending"]
    assert pending == ["Bilirubin, total", "Newborn screening panel"]
