"""What a turn is given, and what it tells the audit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from app.agent.budget import Limits
from app.fhir.reader import LaunchChart
from app.llm.errors import Way
from app.llm.history import Exchange
from app.llm.port import Model, Turn, Usage, UserTurn
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

    `digest` gives the overview that this launch's model is told, the same text each time; `session` names the launch
    to the provider's cache. `on_model_begun` is called before anything is sent to a model, and nothing is sent if it
    raises; `on_model_asked` when it is waited for, in any thread; `on_model_call` when the call has ended. `ways` are those that exist here after a failure; `why_no_model` is a sentence where none answers. `on_refusal` is called with a code and a
    count: tool.refused, tool.again, tool.timed_out, tool.budget, citation.unknown, model.refusal, question.other_patient, or the error's own.
    `notice` is said with the answer: that another model answers than the launch's own, and why.
    `on_exchange` is given what a model needs of this turn later, however it ended. `together`: whoever drives the turn heeds
    `Move`, and may go on with it in the thread where answers stream.
    """

    launch_chart: LaunchChart
    registry: Registry
    model: Model
    zone: ZoneInfo
    clock: Callable[[], datetime]
    data_handling: str = ""
    model_id: str = ""
    notice: str = ""
    history: tuple[Turn, ...] = ()
    digest: Callable[[], str] | None = None
    session: str = ""
    most_tokens: int = 4096
    ways: Callable[[], tuple[Way, ...]] = lambda: ("retry",)
    why_no_model: str = ""
    limits: Limits = field(default_factory=Limits)
    on_model_begun: Callable[[], None] | None = None
    on_model_asked: Callable[[], None] = lambda: None
    on_model_call: Callable[[ModelCall], None] | None = None
    on_refusal: Callable[[str, int], None] | None = None
    on_exchange: Callable[[Exchange], None] | None = None
    together: bool = False

    def typed(self, question: str) -> str:
        """Return what the user typed in this conversation."""
        earlier = [turn.text for turn in self.history if isinstance(turn, UserTurn)]
        return "\n".join([*earlier, question])
