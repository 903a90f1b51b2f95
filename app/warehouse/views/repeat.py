"""Compile `repeat`: an element's items, their items, and so on, in the order in which they stand.

An element that contains itself has no finite schema. So it is read as JSON text, and each level parses its own with the schema
of one item. `MOST_LEVELS` are followed; a resource that goes deeper stops the query, so that no item is lost in silence.
"""

from dataclasses import replace

from app.errors import ViewRefused
from app.warehouse.views import ir
from app.warehouse.views.elements import Element, FhirType, element
from app.warehouse.views.fhirpath import parse
from app.warehouse.views.focus import Focus, Names, nothing
from app.warehouse.views.paths import Scope
from app.warehouse.views.tree import Member, This, Tree

MOST_LEVELS = 10
Steps = tuple[str, ...]


def repeated(paths: object, scope: Scope) -> Focus:
    """Return all that `paths` lead to from the focus, again and again.

    Raises:
        ViewRefused: a path is more than names of elements, or leads to different types.
    """
    if not isinstance(paths, list | tuple) or not paths:
        raise ViewRefused("repeat is no array of paths")
    steps = [_names(path) for path in paths]
    ends = [end for path in steps if (end := _end(scope.focus.type, path))]
    if scope.focus.root is False and scope.focus.type.name == "nothing":
        ends = []
    if not ends:
        return replace(nothing(), expression=ir.Cast(of=ir.NULL, kind="text", many=True), many=True)
    kind = ends[0]
    node = ir.Node(kind, many=True)
    first = _children(scope.focus, steps, node, scope.names)
    items = Focus(expression=first, type=kind, many=True, node=node)
    expression = _level(items, steps, scope.names, 1)
    return replace(items, expression=expression)


def _names(path: object) -> Steps:
    tree: Tree = parse(path) if isinstance(path, str) else This()
    found: list[str] = []
    while isinstance(tree, Member):
        found.insert(0, tree.name)
        tree = tree.of
    if not found or not isinstance(tree, This):
        raise ViewRefused(f"repeat {path!r}: only names of elements are supported")
    return tuple(found)


def _elements(of: FhirType, path: Steps) -> list[Element] | None:
    """Return the elements along a path; None where the type has none of that name."""
    found: list[Element] = []
    for name in path:
        try:
            one = element(of, name)
        except ViewRefused:
            return None
        if isinstance(one, tuple) or not one.type.model:
            raise ViewRefused(f"repeat {'.'.join(path)}: {name} is not supported")
        found.append(one)
        of = one.type
    return found


def _end(of: FhirType, path: Steps) -> FhirType | None:
    found = _elements(of, path)
    return found[-1].type if found else None


def _children(focus: Focus, paths: list[Steps], node: ir.Node, names: Names) -> ir.Expression:
    """Return the items under one focus, by all paths."""
    found: list[ir.Expression] = []
    for path in paths:
        along = _elements(focus.type, path)
        if not along:
            continue
        if along[-1].type != node.type:
            raise ViewRefused(f"repeat {'.'.join(path)}: leads to {along[-1].type.name}, others to {node.type.name}")  # fmt: skip
        found.append(_parsed(focus, along, node, names))
    if not found:
        return ir.apply("list_of_none")
    joined = found[0]
    for more in found[1:]:
        joined = ir.apply("concat", joined, more)
    return joined


def _parsed(focus: Focus, along: list[Element], node: ir.Node, names: Names) -> ir.Expression:
    """Return the items at the end of a path, parsed from their text."""
    head, *rest = along
    inner = focus.node.child(head) if focus.node else ir.Node(head.type, head.many)
    expression: ir.Column | ir.Field = (
        ir.Column(name=head.name, node=inner)
        if focus.root
        else ir.Field(of=focus.expression, name=head.name, node=inner)
    )
    if not rest:
        inner.text = True
        found = ir.Raw(of=expression, node=ir.Node(node.type, head.many, node.children))
        return found if head.many else ir.apply("list_of_present", found)
    if not head.many:
        return _parsed(Focus(expression=expression, type=head.type, node=inner), rest, node, names)
    variable = names.fresh("x")
    one = Focus(expression=ir.Variable(name=variable), type=head.type, node=inner)
    return ir.Transform(
        items=expression, variable=variable, body=_parsed(one, rest, node, names), flat=True
    )


def _level(items: Focus, paths: list[Steps], names: Names, level: int) -> ir.Expression:
    """Return items, each followed by all that is under it."""
    if level > MOST_LEVELS:
        some = ir.apply("more_than", items.expression, ir.Value(value=0))
        message = ir.Value(value=f"repeat goes deeper than {MOST_LEVELS} levels")
        return ir.apply("if", some, ir.apply("error", message), items.expression)
    variable = names.fresh("x")
    one = replace(items, expression=ir.Variable(name=variable), many=False)
    under = _children(one, paths, items.node or ir.Node(items.type, many=True), names)
    deeper = _level(replace(items, expression=under), paths, names, level + 1)
    body = ir.apply("concat", ir.apply("list", one.expression), deeper)
    return ir.Transform(items=items.expression, variable=variable, body=body, flat=True)
