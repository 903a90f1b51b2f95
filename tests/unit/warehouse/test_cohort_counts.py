"""Counts are right, and nobody can be told from them: also not by whoever asks many questions and calculates."""

import itertools
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.errors import CohortRefused
from app.warehouse.cohort.answers import FEW, HIDDEN, NO_LISTS, NOT_ANALYST, Cohorts
from app.warehouse.cohort.combining import LEAST
from app.warehouse.cohort.criteria import compiled, read
from app.warehouse.cohort.flat import Flat
from app.warehouse.cohort.memory import Answered
from app.warehouse.cohort.named import fill, shipped
from tests.unit.warehouse.conftest import Made

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = "2026-01-15"
Resource = dict[str, Any]


@pytest.fixture
def ask(made: Made, tmp_path: Path) -> Cohorts:
    return cohorts(made[0], tmp_path, [])


def cohorts(tables: Flat, place: Path, audit: list[Any]) -> Cohorts:
    answered = Answered(path=place / "answered.sqlite")
    return Cohorts(flat=tables, answered=answered, user="Practitioner/1", analyst=True, lists=True, record=audit.append, clock=lambda: NOW)  # fmt: skip


def criteria(**parts: Any) -> Any:
    return read(orjson.dumps(parts))


def record(kind: str, **more: Any) -> Resource:
    return {"of": "record", "kind": kind, **more}


# ---------------------------------------------------------------- the same by plain Python over the NDJSON


def of(resources: Iterable[Resource], kind: str) -> list[Resource]:
    return [one for one in resources if one["resourceType"] == kind]


def owner(resource: Resource) -> str:
    whose = resource.get("subject") or resource["patient"]
    return str(whose["reference"]).removeprefix("Patient/")


def has_icd(resources: Iterable[Resource], *begins: str) -> set[str]:
    return {owner(c) for c in of(resources, "Condition") for one in c["code"]["coding"] if one["code"].startswith(begins)}  # fmt: skip


def newest(resources: Iterable[Resource], loinc: str) -> dict[str, float]:
    found = [(o["effectiveDateTime"], owner(o), o["valueQuantity"]["value"]) for o in of(resources, "Observation") if o["code"]["coding"][0]["code"] == loinc]  # fmt: skip
    return {patient: value for _, patient, value in sorted(found, key=lambda one: one[0])}


def age(patient: Resource) -> int:
    born = str(patient["birthDate"])
    return int(DAY[:4]) - int(born[:4]) - int(born[5:] > DAY[5:])


NAIVE: list[tuple[Resource, Callable[[list[Resource]], set[str]]]] = [
    ({}, lambda r: {p["id"] for p in of(r, "Patient")}),
    ({"all": [{"of": "sex", "is": "female"}]}, lambda r: {p["id"] for p in of(r, "Patient") if p["gender"] == "female"}),
    ({"all": [{"of": "age", "at_least": 40, "at_most": 60}]}, lambda r: {p["id"] for p in of(r, "Patient") if 40 <= age(p) <= 60}),
    ({"all": [record("condition", codes={"icd10": ["E11", "I10"]})]}, lambda r: has_icd(r, "E11", "I10")),
    ({"all": [record("condition", set="essential hypertension", status=["active"])]}, lambda r: has_icd(r, "I10")),
    ({"any": [record("condition", codes={"icd10": ["I10"]}), record("medication", codes={"rxnorm": ["314076"]})]},
     lambda r: has_icd(r, "I10") | {owner(m) for m in of(r, "MedicationRequest") if m["medicationCodeableConcept"]["coding"][0]["code"] == "314076"}),
    ({"none": [record("condition")]}, lambda r: {p["id"] for p in of(r, "Patient")} - {owner(c) for c in of(r, "Condition")}),
    ({"all": [record("observation", codes={"loinc": ["4548-4"]}, value={"is": ">", "number": 6, "unit": "%"})]},
     lambda r: {p for p, v in newest(r, "4548-4").items() if v > 6}),
    ({"all": [record("observation", codes={"loinc": ["2951-2"]}, value={"is": "<=", "number": 140, "unit": "mmol/L"}, within_days=30)]},
     lambda r: {p for p, v in newest(r, "2951-2").items() if v <= 140}),
    ({"all": [record("observation", codes={"loinc": ["4548-4"]}, value={"is": ">", "number": 0, "unit": "mmol/mol"})]}, lambda r: set()),
    ({"all": [record("encounter", **{"class": ["AMB"]}, since="2026-01-01"), record("allergy", missing=True)]},
     lambda r: {owner(e) for e in of(r, "Encounter")} - {owner(a) for a in of(r, "AllergyIntolerance")}),
    ({"all": [record("encounter", since="2026-01-02")]}, lambda r: set()),
    ({"all": [record("encounter", count=2)]}, lambda r: set()),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(NAIVE)))
