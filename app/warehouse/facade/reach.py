"""For whom something is asked: one patient, the types that may be read, and what is kept back of the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.launch_context import Verb
from app.warehouse.facade.bundle import Notice
from app.warehouse.store.record import Record

if TYPE_CHECKING:
    from app.warehouse.store.reading import OpenSnapshot


@dataclass(frozen=True, kw_only=True)
class Screened:
    """What may be given, and what is said of the rest: it is counted, never silently left out."""

    kept: Sequence[Record]
    notices: Sequence[Notice] = ()


Screen = Callable[["OpenSnapshot", str, Sequence[Record]], Screened]


def nothing_held(_opened: "OpenSnapshot", _kind: str, records: Sequence[Record]) -> Screened:
    """Keep nothing back: who asks does so by itself."""
    return Screened(kept=records)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """`can(type, verb)` is what scopes grant; `screen` takes records of one type and gives those that may be shown."""

    patient: str
    can: Callable[[str, Verb], bool]
    screen: Screen = nothing_held
