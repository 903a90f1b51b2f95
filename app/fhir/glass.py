"""A patient whom the EHR shows only to a user who breaks the glass: Chartside never does, and says where to go."""

from typing import ClassVar

from app.errors import ChartsideError


class ChartRestricted(ChartsideError):
    """The EHR did not show the launched Patient: its own access rules ask for a reason first."""

    status: ClassVar[int] = 403
    code: ClassVar[str] = "chart.restricted"
    public = (
        "The EHR restricts this chart. Open it there if you need it, then relaunch. "
        "Chartside does not break the glass."
    )
