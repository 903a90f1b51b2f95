"""The only door to cohorts: who asks, what may be told, and a row in the audit before anything is told.

Counts of 1 to 10 patients are shown as "fewer than 11"; a count from which such a count would follow (`memory`) is not shown. Of a
table its total is tried first, then its cells from the largest. 0 is shown: it speaks of nobody who is in it. That nobody of a
group has something is told by it, as by a count that equals another; a site that cannot live with that names no analysts.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NoReturn

from app.errors import CohortRefused
from app.fhir.dates import day as spoken
from app.fhir.measures.rules import Rule
from app.warehouse.cohort import adhoc
from app.warehouse.cohort.combining import LEAST
from app.warehouse.cohort.criteria import Cohort, compiled
from app.warehouse.cohort.flat import Flat
from app.warehouse.cohort.measures import STATUSES, Status, measure
from app.warehouse.cohort.memory import Answered
from app.warehouse.cohort.tables import Flattened

Act = Literal["count", "list", "group", "query", "measure", "describe"]
FEW, HIDDEN = f"fewer than {LEAST}", "not shown"
BANDS = ((0, 17), (18, 39), (40, 64), (65, 74), (75, 89))
SPLITS = ("age", "sex")
TOO_NEAR = (
    f"Not answered: together with what was answered before, this would let a group of fewer than {LEAST} patients be counted. "
    "Ask for more, or for what was asked before."
)
MEASURE_NOTES = (
    "Not met means that the exported record shows none; what was done elsewhere counts only if it was sent.",
    "A registry for finding whom to look at, no report of a measure; the rules are not reviewed by a clinician.",
)
NOT_ANALYST = "not an analyst: [bulk] analysts of the registration does not name this user"
NO_LISTS = "counts only: [bulk] lists of the registration does not name this user"
NOT_HERE = "this is answered by DuckDB alone, from the de-identified file"
Record = Callable[[Mapping[str, str | int | list[str]]], None]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Counts as they may be shown. `notes` say what is left out; `words` what is counted; `question` names it in the audit."""

    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    question: str


