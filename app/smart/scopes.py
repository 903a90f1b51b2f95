"""Read granted scopes, SMART v1 (`patient/*.read`) and v2 (`patient/Observation.rs?category=…`)."""

import re

from app.launch_context import Grant

V1 = {"read": frozenset("rs"), "write": frozenset("cud"), "*": frozenset("cruds")}
SCOPE = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>\*|[A-Za-z]+)\.(?P<verbs>[a-z*]+)(?:\?(?P<params>.+))?"
)
# SMART App Launch 2.2.0, scopes: the letters stand in this order, each at most once.
V2_VERBS = re.compile(r"c?r?u?d?s?")


def parse_scopes(scope: str) -> tuple[Grant, ...]:
    """Return the data scopes of a token response; what is not understood grants nothing."""
    return tuple(grant for item in scope.split() if (grant := _parse(item)) is not None)


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
