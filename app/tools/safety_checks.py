"""The tool of the deterministic checks."""

from typing import Annotated, Literal

from msgspec import Meta

from app.errors import ToolRefused
from app.fhir.reader import LaunchChart
from app.llm.synonyms import contains
from app.tools.calculate import check_text, computed_entry
from app.tools.checks.checks import CHECKS, check
from app.tools.checks.lists import is_listed
from app.tools.checks.running import Checking
from app.tools.registry import Found, Tool

READS = ("MedicationRequest", "AllergyIntolerance")


def safety_checks(
    launch: LaunchChart,
    kind: Literal["all", "allergy", "duplicates", "renal", "qt", "supply"] = "all",
    medicine: Annotated[str, Meta(max_length=80)] = "",
    *,
    typed: str,
) -> Found:
    """Active orders held against lists: allergy class, duplicates, kidney dose, QT, supply end. No interactions.

    medicine: check only this one, ordered or not. No match is not a clearance: say so.
    """
    asked = " ".join(medicine.split())
    if asked and not (is_listed(asked) or contains(typed, asked)):
        # It is printed beside what the chart says: no words of a model's own stand there.
        raise ToolRefused("name one medicine, as it is listed or as the user typed it")
    checking = Checking(launch=launch, asked=asked)
    kinds = [k for k in CHECKS if kind == k or (kind == "all" and not (medicine and k == "supply"))]
    records = [(k, launch.chart.ledger.compute(check(checking, k))) for k in kinds]
    chart = launch.chart
    return Found(
        text=check_text(chart, [record for _, record in records]), sections=tuple(checking.sections),
        entries=tuple(computed_entry(chart, record, k) for k, record in records),
    )  # fmt: skip


SAFETY_CHECKS = Tool(function=safety_checks, reads=READS, hears=True)
