"""One printable result, and the grid of tests by moments that results are arranged in."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.fhir.citation import Evidence


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One printable result: a value, or the two components of a blood pressure.

    `moment` is the date and minute in the site's zone (a date, month or year where no more was sent); `flag` is the
    interpretation as sent (H, L, HH ...), `status` the Observation's, `outside` whether the number lies outside
    the sent range (used only to mark `*` where no flag was sent). `text` has the digits that were sent.
    """

    code: str
    name: str
    display: str
    unit: str
    moment: str
    text: str
    flag: str
    status: str
    limits: str
    outside: bool
    site: str
    evidence: tuple[Evidence, ...]
    numeric: bool
    method: str = ""

    @property
    def same(self) -> tuple[str, str, str]:
        """What makes two readings of one moment the same result."""
        return (self.text, self.flag, self.status)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One test in one unit. `cells` maps a column label (`a`, `a'`) to its readings, newest first."""

    handle: str
    code: str
    name: str
    unit: str
    limits: str
    cells: Mapping[str, tuple[Reading, ...]]


@dataclass(frozen=True, kw_only=True)
class Unvalued:
    """A test of which `sent` results came without any value, nor a reason why: ordered perhaps, or withheld."""

    code: str
    name: str
    display: str
    sent: int


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Tests by moments. `columns` maps a label to its moment (`YYYY-MM-DDThh:mm`), newest first."""

    columns: Mapping[str, str]
    rows: tuple[Row, ...]
    unvalued: tuple[Unvalued, ...] = ()

    def moment(self, place: str) -> str:
        """Return the moment of a column label, with or without primes."""
        return self.columns[place.rstrip("'")]
