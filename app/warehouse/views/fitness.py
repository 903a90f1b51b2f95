"""Check in DuckDB that JSON text has the JSON types that FHIR gives the elements which a view reads.

`from_json` makes NULL of an object where a list should be, and a view would lose it in silence. Files of one type are read
strictly by themselves; for other text this is written into the query, and stops it. Text is not checked: any JSON can be text.
"""

from collections.abc import Callable, Iterator

from app.warehouse.views import ir

ALLOWED = {"boolean": "BOOLEAN", "integer": "UBIGINT BIGINT", "decimal": "UBIGINT BIGINT DOUBLE HUGEINT UHUGEINT"}  # fmt: skip
UNFIT = "an element is of another JSON type than in FHIR R4"


def unfit(json: str, root: ir.Node, quote: Callable[[str], str]) -> str:
    """Return a condition: true where an element of the column `json` does not fit, NULL or false where all do."""
    places = list(_places("$", root))
    plain = [place for place in places if "[*]" not in place[0]]
    below_lists = [place for place in places if "[*]" in place[0]]
    found = []
    if plain:
        paths = ", ".join(quote(path) for path, _ in plain)
        kinds = ", ".join(quote(allowed) for _, allowed in plain)
        found.append(
            f"len(list_filter(json_type({json}, [{paths}]), lambda t, i: NOT contains([{kinds}][i], t))) > 0"
        )
    found += [
        f"len(list_filter(json_type({json}, {quote(path)}), lambda t: NOT contains({quote(allowed)}, t))) > 0"
        for path, allowed in below_lists
    ]
    return " OR ".join(found) or "FALSE"


def _places(at: str, node: ir.Node) -> Iterator[tuple[str, str]]:
    """Yield each place below a node whose type matters, with the types that it may have; null is as if absent."""
    for name, child in node.children.items():
        path = f'{at}."{name}"'
        if child.many:
            yield path, "ARRAY NULL"
            path += "[*]"
        allowed = "OBJECT" if child.type.model else ALLOWED.get(child.type.kind)
        if allowed:
            yield path, f"{allowed} NULL"
        if not child.text:
            yield from _places(path, child)
