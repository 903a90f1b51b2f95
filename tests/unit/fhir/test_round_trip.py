"""Every value of every chart is citable: a second, naive walk over the files finds the same facts and the same print."""

import re
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.fhir.chart import Chart
from app.fhir.compile import compile_chart
from app.fhir.ledger import Ledger
from app.fhir.source import Complete
from app.fhir.tables import measurements
from tests.ndjson_source import launch, resources
from tests.unit.fhir.printed import read_labelled

NAMES = ("marlena", "typical", "large")
ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 20, 8, 42, tzinfo=ZONE)
Found = Counter[tuple[str, str, str, str, str]]


def naive(found: list[dict[str, Any]]) -> Found:
    """Walk Observations without the product's readers: (reference, field, value, unit, date) of every value."""
    out: Found = Counter()
    for obs in found:
        if obs["resourceType"] != "Observation" or obs["status"] in (
            "entered-in-error",
            "cancelled",
        ):
            continue
        when = (
            obs.get("effectiveDateTime")
            or obs.get("effectivePeriod", {}).get("start")
            or obs.get("issued")
            or ""
        )
        components = enumerate(obs.get("component", []))
        parts = [("", obs), *((f"component[{i}].", c) for i, c in components)]
        values = [(p, k, v) for p, part in parts for k, v in part.items() if k.startswith("value")]
        why = "dataAbsentReason"
        absent = [(p, why, part[why]) for p, part in parts if why in part]
        # Why a panel has no value of its own is no value where its components have them.
        absent = [x for x in absent if x[0] or not values]
        for prefix, name, value in [*values, *absent]:
            path = prefix + name
            out[f"Observation/{obs['id']}", path, *naive_value(name, value), when] += 1
    return out


def naive_value(name: str, value: Any) -> tuple[str, str]:
    if name == "valueQuantity":
        return value.get("comparator", "") + str(value["value"]), value.get("unit") or value.get(
            "code"
        ) or ""
    if name == "valueCodeableConcept":
        shown = [c["display"] for c in value.get("coding", []) if c.get("display")]
        return value.get("text") or shown[0], ""
    if name == "dataAbsentReason":
        coding = value.get("coding", [{}])[0]
        said = value.get("text") or coding.get("display") or coding.get("code")
        return f"absent ({said})", ""
    return str(value), ""


def loose(found: Found) -> Found:
    """Forget what is normalised on purpose: SNOMED's semantic tag, repeated blanks."""
    tag = re.compile(r" \([a-z /]+\)$")
    out: Found = Counter()
    for (r, f, v, u, d), n in found.items():
        out[r, f, tag.sub("", " ".join(v.split())), u, d] += n
    return out


def resolved(chart: Chart) -> Found:
    """Collect what stands behind every value handle."""
    out: Found = Counter()
    for grid in chart.grids.values():
        for row in grid.rows:
            for place in row.cells:
                for e in chart.evidence(row.handle + place):
                    out[e.reference, e.path, e.value, e.unit, e.date] += 1
    return out


@pytest.fixture(scope="module", params=NAMES)
def whole(request: pytest.FixtureRequest) -> tuple[Chart, list[dict[str, Any]]]:
    chart = launch(request.param)
    chart.ensure(
        "labs", "vitals", "other", "problems", "medications", "notes", "encounters", "reports"
    )
    return chart.chart, resources(request.param)


def test_each_value_of_the_file_is_behind_exactly_one_handle(
    whole: tuple[Chart, list[dict[str, Any]]],
) -> None:
    chart, found = whole
    read = {r for r in chart.resources if r.startswith("Observation/")}
    want = naive([r for r in found if f"Observation/{r['id']}" in read])
    assert loose(resolved(chart)) == loose(want)
    assert sum(want.values()) >= 250


@pytest.mark.parametrize("prefix", ["L", "V", "O"])
def test_what_is_printed_reads_back_as_name_unit_date_and_value(
    whole: tuple[Chart, list[dict[str, Any]]], prefix: str
) -> None:
    chart, _ = whole
    grid = chart.grids[prefix]
    printed = read_labelled(measurements(chart, prefix, budget_tokens=10**9))
    expected = {row.handle + place: (row, place) for row in grid.rows for place in row.cells}
    assert printed.keys() == expected.keys()
    for address, (row, place) in expected.items():
        head, when, value = printed[address]
        assert head.startswith(f"{row.name}{row.unit and ' ' + row.unit}")
        item = row.cells[place][0]
        sent = datetime.fromisoformat(item.evidence[0].date)
        local = sent.astimezone(ZONE) if sent.tzinfo else sent
        assert when.startswith(local.strftime("%d-%b-%Y"))
        if item.numeric and "/" not in item.text and len(re.sub(r"\D", "", item.text)) <= 6:
            match = re.match(r"[<>]?=?-?[\d.]+", value)
            assert match is not None
            assert match[0] == item.text


def test_each_record_of_a_table_is_citable_by_its_own_handle(
    whole: tuple[Chart, list[dict[str, Any]]],
) -> None:
    chart, found = whole
    visits = {r for r in chart.resources if r.startswith("Encounter/")}
    by_type = Counter(r["resourceType"] for r in found)
    for prefix, kind in (
        ("P", "Condition"),
        ("M", "MedicationRequest"),
        ("A", "AllergyIntolerance"),
        ("E", "Encounter"),
        ("N", "DocumentReference"),
    ):
        lines = chart.tables[prefix]
        left = sum(n for why, n in chart.left_out.items() if why.startswith(kind))
        assert len({x.handle for x in lines}) + left == by_type[kind]
        for line in lines:
            facts = chart.evidence(line.handle)
            assert facts == line.facts
            assert {e.reference for e in facts} <= {line.reference} | visits


