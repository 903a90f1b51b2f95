"""How much of a search the granted scopes let this user see: SMART scopes may carry search parameters.

`patient/Observation.rs?category=…|laboratory` gives laboratory results and nothing else. The EHR leaves the rest out
of its answers without a word, so that an empty answer about vital signs would say nothing: it is known here, before
anything is asked, which searches are given whole, which in part, and which not at all.

Source: SMART App Launch 2.2.0, finer-grained resource constraints using search parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from app.fhir.source import Query
from app.launch_context import LaunchContext, Verb

# Codes of these systems are searched for without their system; a code of any other system is another code.
CATEGORIES = (
    "http://terminology.hl7.org/CodeSystem/observation-category",
    "http://terminology.hl7.org/CodeSystem/condition-category",
)

Share = Literal["all", "part", "none"]
Restriction = Mapping[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Granted:
    """How much of a search is granted; `only` names the restrictions as sent ("category=laboratory")."""

    share: Share
    only: tuple[str, ...] = ()


def granted(context: LaunchContext, query: Query, verb: Verb = "s") -> Granted:
    """Return how much of `query` the scopes of this launch give."""
    if not context.can(query.resource_type, verb):
        return Granted(share="none")
    only = context.restrictions(query.resource_type, verb)
    if not only:
        return Granted(share="all")
    asked = {name: _values(value) for name, value in query.params if not name.startswith("_")}
    return Granted(share=_share([_restriction(one) for one in only], asked), only=only)


def _share(restrictions: Sequence[Restriction], asked: Restriction) -> Share:
    shares = [_of_one(restriction, asked) for restriction in restrictions]
    if "all" in shares or any(_together(restrictions, name, asked[name]) for name in asked):
        return "all"
    return "part" if "part" in shares else "none"


def _of_one(restriction: Restriction, asked: Restriction) -> Share:
    """A parameter that is not asked by may still leave something out; one without a common value leaves nothing."""
    shares = [
        "part" if name not in asked else _of_values(values, asked[name])
        for name, values in restriction.items()
    ]
    if "none" in shares:
        return "none"
    return "all" if set(shares) == {"all"} else "part"


def _of_values(given: frozenset[str], asked: frozenset[str]) -> Share:
    if asked <= given:
        return "all"
    return "part" if asked & given else "none"


def _together(restrictions: Sequence[Restriction], name: str, asked: frozenset[str]) -> bool:
    """Several scopes, each with its own category, give a search for all of them whole."""
    alone = [one[name] for one in restrictions if one.keys() == {name}]
    return asked <= frozenset().union(*alone)


def _restriction(params: str) -> Restriction:
    return {name: _values(value) for name, value in parse_qsl(params, keep_blank_values=True)} or {
        params: frozenset()
    }


def _values(value: str) -> frozenset[str]:
    return frozenset(_known(one) for one in value.split(","))


def _known(token: str) -> str:
    system, bar, code = token.rpartition("|")
    return code if bar and system in CATEGORIES else token
