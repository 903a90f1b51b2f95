"""Which views become tables, in what order their rows lie, and when a table is split by patient.

A row stands with those of its patient, by time: a reader of one patient, or of one span, passes over most row groups. A table
of very many records is split by the first hex digits of the MD5 of the patient's key, which every engine can compute, so that tables that
are split alike can be joined part by part.
"""

from dataclasses import dataclass
from pathlib import Path

from app.errors import ConfigurationError, ViewRefused
from app.warehouse.views import FREE_TEXT, HERE, CompiledView, ViewColumn, load, shipped
from app.warehouse.views.render import Dialect

ROW_GROUP = 20_480
BUCKET = "bucket"
# A table of more records is split: by one digit into 16 parts, by two into 256.
SPLIT_FROM = 10_000_000
TIMES = ("date", "dateTime", "instant")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One table: its view, the file of the definition, the columns that its rows are sorted by, and how far it is split.

    `patient` is the column of the patient's key, "" where the rows are nobody's; `digits` 0 leaves the table whole.
    """

    view: CompiledView
    definition: Path
    order: tuple[str, ...]
    patient: str
    digits: int

    def ordered(self, dialect: Dialect) -> str:
        """Return what stands behind ORDER BY, the same for every engine."""
        return ", ".join(f"{dialect.identifier(name)} NULLS FIRST" for name in self.order)

    def bucket(self, dialect: Dialect) -> str:
        """Return the SQL of the part that a row belongs to."""
        return f"left(md5(coalesce({dialect.identifier(self.patient)}, '')), {self.digits})"


def tasks_of(
    counts: dict[str, int], own: Path | None, named: tuple[str, ...], *, identifiers: bool, split_from: int = SPLIT_FROM,
) -> tuple[list[Task], list[str]]:  # fmt: skip
    """Return the tables to write, by name, and the names of those left out because they identify patients directly.

    `own`: the site's folder of views; `named`: only these views, () for all.

    Raises:
        ConfigurationError: a named view is unknown, or identifies and may not.
        ViewRefused: a view of the site's is none, or is named like one that ships.
    """
    views = _views(own)
    if unknown := sorted(set(named) - set(views)):
        raise ConfigurationError(f"--views: there is no view {', '.join(unknown)}")
    wanted = {name: found for name, found in views.items() if not named or name in named}
    direct = [name for name, (view, _) in wanted.items() if view.restricted and not identifiers]
    if named and direct:
        raise ConfigurationError(
            f"--views: {', '.join(direct)} identifies patients directly: --with-identifiers"
        )
    tasks = [
        _task(view, file, counts.get(view.resource, 0), split_from)
        for name, (view, file) in sorted(wanted.items())
        if name not in direct
    ]
    return tasks, direct


def _views(own: Path | None) -> dict[str, tuple[CompiledView, Path]]:
    found = {name: (view, HERE / f"{name}.json") for name, view in shipped().items()}
    if own is None:
        return found
    if not own.is_dir():
        raise ConfigurationError(f"CHARTSIDE_VIEWS: there is no folder {own}")
    for name, view in load(own).items():
        if name in found:
            raise ViewRefused(f"{name}.json: a view of this name ships; give it another")
        found[name] = view, own / f"{name}.json"
    return found


def _task(view: CompiledView, file: Path, records: int, split_from: int) -> Task:
    names = [column.name for column in view.columns if not column.collection]
    patient = _patient(view)
    times = [c.name for c in view.columns if c.type in TIMES and c.name != "last_updated"]
    first = [patient] if patient else []
    order = dict.fromkeys([*first, *times[:1], *names])
    digits = 0 if not patient or records <= split_from else 1 if records <= 16 * split_from else 2
    return Task(view=view, definition=file, order=tuple(order), patient=patient, digits=digits)


def _patient(view: CompiledView) -> str:
    wanted = "id" if view.resource == "Patient" else "patient_id"
    names = {column.name for column in view.columns}
    return next((name for name in ("patient_id", wanted) if name in names), "")


def described(column: ViewColumn) -> dict[str, str | bool]:
    """Return a column as the manifest has it."""
    return {
        "name": column.name, "type": column.type, "kind": column.kind, "list": column.collection,
        "free_text": FREE_TEXT in column.tags,
    }  # fmt: skip