# ---------------------------------------------------------------- what the charts lack


def obs(n: int, name: str, when: str | None, **more: Any) -> dict[str, Any]:
    dated = {"effectiveDateTime": when} if when else {}
    return {
        "resourceType": "Observation", "id": f"o{n}", "status": "final", **dated,
        "code": {"coding": [{"system": "http://loinc.org", "code": name, "display": name}]},
        "category": [{"coding": [{"code": "laboratory"}]}], **more,
    }  # fmt: skip


def q(value: str, unit: str, **more: Any) -> dict[str, Any]:
    return {"valueQuantity": {"value": Decimal(value), "unit": unit, **more}}


MORNING = "2026-11-20T06:00:00-06:00"
EDGES = [
    obs(0, "Glucose", MORNING, **q("5.10", "mmol/L")), obs(1, "Glucose", MORNING, **q("92", "mg/dL")),
    obs(2, "K", MORNING, **q("4.1", "mmol/L")), obs(3, "K", MORNING, **q("4.3", "mmol/L")),
    obs(4, "K", MORNING, **q("4.1", "mmol/L")),
    obs(5, "K", "2026-11-20T18:00:00-06:00", status="preliminary", **q("6.1", "mmol/L")),
    obs(6, "K", MORNING, status="entered-in-error", **q("9.9", "mmol/L")),
    obs(7, "CRP", MORNING, **q("5", "mg/L", comparator="<")), obs(8, "Delta", "2026-11-20", **q("-2.5", "mmol/L")),
    obs(9, "Culture", "2026-11-18", valueString="No growth: a 3 days, b1.2"),
    obs(10, "Culture", "2026-11-17", valueString="2 colonies b4.1"), obs(11, "Gravity", "2025-03", **q("1.020", "1")),
    obs(12, "Old", "2019", **q("7", "U/L")), obs(13, "Undated", None, **q("3", "U/L")),
    obs(14, "Lactate", MORNING, dataAbsentReason={"text": "specimen clotted"}), obs(15, "Empty", "2026-11-20"),
    obs(16, "Ratio", "2026-11-20", valueRatio={"numerator": {"value": 1}, "denominator": {"value": 64}}),
    obs(17, "Flag", "2026-11-20", valueBoolean=True), obs(18, "Noise", "2026-11-20", **q("6.242396412967025", "10*3/uL")),
    obs(19, "Cell|pipe", "2026-11-20", valueString="a|b"), obs(20, "K", "2026-11-19", status="corrected", **q("4.0", "mmol/L")),
    obs(21, "85354-9", MORNING, component=[
        {"code": {"coding": [{"code": "8480-6"}]}, **q("141", "mmHg")}, {"code": {"coding": [{"code": "8462-4"}]}, **q("88", "mmHg")}]),
    obs(22, "Shape", "2026-11-20", code=5, **q("1", "x")),
]  # fmt: skip


def compiled(found: list[dict[str, Any]], ledger: Ledger | None = None) -> Chart:
    return compile_chart(
        {"labs": found},
        zone=ZONE,
        now=NOW,
        sections={"labs": Complete(n=len(found))},
        ledger=ledger or Ledger(),
    )


def test_edge_cases_print_as_they_must() -> None:
    chart = compiled(EDGES)
    text = measurements(chart, "L")
    printed = read_labelled(text)
    assert printed.keys() == {r.handle + p for r in chart.grids["L"].rows for p in r.cells}
    for part in (
        "4.1=",
        "4.3",
        "6.1~",
        "4.0^",
        "5.10",
        "<5",
        "-2.5",
        "absent (specimen clotted)",
        "141/88",
        "1:64",
        "6.242",
        "=Mar-2025",
        "=2019",
        "=undated",
    ):
        assert part in text, part
    for before, after in (("4.1=", "4.2="), ("=18:00", "=18:01"), ("mmol/L", "mg/L")):
        assert read_labelled(text.replace(before, after)) != printed
    assert chart.left_out == Counter(
        {
            "Observation entered-in-error": 1,
            "Observation without a value": 1,
            "Observation not understood": 1,
        }
    )
    assert chart.sections["labs"].kind == "failed"


def test_a_handle_keeps_its_meaning_when_the_chart_is_read_again() -> None:
    ledger = Ledger()
    first = compiled([obs(1, "K", "2026-11-19", **q("4.1", "mmol/L"))], ledger)
    (row,) = first.grids["L"].rows
    assert (row.handle, list(row.cells)) == ("L1", ["a"])
    second = compiled(
        [
            obs(1, "K", "2026-11-19", status="corrected", **q("5.1", "mmol/L")),
            obs(2, "K", "2026-11-20", **q("6.0", "mmol/L")),
        ],
        ledger,
    )
    (row,) = second.grids["L"].rows
    assert {p: c[0].text for p, c in row.cells.items()} == {"b": "6.0", "a'": "5.1"}
    assert [e.value for e in second.evidence("L1a")] == ["4.1"]
    assert [e.value for e in second.evidence("L1a'")] == ["5.1"]


def test_handles_survive_a_restart() -> None:
    ledger = Ledger()
    chart = compiled(EDGES, ledger)
    chart.record_search("lactate", "labs")
    again = compiled(list(reversed(EDGES)), Ledger(ledger.export()))
    assert {r.handle: (r.name, r.unit, list(r.cells)) for r in again.grids["L"].rows} == {
        r.handle: (r.name, r.unit, list(r.cells)) for r in chart.grids["L"].rows
    }
    assert again.evidence("S1") == chart.evidence("S1")
