"""Hear a model: a thread of its own until it says something, then its reader's.

Opening a call may wait where nothing tells of silence or hears Stop: for keys of a cloud, for a name, for a
connection. Once words come, only its provider's socket is waited on, which does both (`app.llm.silence`).
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from app.agent.aside import StoppedAside, aside
from app.llm.hang_up import HangUp
from app.llm.port import ModelEvent
from app.llm.silence import apart, opening

Begin = Callable[[HangUp], Iterator[ModelEvent]]


def heard(
    begin: Begin, stop: HangUp, asked: Callable[[], None] = lambda: None
) -> Generator[ModelEvent | None, None, None]:
    """Yield what a model says, and None after each second of silence.

    `begin` is given what ends this one call: set by `stop`, and when this generator is left. It ends at once when
    `stop` is set, and raises what the stream raises. `asked` is called when the provider is waited for. Behind the
    first event all is read in one thread, which need not be that of the first.
    """
    call = HangUp()
    with stop.ends(call.set):
        try:
            first, stream = yield from aside(lambda: _begun(begin, call, asked), stop, name="model")
            if first is not None:
                with closing(apart(stream)) as rest:
                    try:
                        yield first
                        for event in rest:  # noqa: UP028  # left here, before the stream is
                            yield event
                    finally:
                        # Before the stream is closed: what it still waits for ends at once.
                        call.set()
        except StoppedAside:
            return
        finally:
            call.set()


def _begun(
    begin: Begin, call: HangUp, asked: Callable[[], None]
) -> tuple[ModelEvent | None, Iterator[ModelEvent]]:
    """Return a model's first event and what follows it; None where there is none, or nobody waits for it any more."""
    with opening(asked):
        stream = begin(call)
        first = next(stream, None)
    if call.is_set() and (close := getattr(stream, "close", None)):
        close()
        return None, stream
    return first, stream
