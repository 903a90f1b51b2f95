"""One free SELECT over the de-identified tables: counts of at least 11 patients, and nothing else.

The text goes through `sql_guard` first; of what that lets through, only this shape is left: one SELECT from tables of `deid`, joined on
`patient_key`; WHERE of columns against literals; GROUP BY of columns; each output a grouped column or `count(DISTINCT
patient_key)`. No inner SELECT, no window, no FILTER, no expression in an aggregate: each would let a row of many patients say
something of one. No count(*), mean or extreme: the records of one patient differ between two questions that are about the
same patients, and their difference would be hers. That 11 patients stand in each row is written into the tree; what runs
is printed from it. Each row is a count like any other and goes through the memory of answers.

It runs on a connection of its own to `deid.duckdb`, read-only: no file, no network, no extension, one thread, bounded
memory, locked configuration, stopped at its time. The identified tables are in another file, which it does not know.
"""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp, parse_one

from app.errors import CohortRefused, ToolRefused
from app.warehouse.cohort import deid
from app.warehouse.cohort.combining import LEAST
from app.warehouse.patient_query import CONFIGURATION
from app.warehouse.sql_guard import check

KEY, MEMBERS = "patient_key", "members_of_row"
MEMORY, LONGEST_S, MOST_ROWS, MOST_TABLES = "256MB", 10.0, 500, 4
CONDITIONS = (
    exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is,
    exp.Like, exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Neg,
)  # fmt: skip
# Also `rowid` and the name of a table are columns to DuckDB: only those that are listed may be named.
COLUMNS = frozenset((
    KEY, "sex", "birth_year", "age", "deceased", "system", "code", "status", "year", "verification_status", "value", "unit", "class",
))  # fmt: skip
TEXTS = frozenset(("sex", "system", "code", "status", "verification_status", "unit", "class"))
NUMBERS = COLUMNS - TEXTS - {KEY, "deceased"}
NUMBER = re.compile(r"\d{1,9}(\.\d{1,6})?")
OUTPUTS = f"each output is a column that is grouped by, or count(DISTINCT {KEY})"
CLAUSES = frozenset(("expressions", "from_", "joins", "where", "group", "order", "limit", "offset"))


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A SELECT that may run: its last column lists the keys of each row's patients. `counts` are the places of counts."""

    sql: str
    outputs: tuple[str, ...]
    counts: frozenset[int]


def checked(sql: str) -> Checked:
    """Return a SELECT that may run, with the least number of patients written into it.

    Raises:
        CohortRefused: it is anything else; the message names what.
    """
    try:
        tree = parse_one(check(sql, deid.TABLES, COLUMNS).sql, read="duckdb")
    except ToolRefused as error:
        raise CohortRefused(str(error)) from error
    if not isinstance(tree, exp.Select) or len(list(tree.find_all(exp.Query))) > 1:
        raise CohortRefused("one SELECT, without another in it")
    if other := sorted(name for name, value in tree.args.items() if value and name not in CLAUSES):
        raise CohortRefused(f"{other[0]} is not allowed")
    tables = _tables(tree)
    _demand_columns(tree)
    if where := tree.args.get("where"):
        _demand_condition(where.this)
    groups = _groups(tree)
    counts = frozenset(i for i, one in enumerate(tree.expressions) if _is_count(one, groups))
    if not counts:
        raise CohortRefused(f"{OUTPUTS}; there is no count")
    _demand_order(tree, groups)
    return Checked(
        sql=_limited(tree, tables[0]),
        outputs=tuple(str(one.alias_or_name or "patients") for one in tree.expressions),
        counts=counts,
    )


