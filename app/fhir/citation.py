"""The one citation grammar: what a handle points to, and how handles stand in text.

`[P3]` cites a row of a table, `[L3b]` the value of row L3 at column b, `[L3]` the whole series of a test,
`[N2]` a note, `[S1]` a search (what a negative statement cites), `[CALC1]` what was computed here from cited values. A line `[show L1 L2]` asks the server to
copy those rows or series from the chart into the answer. Handles are append-only within a launch.
"""

import re
from dataclasses import dataclass
from typing import Literal

DateRole = Literal[
    "ordered", "dispensed", "given", "collected", "resulted", "measured", "recorded", "onset",
    "started", "ended", "written", "signed", "searched", "born", "died", "performed", "planned", "sent", "",
]  # fmt: skip

COMPUTED = "CALC"
HANDLE = re.compile(rf"(?:{COMPUTED}|[A-Z])\d+(?:[a-z]{{1,3}}'*)?")
# Handles among other words: not the end of a word ("HbA1c"), and a column only where a grid has one ("A1c" is none).
HANDLES = re.compile(
    rf"(?<![A-Za-z0-9])(?:{COMPUTED}\d+|[LVO]\d+(?:[a-z]{{1,3}}'*)?|[A-Z]\d+)(?![A-Za-z0-9'])"
)
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


@dataclass(frozen=True, kw_only=True)
class ComputedInput:
    """One thing that a computation used: what it is, as printed, and where it stands; no handle: entered, or identity.

    `moment` is its ISO date in the site's zone, `role` what that date means; `status` only where it is not final.
    `converted` says a conversion of units.
    """

    name: str
    text: str
    handle: str = ""
    moment: str = ""
    role: str = ""
    status: str = ""
    converted: str = ""
    entered: bool = False


@dataclass(frozen=True, kw_only=True)
class ComputedValue:
    """A further number of a computation, with its own name."""

    name: str
    value: str
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class ComputedRecord:
    """What this application computed, or checked, from this chart: result, inputs, rule, source, and what is missing.

    `kind` check: `inputs` are the records that a list names, and there is no value. `value` is empty where something
    that it needs is missing; `at_least`: an item of a score is not known. `unit` is as printed.
    """

    handle: str
    kind: Literal["calculation", "check"]
    name: str
    value: str
    unit: str
    rule: str
    source: str
    inputs: tuple[ComputedInput, ...]
    also: tuple[ComputedValue, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    at_least: bool = False
