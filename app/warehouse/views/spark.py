"""Spark SQL's way to write a view: pure SQL, the schema in `from_json`, so that it runs wherever Spark SQL does.

Source: https://spark.apache.org/docs/latest/api/sql/
"""

from collections.abc import Sequence
from typing import ClassVar

from app.warehouse.views import ir
from app.warehouse.views.duckdb import ZONE

STRICT = "map('mode', 'FAILFAST')"


class SparkSql:
    """See the module."""

    name = "spark"
    types: ClassVar[dict[str, str]] = {
        "text": "STRING", "boolean": "BOOLEAN", "integer": "BIGINT", "decimal": "DOUBLE", "date": "STRING",
        "dateTime": "STRING", "time": "STRING", "nothing": "STRING",
    }  # fmt: skip
    functions: ClassVar[dict[str, str]] = {
        "eq": "({0} = {1})", "ne": "({0} <> {1})", "lt": "({0} < {1})", "le": "({0} <= {1})", "gt": "({0} > {1})",
        "ge": "({0} >= {1})", "and": "({0} AND {1})", "or": "({0} OR {1})", "not": "(NOT {0})", "add": "({0} + {1})",
        "subtract": "({0} - {1})", "multiply": "({0} * {1})", "negate": "(- {0})",
        "divide": "(CAST({0} AS DOUBLE) / nullif(CAST({1} AS DOUBLE), 0))", "concatenate": "({0} || {1})",
        "present": "({0} IS NOT NULL)", "coalesce": "coalesce({0}, {1})",
        "if": "CASE WHEN {0} THEN {1} ELSE {2} END", "least": "least({0}, {1})", "length": "length({0})",
        "left": "left({0}, {1})", "extract": "nullif(regexp_extract({0}, {1}, 1), '')",
        "zoned": f"regexp_like({{0}}, '{ZONE}')", "moment": "unix_micros(try_cast({0} AS TIMESTAMP))",
        "clock": r"regexp_replace({0}, '(\\.[0-9]*[1-9])0+$|\\.0+$', '$1')",
        "size": "coalesce(array_size({0}), 0)", "more_than": "(coalesce(array_size({0}), 0) > {1})",
        "at": "get({0}, {1})", "last": "try_element_at({0}, -1)", "list": "array({0})", "list_of_none": "array()",
        "list_of_present": "CASE WHEN {0} IS NULL THEN array() ELSE array({0}) END",
        "concat": "concat(coalesce({0}, array()), coalesce({1}, array()))",
        "join": "array_join({0}, {1})", "error": "raise_error({0})", "matches": "regexp_like({0}, {1})",
        # Letter by letter, as DuckDB does: Java makes two characters of the one, and writes the other by its place in the word.
        "lower": "lower(replace(replace({0}, 'İ', 'i'), 'Σ', 'σ'))",
        # Right in a session in UTC: a TIMESTAMP is a moment there.
        "local": r"date_format(from_utc_timestamp(try_cast({0} AS TIMESTAMP), {1}), 'yyyy-MM-dd\'T\'HH:mm')",
    }  # fmt: skip

    def identifier(self, name: str) -> str:
        """Quote a name."""
        return "`" + name.replace("`", "``") + "`"

    def text(self, value: str) -> str:
        """Quote text."""
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def transform(self, items: str, variable: str, position: str, body: str, *, flat: bool) -> str:
        """Write a list of which each item is made into another; a list that is NULL counts as empty."""
        names = f"({variable}, {position})" if position else variable
        if not flat:
            return f"transform({items}, {names} -> {body})"
        return f"flatten(transform({items}, {names} -> coalesce({body}, array())))"

    def keep(self, items: str, variable: str, body: str) -> str:
        """Write a list's items for which `body` is true."""
        return f"filter({items}, {variable} -> {body})"

    def row(self, fields: list[tuple[str, str]]) -> str:
        """Write a struct."""
        return f"named_struct({', '.join(f'{self.text(n)}, {v}' for n, v in fields)})"

    def parse(self, text: str, node: ir.Node) -> str:
        """Write JSON text parsed with the schema of a node; other JSON than that stops the query."""
        return f"from_json({text}, {self.text(schema(node))}, {STRICT})"

    def list_type(self, kind: str) -> str:
        """Write the type of a list."""
        return f"ARRAY<{self.types[kind]}>"

    def position(self, variable: str) -> str:
        """Write a lambda's second argument, counted from 0."""
        return variable

    def unnest(self, items: str, name: str, position: str) -> str:
        """Write a row for each item."""
        if position:
            return f"posexplode({items}) AS ({position}, {name})"
        return f"explode({items}) AS {name}"

    def files(self, paths: Sequence[str], resource: str, root: ir.Node) -> str:
        """Write NDJSON files, plain or gzip, as a relation with the columns of `root`, resources of one type only."""
        lines = " UNION ALL ".join(f"SELECT value FROM text.{self.identifier(p)}" for p in paths)  # noqa: S608  # quoted
        lines = lines or "SELECT CAST(NULL AS STRING) AS value WHERE FALSE"
        return (
            f"(SELECT r_0.* FROM (SELECT {self.parse('value', root)} AS r_0 FROM ({lines}) "  # noqa: S608  # all parts are quoted
            f"WHERE get_json_object(value, '$.resourceType') = {self.text(resource)}))"
        )

    def mixed(self, paths: Sequence[str], resource: str, root: ir.Node) -> str:
        """Write NDJSON files of any types; here the same as of one."""
        return self.files(paths, resource, root)

    def table(self, name: str, column: str, condition: str, root: ir.Node, *, checked: bool) -> str:
        """Write those rows of a table for which a condition holds, with JSON text in `column`, as a relation."""
        del checked  # Spark always checks: FAILFAST.
        parsed = self.parse(column, root)
        return f"(SELECT r_0.* FROM (SELECT {parsed} AS r_0 FROM {name} WHERE {condition}))"  # noqa: S608  # all parts are quoted


ENGINE = SparkSql()


def schema(node: ir.Node) -> str:
    """Return a node as DDL: ``STRUCT<`coding`: ARRAY<STRUCT<`code`: STRING>>>``."""
    if node.text:
        return "STRING"
    plain = "STRING" if node.type.model else ENGINE.types[node.type.kind]
    if node.children:
        members = (f"{ENGINE.identifier(n)}: {schema(child)}" for n, child in node.children.items())
        plain = f"STRUCT<{', '.join(members)}>"
    return f"ARRAY<{plain}>" if node.many else plain
