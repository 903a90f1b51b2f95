"""A cohort as a FHIR Group: of its members for who may see them, else by its definition, with a count only where that may be shown.

Source: https://hl7.org/fhir/R4/group.html
"""

from typing import Any

from app.warehouse.cohort.answers import Cohorts, Table
from app.warehouse.cohort.criteria import Cohort, words


def definition(ask: Cohorts, cohort: Cohort, name: str) -> dict[str, Any]:
    """Return a Group that says who fits and names nobody (`actual` false); `quantity` only if the count is told.

    Raises:
        CohortRefused: the user is no analyst; the count may not be told.
    """
    counted: Table = ask.count(cohort)
    day, shown = ask.flat.built.day, counted.rows[-1][-1]
    every = [_characteristic(words(one, day), exclude=False) for one in cohort.all]
    if cohort.any:
        # R4 joins all characteristics by "and": alternatives are one of them, in words.
        every.append(
            _characteristic(" or ".join(words(one, day) for one in cohort.any), exclude=False)
        )
    every += [_characteristic(words(one, day), exclude=True) for one in cohort.none]
    quantity = {"quantity": int(shown)} if shown.isdigit() else {}
    text = {
        "status": "generated",
        "div": _div(f"{counted.words} {shown} patients. {' '.join(counted.notes)}"),
    }
    return {
        "resourceType": "Group", "text": text, "type": "person", "actual": False, "name": name, **quantity,
        **({"characteristic": every} if every else {}),
    }  # fmt: skip


def _characteristic(said: str, *, exclude: bool) -> dict[str, Any]:
    return {"code": {"text": said}, "valueBoolean": True, "exclude": exclude}


def _div(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{escaped}</div>'
