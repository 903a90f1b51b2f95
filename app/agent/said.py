"""What one model call gives: its words, the tools it asks for, and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.agent.services import ModelCall
from app.llm.errors import ModelFailed
from app.llm.port import Done, Model, ToolCall, Usage

# Far more than a turn's look-ups and their arguments: what is past this is not meant, and would be sent again with
# every later question.
MOST_CALLS, MOST_ASKED = 64, 20_000


@dataclass(kw_only=True)
class Said:
    """What one model call gave."""

    text: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    done: Done | None = None

    def note(self, call: ToolCall) -> None:
        """Take in a tool that is asked for.

        Raises:
            ModelFailed: more than can be meant.
        """
        self.calls.append(call)
        asked = sum(len(c.name) + len(c.arguments) for c in self.calls)
        if len(self.calls) > MOST_CALLS or asked > MOST_ASKED:
            self.calls.clear()
            raise ModelFailed("a model asked for more look-ups than can be meant")

    def call(self, model: Model, known: Callable[[str], str], failure: str) -> ModelCall:
        """Return the call as the audit notes it; `known` gives a tool's name where there is such a tool."""
        done = self.done
        return ModelCall(
            model=model.name, version=model.version, language_model=model.language_model,
            stop=done.stop if done else failure or "cut", tools=tuple(known(c.name) for c in self.calls),
            usage=done.usage if done else Usage(),
        )  # fmt: skip