@dataclass(frozen=True, kw_only=True)
class Cohorts:
    """Answers for one user; `analyst` and `lists` are rights that the registration gives. `record` writes to the audit.

    `of_group` is the EHR's group whose patients these are, "" for all that were exported.
    """

    flat: Flattened
    answered: Answered
    user: str
    analyst: bool
    lists: bool
    record: Record
    clock: Callable[[], datetime]
    of_group: str = ""

    def count(self, cohort: Cohort, by: Sequence[str] = ()) -> Table:
        """Return how many patients fit, and by age band or sex if asked.

        Raises:
            CohortRefused: the user is no analyst; the whole count may not be told.
        """
        self.demand_analyst("count")
        if not set(by) <= set(SPLITS):
            raise CohortRefused(f"by {' and '.join(SPLITS)} only")
        words, question = self._named(cohort)
        rows = self._select(cohort)
        cells: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for patient, age, sex in rows:
            place = {"age": band(age), "sex": str(sex)}
            cells[tuple(place[name] for name in by)].add(patient)
        total = {row[0] for row in rows}
        if len(total) < LEAST:
            # Which bands and sexes so few have is not told either.
            cells.clear()
        shown = self.shown("count", question, [total, *(cells.values() if by else ())])
        if shown[0] == HIDDEN:
            raise CohortRefused(TOO_NEAR)
        table = [(*name, value) for name, value in zip(cells, shown[1:], strict=True)] if by else []
        rows_shown = (*sorted(table), (*["all"] * len(by), shown[0]))
        return Table(
            words=words, columns=(*by, "patients"), rows=rows_shown, notes=self.notes(), question=question
        )  # fmt: skip

    def patients(self, cohort: Cohort, act: Literal["list", "group"] = "list") -> list[str]:
        """Return which patients fit, by id; each is opened by a launch of the EHR, never from here.

        Raises:
            CohortRefused: the user has no right to lists.
        """
        self.demand_analyst(act)
        _, question = self._named(cohort)
        if not self.lists:
            self.refuse(act, NO_LISTS, question)
        found = [str(row[0]) for row in self._select(cohort)]
        self._record({"what": act, "question": question, "patients": len(found)})
        return found

    def group(self, cohort: Cohort, name: str) -> dict[str, Any]:
        """Return a FHIR Group of the patients who fit.

        Source: https://hl7.org/fhir/R4/group.html

        Raises:
            CohortRefused: the user has no right to lists.
        """
        members = self.patients(cohort, "group")
        return {
            "resourceType": "Group", "type": "person", "actual": True, "name": name, "quantity": len(members),
            "member": [{"entity": {"reference": f"Patient/{one}"}} for one in members],
        }  # fmt: skip

    def select(self, sql: str) -> Table:
        """Return the answer to a free SELECT over the de-identified tables (`adhoc`); a row that would say too much is left out.

        Raises:
            CohortRefused: the user is no analyst; the SELECT is not of the one shape that is allowed.
        """
        self.demand_analyst("query")
        question = digest(sql, ())
        flat = self.on_duckdb("query", question)
        try:
            query = adhoc.checked(sql)
            rows, keys = adhoc.run(flat.folder, query)
        except CohortRefused as error:
            # What it names may come from the question: the audit has its digest.
            self._record(
                {"what": "query", "question": question, "refused": "not an allowed SELECT"}
            )
            raise CohortRefused(str(error)) from error
        with self.flat.views() as db:
            person = dict(db.execute("SELECT key, patient_id FROM person").fetchall())
        shown = self.shown("query", question, [{person[key] for key in row} for row in keys])
        given = [row for row, word in zip(rows, shown, strict=True) if word not in (FEW, HIDDEN)]
        hidden = len(rows) - len(given)
        rows_left = "row" if hidden == 1 else "rows"
        return Table(
            words="Counts patients, from de-identified tables.", columns=query.outputs, rows=tuple(given), question=question,
            notes=(
                *self.notes(), f"Rows of fewer than {LEAST} patients are left out.",
                *((f"{hidden} {rows_left} not shown: together with other answers, too few could be counted.",) if hidden else ()),
            ),
        )  # fmt: skip

    def measures(self, rules: Sequence[Rule]) -> Table:
        """Return for each rule of care how many patients it is met for, not met, excluded, and of how many that cannot be told.

        Raises:
            CohortRefused: the user is no analyst.
        """
        self.demand_analyst("measure")
        rows = []
        for rule in rules:
            found = self._measured(rule)
            parts = [found[status] for status in STATUSES]
            question = digest(f"measure {rule.key} {rule.version}", [self.flat.built.day])
            shown = self.shown("measure", question, [frozenset().union(*parts), *parts])
            rows.append((rule.key, rule.title, *shown))
        return Table(
            words="Counts the patients whom each rule of care is about, by what the record shows.",
            columns=("rule", "title", "about", *STATUSES), rows=tuple(rows), notes=(*self.notes(), *MEASURE_NOTES), question="",
        )  # fmt: skip

    def measured(self, rule: Rule, status: Status) -> list[str]:
        """Return the patients of one status of a rule, by id.

        Raises:
            CohortRefused: the user has no right to lists.
        """
        self.demand_analyst("list")
        question = digest(f"measure {rule.key} {rule.version}", [self.flat.built.day, status])
        if not self.lists:
            self.refuse("list", NO_LISTS, question)
        found = sorted(self._measured(rule)[status])
        self._record({"what": "list", "question": question, "patients": len(found)})
        return found

    def _measured(self, rule: Rule) -> Mapping[Status, frozenset[str]]:
        with self.flat.views() as db:
            return measure(db, rule, self.flat.built.day).patients

    # ------------------------------------------------------------ what every answer goes through

    def demand_analyst(self, act: Act) -> None:
        """Refuse, and write it down, unless the registration names the user as an analyst."""
        if not self.analyst:
            self.refuse(act, NOT_ANALYST)

    def note_unasked(self, tool: str) -> None:
        """Write down a call whose arguments do not fit, or of no tool."""
        self._record({"what": "tool", "tool": tool, "refused": "not a question"})

    def on_duckdb(self, act: Act, question: str = "") -> Flat:
        """Return the tables with the de-identified file beside them, which Spark has not.

        Raises:
            CohortRefused: this is asked of Spark.
        """
        if not isinstance(self.flat, Flat):
            self.refuse(act, NOT_HERE, question)
        return self.flat

    def refuse(self, act: Act, why: str, question: str = "") -> NoReturn:
        """Write a refusal down and raise it."""
        self._record({"what": act, "question": question, "refused": why})
        raise CohortRefused(why)

    def shown(self, act: Act, question: str, cells: Sequence[Collection[str]]) -> list[str]:
        """Return each count as it may be shown; the first cell is tried first, the others from the largest."""
        order = [0, *sorted(range(1, len(cells)), key=lambda i: -len(cells[i]))] if cells else []
        with self.flat.views() as db:
            population = {row[0] for row in db.execute("SELECT patient_id FROM person").fetchall()}
        given = self.answered.admit(
            population, [cells[i] for i in order], user=self.user, question=question, now=self.clock()
        )  # fmt: skip
        words = dict(zip(order, given, strict=True))
        found = [word(len(cell), given=words[i]) for i, cell in enumerate(cells)]
        hidden = sum(one in (FEW, HIDDEN) for one in found)
        self._record({"what": act, "question": question, "cells": len(cells), "suppressed": hidden})
        return found

    def notes(self) -> tuple[str, ...]:
        """Return what every answer has to say of what it does not count."""
        built = self.flat.built
        held = ", ".join(f"{_about(n)} {kind}" for kind, n in sorted(built.withheld.items()))
        missing = ", ".join(sorted(built.missing))
        return (
            f"Data as of {spoken(built.day)}.",
            *((f"Of the group {self.of_group} alone.",) if self.of_group else ()),
            *((f"Left out, labelled restricted: {held}.",) if held else ()),
            *((f"Not readable in this data, so not counted: {missing}.",) if missing else ()),
        )

    def _named(self, cohort: Cohort) -> tuple[str, str]:
        """Return a cohort's words, and the digest of its question, which is the same in every engine."""
        query = compiled(cohort, self.flat.built.day)
        return query.words, digest(query.sql, query.values)

    def _select(self, cohort: Cohort) -> list[tuple[Any, ...]]:
        with self.flat.views() as db:
            query = compiled(cohort, self.flat.built.day, db.dialect)
            return db.execute(query.sql, query.values).fetchall()

    def _record(self, detail: Mapping[str, str | int | list[str]]) -> None:
        self.record({**detail, "snapshot": self.flat.built.snapshot})


def _about(n: int) -> str:
    """Say how many records are left out, so that one more or less is not told."""
    return FEW if n < LEAST else f"{n // 10 * 10:,} or more"


def word(n: int, *, given: bool) -> str:
    """Return a count as it may be shown."""
    if given:
        return str(n)
    return FEW if n < LEAST else HIDDEN


def band(age: int | None) -> str:
    """Return the age band that is shown: 18-39; 90+ for all who are older."""
    if age is None:
        return "unknown"
    return next((f"{a:02d}-{b}" for a, b in BANDS if a <= age <= b), "90+" if age >= 90 else "00-17")  # fmt: skip


def digest(sql: str, values: Sequence[Any]) -> str:
    """Name a question without its words, for the audit."""
    return sha256(repr((sql, list(values))).encode()).hexdigest()[:16]
