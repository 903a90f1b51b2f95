"""A patient record that was merged into another: nothing of it is shown, the chart must be opened again."""

from typing import ClassVar

from app.errors import ChartsideError
from app.fhir.source import Resource


class RecordMerged(ChartsideError):
    """The launched Patient was replaced by another record."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "chart.merged"
    public = "This record was merged into another. Re-open the chart from the EHR."


def is_merged(patient: Resource) -> bool:
    """Tell whether a Patient was replaced: a replaced-by link, or inactive with a link to the record that stays.

    Source: https://hl7.org/fhir/R4/patient.html#linking
    """
    kinds = {link.get("type") for link in patient.get("link") or [] if isinstance(link, dict)}
    return "replaced-by" in kinds or (patient.get("active") is False and "refer" in kinds)
