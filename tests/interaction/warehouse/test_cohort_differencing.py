"""An attacker with every door: what the page, its CSV and Groups, free SELECTs and an MCP host give together counts no few patients.

The attacker knows who is in which question (the worst case), keeps each number that any door shows, and calculates with all of them by exact
fractions; nothing of the guard's own is used.
"""

import csv
import io
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.warehouse.cohort.memory import FILE
from tests.cohort_store import store
from tests.interaction.mcp.test_cohort_hosts import as_counting, call, token
from tests.interaction.warehouse.test_analyst import COUNTS, LISTS, Signed
from tests.stack import ISS, Stack, make_stack
from tests.unit.warehouse.test_cohort_counts import followed

LEAST = 11
# Groups of patients, told apart by codes of their own; some are few.
SIZES = (3, 14, 5, 30, 2, 9, 25, 12)
SEXES = ("female", "male")
Shown = tuple[frozenset[int], int]


def number_of(patient: int) -> int:
    ends = list(itertools.accumulate(SIZES))
    return next(block for block, end in enumerate(ends) if patient < end)


def sex_of(patient: int) -> str:
    return SEXES[patient % 3 == 0]


def people() -> Iterator[dict[str, Any]]:
    for n in range(sum(SIZES)):
        yield {"resourceType": "Patient", "id": f"p{n}", "gender": sex_of(n), "birthDate": f"{1950 + number_of(n)}-01-01"}  # fmt: skip
        yield {"resourceType": "Condition", "id": f"c{n}", "subject": {"reference": f"Patient/p{n}"},
               "clinicalStatus": {"coding": [{"code": "active"}]},
               "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": f"A{number_of(n)}0"}]}}  # fmt: skip


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("differencing")
    store(folder / "warehouse" / "sandbox" / "all", people(), base=ISS)
    # A group of almost everybody: another data set of the same patients.
    store(folder / "warehouse" / "sandbox" / "group-everyone", [one for one in people() if not one["id"].endswith("7")], base=ISS)  # fmt: skip
    return make_stack(folder)


@dataclass
class Attacker:
    """Two analysts who tell each other everything, and an application of one of them."""

    stack: Stack
    chance: random.Random
    shown: list[Shown] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.analysts = [Signed(self.stack, user) for user in (COUNTS, LISTS)]
        self.bearer = token(self.analysts[0])

    def step(self) -> None:
        blocks = [b for b in range(len(SIZES)) if self.chance.random() < 0.6] or [0]
        codes = [f"A{b}0" for b in blocks]
        some = {
            "any": [
                {"of": "record", "kind": "condition", "codes": {"icd10": [code]}} for code in codes
            ]
        }
        group = self.chance.choice(("", "", "everyone"))
        inside = frozenset(n for n in range(sum(SIZES)) if number_of(n) in blocks and (group == "" or n % 10 != 7))  # fmt: skip
        door = self.chance.choice(
            (self.page, self.described, self.saved, self.selected, self.by_host)
        )
        door(some, inside, codes, group)

    def page(self, some: dict[str, Any], inside: frozenset[int], _: list[str], group: str) -> None:
        by = self.chance.choice(([], ["sex"]))
        answer = self.ask("cohort_count", {"criteria": some, "by": by}, group)
        for table in answer["tables"]:
            self.rows([tuple(row) for row in table["rows"]], inside)
            for mark in table["marks"]:
                assert (mark["n"] is None) == (not mark["shown"].isdigit())
        self.rows([tuple(row) for row in csv.reader(io.StringIO(answer["csv"])) if row and row[0][0] != "#"], inside)  # fmt: skip

    def described(self, some: dict[str, Any], inside: frozenset[int], _: list[str], group: str) -> None:  # fmt: skip
        answer = self.ask("cohort_describe", {"criteria": some, "parts": ["sex", "condition"]}, group)  # fmt: skip
        for table in answer["tables"]:
            self.rows([tuple(row) for row in table["rows"]], inside)

    def saved(self, some: dict[str, Any], inside: frozenset[int], _: list[str], group: str) -> None:
        sent = self.chance.choice(self.analysts).call("/group", {"criteria": some, "name": "x", "group": group})  # fmt: skip
        text = sent.get_json()["text"]
        if text and "quantity" in json.loads(text):
            self.keep(inside, json.loads(text)["quantity"])

    def selected(self, _: dict[str, Any], inside: frozenset[int], codes: list[str], group: str) -> None:  # fmt: skip
        listed = ", ".join(f"'{code}'" for code in codes)
        sql = f"SELECT sex, count(DISTINCT patient_key) AS n FROM patient JOIN condition USING (patient_key) WHERE code IN ({listed}) GROUP BY sex"  # fmt: skip
        for table in self.ask("cohort_query", {"sql": sql}, group)["tables"]:
            self.rows([tuple(row) for row in table["rows"]], inside)

    def by_host(self, some: dict[str, Any], _: frozenset[int], codes: list[str], __: str) -> None:
        whole = frozenset(n for n in range(sum(SIZES)) if f"A{number_of(n)}0" in codes)
        found = as_counting(self.stack, self.bearer, call("cohort_count", criteria=some, by=["sex"]))  # fmt: skip
        for table in (found.structured_content or {}).get("tables", ()):
            self.rows([tuple(row) for row in table["rows"]], whole)

    def ask(self, tool: str, arguments: dict[str, Any], group: str) -> dict[str, Any]:
        sent = {"tool": tool, "arguments": arguments, "group": group}
        answer = self.chance.choice(self.analysts).call("/ask", sent)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        assert not any(
            word.isdigit() and 0 < int(word) < LEAST for word in found["refused"].split()
        )
        return found

    def rows(self, rows: list[tuple[str, ...]], inside: frozenset[int]) -> None:
        """Keep every number of a table; what a row is about is told by its label."""
        for *label, shown in rows:
            if shown.isdigit():
                self.keep(frozenset(n for n in inside if self.fits(n, label)), int(shown))

    @staticmethod
    def fits(n: int, label: list[str]) -> bool:
        name = label[0] if label else "all"
        if name in SEXES:
            return sex_of(n) == name
        return f"A{number_of(n)}0" in name if "icd10" in name else True

    def keep(self, patients: frozenset[int], shown: int) -> None:
        assert len(patients) == shown, "the attacker's own knowledge is wrong"
        assert shown == 0 or shown >= LEAST
        if shown:
            self.shown.append((patients, shown))


@pytest.mark.parametrize("seed", [0])
def test_all_doors_together_tell_of_no_few_patients(stack: Stack, seed: int) -> None:
    # Each attack begins where nothing was answered yet.
    (stack.services.settings.warehouse / "sandbox" / FILE).unlink(missing_ok=True)
    attacker = Attacker(stack, random.Random(seed))
    for _ in range(12):
        attacker.step()
    given = list(dict.fromkeys(patients for patients, _ in attacker.shown))
    assert len(given) > 3
    # How many there are in all is known to whoever asks.
    assert followed([frozenset(range(sum(SIZES))), *given]) == []
