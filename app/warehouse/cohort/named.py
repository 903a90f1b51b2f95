"""Cohort queries that ship, as files: criteria with parameters that have a type, bounds and a default.

A parameter stands in the criteria as `{"parameter": "days"}` in place of a number; what is given is checked against its
bounds and put there as a number, before the criteria are read like any others.
"""

from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec
import orjson

from app.errors import CohortRefused
from app.warehouse.cohort.criteria import Cohort, read


class Parameter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number that may be given: what it is, and its bounds, both included."""

    words: str
    default: float
    low: float
    high: float


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A query: its file's name, a title, its parameters, and criteria in which they stand."""

    name: str
    title: str
    criteria: dict[str, Any]
    parameters: dict[str, Parameter] = {}


def shipped() -> dict[str, Named]:
    """Return the queries that ship, by name."""
    folder = resources.files("app.warehouse.cohort") / "queries"
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".json")), key=lambda f: f.name)  # fmt: skip
    found = [msgspec.json.decode(one.read_bytes(), type=Named) for one in files]
    return {one.name: one for one in found}


def fill(query: Named, given: Mapping[str, str]) -> Cohort:
    """Return a query's criteria with its parameters; what is not given is the default.

    Raises:
        CohortRefused: there is no such parameter, or it is no number within its bounds.
    """
    if unknown := sorted(given.keys() - query.parameters.keys()):
        raise CohortRefused(f"{query.name} has no parameter {unknown[0][:40]}")
    values = {name: _number(name, one, given.get(name)) for name, one in query.parameters.items()}
    return read(orjson.dumps(_filled(query.criteria, values)))


def _number(name: str, parameter: Parameter, text: str | None) -> float:
    try:
        value = parameter.default if text is None else float(text)
    except ValueError as error:
        raise CohortRefused(f"{name} is no number") from error
    if not parameter.low <= value <= parameter.high:
        raise CohortRefused(f"{name} is {parameter.low:g} to {parameter.high:g}")
    return int(value) if value == int(value) else value


def _filled(part: Any, values: Mapping[str, float]) -> Any:
    if isinstance(part, dict):
        if part.keys() == {"parameter"}:
            return values[part["parameter"]]
        return {key: _filled(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(one, values) for one in part]
    return part
