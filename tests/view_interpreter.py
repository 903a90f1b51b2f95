"""A ViewDefinition interpreted one resource after another with fhirpathpy: slow, and another program than the compiler.

It shares the grammar with the compiler, and nothing of what paths mean.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from fhirpathpy import compile as compile_fhirpath
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models

Row = dict[str, Any]


def interpreted(view: Mapping[str, Any], resources: list[Any]) -> list[Row]:
    """Return the rows of a view."""
    return [
        row
        for resource in resources
        if resource["resourceType"] == view["resource"]
        and all(_values(resource, where["path"]) == [True] for where in view.get("where", ()))
        for row in _product(view["select"], resource, 0)
    ]


def _product(selects: list[Any], focus: Any, position: int) -> Iterator[Row]:
    if not selects:
        yield {}
        return
    for row in _select(selects[0], focus, position):
        for rest in _product(selects[1:], focus, position):
            yield row | rest


def _select(select: Mapping[str, Any], focus: Any, position: int) -> Iterator[Row]:
    items = [(focus, position)]
    if "repeat" in select:
        items = [(item, n) for n, item in enumerate(_repeated(select["repeat"], focus))]
    for key in ("forEach", "forEachOrNull"):
        if key in select:
            items = [(item, n) for n, item in enumerate(_values(focus, select[key], raw=True))]
    if not items and "forEachOrNull" in select:
        yield _blank(select)
    for item, n in items:
        own = {column["name"]: _column(column, item, n) for column in select.get("column", ())}
        for row in _product(select.get("select", []), item, n):
            for more in _union(select.get("unionAll"), item, n):
                yield own | row | more


def _union(branches: list[Any] | None, focus: Any, position: int) -> Iterator[Row]:
    if branches is None:
        yield {}
    for branch in branches or ():
        yield from _select(branch, focus, position)


def _blank(select: Mapping[str, Any]) -> Row:
    own = {c["name"]: 0 if c["path"] == "%rowIndex" else None for c in select.get("column", ())}
    for inner in (*select.get("select", ()), *select.get("unionAll", ())[:1]):
        own |= _blank(inner)
    return own


def _repeated(paths: list[str], focus: Any) -> Iterator[Any]:
    for path in paths:
        for item in _values(focus, path, raw=True):
            yield item
            yield from _repeated(paths, item)


def _column(column: Mapping[str, Any], focus: Any, position: int) -> Any:
    if column["path"] == "%rowIndex":
        return position
    found = _values(focus, column["path"])
    if column.get("collection"):
        return found
    assert len(found) <= 1, column
    return found[0] if found else None


def _values(focus: Any, path: str, *, raw: bool = False) -> list[Any]:
    found = _compiled(path, raw)(focus, {})
    return list(found) if raw else [value for value in found if value is not None]


@cache
def _compiled(path: str, raw: bool) -> Any:
    table = {
        "getReferenceKey": {"fn": _reference_key, "arity": {0: [], 1: ["Identifier"]}},
        "getResourceKey": {"fn": lambda nodes: [_plain(node)["id"] for node in nodes]},
    }
    options = {"userInvocationTable": table, "returnRawData": raw}
    return compile_fhirpath(path, models["r4"], options)


def _plain(node: Any) -> Any:
    return node.data if isinstance(node, ResourceNode) else node


def _reference_key(nodes: list[Any], kind: Any = None) -> list[str]:
    """Return ids by cutting text: `[base/]Type/id[/_history/n]`."""
    found = []
    for node in nodes:
        parts = _plain(node).get("reference", "").partition("/_history/")[0].split("/")
        if len(parts) >= 2 and parts[-2][:1].isupper() and kind in (None, parts[-2]):
            found.append(parts[-1])
    return found
