"""Settle a transcript before it is sent: every call has its reply, in order, under a name that any provider takes.

Providers refuse a conversation whose calls and replies do not match, and a conversation may have been cut between
them (Stop, a spent budget) or begun with another model, whose names for its calls may repeat or break a rule.
"""

from collections.abc import Sequence
from dataclasses import replace

from app.llm.port import AssistantTurn, Reply, ToolCall, ToolTurn, Turn

NOT_RUN = "Not looked up: the turn ended before it."


def settle(turns: Sequence[Turn], key: str) -> list[Turn]:
    """Return the turns as they can be sent to the model called `key`.

    Another model's own blocks are dropped and its calls renamed by their place, so that the names stay the same
    as the conversation grows. Replies without a call are left out.
    """
    settled: list[Turn] = []
    count = 0
    for at, turn in enumerate(turns):
        if isinstance(turn, AssistantTurn):
            following = turns[at + 1] if at + 1 < len(turns) else None
            replies = following.replies if isinstance(following, ToolTurn) else ()
            own = turn.native is not None and turn.native.key == key
            names = [c.id if own else _name(count + n) for n, c in enumerate(turn.calls)]
            count += len(turn.calls)
            settled += _pair(turn, replies, names, own)
        elif not isinstance(turn, ToolTurn):
            settled.append(turn)
    return settled


def _name(place: int) -> str:
    # Nine letters and digits: the narrowest rule among the providers (Mistral's).
    return f"cs{place:07d}"


def _pair(
    turn: AssistantTurn, replies: Sequence[Reply], names: Sequence[str], own: bool
) -> list[Turn]:
    calls = tuple(replace(call, id=name) for call, name in zip(turn.calls, names, strict=True))
    said = replace(turn, calls=calls, native=turn.native if own else None)
    if not calls:
        return [said] if said.text.strip() or said.native else []
    answers = _answers(turn.calls, replies)
    return [
        said,
        ToolTurn(
            replies=tuple(replace(a, call_id=c.id) for a, c in zip(answers, calls, strict=True))
        ),
    ]


def _answers(calls: Sequence[ToolCall], replies: Sequence[Reply]) -> list[Reply]:
    """Return one reply for each call, by its name and then by its order."""
    left = list(replies)
    found: list[Reply] = []
    for call in calls:
        reply = next((r for r in left if r.call_id == call.id), None)
        if reply is None:
            reply = Reply(call_id=call.id, name=call.name, text=NOT_RUN, is_error=True)
        else:
            left.remove(reply)
        found.append(reply)
    return found
