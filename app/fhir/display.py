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
class Series:
    """The head of one column of a result table; `n` cites the whole series."""

    label: str
    unit: str
    range: str
    n: int
    cite_label: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One result in a table. `status` is empty when final; `n` cites this one value."""

    text: str
    n: int
    label: str
    flag: str = ""
    direction: Direction | None = None
    critical: bool = False
    status: str = ""


@dataclass(frozen=True, kw_only=True)
class ResultLine:
    """The results of one moment; `cells` has one entry per series, None where nothing was measured."""

    date: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, kw_only=True)
class ResultsBlock:
    """Results as a table, newest first."""

    caption: str
    date_role: str
    series: tuple[Series, ...]
    lines: tuple[ResultLine, ...]
    note: str
    kind: Literal["results"] = "results"


@dataclass(frozen=True, kw_only=True)
class RowsBlock:
    """Rows copied from the chart; `more` are shown on request."""

    title: str
    rows: tuple[Row, ...]
    more: tuple[Row, ...] = ()
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


Block = ResultsBlock | RowsBlock | NegativeBlock | QuoteBlock


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
    `fhir_json` is the resource as received, pretty printed; empty for a series or a search.
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
class Card:
    """The launch card: what changed and what is dangerous, cited, without a model."""

    banner: Banner
    encounter: Row | None
    sections: tuple[CardSection, ...]
    read_at: str
    requests: int
    suggestions: tuple[str, ...]
