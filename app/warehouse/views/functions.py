"""FHIRPath's functions that a view may call; any other is refused by name.

`join` of nothing is nothing, as FHIRPath has it. Two tests of the SQL on FHIR suite want "" instead, which is contested:
https://github.com/HL7/sql-on-fhir/issues/292

Source: https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html, Supported FHIRPath
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.errors import ViewRefused
from app.warehouse.views import ir
from app.warehouse.views.elements import FhirType, resource_type
from app.warehouse.views.focus import (
    STRING,
    Focus,
    Names,
    boolean,
    each,
    exists,
    first,
    item,
    step,
    truth,
)  # fmt: skip
from app.warehouse.views.tree import Literal, Member, This, Tree

INTEGER = FhirType("integer")


@dataclass(frozen=True, kw_only=True)
class Called:
    """A call: its arguments as trees, how to evaluate one of them on another focus, and fresh names."""

    name: str
    arguments: tuple[Tree, ...]
    evaluate: Callable[[Tree, Focus], Focus]
    names: Names
    text: str


def call(focus: Focus, called: Called) -> Focus:
    """Return what a function makes of a focus.

    Raises:
        ViewRefused: the function is not supported, or not with these arguments.
    """
    if called.name not in FUNCTIONS:
        raise ViewRefused(f"function {called.name}() is not supported (in {called.text})")
    function, least, most = FUNCTIONS[called.name]
    if not least <= len(called.arguments) <= most:
        raise ViewRefused(f"function {called.name}() with {len(called.arguments)} arguments")
    if focus.choices and called.name not in ("ofType", "exists", "empty"):
        raise ViewRefused(f"{called.name}() of a choice: say which type with ofType()")
    return function(focus, called)


def _where(focus: Focus, called: Called) -> Focus:
    criterion = called.arguments[0]
    if not focus.many:
        met = boolean(called.evaluate(criterion, focus), f"where() in {called.text}")
        if focus.root:
            return replace(focus, expression=ir.apply("and", focus.expression, met))
        return replace(focus, expression=ir.apply("if", met, focus.expression, ir.NULL))
    variable = called.names.fresh("x")
    inner = item(focus, ir.Variable(name=variable))
    met = boolean(called.evaluate(criterion, inner), f"where() in {called.text}")
    kept = ir.Keep(items=focus.expression, variable=variable, body=met)
    return replace(focus, expression=kept, origin=None)


def _exists(focus: Focus, called: Called) -> Focus:
    return truth(exists(_where(focus, called) if called.arguments else focus))


def _empty(focus: Focus, _: Called) -> Focus:
    return truth(ir.apply("not", exists(focus)))


def _not(focus: Focus, called: Called) -> Focus:
    return truth(ir.apply("not", boolean(focus, f"not() in {called.text}")))


def _first(focus: Focus, _: Called) -> Focus:
    return item(focus, first(focus.expression)) if focus.many else focus


def _last(focus: Focus, _: Called) -> Focus:
    return item(focus, ir.apply("last", focus.expression)) if focus.many else focus


def _count(focus: Focus, _: Called) -> Focus:
    if focus.many:
        return Focus(expression=ir.size(focus.expression), type=INTEGER)
    counted = ir.apply("if", exists(focus), ir.Value(value=1), ir.Value(value=0))
    return Focus(expression=counted, type=INTEGER)


def _of_type(focus: Focus, called: Called) -> Focus:
    name = _type_name(called)
    for choice in focus.choices:
        if choice.type.name == name:
            return choice
    if focus.type.name in (name, "nothing"):
        return focus
    raise ViewRefused(f"ofType({name}) in {called.text}: the element has no such type")


def _type_name(called: Called) -> str:
    tree = called.arguments[0]
    if isinstance(tree, Member) and isinstance(tree.of, Member) and tree.of.name == "FHIR":
        return tree.name
    if isinstance(tree, Member) and isinstance(tree.of, This):
        return tree.name
    raise ViewRefused(f"{called.name}() in {called.text} needs the name of a FHIR type")


def _extension(focus: Focus, called: Called) -> Focus:
    url = called.evaluate(called.arguments[0], focus)
    if not (isinstance(url.expression, ir.Value) and isinstance(url.expression.value, str)):
        raise ViewRefused(f"extension() in {called.text} needs a url")
    found = step(focus, "extension", called.names)
    if found.type.name == "nothing":
        return found
    variable = called.names.fresh("x")
    own = step(item(found, ir.Variable(name=variable)), "url", called.names)
    met = ir.apply("eq", own.expression, url.expression)
    return replace(found, expression=ir.Keep(items=found.expression, variable=variable, body=met))


def _join(focus: Focus, called: Called) -> Focus:
    separator: ir.Expression = ir.Value(value="")
    if called.arguments:
        argument = called.arguments[0]
        if not isinstance(argument, Literal) or not isinstance(argument.value, str):
            raise ViewRefused(f"join() in {called.text} needs a literal")
        separator = ir.Value(value=argument.value)
    if focus.kind not in ("text", "nothing"):
        raise ViewRefused(f"join() of {focus.type.name} (in {called.text})")
    if not focus.many:
        return focus
    some = ir.apply("more_than", focus.expression, ir.Value(value=0))
    joined = ir.apply("join", focus.expression, separator)
    return Focus(expression=ir.apply("if", some, joined, ir.NULL), type=STRING)


def _resource_key(focus: Focus, called: Called) -> Focus:
    if not focus.root:
        raise ViewRefused(f"getResourceKey() in {called.text}: only of the resource itself")
    return step(focus, "id", called.names)


def _reference_key(focus: Focus, called: Called) -> Focus:
    """Return the id in a literal reference, relative or absolute, with or without a version; of others nothing."""
    if focus.type.name == "nothing":
        return focus
    if focus.type.name != "Reference":
        raise ViewRefused(f"getReferenceKey() of {focus.type.name} (in {called.text})")
    kind = "[A-Z][A-Za-z]*"
    if called.arguments:
        kind = resource_type(_type_name(called)).name
    reference = step(focus, "reference", called.names)
    pattern = rf"^(?:[A-Za-z][A-Za-z0-9+.-]*://.+/)?{kind}/([A-Za-z0-9.-]+)(?:/_history/[A-Za-z0-9.-]+)?$"  # fmt: skip
    keys = each(reference, called.names, lambda x: ir.apply("extract", x, ir.Value(value=pattern)))
    return Focus(expression=keys, type=FhirType("id"), many=reference.many)


Function = Callable[[Focus, Called], Focus]
FUNCTIONS: dict[str, tuple[Function, int, int]] = {
    "where": (_where, 1, 1),
    "exists": (_exists, 0, 1),
    "empty": (_empty, 0, 0),
    "not": (_not, 0, 0),
    "first": (_first, 0, 0),
    "last": (_last, 0, 0),
    "count": (_count, 0, 0),
    "ofType": (_of_type, 1, 1),
    "extension": (_extension, 1, 1),
    "join": (_join, 0, 1),
    "getResourceKey": (_resource_key, 0, 0),
    "getReferenceKey": (_reference_key, 0, 1),
}
