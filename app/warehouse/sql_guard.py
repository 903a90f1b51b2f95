"""Let one SELECT through, made only of what is listed here; everything else is refused by name.

The text is parsed, every node of the tree is compared with allow-lists (statements, tables, functions, types), and what
runs is printed from the checked tree, never the text that was sent. No table function, file, setting, macro, parameter,
hint or recursion is in the lists, so none can be named.

Not protected here: time and memory of an allowed query (`patient_query` bounds them), and what the rows say.
"""

import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from app.errors import ToolRefused

MOST_CHARACTERS, MOST_NODES, MOST_TABLES, MOST_DEPTH = 2000, 600, 6, 40
# Operators, literals, clauses: the grammar of a SELECT.
GRAMMAR: tuple[type[exp.Expr], ...] = (
    exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Where,
    exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.Table,
    exp.TableAlias, exp.Alias, exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Boolean, exp.Null, exp.Paren,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like,
    exp.ILike, exp.Escape, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.DPipe, exp.Case, exp.If, exp.Exists,
    exp.Window, exp.WindowSpec, exp.Filter, exp.WithinGroup, exp.Interval, exp.Var, exp.DataType, exp.Tuple, exp.Dot,
    exp.NullSafeEQ, exp.NullSafeNEQ, exp.IntDiv,
)  # fmt: skip
FUNCTIONS: tuple[type[exp.Expr], ...] = (
    exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median, exp.Quantile, exp.PercentileCont,
    exp.PercentileDisc, exp.Stddev, exp.StddevSamp, exp.ArgMax, exp.ArgMin, exp.First, exp.Last, exp.AnyValue,
    exp.GroupConcat, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
    exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Cast, exp.TryCast,
    exp.Lower, exp.Upper, exp.Length, exp.Trim, exp.Substring, exp.Left, exp.Right, exp.StrPosition, exp.Concat,
    exp.Contains, exp.StartsWith, exp.EndsWith, exp.DateDiff, exp.DateAdd, exp.DateSub, exp.DateTrunc,
    exp.TimestampTrunc, exp.Extract, exp.Year, exp.Month, exp.Day, exp.DayOfWeek, exp.TsOrDsToDate, exp.Date,
    exp.Exists, exp.If, exp.Case, exp.And, exp.Or, exp.Corr,
)  # fmt: skip
# Functions that the parser has no class for.
NAMED = frozenset(("hour", "minute", "arg_max", "arg_min", "date_part", "epoch"))
TYPES = frozenset((
    exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT, exp.DataType.Type.INT, exp.DataType.Type.BIGINT,
    exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT, exp.DataType.Type.DECIMAL, exp.DataType.Type.BOOLEAN,
    exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP, exp.DataType.Type.INTERVAL, exp.DataType.Type.UNKNOWN,
))  # fmt: skip
ALLOWED = frozenset((*GRAMMAR, *FUNCTIONS))
# Columns of every table that no list names.
HIDDEN = frozenset(("rowid",))
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# Below this level the parser logs the text of a query, which may hold a patient's data.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A query that may run: its SQL printed anew, the tables it reads, and the text literals in it.

    `sections` has, for a table, the only values of its column `section` that can count, if the query says so.
    """

    sql: str
    tables: frozenset[str]
    literals: frozenset[str]
    sections: Mapping[str, frozenset[str]] = field(default_factory=dict)


def check(sql: str, tables: Collection[str], columns: Collection[str]) -> Checked:
    """Return a query that reads nothing but `columns` of `tables`, and what it names itself.

    Raises:
        ToolRefused: it is no single SELECT, or holds anything that is not listed.
    """
    if len(sql) > MOST_CHARACTERS:
        raise ToolRefused(f"a query of more than {MOST_CHARACTERS:,} characters")
    if any(not c.isprintable() and c not in "\n\t" for c in sql):
        raise ToolRefused("a query with invisible characters")
    tree = _parsed(sql)
    nodes = list(tree.walk())
    if len(nodes) > MOST_NODES or max(map(_depth, nodes)) > MOST_DEPTH:
        raise ToolRefused("a query that is too long or too deep")
    for node in nodes:
        _demand(node)
    own = {cte.alias_or_name.casefold() for cte in tree.find_all(exp.CTE)}
    read = _tables(tree, frozenset(t.casefold() for t in tables), frozenset(own))
    _demand_columns(tree, frozenset(c.casefold() for c in columns))
    literals = (n.this for n in nodes if isinstance(n, exp.Literal) and n.is_string)
    return Checked(
        sql=tree.sql(dialect="duckdb", comments=False), tables=read, literals=frozenset(literals),
        sections=_sections(tree, read - own),
    )  # fmt: skip


def _parsed(sql: str) -> exp.Expr:
    try:
        found = [tree for tree in sqlglot.parse(sql, read="duckdb") if tree is not None]
    except (SqlglotError, RecursionError, ValueError) as error:
        raise ToolRefused("a query that cannot be parsed as SQL") from error
    if len(found) != 1 or not isinstance(found[0], exp.Select | exp.SetOperation):
        raise ToolRefused("only one SELECT runs here")
    tree: exp.Expr = found[0]
    return tree


def _depth(node: exp.Expr) -> int:
    return int(node.depth)


def _demand(node: exp.Expr) -> None:
    """Refuse a node that is not listed, naming its kind and not its text."""
    kind = type(node)
    if kind is exp.Anonymous:
        if str(node.this).casefold() not in NAMED:
            raise ToolRefused(f"the function {_safe(node.this)} is not allowed")
    elif kind not in ALLOWED:
        raise ToolRefused(f"{_safe(node.key)} is not allowed")
    if isinstance(node, exp.Select) and not node.expressions:
        raise ToolRefused("a query that selects nothing")
    if isinstance(node, exp.With) and node.args.get("recursive"):
        raise ToolRefused("a recursive query is not allowed")
    if isinstance(node, exp.DataType) and (node.this not in TYPES or node.expressions):
        raise ToolRefused("this type is not allowed")
    if isinstance(node, exp.Identifier) and not NAME.fullmatch(str(node.this)):
        raise ToolRefused("a name with other characters than letters, digits and _")
    if isinstance(node, exp.Select | exp.Table) and any(node.args.get(x) for x in UNUSUAL):
        raise ToolRefused("a clause that is not allowed")


# Parts of SELECT and of a table that sample, pivot, hint, lock, write or read at a version.
UNUSUAL = (
    "hint", "into", "locks", "sample", "pivots", "laterals", "operation_modifiers", "settings", "format", "options",
    "connect", "match", "cluster", "distribute", "sort", "kind", "version", "rows_from", "changes", "partition", "when",
    "only", "hints", "ordinality",
)  # fmt: skip


def _tables(tree: exp.Expr, allowed: frozenset[str], own: frozenset[str]) -> frozenset[str]:
    found = list(tree.find_all(exp.Table))
    if len(found) > MOST_TABLES:
        raise ToolRefused(f"more than {MOST_TABLES} tables in one query")
    read = set()
    for table in found:
        name = str(table.name).casefold()
        plain = isinstance(table.this, exp.Identifier) and not table.args.get("db")
        if not plain or table.args.get("catalog") or name not in allowed | own:
            raise ToolRefused(
                f"no table {_safe(table.name)}; there are {', '.join(sorted(allowed))}"
            )
        if name in allowed:
            read.add(name)
    return frozenset(read)


def _demand_columns(tree: exp.Expr, allowed: frozenset[str]) -> None:
    """Refuse a column that is neither listed nor an output of the query's own.

    To DuckDB `rowid` and the name of a table (its whole row) are columns as well.
    """
    tables = {str(one.alias_or_name).casefold() for one in tree.find_all(exp.Table)}
    tables |= {str(one.name).casefold() for one in tree.find_all(exp.Table)}
    own = {str(one.alias).casefold() for one in tree.find_all(exp.Alias)}
    for named in tree.find_all(exp.TableAlias):
        own |= {str(column.name).casefold() for column in named.args.get("columns") or ()}
    if wrong := sorted(own & (tables | HIDDEN) - allowed):
        raise ToolRefused(f"{_safe(wrong[0])} cannot name an output")
    for column in tree.find_all(exp.Column):
        if isinstance(column.this, exp.Star):
            continue
        whole = column.args.get("db") or column.args.get("catalog")
        if whole or str(column.name).casefold() not in allowed | own:
            raise ToolRefused(
                f"no column {_safe(column.name)}; there are {', '.join(sorted(allowed))}"
            )


def _sections(tree: exp.Expr, tables: frozenset[str]) -> dict[str, frozenset[str]]:
    """Return the sections that each table is narrowed to, in every place where the query reads it."""
    found: dict[str, frozenset[str] | None] = {}
    for table in tree.find_all(exp.Table):
        name = str(table.name).casefold()
        if name in tables:
            before, here = found.get(name, frozenset()), _narrowed(table)
            found[name] = None if before is None or here is None else before | here
    return {name: values for name, values in found.items() if values is not None}


def _narrowed(table: exp.Table) -> frozenset[str] | None:
    """Return the values of `section` that a part of WHERE which must hold allows for one table; None for any."""
    select = table.find_ancestor(exp.Select)
    where = select.args.get("where") if select else None
    parts = where.this.flatten() if where and isinstance(where.this, exp.And) else [where.this] if where else []  # fmt: skip
    for part in parts:
        column, values = part.this, [part.expression] if isinstance(part, exp.EQ) else part.args.get("expressions")  # fmt: skip
        if (
            isinstance(part, exp.EQ | exp.In)
            and isinstance(column, exp.Column)
            and column.name.casefold() == "section"
            and column.table.casefold() in ("", table.alias_or_name.casefold())
            and values
            and all(isinstance(v, exp.Literal) and v.is_string for v in values)
        ):
            return frozenset(str(v.this) for v in values)
    return None


def _safe(name: object) -> str:
    """Return a name for a message: letters and digits only, short."""
    return re.sub(r"[^A-Za-z0-9_ ]", "", str(name))[:30] or "that"
