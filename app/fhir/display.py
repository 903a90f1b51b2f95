"""Typed pieces of the chart that a screen draws: never HTML, never written by a model.

A `Row` is a line of the launch card or of an answer; a `Block` is a part of an answer that the server
copied from the chart. Dates are already printed (dd-MMM-yyyy, site zone); a cite's `n` is the source's
number in this launch (`GET /api/launches/{launch}/sources/{n}`). TypeScript types are generated from here.
"""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["high", "low", "abnormal"]


@dataclass(frozen=True, kw_only=True)
class Text:
    """Plain words. `drug` is a medicine's name (never cut), `nowrap` a dose or duration."""

    text: str
    style: Literal["plain", "strong", "drug", "muted", "nowrap"] = "plain"
    kind: Literal["text"] = "text"


@dataclass(frozen=True, kw_only=True)
class Date:
    """A printed date or date and time, in the site's zone."""

    text: str
    kind: Literal["date"] = "date"


@dataclass(frozen=True, kw_only=True)
class Value:
    """A result: number and unit as sent, flag as sent by the laboratory, range as sent.

    `direction` and `critical` come from the sent interpretation code only, never from a comparison.
    """

    text: str
    unit: str = ""
    flag: str = ""
    direction: Direction | None = None
    critical: bool = False
    range: str = ""
    kind: Literal["value"] = "value"


@dataclass(frozen=True, kw_only=True)
class Cite:
    """A chip. `label` is spoken: "potassium, 19-Nov-2026"; a search chip also shows `text`."""

    n: int
    label: str
    text: str = ""
    search: bool = False
    kind: Literal["cite"] = "cite"


Piece = Text | Date | Value | Cite


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line with its smaller lines (`meta`) under it. `tone` alarm: red bar; warn: amber triangle."""

    pieces: tuple[Piece, ...]
    meta: tuple[tuple[Piece, ...], ...] = ()
    tone: Literal["plain", "alarm", "warn"] = "plain"


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One end of a reference range: `number` for its place on a scale, `text` with the digits that were sent."""

    number: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Series:
    """The head of one column of a result table; `n` cites the whole series.

    `low` and `high` are the ends of the reference range, only where every result of the column was sent with the same
    one. `plotted`: two moments or more have a plain number, so the column can stand in the trend.
    """

    label: str
    unit: str
    range: str
    n: int
    cite_label: str
    low: Edge | None = None
    high: Edge | None = None
    plotted: bool = False


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One result in a table. `status` is empty when final; `n` cites this one value.

    `number` is the value for its place on a scale; None for words, ratios and "<5", which stand in the table only.
    """

    text: str
    n: int
    label: str
    flag: str = ""
    direction: Direction | None = None
    critical: bool = False
    status: str = ""
    number: float | None = None


@dataclass(frozen=True, kw_only=True)
class ResultLine:
    """The results of one moment; `cells` has one entry per series, None where nothing was measured.

    `at` is the moment as ISO in the site's zone (`2026-11-19` or `2026-11-19T09:10`), empty where no day is known.
    """

    date: str
    cells: tuple[Cell | None, ...]
    at: str = ""


@dataclass(frozen=True, kw_only=True)
class SupplyBar:
    """An active order under a trend: what was ordered, never what was taken.

    `starts` and `ends` are ISO days of the first ordered supply, `ends` and `days` empty where it is not known how
    long it lasts; `ordered` is the printed day. `refill`: more may have been handed out after it.
    """

    label: str
    n: int
    cite_label: str
    ordered: str
    starts: str
    ends: str
    days: str
    refill: bool


@dataclass(frozen=True, kw_only=True)
class Trend:
    """What a result table needs besides its cells to be drawn over time; the axis ends at `until` (ISO, clinical now)."""

    title: str
    until: str
    bars: tuple[SupplyBar, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResultsBlock:
    """Results as a table, newest first; `trend` where some of them can also be drawn over time."""

    caption: str
    date_role: str
    series: tuple[Series, ...]
    lines: tuple[ResultLine, ...]
    note: str
    trend: Trend | None = None
    kind: Literal["results"] = "results"


@dataclass(frozen=True, kw_only=True)
class RowsBlock:
    """Rows copied from the chart, or what a rule makes of them; `more` are shown on request."""

    title: str
    rows: tuple[Row, ...]
    more: tuple[Row, ...] = ()
    by: Literal["chart", "rule"] = "chart"
    kind: Literal["rows"] = "rows"


@dataclass(frozen=True, kw_only=True)
class NegativeBlock:
    """A search that found nothing. `state` unread means it could not be finished: not "none"."""

    state: Literal["none_found", "unread"]
    title: str
    pieces: tuple[Piece, ...]
    kind: Literal["negative"] = "negative"


@dataclass(frozen=True, kw_only=True)
class QuoteBlock:
    """A passage of a note, word for word; `copied_from` names first author and date if copied forward."""

    title: tuple[Piece, ...]
    passage: str
    copied_from: str = ""
    kind: Literal["quote"] = "quote"


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One criterion of a rule with the input that this chart has for it; `age` is said where the input is old."""

    name: str
    pieces: tuple[Piece, ...]
    meets: Literal["yes", "no", "missing"]
    age: str = ""


