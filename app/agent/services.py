"""What a turn is given, and what it tells the audit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from app.agent.budget import Limits
from app.fhir.reader import LaunchChart
from app.llm.port import Model, Turn, Usage
from app.tools.registry import Registry


@dataclass(frozen=True, kw_only=True)
class ModelCall:
    """One call of a model, for the audit: which model, how it ended, what it cost. No text."""

    model: str
    version: str
    language_model: bool
    stop: str
    tools: tuple[str, ...]
    usage: Usage


@dataclass(frozen=True, kw_only=True)
class TurnServices:
    """Everything a turn needs. `history` is the conversation before it, as the server kept it.

    `on_refusal` is called with a code and a count: tool.refused, citation.unknown, model.refusal, model.cut.
    """

    launch_chart: LaunchChart
    registry: Registry
    model: Model
    zone: ZoneInfo
    clock: Callable[[], datetime]
    history: tuple[Turn, ...] = ()
    limits: Limits = field(default_factory=Limits)
    on_model_call: Callable[[ModelCall], None] | None = None
    on_refusal: Callable[[str, int], None] | None = None
