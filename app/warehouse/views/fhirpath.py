"""Parse a FHIRPath expression into a small tree, with the grammar that fhirpathpy keeps.

Only the parser of fhirpathpy is used, strictly: text that is left over, or that its lexer skips, is refused. What the tree
has a node for is not yet supported; `paths` decides that.

Source: FHIRPath N1, https://hl7.org/fhirpath/N1/grammar.html
"""

import re
from functools import lru_cache
from typing import Any, NoReturn

from app.errors import ViewRefused
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

ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
ESCAPED = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}
MOST_CHARACTERS = 2000


@lru_cache(maxsize=4096)
def parse(text: str) -> Tree:
    """Return the tree of an expression.

    Raises:
        ViewRefused: it is no FHIRPath, or too long.
    """
    # Loaded here: only a compiler needs a parser.
    from antlr4 import CommonTokenStream, InputStream  # noqa: PLC0415
    from antlr4.error.ErrorListener import ErrorListener  # noqa: PLC0415
    from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer  # noqa: PLC0415
    from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser  # noqa: PLC0415

    if len(text) > MOST_CHARACTERS:
        raise ViewRefused(f"a path of more than {MOST_CHARACTERS} characters")

    class Strict(ErrorListener):
        def syntaxError(self, _r: Any, _o: Any, _l: int, column: int, *_: Any) -> NoReturn:  # noqa: N802
            raise ViewRefused(f"path {text!r} is no FHIRPath: see column {column + 1}")

    lexer = FHIRPathLexer(InputStream(text))
    parser = FHIRPathParser(CommonTokenStream(lexer))
    for one in (lexer, parser):
        one.removeErrorListeners()
        one.addErrorListener(Strict())
    whole: Any = parser
    return _tree(whole.entireExpression().expression())


def _kind(context: Any) -> str:
    return type(context).__name__.removesuffix("Context")


def _tree(context: Any) -> Tree:
    kind = _kind(context)
    parts = [context.getChild(n) for n in range(context.getChildCount())]
    match kind:
        case "TermExpression" | "InvocationTerm" | "LiteralTerm" | "ExternalConstantTerm":
            return _term(parts[0])
        case "ParenthesizedTerm":
            return _tree(parts[1])
        case "InvocationExpression":
            return _invoked(_tree(parts[0]), parts[2])
        case "IndexerExpression":
            return Index(of=_tree(parts[0]), at=_tree(parts[2]))
        case "PolarityExpression":
            return Sign(sign=parts[0].getText(), of=_tree(parts[1]))
        case "TypeExpression":
            raise ViewRefused(f"operator {parts[1].getText()} is not supported; use ofType()")
        case _ if kind.endswith("Expression") and len(parts) == 3:
            left, right = _tree(parts[0]), _tree(parts[2])
            return Binary(operator=parts[1].getText(), left=left, right=right)
    raise ViewRefused(f"FHIRPath {kind} is not supported")


def _term(context: Any) -> Tree:
    kind = _kind(context)
    if kind == "ExternalConstant":
        return Constant(name=_plain(context.getChild(1).getText()))
    if kind.endswith("Literal"):
        return _literal(kind, context.getText())
    if kind.endswith("Invocation"):
        return _invoked(This(), context)
    return _tree(context)


def _invoked(of: Tree, context: Any) -> Tree:
    kind = _kind(context)
    match kind:
        case "MemberInvocation":
            return Member(of=of, name=_plain(context.getText()))
        case "ThisInvocation":
            return of
        case "FunctionInvocation":
            function = context.functn()
            listed = function.paramList()
            given = tuple(_tree(one) for one in listed.expression()) if listed else ()
            return Call(of=of, name=_plain(function.identifier().getText()), arguments=given)
        case _:
            raise ViewRefused(f"{context.getText()} is not supported")


def _literal(kind: str, text: str) -> Literal:
    match kind:
        case "NullLiteral":
            return Literal(value=None, type="nothing")
        case "BooleanLiteral":
            return Literal(value=text == "true", type="boolean")
        case "StringLiteral":
            return Literal(value=_plain(text), type="string")
        case "NumberLiteral" if "." in text:
            return Literal(value=float(text), type="decimal")
        case "NumberLiteral":
            return Literal(value=int(text), type="integer")
        case "DateTimeLiteral":
            return Literal(value=text[1:], type="dateTime" if "T" in text else "date")
        case "TimeLiteral":
            return Literal(value=text[2:], type="time")
        case _:
            raise ViewRefused(f"FHIRPath {kind} is not supported")


def _plain(text: str) -> str:
    """Return a name or a string without its quotes and escapes."""
    if text[:1] not in ("'", "`"):
        return text

    def one(found: re.Match[str]) -> str:
        letter = found[1]
        return chr(int(letter[1:], 16)) if len(letter) > 1 else ESCAPED.get(letter, letter)

    return ESCAPE.sub(one, text[1:-1])
