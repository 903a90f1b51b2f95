"""SMART App Launch 2.2.0 scopes: read both syntaxes, grant an intersection, decide one request.

Not protected here: the patient compartment. A `user/` scope gives no other patient's records either;
`sandbox.compartment` sees to that.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

Verb = Literal["c", "r", "u", "d", "s"]
Level = Literal["patient", "user"]

VERSION_2 = re.compile(r"(patient|user)/([A-Z][A-Za-z]+|\*)\.(?=[cruds])(c?r?u?d?s?)(?:\?(.+))?")
VERSION_1 = re.compile(r"(patient|user)/([A-Z][A-Za-z]+|\*)\.(read|write|\*)")
VERBS_OF_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, kw_only=True)
class FhirScope:
    """One resource scope. `category` is the only granular restriction this EHR supports."""

    level: Level
    resource_type: str
    verbs: str
    category: str | None = None

    def __str__(self) -> str:
        restriction = f"?category={self.category}" if self.category else ""
        return f"{self.level}/{self.resource_type}.{self.verbs}{restriction}"


@dataclass(frozen=True, kw_only=True)
class Permission:
    """A granted request. `categories` limits what may be seen; None means no limit."""

    categories: frozenset[str] | None


def parse(text: str) -> FhirScope | None:
    """Return the resource scope written in either syntax, or None when it is none.

    Verbs out of order, an unknown verb or another granular parameter than `category` make it unknown.
    """
    if version_1 := VERSION_1.fullmatch(text):
        level, resource_type, word = version_1.groups()
        return _scope(level, resource_type, VERBS_OF_VERSION_1[word], None)
    version_2 = VERSION_2.fullmatch(text)
    if version_2 is None:
        return None
    level, resource_type, verbs, query = version_2.groups()
    if query is None:
        return _scope(level, resource_type, verbs, None)
    match parse_qsl(query):
        case [("category", category)]:
            return _scope(level, resource_type, verbs, category)
        case _:
            return None


def _scope(level: str, resource_type: str, verbs: str, category: str | None) -> FhirScope:
    return FhirScope(
        level="patient" if level == "patient" else "user",
        resource_type=resource_type,
        verbs=verbs,
        category=category,
    )


def grant(requested: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    """Return what is granted of `requested`, in its order: no more than `allowed`, unknown dropped.

    A scope wholly allowed keeps its spelling; one allowed in part comes back narrower, in version 2.
    """
    granted: dict[str, None] = {}
    for text in requested:
        wanted = parse(text)
        if wanted is None:
            granted.update({text: None} if text in allowed else {})
            continue
        parts = _intersections(wanted, allowed)
        granted.update(dict.fromkeys([text] if wanted in parts else map(str, parts)))
    return tuple(granted)


def _intersections(wanted: FhirScope, allowed: Iterable[str]) -> list[FhirScope]:
    return [
        part
        for scope in map(parse, allowed)
        if scope is not None and (part := _intersection(wanted, scope)) is not None
    ]


def _intersection(wanted: FhirScope, allowed: FhirScope) -> FhirScope | None:
    types = {wanted.resource_type, allowed.resource_type} - {"*"}
    categories = {wanted.category, allowed.category} - {None}
    verbs = "".join(verb for verb in wanted.verbs if verb in allowed.verbs)
    if wanted.level != allowed.level or len(types) > 1 or len(categories) > 1 or not verbs:
        return None
    return FhirScope(
        level=wanted.level,
        resource_type=next(iter(types), "*"),
        verbs=verbs,
        category=next(iter(categories), None),
    )


def permission(granted: Sequence[str], resource_type: str, verb: Verb) -> Permission | None:
    """Return the permission for `verb` on `resource_type`, or None when no scope gives it."""
    applicable = [
        scope
        for scope in map(parse, granted)
        if scope is not None and scope.resource_type in (resource_type, "*") and verb in scope.verbs
    ]
    if not applicable:
        return None
    categories = frozenset(scope.category for scope in applicable if scope.category is not None)
    unlimited = any(scope.category is None for scope in applicable)
    return Permission(categories=None if unlimited else categories)