def _tables(tree: exp.Select) -> list[str]:
    """Return the names of the tables as they are used; every join is one of keys."""
    found = [str(one.alias_or_name).casefold() for one in tree.find_all(exp.Table)]
    if not 0 < len(found) <= MOST_TABLES or len(set(found)) < len(found):
        raise CohortRefused(f"from 1 to {MOST_TABLES} tables, each with a name of its own")
    if any(one.args.get("columns") for one in tree.find_all(exp.TableAlias)):
        # Under another name a column would stand for the key, or the key for a column.
        raise CohortRefused("columns keep their names")
    joins = tree.args.get("joins") or ()
    if len(joins) < len(list(tree.find_all(exp.Join))):
        raise CohortRefused("no join within a join")
    for join in joins:
        on, using = join.args.get("on"), join.args.get("using") or ()
        keys = _joins_keys(on, str(join.this.alias_or_name).casefold())
        if using:
            keys = [str(one.name).casefold() for one in using] == [KEY]
        plain = not any(join.args.get(x) for x in ("side", "method", "kind", "global")) or (
            str(join.args.get("kind") or "").upper() == "INNER" and not join.args.get("side")
        )
        if not (keys and plain and isinstance(join.this, exp.Table)):
            raise CohortRefused(f"tables are joined by JOIN ... USING ({KEY})")
    return found


def _joins_keys(on: object, joined: str) -> bool:
    """Tell whether a condition sets the key of the joined table equal to that of another one.

    A key that equals itself, or those of two tables before, would pair everybody with everybody: the patients who are counted
    would be others than those whose number is looked at.
    """
    if not (isinstance(on, exp.EQ) and _is_key(on.this) and _is_key(on.expression)):
        return False
    tables = [str(side.table).casefold() for side in (on.this, on.expression)]
    return "" not in tables and tables.count(joined) == 1


def _demand_columns(tree: exp.Select) -> None:
    """Refuse a column that is no listed one; ORDER BY may name an output instead."""
    outputs = {str(one.alias).casefold() for one in tree.expressions if one.alias}
    if outputs & (COLUMNS | {MEMBERS}):
        raise CohortRefused("an output has a name of its own, none of a column's")
    for one in tree.find_all(exp.Column):
        name = str(one.name).casefold()
        ordered = name in outputs and one.find_ancestor(exp.Order) is not None
        if one.args.get("db") or one.args.get("catalog") or not (name in COLUMNS or ordered):
            raise CohortRefused(f"no such column; there are {', '.join(sorted(COLUMNS))}")


def _is_key(node: object) -> bool:
    return isinstance(node, exp.Column) and str(node.name).casefold() == KEY


def _demand_condition(node: exp.Expr) -> None:
    for one in node.walk():
        if not isinstance(one, CONDITIONS):
            raise CohortRefused(f"{one.key} is not allowed in WHERE: columns and literals only")
        if _is_key(one):
            raise CohortRefused(f"{KEY} is for joins and counts only")
    if _kind(node) != "condition":
        raise CohortRefused("WHERE compares columns")


def _kind(node: exp.Expr) -> str:
    """Return what a part of a condition is; what is compared is of one kind.

    A text that is read as a number ends the query where it is none, which would tell that one patient's record is there.
    """
    match node:
        case exp.Column():
            name = str(node.name).casefold()
            return "text" if name in TEXTS else "number" if name in NUMBERS else "condition"
        case exp.Literal():
            if not node.is_string and not NUMBER.fullmatch(str(node.this)):
                raise CohortRefused("numbers have at most 9 digits, and 6 behind the point")
            return "text" if node.is_string else "number"
        case exp.Boolean():
            return "condition"
        case exp.Null():
            return "nothing"
        case _:
            return _kind_of_parts(node)


def _kind_of_parts(node: exp.Expr) -> str:
    kinds = {_kind(one) for one in node.iter_expressions()} - {"nothing"}
    if len(kinds) > 1:
        raise CohortRefused("texts are compared with texts, numbers with numbers")
    found = kinds.pop() if kinds else "nothing"
    if isinstance(node, exp.Neg | exp.Paren):
        return found
    if (isinstance(node, exp.Connector | exp.Not) and found != "condition") or (isinstance(node, exp.Like) and found != "text"):  # fmt: skip
        raise CohortRefused("texts are compared with texts, numbers with numbers")
    return "condition"


def _groups(tree: exp.Select) -> tuple[exp.Column, ...]:
    group = tree.args.get("group")
    if group is None:
        return ()
    if any(value for name, value in group.args.items() if name != "expressions" and value):
        raise CohortRefused("GROUP BY of columns only")
    found = []
    for one in group.expressions:
        if not isinstance(one, exp.Column) or _is_key(one):
            raise CohortRefused("GROUP BY of columns only, never of the key")
        found.append(one)
    return tuple(found)


