"""DuckDB's way to write a view. Lambdas are written `lambda x: …`, as DuckDB 2 wants them.

Source: https://duckdb.org/docs/stable/sql/functions/list, …/functions/lambda, …/data/json/loading_json
"""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from app.warehouse.views import ir
from app.warehouse.views.fitness import UNFIT, unfit

ZONE = r"T.*(Z|[+-][0-9][0-9]:[0-9][0-9])$"


class DuckDb:
    """See the module."""

    name = "duckdb"
    types: ClassVar[dict[str, str]] = {
        "text": "VARCHAR", "boolean": "BOOLEAN", "integer": "BIGINT", "decimal": "DOUBLE", "date": "VARCHAR",
        "dateTime": "VARCHAR", "time": "VARCHAR", "nothing": "VARCHAR",
    }  # fmt: skip
    functions: ClassVar[dict[str, str]] = {
        "eq": "({0} = {1})", "ne": "({0} <> {1})", "lt": "({0} < {1})", "le": "({0} <= {1})", "gt": "({0} > {1})",
        "ge": "({0} >= {1})", "and": "({0} AND {1})", "or": "({0} OR {1})", "not": "(NOT {0})", "add": "({0} + {1})",
        "subtract": "({0} - {1})", "multiply": "({0} * {1})", "negate": "(- {0})",
        "divide": "(CAST({0} AS DOUBLE) / nullif(CAST({1} AS DOUBLE), 0))", "concatenate": "({0} || {1})",
        "present": "({0} IS NOT NULL)", "coalesce": "coalesce({0}, {1})",
        "if": "CASE WHEN {0} THEN {1} ELSE {2} END", "least": "least({0}, {1})", "length": "length({0})",
        "left": "left({0}, {1})", "extract": "nullif(regexp_extract({0}, {1}, 1), '')",
        "zoned": f"regexp_matches({{0}}, '{ZONE}')", "moment": "epoch_us(TRY_CAST({0} AS TIMESTAMPTZ))",
        "clock": r"regexp_replace({0}, '(\.[0-9]*[1-9])0+$|\.0+$', '\1')",
        "size": "coalesce(len({0}), 0)", "more_than": "(coalesce(len({0}), 0) > {1})", "at": "({0})[{1} + 1]",
        "last": "({0})[-1]", "list": "[{0}]", "list_of_none": "[]",
        "list_of_present": "CASE WHEN {0} IS NULL THEN [] ELSE [{0}] END", "concat": "list_concat({0}, {1})",
        "join": "array_to_string({0}, {1})", "error": "error({0})",
        "matches": "regexp_matches({0}, {1})", "lower": "lower({0})",
        "local": "strftime(TRY_CAST({0} AS TIMESTAMPTZ) AT TIME ZONE {1}, '%Y-%m-%dT%H:%M')",
    }  # fmt: skip

    def identifier(self, name: str) -> str:
        """Quote a name."""
        return '"' + name.replace('"', '""') + '"'

    def text(self, value: str) -> str:
        """Quote text."""
        return "'" + value.replace("'", "''") + "'"

    def transform(self, items: str, variable: str, position: str, body: str, *, flat: bool) -> str:
        """Write a list of which each item is made into another."""
        names = f"{variable}, {position}" if position else variable
        made = f"list_transform({items}, lambda {names}: {body})"
        return f"flatten({made})" if flat else made

    def keep(self, items: str, variable: str, body: str) -> str:
        """Write a list's items for which `body` is true."""
        return f"list_filter({items}, lambda {variable}: {body})"

    def row(self, fields: list[tuple[str, str]]) -> str:
        """Write a struct."""
        return f"struct_pack({', '.join(f'{self.identifier(n)} := {v}' for n, v in fields)})"

    def parse(self, text: str, node: ir.Node) -> str:
        """Write JSON text parsed with the schema of a node."""
        return f"from_json({text}, {self.text(json.dumps(structure(node)))})"

    def list_type(self, kind: str) -> str:
        """Write the type of a list."""
        return f"{self.types[kind]}[]"

    def position(self, variable: str) -> str:
        """Write a lambda's second argument, counted from 0."""
        return f"({variable} - 1)"

    def unnest(self, items: str, name: str, position: str) -> str:
        """Write a row for each item: two lists of one length are unnested side by side."""
        listed = f"unnest({items}) AS {name}"
        return f"{listed}, unnest(range(len({items}))) AS {position}" if position else listed

    def files(self, paths: Sequence[str], resource: str, root: ir.Node) -> str:
        """Write NDJSON files, plain or gzip, as a relation with the columns of `root`, resources of one type only."""
        columns = {"resourceType": "VARCHAR"} | {
            name: column_type(node) for name, node in root.children.items()
        }
        if not paths:
            empty = ", ".join(f"CAST(NULL AS {t}) AS {self.identifier(n)}" for n, t in columns.items())  # fmt: skip
            return f"(SELECT {empty} WHERE FALSE)"
        listed = ", ".join(f"{self.identifier(n)}: {self.text(t)}" for n, t in columns.items())
        read = f"read_json([{', '.join(map(self.text, paths))}], {READ}, columns = {{{listed}}})"
        return f'(SELECT * EXCLUDE ("resourceType") FROM {read} WHERE "resourceType" = {self.text(resource)})'  # noqa: S608  # all parts are quoted

    def mixed(self, paths: Sequence[str], resource: str, root: ir.Node) -> str:
        """Write NDJSON files of any types as a relation with the columns of `root`, resources of one type only."""
        lines = f"read_json_objects([{', '.join(map(self.text, paths))}], {READ})"
        condition = f"json ->> '$.resourceType' = {self.text(resource)}"
        return self._parsed(lines, "json", condition, root, checked=True)

    def table(self, name: str, column: str, condition: str, root: ir.Node, *, checked: bool) -> str:
        """Write those rows of a table for which a condition holds, with JSON text in `column`, as a relation."""
        return self._parsed(name, column, condition, root, checked=checked)

    def _parsed(
        self, relation: str, text: str, condition: str, root: ir.Node, *, checked: bool
    ) -> str:
        if checked:
            # In one CASE, since the parts of AND run in any order: other types are not looked into.
            error = f"error({self.text(UNFIT)})"
            unfitting = unfit(text, root, self.text)
            condition += f" AND CASE WHEN ({condition}) IS NOT TRUE THEN FALSE WHEN {unfitting} THEN {error} ELSE TRUE END"
        inner = f"SELECT {self.parse(text, root)} AS r_0 FROM {relation} WHERE {condition}"  # noqa: S608  # all parts are quoted
        return f"(SELECT r_0.* FROM ({inner}))"  # noqa: S608  # as above


# A Binary or a DocumentReference may hold a whole PDF: 256 MB.
READ = "format = 'newline_delimited', maximum_object_size = 268435456"
ENGINE = DuckDb()


def column_type(node: ir.Node) -> str:
    """Return the SQL type of a node: `STRUCT("coding" STRUCT("code" VARCHAR)[])`."""
    if node.text:
        return "JSON"
    if node.type.model is None:
        plain = ENGINE.types[node.type.kind]
    elif node.children:
        members = (f"{ENGINE.identifier(n)} {column_type(c)}" for n, c in node.children.items())
        plain = f"STRUCT({', '.join(members)})"
    else:
        plain = "JSON"
    return f"{plain}[]" if node.many else plain


def structure(node: ir.Node) -> Any:
    """Return the same as `from_json` wants it."""
    if node.text:
        return "JSON"
    plain: Any = "JSON" if node.type.model else ENGINE.types[node.type.kind]
    if node.children:
        plain = {name: structure(child) for name, child in node.children.items()}
    return [plain] if node.many else plain