def test_a_cohort_is_who_plain_python_finds(number: int, made: Made) -> None:
    asked, naive = NAIVE[number]
    query = compiled(criteria(**asked), DAY)
    assert query.sql.count("?") == len(query.values)
    with made[0].views() as db:
        found = {row[0] for row in db.execute(query.sql, query.values).fetchall()}
    assert found == naive(made[1])


def test_values_are_bound_and_the_plan_says_what_is_counted() -> None:
    bad = "x' OR 1=1; DROP TABLE event --"
    query = compiled(criteria(all=[record("condition", codes={"icd10": [bad]}, status=[bad])]), DAY)
    assert "DROP" not in query.sql
    assert bad in query.values
    asked = criteria(
        all=[{"of": "age", "at_least": 18, "at_most": 75}, record("observation", set="hemoglobin A1c", within_days=365, value={"is": ">", "number": 9, "unit": "%"})],
        none=[record("medication", set="statin", status=["active"])],
    )  # fmt: skip
    assert compiled(asked, DAY).words == (
        "Counts patients with age 18 to 75 years; and observation hemoglobin A1c since 15-Jan-2025, the newest > 9 %; "
        "and not: medication statin (active), on 15-Jan-2026."
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"some": []}, {"all": [{"of": "name", "is": "Ada"}]}, {"all": [record("note")]}, {"all": [record("condition", set="nothing")]},
        {"all": [record("condition", codes={"mrn": ["1"]})]}, {"all": [record("condition", value={"is": ">", "number": 1, "unit": "1"})]},
        {"all": [record("observation", value={"is": "; DROP", "number": 1, "unit": "1"})]}, {"all": [record("condition", within_days=0)]},
        {"all": [record("condition")] * 31}, {"all": [record("condition", **{"class": ["AMB"]})]}, {"all": [{"of": "age", "at_least": "1"}]},
    ],
)  # fmt: skip
def test_criteria_that_are_not_known_are_refused(asked: Resource) -> None:
    with pytest.raises(CohortRefused):
        criteria(**asked)


def test_every_shipped_query_runs_and_its_parameters_have_bounds(ask: Cohorts) -> None:
    for name, query in shipped().items():
        assert query.name == name
        with ask.flat.views() as db:
            one = compiled(fill(query, {}), DAY)
            db.execute(one.sql, one.values)
    with pytest.raises(CohortRefused, match="days is 1 to 3650"):
        fill(shipped()["not_seen"], {"days": "0"})
    with pytest.raises(CohortRefused, match="no number"):
        fill(shipped()["not_seen"], {"days": "1 OR 1"})
    with pytest.raises(CohortRefused, match="no parameter"):
        fill(shipped()["not_seen"], {"name": "1"})


# ---------------------------------------------------------------- rights, audit, small counts


def test_only_who_is_named_gets_counts_or_lists_and_each_is_written_down(made: Made, tmp_path: Path) -> None:  # fmt: skip
    audit: list[Any] = []
    everyone = cohorts(made[0], tmp_path, audit)
    with pytest.raises(CohortRefused, match=NOT_ANALYST.split(":")[0]):
        replace(everyone, analyst=False).count(criteria())
    with pytest.raises(CohortRefused, match=NO_LISTS.split(":")[0]):
        replace(everyone, lists=False).patients(criteria())
    with pytest.raises(CohortRefused, match=NOT_ANALYST.split(":")[0]):
        replace(everyone, analyst=False).patients(criteria())
    everyone.count(criteria())
    group = everyone.group(criteria(), "all")
    assert len(group["member"]) == group["quantity"] == 200
    assert [(one["what"], "refused" in one) for one in audit] == [
        ("count", True), ("list", True), ("list", True), ("count", False), ("group", False),
    ]  # fmt: skip
    assert "Patient" not in str(audit)


def test_a_small_count_is_not_shown_nor_one_that_differs_from_another_by_few(ask: Cohorts) -> None:
    few = criteria(all=[record("condition", codes={"icd10": ["I25"]})])
    assert len(ask.patients(few)) in range(1, LEAST)
    assert ask.count(few).rows == ((FEW,),)
    assert ask.count(criteria(all=[record("encounter", since="2026-01-02")])).rows == (("0",),)
    with pytest.raises(CohortRefused, match="counted"):
        ask.count(criteria(none=[record("condition", codes={"icd10": ["I25"]})]))
    table = ask.count(criteria(), ("age", "sex"))
    shown = [int(row[-1]) for row in table.rows[:-1] if row[-1].isdigit()]
    hidden = [row[-1] for row in table.rows if row[-1] in (FEW, HIDDEN)]
    assert min(shown) >= LEAST
    assert sorted(hidden) == [FEW, HIDDEN]
    # The same question has the same answer.
    assert ask.count(criteria(), ("age", "sex")) == table


# ---------------------------------------------------------------- an attacker who calculates


