"""Write a plan as SQL. What differs between engines stands in a `Dialect`; there is one writer for all of them."""

from typing import ClassVar, Protocol

from app.warehouse.views import ir


class Dialect(Protocol):
    """An engine's way to write what a plan holds."""

    name: str
    # Every function of the allow-list; {0}, {1} … stand for its arguments.
    functions: ClassVar[dict[str, str]]
    # The SQL type of each kind.
    types: ClassVar[dict[str, str]]

    def identifier(self, name: str) -> str:
        """Quote a name."""

    def text(self, value: str) -> str:
        """Quote text."""

    def transform(self, items: str, variable: str, position: str, body: str, *, flat: bool) -> str:
        """Write a list of which each item is made into another."""

    def keep(self, items: str, variable: str, body: str) -> str:
        """Write a list's items for which `body` is true."""

    def row(self, fields: list[tuple[str, str]]) -> str:
        """Write a struct."""

    def parse(self, text: str, node: ir.Node) -> str:
        """Write JSON text parsed with the schema of a node."""

    def list_type(self, kind: str) -> str:
        """Write the type of a list."""

    def position(self, variable: str) -> str:
        """Write a lambda's second argument, counted from 0."""

    def unnest(self, items: str, name: str, position: str) -> str:
        """Write the part of a select list that makes a row for each item."""


def sql(plan: ir.Plan, relation: str, dialect: Dialect) -> str:
    """Return the query of a plan over `relation`, a FROM item that has the columns of `plan.root`."""
    wanted = ", ".join(dialect.identifier(name) for name in plan.root.children)
    query = f"SELECT {wanted} FROM {relation}"  # noqa: S608  # names and relation are quoted by the dialect
    if plan.where:
        query += f" WHERE {' AND '.join(_written(one, dialect) for one in plan.where)}"
    for unnest in plan.unnests:
        items = _written(unnest.items, dialect)
        listed = dialect.unnest(items, unnest.name, unnest.position)
        query = f"SELECT *, {listed} FROM ({query})"  # noqa: S608  # as above
    columns = ", ".join(
        f"{_written(value, dialect)} AS {dialect.identifier(column.name)}"
        for column, value in plan.columns
    )
    return f"SELECT {columns} FROM ({query})"  # noqa: S608  # as above


def _written(expression: ir.Expression, dialect: Dialect) -> str:
    match expression:
        case ir.Value():
            return literal(expression.value, dialect)
        case ir.Column() | ir.Field():
            return _read(expression, dialect)
        case ir.Raw():
            return dialect.parse(_plain(expression.of, dialect), expression.node)
        case ir.Variable():
            return expression.name
        case ir.Position():
            return dialect.position(expression.name)
        case _:
            return _composed(expression, dialect)


def _composed(
    expression: ir.Apply | ir.Transform | ir.Keep | ir.Row | ir.Cast, dialect: Dialect
) -> str:
    match expression:
        case ir.Apply():
            form = dialect.functions[expression.function]
            return form.format(*(_written(one, dialect) for one in expression.arguments))
        case ir.Transform():
            items, body = _written(expression.items, dialect), _written(expression.body, dialect)
            return dialect.transform(
                items, expression.variable, expression.position, body, flat=expression.flat
            )
        case ir.Keep():
            items, body = _written(expression.items, dialect), _written(expression.body, dialect)
            return dialect.keep(items, expression.variable, body)
        case ir.Row():
            return dialect.row([(n, _written(value, dialect)) for n, value in expression.fields])
        case ir.Cast():
            plain, listed = dialect.types[expression.kind], dialect.list_type(expression.kind)
            written = _written(expression.of, dialect)
            return f"CAST({written} AS {listed if expression.many else plain})"


def _read(place: ir.Column | ir.Field, dialect: Dialect) -> str:
    plain, node = _plain(place, dialect), place.node
    if node and node.text:
        return dialect.parse(plain, ir.Node(node.type, node.many, node.children))
    return plain


def _plain(place: ir.Column | ir.Field, dialect: Dialect) -> str:
    name = dialect.identifier(place.name)
    return name if isinstance(place, ir.Column) else f"{_base(place.of, dialect)}.{name}"


def _base(of: ir.Expression, dialect: Dialect) -> str:
    written = _written(of, dialect)
    simple = isinstance(of, ir.Column | ir.Field | ir.Variable)
    return written if simple else f"({written})"


def literal(value: str | int | float | bool | None, dialect: Dialect) -> str:
    """Return a literal; a number with a fraction is a double in every engine."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return dialect.text(value)
    if isinstance(value, int):
        return str(value).upper()
    return repr(value) if "e" in repr(value) else f"{value!r}e0"
