"""What a view computes, in terms that no engine owns: expressions, unnested lists, and which part of the JSON is read.

A list is SQL's NULL or empty where there is nothing; no list of ours holds NULL, except the one row that `forEachOrNull`
makes. Logic has three values, as SQL and FHIRPath both have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.warehouse.views.elements import Element, FhirType


@dataclass(eq=False)
class Node:
    """A part of the JSON that is read: grows while paths are compiled, and becomes the explicit schema.

    With `text` it is read as JSON text, and each use parses it with the schema that it needs: for elements that contain
    themselves.
    """

    type: FhirType
    many: bool
    children: dict[str, "Node"] = field(default_factory=dict)
    text: bool = False

    def child(self, element: Element) -> "Node":
        """Return the node of an element; from now on it is read."""
        return self.children.setdefault(element.name, Node(element.type, element.many))


@dataclass(frozen=True, kw_only=True)
class Value:
    """A constant; None is NULL."""

    value: str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the rows at hand: an element of the resource (then `node` is set), or an unnested item."""

    name: str
    node: Node | None = None


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A lambda's argument."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Position:
    """A lambda's second argument, counted from 0."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Field:
    """A member of a struct; `raw` leaves JSON text unparsed."""

    of: "Expression"
    name: str
    node: Node | None = None


@dataclass(frozen=True, kw_only=True)
class Raw:
    """JSON text of a `Column` or `Field`, read with the schema of `node`."""

    of: "Column | Field"
    node: Node


@dataclass(frozen=True, kw_only=True)
class Apply:
    """A function or operator of the allow-list that every engine has a form for."""

    function: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, kw_only=True)
class Transform:
    """Each item of a list made into another; with `flat`, into a list, and these joined."""

    items: "Expression"
    variable: str
    body: "Expression"
    flat: bool = False
    position: str = ""


@dataclass(frozen=True, kw_only=True)
class Keep:
    """The items of a list for which `body` is true."""

    items: "Expression"
    variable: str
    body: "Expression"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A struct of named values."""

    fields: tuple[tuple[str, "Expression"], ...]


@dataclass(frozen=True, kw_only=True)
class Cast:
    """A value as the SQL type of a kind (`elements.KINDS`)."""

    of: "Expression"
    kind: str
    many: bool = False


Expression = (
    Value | Column | Variable | Position | Field | Raw | Apply | Transform | Keep | Row | Cast
)


@dataclass(frozen=True, kw_only=True)
class Unnest:
    """A step that makes a row for each item of a list: the item in `name`, its position in `position` if wanted."""

    name: str
    items: Expression
    position: str = ""


FREE_TEXT = ("chartside/content", "free-text")


@dataclass(frozen=True, kw_only=True)
class ViewColumn:
    """A column of a view: `type` is a FHIR primitive; `kind` what SQL makes of it.

    `tags` are the definition's, as (name, value); those that ship mark what people type with `FREE_TEXT`.
    """

    name: str
    type: str
    kind: str
    collection: bool = False
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A view: read `root` of every resource, keep those for which all of `where` hold, unnest in order, project."""

    root: Node
    where: Sequence[Expression]
    unnests: Sequence[Unnest]
    columns: Sequence[tuple[ViewColumn, Expression]]


def apply(function: str, *arguments: Expression) -> Apply:
    """Return a call of the allow-list."""
    return Apply(function=function, arguments=arguments)


def size(items: Expression) -> Apply:
    """Return how many items a list has; 0 for NULL."""
    return apply("size", items)


NULL = Value(value=None)
