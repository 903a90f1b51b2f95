"""What a part of a FHIRPath expression is: one value or a list, of which type; and steps from it to its elements."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.errors import ViewRefused
from app.warehouse.views import ir
from app.warehouse.views.elements import Element, FhirType, element

NOTHING = FhirType("nothing")
BOOLEAN = FhirType("boolean")
STRING = FhirType("string")


@dataclass
class Names:
    """Fresh names for variables and unnested items, the positions that a path has asked for, and columns that are one."""

    count: int = 0
    positions: set[str] = field(default_factory=set)
    zero: set[str] = field(default_factory=set)

    def fresh(self, letter: str) -> str:
        """Return a name that no FHIR element has: those hold no underscore inside."""
        self.count += 1
        return f"{letter}_{self.count}"


@dataclass(frozen=True, kw_only=True)
class Focus:
    """A collection that a path has come to: `expression` is a list if `many`, else one value or NULL.

    `root`: the resource itself; `expression` then says whether it passed the criteria so far. `choices`: an element such as
    `value` before `ofType()` says which. `origin`: where a primitive stands, for its extensions.
    """

    expression: ir.Expression
    type: FhirType
    many: bool = False
    node: ir.Node | None = None
    root: bool = False
    choices: tuple["Focus", ...] = ()
    origin: tuple["Focus", Element] | None = None

    @property
    def kind(self) -> str:
        """What SQL makes of it; an undecided choice is complex."""
        return "complex" if self.choices or self.root else self.type.kind


def nothing() -> Focus:
    """Return the empty collection."""
    return Focus(expression=ir.NULL, type=NOTHING)


def truth(expression: ir.Expression) -> Focus:
    """Return a boolean."""
    return Focus(expression=expression, type=BOOLEAN)


def item(focus: Focus, expression: ir.Expression) -> Focus:
    """Return one item of a list, or what stands in its place."""
    return replace(focus, expression=expression, many=False, origin=None)


def each(
    focus: Focus,
    names: Names,
    body: Callable[[ir.Expression], ir.Expression],
    *,
    flat: bool = False,
) -> ir.Expression:
    """Return a value, or every item of a list, made into another; items that come to NULL are dropped."""
    if not focus.many:
        return body(focus.expression)
    variable = names.fresh("x")
    found = ir.Transform(
        items=focus.expression, variable=variable, body=body(ir.Variable(name=variable)), flat=flat
    )
    return found if flat else present(found, names)


def present(items: ir.Expression, names: Names) -> ir.Expression:
    """Return a list without NULL."""
    variable = names.fresh("x")
    return ir.Keep(
        items=items, variable=variable, body=ir.apply("present", ir.Variable(name=variable))
    )


def step(focus: Focus, name: str, names: Names) -> Focus:
    """Return what stands under `name`.

    Raises:
        ViewRefused: there is no such element, or a choice was not decided.
    """
    if focus.type == NOTHING:
        return focus
    if focus.choices:
        raise ViewRefused(f"{name} of a choice: say which type with ofType()")
    if not focus.type.model:
        return _of_primitive(focus, name, names)
    found = element(focus.type, name)
    if isinstance(found, tuple):
        choices = tuple(_member(focus, one, names) for one in found)
        return replace(choices[0], type=focus.type, choices=choices, node=None, origin=None)
    if found.type.name == "Resource":
        raise ViewRefused(f"{focus.type.name}.{name} is not supported")
    return _member(focus, found, names)


def _of_primitive(focus: Focus, name: str, names: Names) -> Focus:
    """Step into a primitive's `id` or `extension`, which stand beside it: `_birthDate`."""
    if not focus.origin or name != "extension":
        raise ViewRefused(f"{name} of a {focus.type.name}: a primitive has no such element")
    parent, own = focus.origin
    model = element(parent.type, "extension")
    if isinstance(model, tuple):
        raise ViewRefused(f"extension of {own.name} is not supported")
    # Any type with an extension serves as the type of `_birthDate`, which is an Element.
    period = FhirType("Element", _element_model())
    return step(_member(parent, Element(f"_{own.name}", period, own.many), names), name, names)


def _element_model() -> object:
    from fhirclient.models.element import Element as Model  # type: ignore[import-untyped]  # noqa: PLC0415  # fhirclient ships no types

    return Model


def _member(focus: Focus, found: Element, names: Names) -> Focus:
    node = focus.node.child(found) if focus.node else ir.Node(found.type, found.many)
    if focus.root:
        column = ir.Column(name=found.name, node=node)
        passed = focus.expression == ir.Value(value=True)
        expression: ir.Expression = (
            column if passed else ir.apply("if", focus.expression, column, ir.NULL)
        )
    else:
        expression = each(
            focus, names, lambda one: ir.Field(of=one, name=found.name, node=node), flat=found.many
        )
    primitive = found.type.model is None
    if found.many and primitive:
        # A primitive that has only extensions is null in the array: it has no value.
        expression = present(expression, names)
    return Focus(
        expression=expression,
        type=found.type,
        many=focus.many or found.many,
        node=node,
        origin=(focus, found) if primitive else None,
    )


def one(focus: Focus, what: str) -> Focus:
    """Return the only item; a list with more stops the query with an error that names `what`."""
    if focus.choices:
        raise ViewRefused(f"{what}: say which type with ofType()")
    if not focus.many:
        return focus
    more = ir.apply("more_than", focus.expression, ir.Value(value=1))
    message = ir.apply("error", ir.Value(value=f"{what} has more than one item"))
    return item(focus, ir.apply("if", more, message, first(focus.expression)))


def first(items: ir.Expression) -> ir.Expression:
    """Return the first item of a list; NULL if there is none."""
    return ir.apply("at", items, ir.Value(value=0))


def exists(focus: Focus) -> ir.Expression:
    """Return whether there is any item; never NULL."""
    if focus.choices:
        found = [exists(choice) for choice in focus.choices]
        any_one = found[0]
        for another in found[1:]:
            any_one = ir.apply("or", any_one, another)
        return any_one
    if focus.root:
        return ir.apply("coalesce", focus.expression, ir.Value(value=False))
    if focus.many:
        return ir.apply("more_than", focus.expression, ir.Value(value=0))
    return ir.apply("present", focus.expression)


def boolean(focus: Focus, what: str) -> ir.Expression:
    """Return a criterion's expression.

    Raises:
        ViewRefused: it is no boolean.
    """
    if focus.kind not in ("boolean", "nothing"):
        raise ViewRefused(f"{what} is {focus.type.name}, not boolean")
    return one(focus, what).expression
