"""Where resources stand: NDJSON files of an export, or a table with their JSON. The compiler needs no more of either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.warehouse.views import ir


class Reader(Protocol):
    """The part of a dialect that reads."""

    def identifier(self, name: str) -> str:
        """Quote a name."""

    def text(self, value: str) -> str:
        """Quote text."""

    def files(self, paths: Sequence[str], resource: str, root: ir.Node) -> str:
        """Write NDJSON files of one type as a relation."""

    def mixed(self, paths: Sequence[str], resource: str, root: ir.Node) -> str:
        """Write NDJSON files of any types as a relation."""

    def table(self, name: str, column: str, condition: str, root: ir.Node, *, checked: bool) -> str:
        """Write those rows of a table for which a condition holds, with JSON text in `column`, as a relation."""


class Source(Protocol):
    """Resources that views run over."""

    def relation(self, resource: str, root: ir.Node, reader: Reader) -> str:
        """Return a FROM item: the resources of one type, with the columns that `root` has."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """NDJSON files, plain or `.gz`, by resource type; `mixed` files may hold any type and are always read.

    What a view reads and has another JSON type than FHIR R4 gives it stops the query.
    """

    by_type: Mapping[str, Sequence[Path]]
    mixed: Sequence[Path] = ()

    def relation(self, resource: str, root: ir.Node, reader: Reader) -> str:
        """Return a FROM item: the resources of one type, with the columns that `root` has."""
        own = [str(path) for path in self.by_type.get(resource, ())]
        any_type = [str(path) for path in self.mixed]
        if not any_type:
            return reader.files(own, resource, root)
        mixed = reader.mixed(any_type, resource, root)
        # Both have the columns of `root` in its order.
        return f"({reader.files(own, resource, root)} UNION ALL {mixed})" if own else mixed


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with a resource's type in one column and its JSON text in another.

    What a view reads and has another JSON type than FHIR R4 gives it stops the query. That check takes about as long as
    the query; with `checked` false, where what fills the table has refused such resources, it is left out in DuckDB.

    `name` may be `schema.table`. `only` narrows to rows whose column has one of several values ({"patient": ["p1"]}), `after`
    to those with a greater one ({"last_updated": "2026-01-01"}); both are compared as the column's own type.
    """

    name: str = "resource"
    json: str = "json"
    type: str = "resource_type"
    checked: bool = True
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)

    def relation(self, resource: str, root: ir.Node, reader: Reader) -> str:
        """Return a FROM item: the resources of one type, with the columns that `root` has."""
        conditions = [f"{reader.identifier(self.type)} = {reader.text(resource)}"]
        for column, values in self.only.items():
            listed = ", ".join(map(reader.text, values)) or "NULL"
            conditions.append(f"{reader.identifier(column)} IN ({listed})")
        for column, value in self.after.items():
            conditions.append(f"{reader.identifier(column)} > {reader.text(value)}")
        table = ".".join(map(reader.identifier, self.name.split(".")))
        condition = " AND ".join(conditions)
        return reader.table(
            table, reader.identifier(self.json), condition, root, checked=self.checked
        )


def folder(path: Path) -> Files:
    """Return the files of an export: `Type.ndjson`, `Type.000.ndjson`, each also with `.gz`."""
    found: dict[str, list[Path]] = {}
    for file in sorted(path.iterdir()):
        stem = file.name.removesuffix(".gz")
        if stem.endswith(".ndjson"):
            found.setdefault(stem.partition(".")[0], []).append(file)
    return Files(by_type=found)
