"""A FHIRPath expression as a tree: what `fhirpath` parses and `paths` compiles."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Literal:
    """A literal of a FHIR primitive type; `value` is as written, None for `{}`."""

    value: str | int | float | bool | None
    type: str


@dataclass(frozen=True, kw_only=True)
class This:
    """The focus: `$this`, or what a path starts from."""


@dataclass(frozen=True, kw_only=True)
class Constant:
    """`%name`."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Member:
    """`of.name`."""

    of: "Tree"
    name: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """`of.name(arguments)`; an argument may be a criterion, so it is a tree."""

    of: "Tree"
    name: str
    arguments: tuple["Tree", ...]


@dataclass(frozen=True, kw_only=True)
class Index:
    """`of[at]`."""

    of: "Tree"
    at: "Tree"


@dataclass(frozen=True, kw_only=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: "Tree"
    right: "Tree"


@dataclass(frozen=True, kw_only=True)
class Sign:
    """`+of` or `-of`."""

    sign: str
    of: "Tree"


Tree = Literal | This | Constant | Member | Call | Index | Binary | Sign
