"""`ViewDefinition/$run`: one patient's records as rows, by a view that ships or one that is sent along.

The view is compiled to SQL and runs over this patient's records only, as they may be shown; the database behind it is
read-only and reaches no file. Rows and time are bounded: what would be more is refused, never cut without a word.

Source: https://sql-on-fhir.org/ig/latest/OperationDefinition-ViewDefinitionRun.html
"""

import csv
import io
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import orjson

from app.errors import ViewRefused, ViewStopped
from app.warehouse.facade.bundle import Answer, headers
from app.warehouse.facade.errors import FacadeRefused, unsupported
from app.warehouse.facade.reach import Reach
from app.warehouse.facade.records import own, text_of, unfiled
from app.warehouse.facade.search import Params
from app.warehouse.store.reading import OpenSnapshot
from app.warehouse.views import CompiledView, Table, compile_view, run, shipped

MOST_ROWS, MOST_S, MOST_BODY_CHARACTERS = 20_000, 10.0, 200_000
INCOMPLETE = "X-Data-Incomplete"
shipped_views = cache(shipped)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A view and how its rows are written; `partial`: rows are wanted although something is kept back."""

    view: CompiledView
    format: str = "ndjson"
    limit: int | None = None
    partial: bool = False


def run_view(opened: OpenSnapshot, reach: Reach, params: Params, body: bytes) -> Answer:
    """Return the rows of a view over one patient's records.

    Raises:
        FacadeRefused: the request, the view or its data is not what it has to be.
    """
    wanted = _understood([*params, *_sent(body)], reach)
    kind = wanted.view.resource
    if not reach.can(kind, "r"):
        raise FacadeRefused(f"this access lacks the scope patient/{kind}.r", http_status=403, issue="forbidden")  # fmt: skip
    snapshot = opened.snapshot
    found = own(opened, reach.patient, kind)
    screened = reach.screen(opened, kind, found.records)
    lacking = [one.words for one in screened.notices]
    whole = snapshot.as_of.get(kind) and kind not in snapshot.incomplete and not unfiled(snapshot, kind)  # fmt: skip
    if found.foreign or not whole:
        lacking.append(f"{kind} is not whole in this store")
    if lacking and not wanted.partial:
        words = f"the rows would not be all ({'; '.join(lacking)}); _partial=true gives them all the same"  # fmt: skip
        raise FacadeRefused(words, http_status=409, issue="incomplete")
    texts = [text_of(one, reach.patient, snapshot.base).decode() for one in screened.kept]
    rows = _rows(opened, wanted, texts)
    as_of = snapshot.as_of.get(kind, "")
    told = headers(f"{snapshot.number}-{len(rows)}", as_of, as_of)
    del told["ETag"]
    told |= {INCOMPLETE: "; ".join(lacking)} if lacking else {}
    media_type, write = FORMATS[wanted.format]
    names = [column.name for column in wanted.view.columns]
    return Answer(
        status=200, body=write(names, rows), headers=told, media_type=media_type, kind=kind,
        records=tuple(one.reference for one in screened.kept),
    )  # fmt: skip


def _rows(opened: OpenSnapshot, wanted: Wanted, texts: list[str]) -> list[Mapping[str, Any]]:
    cursor = opened.cursor()
    kind = wanted.view.resource
    cursor.execute("CREATE OR REPLACE TEMP TABLE chart (resource_type VARCHAR, json VARCHAR)")
    cursor.execute("INSERT INTO chart SELECT ?, unnest(?::VARCHAR[])", [kind, texts])
    stop = threading.Timer(MOST_S, cursor.interrupt)
    stop.start()
    try:
        most = min(wanted.limit or MOST_ROWS, MOST_ROWS)
        rows = list(islice(run(wanted.view, _Same(cursor), Table(name="chart")), most + 1))
    except ViewStopped as error:
        raise FacadeRefused(str(error), http_status=422, issue="processing") from error
    finally:
        stop.cancel()
        cursor.execute("DROP TABLE chart")
    if len(rows) > most and wanted.limit is None:
        raise FacadeRefused(f"more than {MOST_ROWS:,} rows", http_status=413, issue="too-costly")
    return list(rows[:most])


class _Same:
    """A connection whose cursor is itself: temporary tables are seen by the cursor that made them only."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def cursor(self) -> Any:
        return self._cursor


