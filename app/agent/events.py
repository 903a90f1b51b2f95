"""What a turn streams: AG-UI 1.0 events and our CUSTOM payloads (`name` "chartside.…", `value` below).

The standard events are AG-UI's own (`ag_ui.core`): RUN_STARTED, STEP_STARTED, STEP_FINISHED, TOOL_CALL_START,
TOOL_CALL_ARGS, TOOL_CALL_END, TOOL_CALL_RESULT, TEXT_MESSAGE_START, TEXT_MESSAGE_CONTENT, TEXT_MESSAGE_END,
RUN_FINISHED, RUN_ERROR. A citation stands in a text delta as U+E000 n U+E001, always within one delta.

Source: https://docs.ag-ui.com (protocol 1.0)
"""

from dataclasses import dataclass
from typing import Literal

from app.fhir.display import Block, Piece

CITE_OPEN, CITE_CLOSE = "\ue000", "\ue001"

Verdict = Literal["pending", "match", "mismatch", "unchecked"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field that does not match: what the sentence says and what the record says, as printed."""

    field: str
    says: str
    record: str


@dataclass(frozen=True, kw_only=True)
class Citation:
    """`chartside.citation`: sent as pending before its chip streams, and again with the verdict.

    `claim` is the sentence (plain text, no sentinels); `fields` are those compared and found equal.
    A message may cite the same `n` in several sentences: `sentence` counts them from 0.
    """

    message_id: str
    sentence: int
    n: int
    label: str
    summary: str
    search: bool
    verdict: Verdict
    claim: str = ""
    fields: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NoSource:
    """`chartside.no_source`: a sentence without a valid citation.

    `no_source`: it states chart facts and cites nothing; `general_knowledge`: it says so itself, and holds no value
    of this patient; `unchecked`: no rule can compare it.
    """

    message_id: str
    sentence: int
    claim: str
    kind: Literal["no_source", "general_knowledge", "unchecked"] = "no_source"


@dataclass(frozen=True, kw_only=True)
class BlockShown:
    """`chartside.block`: a block copied from the chart, at this place of the message."""

    message_id: str
    block: Block


@dataclass(frozen=True, kw_only=True)
class LookedAtLine:
    """One look-up: "Laboratory results", counts, and how it ended."""

    label: str
    read: int
    total: int | None
    state: Literal["complete", "truncated", "denied", "restricted", "failed", "not_offered"]
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """`chartside.looked_at`: what this answer read. Sent again, whole, whenever it grows."""

    message_id: str
    records_read: int
    records_total: int | None
    span: str
    lines: tuple[LookedAtLine, ...]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """One thing not seen. `touches`: it bears on this question, so it is amber."""

    pieces: tuple[Piece, ...]
    touches: bool = False


@dataclass(frozen=True, kw_only=True)
class NotSeen:
    """`chartside.not_seen`: three kinds, never mixed."""

    message_id: str
    not_readable: tuple[Gap, ...]
    not_searched: tuple[Gap, ...]
    none_found: tuple[Gap, ...]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """`chartside.answered`: sent once before RUN_FINISHED; the foot of the answer.

    `model` is "" without a language model, else its name and version; `provenance` is ready to show.
    `data_handling` is where the text went: "BAA · US · not retained"; `why_no_model` why it went nowhere, a sentence.
    `notice` says that another model answered than the launch's own, and why; "" mostly.
    """

    message_id: str
    model: str
    provenance: str
    data_handling: str = ""
    notice: str = ""
    why_no_model: str = ""
    suggestions: tuple[str, ...]
    stopped: bool
    sources: int
    gaps: int
    mismatches: int
    without_source: int


@dataclass(frozen=True, kw_only=True)
class Failed:
    """`chartside.failed`: sent once before RUN_ERROR when a model failed.

    `text` is the sentence, `lost` what is missing of the answer and what is kept; `ways` are the ways on, in the
    order to offer them: retry (not before `retry_after_s`), another allowed model, chart rows without a model.
    """

    message_id: str
    code: str
    text: str
    lost: str
    ways: tuple[Literal["retry", "other_model", "no_model"], ...]
    retry_after_s: float | None = None


CustomPayload = Citation | NoSource | BlockShown | LookedAt | NotSeen | Answered | Failed

CUSTOM_NAMES: dict[type[CustomPayload], str] = {
    Citation: "chartside.citation",
    NoSource: "chartside.no_source",
    BlockShown: "chartside.block",
    LookedAt: "chartside.looked_at",
    NotSeen: "chartside.not_seen",
    Answered: "chartside.answered",
    Failed: "chartside.failed",
}