@dataclass(frozen=True, kw_only=True)
class CriteriaBlock:
    """A rule that counts criteria, for one order: general knowledge (`rule`) held against this chart's own inputs."""

    title: tuple[Piece, ...]
    reason: tuple[Piece, ...]
    rule: str
    criteria: tuple[Criterion, ...]
    sum: str
    kind: Literal["criteria"] = "criteria"


Block = ResultsBlock | RowsBlock | NegativeBlock | QuoteBlock | CriteriaBlock


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A run of note text. `mark`: words the claim used; `copied`: stands in an earlier note."""

    text: str
    mark: bool = False


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A paragraph of a note; `copied_from` is "14-Nov-2026 by T. Alvarez, RN", `copied_n` its source."""

    segments: tuple[Segment, ...]
    copied_from: str = ""
    copied_n: int | None = None


@dataclass(frozen=True, kw_only=True)
class SourceFact:
    """A line of a source: `field` is what a verdict may name (dose, frequency, date, value, unit, status ...)."""

    label: str
    pieces: tuple[Piece, ...]
    field: str = ""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a citation points to, as `GET .../sources/{n}` answers it.

    Exactly one of `facts` (a resource), `note`, `results` (a series), `search` is the main part.
    `fhir_json` is the resource as received, pretty printed; empty for a series or a search. `heading_fields` has one
    entry per piece of `heading`: the field it shows (as in `SourceFact.field`) or "".
    """

    n: int
    kind_label: str
    heading: tuple[Piece, ...]
    summary: str
    reference: str
    facts: tuple[SourceFact, ...] = ()
    as_sent: str = ""
    note: tuple[Paragraph, ...] = ()
    results: ResultsBlock | None = None
    fhir_json: str = ""
    heading_fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Allergies:
    """The four allergy states, never mixed: known, none (stated), unasked (empty), unread (refused or failed)."""

    state: Literal["known", "none", "unasked", "unread"]
    title: str
    text: str
    short: tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Banner:
    """The identity strip. `family` upper case; `age` printed by age band; `notice` is the line under it."""

    family: str
    given: str
    title: str
    born: str
    age: str
    sex: str
    mrn: str
    died: str
    weight: str
    weight_date: str
    encounter: tuple[Piece, ...]
    allergies: Allergies
    notice: str
    notice_tone: Literal["", "deceased", "rules"]


@dataclass(frozen=True, kw_only=True)
class CardSection:
    """One part of the launch card; `column` is where it stands on a wide screen."""

    id: str
    title: tuple[Piece, ...]
    rows: tuple[Row, ...]
    column: Literal["main", "side"]


@dataclass(frozen=True, kw_only=True)
class Restricted:
    """What the EHR keeps back of this chart, and what can be read; shown once, full frame, before the card."""

    held: str
    readable: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """The launch card: what changed and what is dangerous, cited, without a model."""

    banner: Banner
    encounter: Row | None
    sections: tuple[CardSection, ...]
    read_at: str
    requests: int
    suggestions: tuple[str, ...]
    restricted: Restricted | None = None
