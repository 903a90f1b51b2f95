"""The one citation grammar: what a handle points to, and how handles stand in text.

`[P3]` cites a row of a table, `[L3b]` the value of row L3 at column b, `[L3]` the whole series of a test,
`[N2]` a note, `[S1]` a search (what a negative statement cites). A line `[show L1 L2]` asks the server to
copy those rows or series from the chart into the answer. Handles are append-only within a launch.
"""

import re
from dataclasses import dataclass
from typing import Literal

DateRole = Literal[
    "ordered", "dispensed", "given", "collected", "resulted", "measured", "recorded", "onset",
    "started", "ended", "written", "signed", "searched", "born", "died", "performed", "planned", "sent", "",
]  # fmt: skip

HANDLE = re.compile(r"[A-Z]\d+(?:[a-z]{1,3}'*)?")
# One citation may name several handles: [L3a, M2].
CITATION = re.compile(rf"\[({HANDLE.pattern}(?:[,;] ?{HANDLE.pattern})*)\]")
SHOW = re.compile(rf"\[show ({HANDLE.pattern}(?: {HANDLE.pattern})*)\]")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One value of one fetched resource, as a citation shows and grounding checks it.

    `path` is the FHIR element path; `field` the word a verdict uses (value, dose, frequency, drug, status,
    date, site, author, words ...). `value` and `unit` are as sent; `date` is the ISO date as sent and
    `date_role` what it means; `quote` is a note's text where the evidence is a passage.
    """

    reference: str
    version: str
    path: str
    field: str
    name: str
    value: str
    unit: str = ""
    status: str = ""
    date: str = ""
    date_role: DateRole = ""


@dataclass(frozen=True, kw_only=True)
class SearchRecord:
    """A search that a negative statement may cite: what, how many were looked through, span, when, how far.

    `section` names the part of the chart (`app.fhir.chart.SectionName`).
    """

    handle: str
    what: str
    kind: str
    searched: int
    total: int | None
    first_date: str
    last_date: str
    searched_at: str
    complete: bool
    why_incomplete: str = ""
    section: str = ""