def _is_count(one: exp.Expr, groups: Sequence[exp.Column]) -> bool:
    """Tell whether an output is a count.

    Raises:
        CohortRefused: it is neither a count nor a column that is grouped by.
    """
    inner = one.unalias()
    if isinstance(inner, exp.Column) and any(inner == group for group in groups):
        return False
    if isinstance(inner, exp.Count) and isinstance(inner.this, exp.Distinct):
        listed = inner.this.expressions
        if len(listed) == 1 and _is_key(listed[0]) and not inner.this.args.get("on"):
            return True
    raise CohortRefused(OUTPUTS)


def _demand_order(tree: exp.Select, groups: Sequence[exp.Column]) -> None:
    order = tree.args.get("order")
    names = {str(one.alias).casefold() for one in tree.expressions if one.alias}
    for one in order.expressions if order else ():
        inner = one.this if isinstance(one, exp.Ordered) else one
        named = isinstance(inner, exp.Column) and str(inner.name).casefold() in names
        if not (named or _is_output(inner, groups)):
            raise CohortRefused("ORDER BY of outputs only")
    for name in ("limit", "offset"):
        if (part := tree.args.get(name)) and not isinstance(part.expression, exp.Literal):
            raise CohortRefused(f"{name} is a number")


def _is_output(node: exp.Expr, groups: Sequence[exp.Column]) -> bool:
    try:
        _is_count(node, groups)
    except CohortRefused:
        return False
    return True


def _limited(tree: exp.Select, table: str) -> str:
    """Print the tree with its least number of patients, and the keys of each row's patients as the last column."""
    key = exp.column(KEY, table=table, quoted=True)
    distinct = exp.Distinct(expressions=[key])
    enough = exp.GTE(this=exp.Count(this=distinct), expression=exp.Literal.number(LEAST))
    listed = exp.alias_(exp.ArrayAgg(this=distinct.copy()), MEMBERS)
    return str(tree.select(listed).having(enough).sql(dialect="duckdb", comments=False))


def run(
    folder: Path, query: Checked, *, longest_s: float = LONGEST_S
) -> tuple[list[tuple[str, ...]], list[set[int]]]:
    """Return the rows of a query as text, and the keys of each row's patients.

    Raises:
        CohortRefused: it names what is not there, or needs more time, memory or rows than allowed.
    """
    with _locked(folder) as db:
        timer = threading.Timer(longest_s, db.interrupt)
        timer.start()
        try:
            found = db.execute(query.sql).fetchmany(MOST_ROWS + 1)
        except duckdb.InterruptException as error:
            raise CohortRefused(f"stopped after {longest_s:g} seconds; ask for less") from error
        except duckdb.OutOfMemoryException as error:
            raise CohortRefused(f"needs more than {MEMORY}; ask for less") from error
        except duckdb.Error as error:
            # A message may quote a value: the class says what kind of fault it is.
            raise CohortRefused(f"cannot run: {type(error).__name__}; check columns and types") from error  # fmt: skip
        finally:
            timer.cancel()
    if len(found) > MOST_ROWS:
        raise CohortRefused(f"more than {MOST_ROWS} rows")
    rows = [tuple("" if x is None else str(x) for x in row[:-1]) for row in found]
    keys = [set(row[-1]) for row in found]
    # Whatever was let through: a number is told of those patients alone whose number was looked at.
    if any(row[i] != len(some) for row, some in zip(found, keys, strict=True) for i in query.counts):  # fmt: skip
        raise CohortRefused("it counts other patients than those of its rows")
    return rows, keys


@contextmanager
def _locked(folder: Path) -> Iterator[Any]:
    """Open the de-identified file alone, so that a statement can reach and change nothing else."""
    config = {**CONFIGURATION, "memory_limit": MEMORY}
    with duckdb.connect(str(folder / deid.FILE), read_only=True, config=config) as db:
        db.execute("SET lock_configuration = true")
        yield db
