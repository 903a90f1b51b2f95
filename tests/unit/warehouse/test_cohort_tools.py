"""Cohort tools: one registry for page, command and MCP hosts; nothing of 1 to 10 patients in any form of an answer."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from app.errors import CohortRefused
from app.tools.cohort_tools import COHORT_TOOLS, CohortRegistry
from app.warehouse.cohort.answers import FEW, HIDDEN, Cohorts, Table
from app.warehouse.cohort.criteria import read
from app.warehouse.cohort.describe import PARTS
from app.warehouse.cohort.groups import definition
from app.warehouse.cohort.memory import Answered
from app.warehouse.cohort.printed import as_csv, csv_of, series
from tests.unit.warehouse.conftest import Made

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
RARE = {"all": [{"of": "record", "kind": "condition", "codes": {"icd10": ["I25"]}}]}


@pytest.fixture
def audit() -> list[Any]:
    return []


@pytest.fixture
def ask(made: Made, tmp_path: Path, audit: list[Any]) -> Cohorts:
    answered = Answered(path=tmp_path / "answered.sqlite")
    return Cohorts(flat=made[0], answered=answered, user="Practitioner/1", analyst=True, lists=False, record=audit.append, clock=lambda: NOW)  # fmt: skip


def test_a_description_counts_what_plain_python_counts(ask: Cohorts, made: Made) -> None:
    result = CohortRegistry(ask).call("cohort_describe", {"criteria": {}, "parts": list(PARTS)})
    whole, age, sex, condition, _, visits = result.tables
    assert whole.rows == (("200",),)
    women = sum(one["resourceType"] == "Patient" and one["gender"] == "female" for one in made[1])
    assert ("female", str(women)) in sex.rows
    assert {row[0] for row in age.rows} <= {"18-39", "40-64", "65-74", "75-89"}
    of_code: dict[str, set[str]] = {}
    for one in made[1]:
        if one["resourceType"] == "Condition":
            of_code.setdefault(one["code"]["coding"][0]["code"], set()).add(one["subject"]["reference"])  # fmt: skip
    shown = {label.rpartition(" ")[2].rstrip(")"): n for label, n in condition.rows}
    assert shown
    assert all(str(len(of_code[code])) == n for code, n in shown.items())
    assert [label for label, _ in visits.rows] == [str(year) for year in range(2021, 2027)]
    assert all(int(n) == 0 or int(n) >= 11 for table in result.tables for *_, n in table.rows if n.isdigit())  # fmt: skip


def test_an_answer_says_of_which_group_it_is(ask: Cohorts) -> None:
    (table,) = CohortRegistry(replace(ask, of_group="everyone")).call("cohort_count", {"criteria": {}}).tables  # fmt: skip
    assert table.notes[1] == "Of the group everyone alone."


def test_few_patients_are_not_described_and_a_group_of_them_has_no_quantity(ask: Cohorts) -> None:
    (table,) = CohortRegistry(ask).call("cohort_describe", {"criteria": RARE}).tables
    assert table.rows == ((FEW,),)
    (table,) = CohortRegistry(ask).call("cohort_count", {"criteria": RARE, "by": ["age", "sex"]}).tables  # fmt: skip
    assert table.rows == (("all", "all", FEW),)
    group = definition(ask, read(orjson.dumps(RARE)), "rare <b>")
    assert ("quantity" in group, group["actual"], "member" in group) == (False, False, False)
    assert "fewer than 11 patients" in group["text"]["div"]
    many = definition(ask, read(b"{}"), "all")
    assert (many["quantity"], many.get("characteristic")) == (200, None)
    asked = read(b'{"any":[{"of":"sex","is":"female"},{"of":"age","at_least":70}],"none":[{"of":"sex","is":"other"}]}')  # fmt: skip
    said = [(one["code"]["text"], one["exclude"]) for one in definition(ask, asked, "x")["characteristic"]]  # fmt: skip
    assert said == [("sex female or age 70 to 150 years", False), ("sex other", True)]


def test_what_is_left_out_is_counted_and_not_by_few(ask: Cohorts, made: Made) -> None:
    def note(**withheld: int) -> str:
        built = msgspec.structs.replace(made[0].built, withheld=withheld)
        return replace(ask, flat=replace(made[0], built=built)).notes()[1]

    assert note(Patient=1, Condition=10) == "Left out, labelled restricted: fewer than 11 Condition, fewer than 11 Patient."  # fmt: skip
    assert note(Patient=1230) == note(Patient=1239) == "Left out, labelled restricted: 1,230 or more Patient."  # fmt: skip


def test_a_series_has_numbers_only_where_they_are_shown(ask: Cohorts) -> None:
    (table,) = CohortRegistry(ask).call("cohort_count", {"criteria": {}, "by": ["age", "sex"]}).tables  # fmt: skip
    marks = series(table)
    assert len(marks) == len(table.rows) - 1
    assert {one.shown for one in marks if one.n is None} == {FEW, HIDDEN}
    assert all(str(one.n) == one.shown for one in marks if one.n is not None)
    assert (
        series(Table(words="", columns=("patients",), rows=(("20",),), notes=(), question="")) == ()
    )


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "|", "＝", " =", "\u00a0="])
def test_no_cell_of_a_csv_is_a_formula(begins: str) -> None:
    cell = f'{begins}HYPERLINK("https://evil.example")'
    table = Table(words=f"a,{cell}", columns=("x", "patients"), rows=((cell, "12"),), notes=(cell,), question="")  # fmt: skip
    rows = list(csv.reader(io.StringIO(as_csv([table]))))
    assert [row[0][0] for row in rows] == ["x", "'", "#", "#"]
    assert all(len(row) <= 2 for row in rows)
    assert csv_of([("Practitioner/1", "3-4")]) == "Practitioner/1,3-4\n"


def test_a_call_that_does_not_fit_is_refused_and_written_down(ask: Cohorts, audit: list[Any]) -> None:  # fmt: skip
    tools = CohortRegistry(ask)
    for name, arguments in (
        ("cohort_count", {"criteria": {"some": []}}), ("cohort_list", {}), ("cohort_describe", {"criteria": {}, "parts": ["name"]}),
        ("cohort_count", {"criteria": {"all": [{"of": "record", "kind": "note"}]}}),
    ):  # fmt: skip
        assert tools.call(name, arguments).is_error
    assert [one["refused"] for one in audit] == ["not a question"] * 4
    assert tools.call("cohort_count", {"criteria": {"all": [{"of": "record", "kind": "condition", "set": "x"}]}}).is_error  # fmt: skip
    assert tools.call("cohort_named", {"name": "no_such"}).is_error
    assert tools.call("cohort_measures", {"rules": ["no_such"]}).is_error
    refused = CohortRegistry(replace(ask, analyst=False)).call("cohort_describe", {"criteria": {}})
    assert (refused.is_error, "not an analyst" in refused.text) == (True, True)
    with pytest.raises(CohortRefused):
        ask.patients(read(b"{}"))


def test_named_queries_are_listed_and_asked_with_their_parameters(ask: Cohorts) -> None:
    tools = CohortRegistry(ask)
    listed = tools.call("cohort_named", {}).text
    assert "diabetes_a1c_above: Active diabetes, newest A1c above a limit." in listed
    named = tools.call("cohort_named", {"name": "age_range", "parameters": {"low": 40, "high": 60}})
    same = {"all": [{"of": "age", "at_least": 40, "at_most": 60}]}
    assert named.tables == tools.call("cohort_count", {"criteria": same}).tables
    assert tools.call("cohort_named", {"name": "age_range", "parameters": {"low": 999}}).is_error


def test_a_schema_stands_for_itself(ask: Cohorts) -> None:
    described = {one.name: one for one in CohortRegistry(ask).describe()}
    assert len(described) == len(COHORT_TOOLS)
    for one in described.values():
        text = orjson.dumps(one.schema).decode()
        defined = one.schema.get("$defs", {})
        named = set(defined) if isinstance(defined, dict) else set()
        assert {part.partition('"')[0] for part in text.split('"#/$defs/')[1:]} == named
        assert "patient_id" not in text
