"""Read granted scopes, SMART v1 (`patient/*.read`) and v2 (`patient/Observation.rs?category=…`)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.launch_context import Grant

V1 = {"read": frozenset("rs"), "write": frozenset("cud"), "*": frozenset("cruds")}
SCOPE = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>\*|[A-Za-z]+)\.(?P<verbs>[a-z*]+)(?:\?(?P<params>.+))?"
)
# SMART App Launch 2.2.0, scopes: the letters stand in this order, each at most once.
V2_VERBS = re.compile(r"c?r?u?d?s?")


CONTEXT = re.compile(r"launch(/[a-z]+(\?role=[A-Za-z0-9._:/%-]{1,200})?)?")


def is_well_formed(scope: str) -> bool:
    """Tell whether a scope that begins as a resource or launch context scope has their syntax; others are not judged.

    SMART App Launch 2.2.0: a type of launch context is written in lower case, with at most one role.
    """
    if scope.startswith(("patient/", "user/", "system/")):
        return _parse(scope) is not None
    return not scope.startswith("launch") or CONTEXT.fullmatch(scope) is not None


def parse_scopes(scope: str) -> tuple[Grant, ...]:
    """Return the data scopes of a token response; what is not understood grants nothing."""
    return tuple(grant for item in scope.split() if (grant := _parse(item)) is not None)


def missing_scopes(required: Iterable[str], granted: str) -> list[str]:
    """Return the required data scopes that no grant covers (v1 and v2 count alike)."""
    grants = parse_scopes(granted)
    return [
        f"{need.level}/{need.resource_type}"
        for need in parse_scopes(" ".join(required))
        if not any(_is_like(have, need) for have in grants)
    ]


def narrowed(before: str, now: str) -> str:
    """Return what both scopes give: an answer may take away, and what it adds is not used."""
    have, given = _Scopes.of(before), _Scopes.of(now)
    kept = _Scopes(read=tuple((i, need) for i, need in have.read if given.has(i, need)))
    narrower = [i for i, need in given.read if have.has(i, need) and not kept.has(i, need)]
    return " ".join([*(i for i, _ in kept.read), *narrower])


@dataclass(frozen=True, kw_only=True)
class _Scopes:
    """The items of a scope, each read once: what it grants, None where it is no data scope."""

    read: tuple[tuple[str, Grant | None], ...]

    @classmethod
    def of(cls, scope: str) -> "_Scopes":
        return cls(read=tuple((item, _parse(item)) for item in scope.split()))

    def has(self, item: str, need: Grant | None) -> bool:
        """Tell whether an item, read as `need`, lies within these."""
        if need is None:
            return any(item == known for known, _ in self.read)
        return any(
            have is not None and _is_like(have, need) and have.params in ("", need.params)
            for _, have in self.read
        )


def _is_like(have: Grant, need: Grant) -> bool:
    return (
        have.level == need.level
        and have.resource_type in (need.resource_type, "*")
        and need.verbs <= have.verbs
    )


def _parse(item: str) -> Grant | None:
    match = SCOPE.fullmatch(item)
    if match is None or not (verbs := _verbs(match["verbs"])):
        return None
    return Grant(
        level=match["level"],
        resource_type=match["type"],
        verbs=verbs,
        params=match["params"] or "",
    )


def _verbs(sent: str) -> frozenset[str]:
    return V1.get(sent) or (frozenset(sent) if V2_VERBS.fullmatch(sent) else frozenset())
