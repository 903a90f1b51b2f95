"""Check the shape of a ViewDefinition: which keys, of which JSON type; what is unknown is refused by name.

Source: https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import ViewRefused
from app.warehouse.views import ir
from app.warehouse.views.elements import KINDS, FhirType
from app.warehouse.views.focus import Focus

View = Mapping[str, Any]
ABOUT = frozenset((
    "resourceType", "id", "meta", "text", "url", "identifier", "version", "name", "title", "status", "experimental",
    "date", "publisher", "contact", "description", "useContext", "jurisdiction", "purpose", "copyright",
    "copyrightLabel", "fhirVersion", "profile",
))  # fmt: skip
VIEW = ABOUT | {"resource", "constant", "select", "where"}
SELECT = frozenset(("column", "select", "forEach", "forEachOrNull", "repeat", "unionAll"))
COLUMN = frozenset(("name", "path", "type", "collection", "description", "tag"))
# What a database takes as a name (the standard's sql-name).
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")
MOST_DEPTH = 20
LABELS = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PYTHON: dict[str, type | tuple[type, ...]] = {
    "boolean": bool, "integer": int, "decimal": (int, float), "text": str, "date": str, "dateTime": str, "time": str,
}  # fmt: skip


def demand(view: object) -> View:
    """Return a view whose shape is right.

    Raises:
        ViewRefused: it names the key that is missing, unknown or of the wrong type.
    """
    checked = _keys(view, VIEW, "ViewDefinition")
    if not checked.get("resource"):
        raise ViewRefused("ViewDefinition.resource is missing")
    if not _several(checked, "select", "ViewDefinition"):
        raise ViewRefused("ViewDefinition.select is missing")
    for select in checked["select"]:
        _demand_select(select, 1)
    for where in _several(checked, "where", "ViewDefinition"):
        _keys(where, frozenset(("path", "description")), "where")
    _several(checked, "constant", "ViewDefinition")
    return checked


def _keys(value: object, known: frozenset[str], what: str) -> View:
    if not isinstance(value, Mapping):
        raise ViewRefused(f"{what} is no JSON object")
    for key in value:
        if key not in known:
            raise ViewRefused(f"{what}.{str(key)[:60]} is not supported")
    return value


def _several(value: View, key: str, what: str) -> Sequence[Any]:
    found = value.get(key, ())
    if isinstance(found, str) or not isinstance(found, Sequence):
        raise ViewRefused(f"{what}.{key} is no array")
    return found


def _demand_select(value: object, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise ViewRefused(f"select is nested more than {MOST_DEPTH} deep")
    select = _keys(value, SELECT, "select")
    loops = [key for key in ("forEach", "forEachOrNull", "repeat") if key in select]
    if len(loops) > 1:
        raise ViewRefused(f"select has {loops[0]} and {loops[1]}: one only")
    for column in _several(select, "column", "select"):
        _demand_column(column)
    for key in ("select", "unionAll"):
        for inner in _several(select, key, "select"):
            _demand_select(inner, depth + 1)
    _several(select, "repeat", "select")
    if not any(select.get(key) for key in ("column", "select", "unionAll")):
        raise ViewRefused("select has no column, select or unionAll")


def _demand_column(value: object) -> None:
    column = _keys(value, COLUMN, "column")
    name = column.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ViewRefused(f"column.name {str(name)[:60]!r} is no SQL name")
    kind = column.get("type")
    if kind is not None and (not isinstance(kind, str) or short_type(kind) not in KINDS):
        raise ViewRefused(f"column {name}: type {str(kind)[:60]!r} is no FHIR primitive")
    if not isinstance(column.get("collection", False), bool):
        raise ViewRefused(f"column {name}: collection is no boolean")


def tags(column: View) -> tuple[tuple[str, str], ...]:
    """Return a column's tags as (name, value).

    Raises:
        ViewRefused: one is no object of two texts.
    """
    found = []
    for tag in _several(column, "tag", f"column {column['name']}"):
        name, value = (tag.get("name"), tag.get("value")) if isinstance(tag, Mapping) else (None, None)  # fmt: skip
        if not isinstance(name, str) or not isinstance(value, str):
            raise ViewRefused(f"column {column['name']}: a tag has a name and a value")
        found.append((name, value))
    return tuple(found)


def restricted(view: View) -> bool:
    """Return whether a view's security label is `R` or `V`: what identifies a patient directly, and more."""
    labels = view.get("meta", {}).get("security", []) if isinstance(view.get("meta"), Mapping) else []  # fmt: skip
    return any((x.get("system"), x.get("code")) in ((LABELS, "R"), (LABELS, "V")) for x in labels)


def short_type(name: str) -> str:
    """Return a type's name without the address of FHIR's or FHIRPath's own types."""
    return name.rpartition("/")[2]


def constants(view: View) -> dict[str, Focus]:
    """Return the constants by name.

    Raises:
        ViewRefused: one has no name, or not exactly one value of a primitive type.
    """
    found = {}
    for constant in view.get("constant", ()):
        name = constant.get("name") if isinstance(constant, Mapping) else None
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ViewRefused(f"constant.name {str(name)[:60]!r} is no SQL name")
        values = [key for key in constant if key != "name"]
        if len(values) != 1 or not values[0].startswith("value"):
            raise ViewRefused(f"constant {name} needs one value[x] of a primitive type")
        found[name] = _constant(name, values[0].removeprefix("value"), constant[values[0]])
    return found


def _constant(name: str, suffix: str, value: object) -> Focus:
    kind = suffix[:1].lower() + suffix[1:]
    if kind not in KINDS or kind == "nothing":
        raise ViewRefused(f"constant {name}: value{suffix} is not supported")
    python = PYTHON[KINDS[kind]]
    if not isinstance(value, python) or (isinstance(value, bool) and python is not bool):
        raise ViewRefused(f"constant {name}: value{suffix} is {type(value).__name__}")
    plain = float(value) if KINDS[kind] == "decimal" else value  # type: ignore[arg-type]  # a number, see above
    return Focus(expression=ir.Value(value=plain), type=FhirType(kind))  # type: ignore[arg-type]  # a primitive, see above
