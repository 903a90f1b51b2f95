"""Describe a cohort: its patients by age, sex, frequent problems and orders, and years of visits; every count goes through the door.

Codes are those of published systems (`deid.CODES`), named only where records of 11 patients carry the same name. A code of fewer
patients is not listed at all.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Literal, get_args

import duckdb

from app.errors import CohortRefused
from app.warehouse.cohort import deid
from app.warehouse.cohort.answers import HIDDEN, SPLITS, TOO_NEAR, Cohorts, Table, band, digest
from app.warehouse.cohort.combining import LEAST
from app.warehouse.cohort.criteria import COUNTED, UNSURE, Cohort, compiled
from app.warehouse.cohort.flat import Flat
from app.warehouse.cohort.tables import Tables

Part = Literal["age", "sex", "condition", "medication", "visits"]
PARTS: tuple[Part, ...] = get_args(Part)
TITLES = {
    "age": "by age", "sex": "by sex", "condition": "with each of the most frequent problems",
    "medication": "with each of the most frequent medication orders", "visits": "with a visit in each year",
}  # fmt: skip
MOST_CODES, YEARS = 8, 6
Cells = dict[str, set[str]]


def describe(ask: Cohorts, cohort: Cohort, parts: Sequence[Part]) -> tuple[Table, ...]:
    """Return a table for each part, the count of the whole in front; one of 1 to 10 patients is not described.

    Raises:
        CohortRefused: the user is no analyst; the whole count may not be told.
    """
    ask.demand_analyst("describe")
    tables = ask.on_duckdb("describe")
    query = compiled(cohort, ask.flat.built.day)
    question = digest(f"describe {' '.join(parts)} {query.sql}", query.values)
    with ask.flat.views() as db:
        rows = db.execute(query.sql, query.values).fetchall()
        people = {str(row[0]) for row in rows}
        cells = {part: _cells(db, part, rows, people, tables) for part in dict.fromkeys(parts)}
    if 0 < len(people) < LEAST:
        cells = {}
    flat = [people, *(cell for found in cells.values() for cell in found.values())]
    shown = ask.shown("describe", question, flat)
    if shown[0] == HIDDEN:
        raise CohortRefused(TOO_NEAR)
    words = iter(shown[1:])
    whole = Table(
        words=query.words,
        columns=("patients",),
        rows=((shown[0],),),
        notes=ask.notes(),
        question=question,
    )
    shown_tables = [whole]
    for part, found in cells.items():
        listed = [(label, next(words)) for label in found]
        if part not in SPLITS:
            listed = [row for row in listed if row[1] != HIDDEN]
        shown_tables.append(
            Table(
                words=f"Patients {TITLES[part]}",
                columns=(part, "patients"),
                rows=tuple(listed),
                notes=(),
                question=question,
            )
        )
    return tuple(shown_tables)


def _cells(
    db: Tables,
    part: Part,
    rows: Sequence[tuple[Any, ...]],
    people: set[str],
    flat: Flat,
) -> Cells:
    """Return the patients behind each count of a part, by label, in the order in which they are shown."""
    cells: Cells = defaultdict(set)
    match part:
        case "age":
            for patient, age, _ in rows:
                cells[band(age)].add(str(patient))
        case "sex":
            for patient, _, sex in rows:
                cells[str(sex)].add(str(patient))
        case "visits":
            return _visits(db, people, int(flat.built.day[:4]))
        case _:
            return _codes(db, part, people, flat)
    return dict(sorted(cells.items()))


def _visits(db: Tables, people: set[str], year: int) -> Cells:
    years = [str(one) for one in range(year - YEARS + 1, year + 1)]
    marks = ", ".join("?" * len(COUNTED["encounter"]))
    found = db.execute(
        f"SELECT DISTINCT left(e.day, 4), e.patient_id FROM event e WHERE e.kind = 'encounter' AND e.status IN ({marks})",  # noqa: S608 - question marks
        list(COUNTED["encounter"]),
    ).fetchall()
    cells: Cells = {one: set() for one in years}
    for when, patient in found:
        if when in cells and patient in people:
            cells[when].add(patient)
    return cells


def _codes(db: Tables, kind: str, people: set[str], flat: Flat) -> Cells:
    """Return the patients of the most frequent codes, of the system that codes most of these patients."""
    unsure = ", ".join("?" * len(UNSURE))
    counted = COUNTED.get(kind, ())
    status = f" AND e.status IN ({', '.join('?' * len(counted))})" if counted else ""
    found = db.execute(
        "SELECT DISTINCT c.system, c.code, c.patient_id FROM event_code c JOIN event e ON e.event = c.event "  # noqa: S608 - as above
        f"WHERE c.kind = ? AND coalesce(e.verification, '') NOT IN ({unsure}){status} AND {deid.code_like('c.system', 'c.code')}",
        [kind, *UNSURE, *counted],
    ).fetchall()
    by_code: dict[tuple[str, str], set[str]] = defaultdict(set)
    of_system: dict[str, set[str]] = defaultdict(set)
    for system, code, patient in found:
        if patient in people:
            by_code[system, code].add(patient)
            of_system[system].add(patient)
    if not of_system:
        return {}
    chosen = max(sorted(of_system), key=lambda one: len(of_system[one]))
    frequent = Counter(
        {
            code: len(some)
            for (system, code), some in by_code.items()
            if system == chosen and len(some) >= LEAST
        }
    )
    listed = sorted(frequent, key=lambda code: (-frequent[code], code))[:MOST_CODES]
    names = _names(flat, kind, chosen)
    return {
        f"{names.get(code, 'code')} ({chosen} {code})": by_code[chosen, code] for code in listed
    }


def _names(flat: Flat, kind: str, system: str) -> dict[str, str]:
    """Return a name for each code, as the de-identified file has it."""
    with duckdb.connect(str(flat.folder / deid.FILE), read_only=True) as db:
        found = db.execute(
            "SELECT code, min(name) FROM concept WHERE kind = ? AND system = ? AND name <> '' GROUP BY code",
            [kind, system],
        )
        return {str(code): str(name).partition(" | ")[0] for code, name in found.fetchall()}