def followed(given: Sequence[frozenset[int]]) -> list[int]:
    """Return the sizes of groups of 1 to 10 patients about whom alone some sum of the given counts is.

    Every union of atoms is tried: there is such a sum exactly if the rank falls without its columns.
    """
    atoms: dict[tuple[bool, ...], int] = Counter(tuple(p in one for one in given) for p in frozenset().union(*given))  # fmt: skip
    small = [atom for atom, n in atoms.items() if n < LEAST]
    whole = rank(list(atoms))
    found = []
    for some in itertools.chain.from_iterable(itertools.combinations(small, n) for n in range(1, len(small) + 1)):  # fmt: skip
        size = sum(atoms[one] for one in some)
        if size < LEAST and rank([one for one in atoms if one not in some]) < whole:
            found.append(size)
    return found


def rank(columns: Sequence[tuple[bool, ...]]) -> int:
    """Rank by exact fractions, column by column; nothing of the guard's own."""
    rows = [[Fraction(x) for x in column] for column in columns]
    found = 0
    for place in range(len(rows[0]) if rows else 0):
        at = next((i for i in range(found, len(rows)) if rows[i][place]), None)
        if at is None:
            continue
        rows[found], rows[at] = rows[at], rows[found]
        for i in range(found + 1, len(rows)):
            if factor := rows[i][place] / rows[found][place]:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


def asking(
    place: Path, population: int, cells: Sequence[set[int]], at_once: int = 1
) -> list[frozenset[int]]:
    """Ask for counts, so many at once; return those that were given, the population first."""
    answered, everybody = Answered(path=place), {str(p) for p in range(population)}
    given = [frozenset(range(population))]
    for at in range(0, len(cells), at_once):
        some = cells[at : at + at_once]
        shown = answered.admit(everybody, [{str(p) for p in cell} for cell in some], user="a", question="q", now=NOW)  # fmt: skip
        given += [frozenset(cell) for cell, told in zip(some, shown, strict=True) if told and cell]
    return given


def test_a_question_that_waits_too_long_for_others_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.warehouse.cohort.memory.BUSY_S", 0.01)
    asking(tmp_path / "a", 20, [])
    other = sqlite3.connect(tmp_path / "a", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CohortRefused, match="ask again"):
        asking(tmp_path / "a", 20, [set(range(15))])
    other.close()
    assert len(asking(tmp_path / "a", 40, [set(range(15))])) == 2


@pytest.mark.parametrize("seed", range(15))
def test_no_sum_of_any_answers_is_about_few_patients(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice((1, 2, 3, 4, 6, 9, 12, 30)) for _ in range(9)]
    ends = list(itertools.accumulate(sizes))
    blocks = [set(range(end - n, end)) for end, n in zip(ends, sizes, strict=True)]
    cells = [set().union(*(b for b in blocks if chance.random() < 0.6)) for _ in range(14)]
    given = asking(tmp_path / "a", ends[-1], cells)
    assert all(len(one) >= LEAST for one in given)
    assert followed(given) == []
    # A table's cells are tried at once: no more and no fewer are given than one by one.
    assert asking(tmp_path / "b", ends[-1], cells, 2 + seed % 13) == given


ONE, TWO, THREE = set(range(50)), set(range(47, 97)), set(range(94, 150)) | set(range(3))
ATTACKS: dict[str, list[set[int]]] = {
    "one patient more": [ONE, ONE | {90}],
    "complement": [set(range(195))],
    "overlap by inclusion and exclusion": [ONE, TWO, ONE | TWO],
    "three overlaps": [ONE, TWO, THREE, ONE | TWO | THREE],
    "parts and whole": [set(range(100)), set(range(60)), set(range(60, 95))],
    "a table's rows and columns": [set(range(100)), set(range(100, 200)), set(range(95)) | set(range(105, 200)), set(range(95)), set(range(105, 200))],
    "a chain of small steps": [set(range(n)) for n in range(100, 131, 4)],
    "twice and half": [set(range(40)), set(range(40, 80)), set(range(20, 60)), set(range(20)) | set(range(60, 85))],
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_a_refusal(name: str, tmp_path: Path) -> None:
    given = asking(tmp_path / "a", 200, ATTACKS[name])
    assert len(given) - 1 < len(ATTACKS[name])
    assert followed(given) == []


def test_a_later_snapshot_with_few_more_patients_is_a_difference_too(tmp_path: Path) -> None:
    answered, before = Answered(path=tmp_path / "a"), {str(n) for n in range(100)}
    ask = {"user": "a", "question": "q", "now": NOW}
    assert answered.admit(before, [before], **ask) == [True]  # type: ignore[arg-type]
    later = before | {"new"}
    assert answered.admit(later, [later], **ask) == [False]  # type: ignore[arg-type]
    many = before | {f"new{n}" for n in range(20)}
    assert answered.admit(many, [many], **ask) == [True]  # type: ignore[arg-type]
