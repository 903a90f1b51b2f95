"""Questions about many patients as tools: the page, the command line and MCP hosts call these, and nothing beside them.

Every answer is counts that went through `app.warehouse.cohort.answers`: rights, suppression, memory, audit. No tool lists patients, and
none is part of a launch. Loaded with DuckDB, so only where cohorts are asked.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from msgspec import Meta

from app.errors import CohortRefused
from app.fhir.measures.rules import load
from app.llm.port import ToolSpec
from app.tools.registry import Call, Found, Guarded, Tool, arguments_of, specification
from app.warehouse.cohort import named
from app.warehouse.cohort.answers import Cohorts, Table
from app.warehouse.cohort.criteria import Cohort, demand
from app.warehouse.cohort.describe import Part
from app.warehouse.cohort.describe import describe as tables_of

Split = Literal["age", "sex"]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}$")]


def cohort_count(ask: Cohorts, criteria: Cohort, by: tuple[Split, ...] = ()) -> Found:
    """Count patients who fit all of `all`, one of `any`, none of `none`.

    `set` is a value set of the rules of care (diabetes, hemoglobin A1c, statin), else `codes`; icd10 codes are beginnings.
    Days count back from the day of the data. 1 to 10 patients are "fewer than 11"; what would let so few be counted is not shown.
    """
    demand(criteria)
    return _found([ask.count(criteria, by)])


def cohort_describe(
    ask: Cohorts, criteria: Cohort, parts: tuple[Part, ...] = ("age", "sex", "condition")
) -> Found:
    """Describe the patients who fit: by age, sex, frequent problems and medication orders, years of visits."""
    demand(criteria)
    return _found(tables_of(ask, criteria, parts))


def cohort_named(
    ask: Cohorts,
    name: Name = "",
    parameters: dict[str, float] | None = None,
    by: tuple[Split, ...] = (),
) -> Found:
    """Count by a query that ships, with its parameters; without a name, list the queries."""
    shipped = named.shipped()
    if not name:
        return Found(text="\n".join(_said(one) for one in shipped.values()), sections=())
    if name not in shipped:
        raise CohortRefused(f"no query of this name; there are {', '.join(shipped)}")
    given = {key: f"{value:g}" for key, value in (parameters or {}).items()}
    return _found([ask.count(named.fill(shipped[name], given), by)])


def cohort_measures(ask: Cohorts, rules: tuple[Name, ...] = ()) -> Found:
    """Count for rules of care (all if none is named) for whom each is met, not met, excluded, or cannot be told."""
    known = {rule.key: rule for rule in load().rules}
    if unknown := [key for key in rules if key not in known]:
        raise CohortRefused(f"no rule {unknown[0]}; there are {', '.join(known)}")
    return _found([ask.measures([known[key] for key in rules or known])])


def cohort_query(ask: Cohorts, sql: Annotated[str, Meta(min_length=8, max_length=2000)]) -> Found:
    """One SELECT of count(DISTINCT patient_key), GROUP BY columns, over de-identified tables joined USING (patient_key).

    patient(sex, birth_year, age, deceased); condition(system, code, status, year, verification_status); observation(system, code,
    status, year, value, unit); medication, immunization, procedure, report, allergy(system, code, status, year);
    encounter(system, code, status, year, class). WHERE compares columns with literals.
    """
    return _found([ask.select(sql)])


COHORT_TOOLS = tuple(
    Tool(function=one, reads=())
    for one in (cohort_count, cohort_describe, cohort_named, cohort_measures, cohort_query)
)


class CohortRegistry(Guarded):
    """The tools of one analyst; what they are refused for its form is written down as well."""

    def __init__(self, ask: Cohorts, on_call: Callable[[Call], None] | None = None) -> None:
        def noted(call: Call) -> None:
            if not call.ran:
                ask.note_unasked(call.name)
            if on_call:
                on_call(call)

        super().__init__(COHORT_TOOLS, ask, noted)


def described() -> tuple[ToolSpec, ...]:
    """Return the tools as they are listed."""
    every = sorted(COHORT_TOOLS, key=lambda tool: tool.name)
    return tuple(specification(tool, arguments_of(tool)) for tool in every)


def as_text(tables: Sequence[Table]) -> str:
    """Return tables for a model: what each counts, one row a line, and what is left out."""
    lines: list[str] = []
    for table in tables:
        lines += [
            table.words,
            "|".join(table.columns),
            *("|".join(row) for row in table.rows),
            *table.notes,
        ]
    return "\n".join(lines)


def _found(tables: Sequence[Table]) -> Found:
    return Found(text=as_text(tables), sections=(), tables=tuple(tables))


def _said(one: named.Named) -> str:
    parameters = ", ".join(
        f"{name} ({p.words}, {p.low:g} to {p.high:g}, default {p.default:g})"
        for name, p in one.parameters.items()
    )
    return f"{one.name}: {one.title}. Parameters: {parameters or 'none'}"
