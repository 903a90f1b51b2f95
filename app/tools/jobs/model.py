"""What a job is: a name, and parts. A part is one look-up, what is kept of it, and how its rows are written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.fhir.reader import LaunchChart
from app.fhir.sections import SectionName
from app.llm.port import Entry

Arguments = Mapping[str, object]
Keep = Callable[[LaunchChart, Sequence[Entry]], Sequence[Entry]]
# How the deterministic assistant writes a part (`app.llm.job_parts`).
Style = Literal[
    "rows", "visit", "allergies", "latest", "sentences", "medicines", "computed", "passages"
]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part under a heading; parts of one heading follow each other.

    `arguments` may depend on the chart; None of them: the part is not about this patient. `keep` picks, orders and labels
    what the look-up gave; `most` of it are shown, and how many there were is said. `none` names what was looked for
    in `sections` where nothing is kept of what was found. `note` says what the rows do not tell.
    """

    heading: str
    tool: str
    arguments: Arguments | Callable[[LaunchChart], Arguments | None]
    keep: Keep | None = None
    most: int = 12
    style: Style = "rows"
    none: str = ""
    sections: tuple[SectionName, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument of a job, for those who offer it as a prompt."""

    name: str
    description: str
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job. `description` is for a person who picks it."""

    name: str
    title: str
    description: str
    parts: tuple[Part, ...]
    arguments: tuple[Argument, ...] = ()
    note: str = ""
