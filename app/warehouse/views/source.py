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

    def table(self, name: str, column: str, kind: str, resource: str, root: ir.Node) -> str:
        """Write a table as a relation."""


class Source(Protocol):
    """Resources that views run over."""

    def relation(self, resource: str, root: ir.Node, reader: Reader) -> str:
        """Return a FROM item: the resources of one type, with the columns that `root` has."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """NDJSON files, plain or `.gz`, by resource type; `mixed` files may hold any type and are always read.

    In a file of one type, an element of another JSON type than FHIR R4 gives it stops the query. In DuckDB, in a mixed
    file, it reads as NULL.
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

    In DuckDB an element of another JSON type than FHIR R4 gives it reads as NULL here: what fills the table refuses such
    resources, or the view runs over the files.
    """

    name: str = "resource"
    json: str = "json"
    type: str = "resource_type"

    def relation(self, resource: str, root: ir.Node, reader: Reader) -> str:
        """Return a FROM item: the resources of one type, with the columns that `root` has."""
        return reader.table(self.name, self.json, self.type, resource, root)


def folder(path: Path) -> Files:
    """Return the files of an export: `Type.ndjson`, `Type.000.ndjson`, each also with `.gz`."""
    found: dict[str, list[Path]] = {}
    for file in sorted(path.iterdir()):
        stem = file.name.removesuffix(".gz")
        if stem.endswith(".ndjson"):
            found.setdefault(stem.partition(".")[0], []).append(file)
    return Files(by_type=found)
