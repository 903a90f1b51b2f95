"""Compile a FHIRPath expression: its tree, on a focus, to an expression without an engine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.errors import ViewRefused
from app.warehouse.views import ir
from app.warehouse.views.elements import FhirType
from app.warehouse.views.fhirpath import parse
from app.warehouse.views.focus import Focus, Names, item, nothing, one, step
from app.warehouse.views.functions import Called, call
from app.warehouse.views.operators import binary
from app.warehouse.views.tree import (
    Binary,
    Call,
    Constant,
    Index,
    Literal,
    Member,
    Sign,
    This,
    Tree,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a path starts from: the focus, `%rowIndex` (0 for a resource), the view's constants.

    `filled` is false in the row of a `forEachOrNull` that finds nothing; None where there is no such row.
    """

    focus: Focus
    position: ir.Expression
    constants: Mapping[str, Focus]
    names: Names
    filled: ir.Expression | None = None


def compile_path(text: object, scope: Scope, where: str) -> Focus:
    """Return what a path comes to; `where` names the place in the view for messages.

    Raises:
        ViewRefused: the path is no FHIRPath, or holds what is not supported: it is named.
    """
    if not isinstance(text, str) or not text.strip():
        raise ViewRefused(f"{where}: a path is text, not {type(text).__name__}")
    try:
        return _evaluate(parse(text), scope, text)
    except ViewRefused as error:
        raise ViewRefused(f"{where}: {error}") from error


def _evaluate(tree: Tree, scope: Scope, text: str) -> Focus:
    def again(inner: Tree, focus: Focus) -> Focus:
        return _evaluate(inner, replace(scope, focus=focus), text)

    match tree:
        case This():
            return scope.focus
        case Literal():
            return _literal(tree)
        case Constant():
            return _constant(tree.name, scope)
        case Member():
            return _member(tree, scope, text)
        case Index():
            return _index(again(tree.of, scope.focus), again(tree.at, scope.focus), text)
        case Sign():
            return _signed(tree.sign, one(again(tree.of, scope.focus), text))
        case Binary():
            left, right = again(tree.left, scope.focus), again(tree.right, scope.focus)
            return binary(tree.operator, left, right, text)
        case Call():
            called = Called(
                name=tree.name, arguments=tree.arguments, evaluate=again, names=scope.names, text=text
            )  # fmt: skip
            return call(again(tree.of, scope.focus), called)


def _member(tree: Member, scope: Scope, text: str) -> Focus:
    focus = _evaluate(tree.of, scope, text)
    if isinstance(tree.of, This) and focus.root and tree.name == focus.type.name:
        return focus  # A path may begin with the type: Patient.name
    return step(focus, tree.name, scope.names)


def _literal(tree: Literal) -> Focus:
    if tree.value is None:
        return nothing()
    if tree.type == "dateTime" and "T" in str(tree.value):
        _demand_zone(str(tree.value))
    return Focus(expression=ir.Value(value=tree.value), type=FhirType(tree.type))


def _demand_zone(text: str) -> None:
    """Refuse a time of day whose zone is not told: it would be compared with moments."""
    clock = text.partition("T")[2]
    if not (clock.endswith("Z") or "+" in clock or "-" in clock):
        raise ViewRefused(f"@{text} has no time zone")


def _constant(name: str, scope: Scope) -> Focus:
    if name == "rowIndex":
        if isinstance(scope.position, ir.Column | ir.Position):
            scope.names.positions.add(scope.position.name)
        return Focus(expression=scope.position, type=FhirType("integer"))
    if name not in scope.constants:
        raise ViewRefused(f"%{name} is not defined")
    return scope.constants[name]


def _index(focus: Focus, at: Focus, text: str) -> Focus:
    place = at.expression.value if isinstance(at.expression, ir.Value) else None
    if isinstance(place, bool) or not isinstance(place, int) or place < 0:
        raise ViewRefused(f"an index that is no literal number from 0 (in {text})")
    if focus.choices or focus.root:
        raise ViewRefused(f"an index of {focus.type.name} (in {text})")
    if focus.many:
        return item(focus, ir.apply("at", focus.expression, ir.Value(value=place)))
    return focus if place == 0 else nothing()


def _signed(sign: str, focus: Focus) -> Focus:
    if focus.kind not in ("integer", "decimal"):
        raise ViewRefused(f"{sign} of {focus.type.name}")
    negative = ir.apply("negate", focus.expression)
    return focus if sign == "+" else replace(focus, expression=negative, origin=None)
