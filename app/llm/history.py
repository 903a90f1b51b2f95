"""What a model needs of earlier turns: kept whole at first, then shorter in steps, always well-formed.

A turn leaves one exchange: the question, each round of look-ups with all its answers, and the end. Providers cache the
beginning of a request for as long as it stays the same, so the older part is not shortened a little with every turn:
when the whole passes its limit, it is cut down to half of it, and then stays as it is until it has grown again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from app.llm.port import AssistantTurn, Native, Reply, ToolTurn, Turn, UserTurn

MOST_CHARACTERS = 96_000
# Of a small context, this share is left to earlier turns; dense tables have 1.65 characters per token.
SHARE, CHARACTERS_PER_TOKEN = 0.4, 1.65
SHORT = 200
NOT_RUN = "Not run: the turn was stopped."
NOT_COMPLETE = "(This answer was stopped before it was complete.)"

Exchange = tuple[Turn, ...]


@dataclass(kw_only=True)
class Recorder:
    """Writes one exchange while its turn runs."""

    question: UserTurn
    rounds: list[tuple[AssistantTurn, list[Reply]]] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    native: Native | None = None

    def asks(self, turn: AssistantTurn) -> None:
        """Note what the model wrote and the look-ups it asked for."""
        self.rounds.append((turn, []))
        self.answer.clear()

    def gets(self, reply: Reply) -> None:
        """Note the answer to the next look-up of this round."""
        self.rounds[-1][1].append(reply)

    def sent(self) -> Exchange:
        """Return the exchange so far, as the next model call of this turn is given it."""
        return (self.question, *self._looked())

    def exchange(self) -> Exchange:
        """Return the exchange with its end; nothing if nothing was written or looked up.

        However the turn ended, every look-up has an answer and the last word is the assistant's.
        """
        text = "".join(self.answer).strip()
        if not text and not self.rounds:
            return ()
        end = AssistantTurn(text=text or NOT_COMPLETE, native=self.native if text else None)
        return (self.question, *self._looked(), end)

    def _looked(self) -> Iterable[Turn]:
        for turn, replies in self.rounds:
            missing = [
                Reply(call_id=call.id, name=call.name, text=NOT_RUN, is_error=True)
                for call in turn.calls[len(replies) :]
            ]
            yield turn
            yield ToolTurn(replies=(*replies, *missing))


# ---------------------------------------------------------------- kept and read back


def pack(exchange: Exchange) -> list[dict[str, Any]]:
    """Return an exchange as plain values, for the store to seal; what never leaves the process is left out."""
    return [msgspec.to_builtins(_bare(turn)) for turn in exchange]


def unpack(packed: Sequence[dict[str, Any]]) -> Exchange:
    """Return what `pack` packed."""
    kinds = {"user": UserTurn, "assistant": AssistantTurn, "tool": ToolTurn}
    return tuple(msgspec.convert(turn, kinds[turn["kind"]]) for turn in packed)


def _bare(turn: Turn) -> Turn:
    if not isinstance(turn, ToolTurn):
        return turn
    return ToolTurn(replies=tuple(replace(reply, entries=(), unread=()) for reply in turn.replies))


# ---------------------------------------------------------------- what of it is sent


def most_characters(context_tokens: int) -> int:
    """Return the limit of earlier turns for a model's context; 0 is a context that is not known."""
    if not context_tokens:
        return MOST_CHARACTERS
    return min(MOST_CHARACTERS, int(context_tokens * SHARE * CHARACTERS_PER_TOKEN))


def history(
    exchanges: Sequence[Exchange], key: str, handles: Callable[[str], Sequence[str]], most: int
) -> tuple[Turn, ...]:
    """Return the earlier turns for the model of `key`, oldest first, within about `most` characters.

    It depends on the exchanges alone, so every process and every later turn gets the same beginning. `handles`
    finds the citations of a tool's answer, which stay when the answer itself goes: they can still be cited.
    """
    whole = [_for(key, exchange) for exchange in exchanges]
    short = [_shortened(exchange, handles) for exchange in whole]
    sizes = _Sizes([_size(e) for e in whole], [_size(e) for e in short])
    shortened, dropped = sizes.steps(most)
    kept = [*short[dropped:shortened], *whole[max(shortened, dropped) :]]
    turns = [turn for exchange in kept for turn in exchange]
    if dropped and turns and isinstance(turns[0], UserTurn):
        note = f"{dropped} earlier questions with their answers are left out here."
        turns[0] = replace(turns[0], context=f"{note} {turns[0].context}".strip())
    return tuple(turns)


class _Sizes:
    """How long exchanges are, whole and shortened."""

    def __init__(self, whole: Sequence[int], short: Sequence[int]) -> None:
        self._whole, self._short = whole, short

    def steps(self, most: int) -> tuple[int, int]:
        """Return how many of the oldest are shortened and how many dropped, going through them as they came."""
        shortened = dropped = 0
        for count in range(1, len(self._whole) + 1):
            if self._total(count, shortened, dropped) <= most:
                continue
            # The newest stays whole: the next question is usually about it.
            while shortened < count - 1 and self._total(count, shortened, dropped) > most // 2:
                shortened += 1
            if self._total(count, shortened, dropped) <= most:
                continue
            while dropped < shortened and self._total(count, shortened, dropped) > most // 2:
                dropped += 1
        return shortened, dropped

    def _total(self, count: int, shortened: int, dropped: int) -> int:
        return sum(self._short[dropped:shortened]) + sum(self._whole[shortened:count])


def _for(key: str, exchange: Exchange) -> Exchange:
    """Leave out a provider's own blocks for every other key."""
    return tuple(
        replace(turn, native=None)
        if isinstance(turn, AssistantTurn) and turn.native and turn.native.key != key
        else turn
        for turn in exchange
    )


def _shortened(exchange: Exchange, handles: Callable[[str], Sequence[str]]) -> Exchange:
    def shorter(reply: Reply) -> Reply:
        if len(reply.text) <= SHORT:
            return reply
        known = " ".join(dict.fromkeys(handles(reply.text)))
        return replace(reply, text=f"Shown before: {known}. Look up again for values.")

    return tuple(
        replace(turn, replies=tuple(shorter(reply) for reply in turn.replies))
        if isinstance(turn, ToolTurn)
        else turn
        for turn in exchange
    )


def _size(exchange: Exchange) -> int:
    return len(msgspec.json.encode(pack(exchange)))
