"""Where resources stand: NDJSON files of an export, or a table with their JSON. The compiler needs no more of either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.warehouse.views import ir


class Reader(Protocol):
    """The part of a dialect that reads."""

    def files(self, paths: Sequence[str], resource: str, root: ir.Node) -> str:
        """Write NDJSON files of one type as a relation."""

    def mixed(self, paths: Sequence[str], resource: str, root: ir.Node) -> str:
        """Write NDJSON files of any types as a relation."""

    def table(
        self, name: str, column: str, kind: str, resource: str, root: ir.Node, *, checked: bool
    ) -> str:
        """Write a table as a relation."""


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
    """

    name: str = "resource"
    json: str = "json"
    type: str = "resource_type"
    checked: bool = True

    def relation(self, resource: str, root: ir.Node, reader: Reader) -> str:
        """Return a FROM item: the resources of one type, with the columns that `root` has."""
        return reader.table(self.name, self.json, self.type, resource, root, checked=self.checked)


def folder(path: Path) -> Files:
    """Return the files of an export: `Type.ndjson`, `Type.000.ndjson`, each also with `.gz`."""
    found: dict[str, list[Path]] = {}
    for file in sorted(path.iterdir()):
        stem = file.name.removesuffix(".gz")
        if stem.endswith(".ndjson"):
            found.setdefault(stem.partition(".")[0], []).append(file)
    return Files(by_type=found)