# ------------------------------------------------------------ what is asked


def _sent(body: bytes) -> list[tuple[str, Any]]:
    """Return the parameters of a body: `Parameters`, or a ViewDefinition by itself."""
    if not body:
        return []
    if len(body) > MOST_BODY_CHARACTERS:
        raise FacadeRefused("the body is too long", http_status=413, issue="too-long")
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FacadeRefused("the body is not JSON", issue="structure") from error
    if not isinstance(sent, dict) or sent.get("resourceType") != "Parameters":
        return [("viewResource", sent)]
    listed = sent.get("parameter")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise FacadeRefused("Parameters without a list of parameters", issue="structure")
    return [(str(one.get("name")), _value(one)) for one in listed]


def _value(parameter: Mapping[str, Any]) -> Any:
    found = [v for name, v in parameter.items() if name == "resource" or name.startswith("value")]
    value = found[0] if found else None
    return value.get("reference") if isinstance(value, dict) and "reference" in value else value


def _understood(params: Iterable[tuple[str, Any]], reach: Reach) -> Wanted:
    view: CompiledView | None = None
    given: dict[str, Any] = {}
    for name, value in params:
        match name:
            case "viewResource":
                view = _compiled(value)
            case "viewReference":
                view = _named(str(value))
            case "_format":
                given["format"] = _format(str(value))
            case "_limit":
                given["limit"] = _limit(value)
            case "_partial":
                given["partial"] = value in (True, "true")
            case "patient":
                if str(value).removeprefix("Patient/") != reach.patient:
                    raise FacadeRefused("this access is for one patient, and another is asked for", http_status=403, issue="forbidden")  # fmt: skip
            case _:
                raise unsupported(f"{name[:80]} at $run")
    if view is None:
        raise FacadeRefused("viewResource or viewReference is needed", issue="required")
    return Wanted(view=view, **given)


def _compiled(value: object) -> CompiledView:
    try:
        return compile_view(value)
    except ViewRefused as error:
        raise FacadeRefused(str(error), http_status=422, issue="not-supported") from error


def _named(reference: str) -> CompiledView:
    name = reference.removeprefix("ViewDefinition/")
    found = shipped_views().get(name)
    if found is None:
        raise FacadeRefused(f"there is no view {name[:80]}; there are {', '.join(sorted(shipped_views()))}", http_status=404, issue="not-found")  # fmt: skip
    return found


def _format(value: str) -> str:
    known = MEDIA.get(value)
    if known is None:
        raise unsupported(f"_format={value[:80]} at $run")
    return known


def _limit(value: object) -> int:
    text = str(value)
    if not text.isascii() or not text.isdigit() or not int(text[:9]) > 0:
        raise FacadeRefused("_limit: a whole number above 0 is needed")
    return int(text[:9])


# ------------------------------------------------------------ how rows are written


def _ndjson(_names: list[str], rows: list[Mapping[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _json(_names: list[str], rows: list[Mapping[str, Any]]) -> bytes:
    return orjson.dumps(rows)


def _csv(names: list[str], rows: list[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value


FORMATS: dict[str, tuple[str, Callable[[list[str], list[Mapping[str, Any]]], bytes]]] = {
    "ndjson": ("application/x-ndjson", _ndjson),
    "json": ("application/json", _json),
    "csv": ("text/csv; charset=utf-8", _csv),
}
MEDIA = {**{name: name for name in FORMATS}, "application/ndjson": "ndjson", "application/x-ndjson": "ndjson", "application/fhir+ndjson": "ndjson", "application/json": "json", "text/csv": "csv"}  # fmt: skip
