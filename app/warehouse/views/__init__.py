"""SQL on FHIR v2: a ViewDefinition compiled to SQL, for DuckDB and for Spark, by one compiler.

    view = compile_view(json)                     # refuses by name what it does not support
    for row in run(view, connection, folder(path)):
        ...
    view.sql(source, SPARK)                       # the same view for Spark SQL

`fhirpath` parses (fhirpathpy's grammar), `paths`, `functions`, `operators` and `focus` compile paths, `plan` and `repeat` a whole
view, to what `ir` defines; `render` writes that, with `duckdb` or `spark` for what differs. Which elements exist comes
from FHIR R4 (`elements`), so a misspelt one is refused and never an empty column.

Views that ship stand beside this module (`shipped`); a site adds a folder of its own (`load`).

Source: https://sql-on-fhir.org/ig/latest/
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import ViewRefused, ViewStopped
from app.warehouse.views import duckdb as _duckdb
from app.warehouse.views import ir, render
from app.warehouse.views import spark as _spark
from app.warehouse.views.definition import demand, restricted
from app.warehouse.views.fitness import UNFIT
from app.warehouse.views.ir import FREE_TEXT, ViewColumn
from app.warehouse.views.plan import plan
from app.warehouse.views.source import Files, Source, Table, folder

DUCKDB = _duckdb.ENGINE
SPARK = _spark.ENGINE
HERE = Path(__file__).parent
__all__ = [
    "DUCKDB", "FREE_TEXT", "SPARK", "CompiledView", "Files", "Source", "Table", "ViewColumn", "compile_view", "folder", "load", "run",
    "shipped", "why",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CompiledView:
    """A view that can run: its name, what a row of it is, the resource type it reads, its columns in order.

    `restricted`: its security label says that it identifies patients directly; keep it out of de-identified use.
    """

    name: str
    description: str
    restricted: bool
    resource: str
    columns: tuple[ViewColumn, ...]
    plan: ir.Plan

    def sql(self, source: Source, engine: _duckdb.DuckDb | _spark.SparkSql = DUCKDB) -> str:
        """Return one SELECT over a source. Its columns have the names of the view's, dates as text as they were sent."""
        relation = source.relation(self.resource, self.plan.root, engine)
        return render.sql(self.plan, relation, engine)


def compile_view(view: object) -> CompiledView:
    """Return a ViewDefinition (parsed JSON) compiled.

    Raises:
        ViewRefused: it is no ViewDefinition, or needs what is not supported; the message names it.
    """
    found = plan(view)
    about = demand(view)
    kind = found.root.type.name
    return CompiledView(
        name=str(about.get("name") or kind), description=str(about.get("description", "")),
        restricted=restricted(about), resource=kind,
        columns=tuple(column for column, _ in found.columns), plan=found,
    )  # fmt: skip


def run(view: CompiledView, connection: Any, source: Source) -> Iterator[dict[str, Any]]:
    """Yield the rows of a view from a DuckDB connection, in no order, as JSON would have them.

    It runs in a cursor of its own, which sees no temporary tables.

    Raises:
        ViewStopped: the data is not what the view can say in one value, or not FHIR R4, or cannot be read.
    """
    import duckdb  # noqa: PLC0415  # a vendor SDK, loaded when it is used

    names = [column.name for column in view.columns]
    try:
        cursor = connection.cursor().execute(view.sql(source))
        while rows := cursor.fetchmany(2000):
            for row in rows:
                yield dict(zip(names, row, strict=True))
    except duckdb.Error as error:
        raise ViewStopped(f"{view.name}: {why(error)}") from error


def why(error: Exception) -> str:
    """Return what an error says of the view or the file, never of a value in it."""
    text = str(error)
    for own in ("has more than one item", "repeat goes deeper than", UNFIT):
        if own in text:
            return text.partition(": ")[2].partition("\n")[0]
    if "JSON transform error" in text:
        place = text.partition("in file ")[2].partition(":")[0]
        return f"{UNFIT}, in file {place}"
    return type(error).__name__


def load(path: Path) -> dict[str, CompiledView]:
    """Return the views of a folder of ViewDefinitions by name, which is the file's.

    Raises:
        ViewRefused: a file is no ViewDefinition, or needs what is not supported; the message names both.
    """
    found = {}
    for file in sorted(path.glob("*.json")):
        try:
            definition = json.loads(file.read_text(encoding="utf-8"))
            view = compile_view(definition)
        except (ValueError, ViewRefused) as error:
            raise ViewRefused(f"{file.name}: {error}") from error
        if view.name != file.stem:
            raise ViewRefused(f"{file.name}: its name is {view.name!r}; name and file agree")
        found[view.name] = view
    return found


def shipped() -> dict[str, CompiledView]:
    """Return the views that ship, by name: one row for each resource, and child views for what repeats."""
    return load(HERE)
