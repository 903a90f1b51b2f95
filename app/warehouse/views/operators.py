"""FHIRPath's operators on what paths come to; operators and pairs of types that are not here are refused by name.

Dates compare as FHIRPath does: as far as both are known, and empty where that does not decide. A date and a time of day
with a time zone are compared by day, as written.

Source: FHIRPath N1, section 6, https://hl7.org/fhirpath/N1/#operations
"""

from app.errors import ViewRefused
from app.warehouse.views import ir
from app.warehouse.views.elements import FhirType
from app.warehouse.views.focus import STRING, Focus, nothing, one, truth

EQUALITY = {"=": "eq", "!=": "ne"}
ORDER = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
LOGIC = {"and": "and", "or": "or"}
ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
NUMBERS = ("integer", "decimal")
DECIMAL = FhirType("decimal")


def binary(operator: str, left: Focus, right: Focus, text: str) -> Focus:
    """Return `left operator right`; `text` is the whole path, for messages.

    Raises:
        ViewRefused: the operator is not supported, or not for these types.
    """
    if operator in LOGIC:
        return _logic(operator, left, right, text)
    if operator not in EQUALITY | ORDER | ARITHMETIC and operator != "&":
        raise ViewRefused(f"operator {operator} is not supported (in {text})")
    if operator in EQUALITY and (left.many or right.many):
        return _equal_lists(operator, left, right, text)
    left, right = one(left, text), one(right, text)
    if operator == "&":
        return _joined(left, right, text)
    if "nothing" in (left.kind, right.kind):
        return nothing()
    if operator in ARITHMETIC:
        return _computed(operator, left, right, text)
    function = (EQUALITY | ORDER)[operator]
    return truth(_compared(function, _comparable(operator, left, right, text), left, right))


def _logic(operator: str, left: Focus, right: Focus, text: str) -> Focus:
    sides = []
    for side in (left, right):
        if side.kind not in ("boolean", "nothing"):
            raise ViewRefused(f"operator {operator} of {side.type.name} (in {text})")
        sides.append(one(side, text).expression)
    return truth(ir.apply(LOGIC[operator], *sides))


def _comparable(operator: str, left: Focus, right: Focus, text: str) -> str:
    """Return as what two values compare."""
    kinds = {left.kind, right.kind}
    if kinds <= set(NUMBERS):
        return "number"
    if kinds <= {"date", "dateTime"}:
        return "date" if kinds == {"date"} else "dateTime"
    if len(kinds) == 1 and kinds & {
        "text",
        "time",
        *(("boolean",) if operator in EQUALITY else ()),
    }:
        return kinds.pop()
    raise ViewRefused(f"{left.type.name} {operator} {right.type.name} is not supported (in {text})")


def _equal_lists(operator: str, left: Focus, right: Focus, text: str) -> Focus:
    """Compare collections: empty if either is, else whether they hold the same items in the same order."""
    if "nothing" in (left.kind, right.kind):
        return nothing()
    if _comparable(operator, left, right, text) not in ("text", "number", "boolean"):
        left, right = one(left, text), one(right, text)
        return binary(operator, left, right, text)
    lists = [
        side.expression if side.many else ir.apply("list_of_present", side.expression)
        for side in (left, right)
    ]
    empty = ir.apply("or", *(ir.apply("not", ir.apply("more_than", x, ir.Value(value=0))) for x in lists))  # fmt: skip
    same = ir.apply(EQUALITY[operator], *lists)
    return truth(ir.apply("if", empty, ir.NULL, same))


def _compared(function: str, kind: str, left: Focus, right: Focus) -> ir.Expression:
    a, b = left.expression, right.expression
    if kind == "date":
        return _partial(function, a, b, ir.Value(value=True))
    if kind == "dateTime":
        return _instants(function, a, b)
    if kind == "time":
        return _partial(function, ir.apply("clock", a), ir.apply("clock", b), ir.Value(value=True))
    return ir.apply(function, a, b)


def _partial(function: str, a: ir.Expression, b: ir.Expression, whole: ir.Expression) -> ir.Expression:  # fmt: skip
    """Compare ISO text as far as both go; where that is equal, it decides only if both go equally far and `whole`."""
    lengths = ir.apply("length", a), ir.apply("length", b)
    shared = ir.apply("least", *lengths)
    heads = ir.apply("left", a, shared), ir.apply("left", b, shared)
    as_long = ir.apply("and", ir.apply("eq", *lengths), whole)
    # Up to here both are the same, so any comparison of one with itself gives the answer.
    decided = ir.apply("if", as_long, ir.apply(function, *heads), ir.NULL)
    return ir.apply("if", ir.apply("ne", *heads), ir.apply(function, *heads), decided)


def _instants(function: str, a: ir.Expression, b: ir.Expression) -> ir.Expression:
    zoned = ir.apply("zoned", a), ir.apply("zoned", b)
    moments = ir.apply("moment", a), ir.apply("moment", b)
    days = ir.apply("left", a, ir.Value(value=10)), ir.apply("left", b, ir.Value(value=10))
    neither = ir.apply("not", ir.apply("or", *zoned))
    by_day = _partial(function, *days, neither)
    return ir.apply("if", ir.apply("and", *zoned), ir.apply(function, *moments), by_day)


def _computed(operator: str, left: Focus, right: Focus, text: str) -> Focus:
    kinds = {left.kind, right.kind}
    a, b = left.expression, right.expression
    if operator == "+" and kinds == {"text"}:
        return Focus(expression=ir.apply("concatenate", a, b), type=STRING)
    if not kinds <= set(NUMBERS):
        raise ViewRefused(
            f"{left.type.name} {operator} {right.type.name} is not supported (in {text})"
        )
    whole = kinds == {"integer"} and operator != "/"
    kind = FhirType("integer") if whole else DECIMAL
    return Focus(expression=ir.apply(ARITHMETIC[operator], a, b), type=kind)


def _joined(left: Focus, right: Focus, text: str) -> Focus:
    if not {left.kind, right.kind} <= {"text", "nothing"}:
        raise ViewRefused(f"{left.type.name} & {right.type.name} is not supported (in {text})")
    sides = (
        ir.apply("coalesce", ir.Cast(of=x.expression, kind="text"), ir.Value(value=""))
        for x in (left, right)
    )
    return Focus(expression=ir.apply("concatenate", *sides), type=STRING)
