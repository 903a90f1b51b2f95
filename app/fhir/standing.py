"""What is unusual about a note, in words: unsigned, amended, an addendum, replaced by a later one.

Source: https://hl7.org/fhir/R4/documentreference.html (docStatus, status, relatesTo),
https://hl7.org/fhir/R4/valueset-document-relationship-type.html
"""

from collections import defaultdict

from app.fhir.chart import Chart, Line
from app.fhir.source import Resource

# What the note says of the other, and the other of it.
RELATIONS = {
    "appends": ("addendum to", "has an addendum"),
    "replaces": ("replaces", "replaced by"),
    "transforms": ("made from", "also sent as"),
}
STATUSES = {
    "preliminary": "unsigned", "amended": "amended", "superseded": "superseded", "corrected": "corrected",
    "appended": "appended to", "registered": "without a result", "partial": "not final", "cancelled": "cancelled",
}  # fmt: skip
REPLACED = ("superseded", "replaced by")


def standings(chart: Chart) -> dict[str, str]:
    """Return the words for each document or report that is not simply signed, by its reference."""
    lines = [*chart.tables.get("N", []), *chart.tables.get("R", [])]
    known = {line.reference: line for line in lines}
    said: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        said[line.reference] += _statuses(chart.resources[line.reference])
    for line in lines:
        for code, target in _relations(chart.resources[line.reference]):
            own, others = RELATIONS[code]
            other = known.get(target)
            said[line.reference].append(f"{own} {_named(chart, other)}")
            if other is not None:
                said[target].append(f"{others}: {_named(chart, line)}")
    return {ref: "; ".join(dict.fromkeys(words)) for ref, words in said.items() if words}


def is_replaced(standing: str) -> bool:
    """Tell whether another note stands in place of this one."""
    return standing.startswith(REPLACED) or any(f"; {word}" in standing for word in REPLACED)


def _statuses(resource: Resource) -> list[str]:
    if resource.get("resourceType") == "DiagnosticReport":
        status = resource.get("status")
        sent = ["not final" if status == "preliminary" else STATUSES.get(str(status), "")]
    else:
        sent = [STATUSES.get(str(resource.get(name)), "") for name in ("docStatus", "status")]
    return [word for word in sent if word]


def _relations(resource: Resource) -> list[tuple[str, str]]:
    sent = resource.get("relatesTo")
    out = []
    for relation in sent if isinstance(sent, list) else []:
        target = relation.get("target") if isinstance(relation, dict) else None
        reference = str(target.get("reference") or "") if isinstance(target, dict) else ""
        if reference and relation.get("code") in RELATIONS:
            out.append((relation["code"], "/".join(reference.split("/")[-2:])))
    return out


def _named(chart: Chart, line: Line | None) -> str:
    if line is None:
        return "a note that was not read"
    return f"{line.handle}, {line.text('type') or line.text('order')} of {chart.print_date(line.date)}"  # fmt: skip
