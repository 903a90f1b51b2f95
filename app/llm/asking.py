"""One call of a provider, the same in all dialects: send, try again before the answer begins, read, end.

An adapter gives what to send and how to read an event; the vendor's SDK makes addresses, keys and signatures, and
does not retry. After the first byte of an answer nothing is tried again: what was shown cannot be taken back.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import httpx2

from app.llm.call import LAST_BYTES_S, Call
from app.llm.config import Timeouts
from app.llm.connections import serving
from app.llm.errors import (
    ModelBusy,
    ModelCut,
    ModelFailed,
    ModelOverloaded,
    ModelSlow,
    ModelUnreachable,
)
from app.llm.fields import Json
from app.llm.hang_up import HangUp
from app.llm.port import Done, ModelEvent, TextDelta
from app.llm.refusals import BROKEN, TIMEOUTS, ContentRefused, of_error
from app.llm.sse import events

T = TypeVar("T")
LISTING = Timeouts(first_byte_s=15, between_bytes_s=15, total_s=30)
RETRIES = 2
FIRST_WAIT_S = 0.5
# A longer wait is for the clinician to decide.
MOST_WAIT_S = 5.0
# What may succeed a moment later without having cost anything.
AGAIN = (ModelBusy, ModelOverloaded, ModelUnreachable)


class Answer(Protocol):
    """A response of a vendor's SDK whose body is still to be read."""

    @property
    def http_response(self) -> httpx2.Response:
        """Return the response itself."""


# Sends a request, streamed or not.
Send = Callable[[], AbstractContextManager[Answer]]


class Reading(Protocol):
    """What one answer of a dialect says, event by event."""

    def read(self, event: Json) -> Iterator[TextDelta]:
        """Yield the text that an event adds; raises `ModelFailed` and `ContentRefused`."""

    def ended(self, *, closed: bool = False) -> bool:
        """Tell whether the terminal event was read; `closed` when the stream has ended."""

    def end(self) -> Iterator[ModelEvent]:
        """Yield the tool calls and `Done`."""


def ask(send: Send, reading: Reading, timeouts: Timeouts, hang_up: HangUp) -> Iterator[ModelEvent]:
    """Yield what a provider answers, and `Done` at its end; ended by `hang_up`, nothing more.

    Raises:
        ModelFailed: and its kinds; `ModelCut` when the terminal event did not come.
    """
    call = Call(timeouts, hang_up)
    try:
        with hang_up.ends(call.end), opened(send, call) as response:
            for event in _stream(response, reading, call):
                if hang_up.is_set():
                    return
                yield event
    except ContentRefused:
        if not hang_up.is_set():
            yield Done(stop="refusal")
    except ModelFailed:
        if not hang_up.is_set():
            raise


@contextlib.contextmanager
def opened(send: Send, call: Call) -> Iterator[httpx2.Response]:
    """Send a request, again where that may help, and close its response at the end."""
    with contextlib.ExitStack() as stack:
        yield _sent(send, call, stack).http_response


def listed(read: Callable[[], list[T]]) -> tuple[T, ...]:
    """Return what a vendor's SDK lists.

    Raises:
        ModelFailed: and its kinds.
    """
    try:
        with serving(Call(LISTING, HangUp())):
            return tuple(read())
    except Exception as error:  # noqa: BLE001  # as below
        raise of_error(error) from None


def _sent(send: Send, call: Call, stack: contextlib.ExitStack) -> Answer:
    attempt = 0
    while True:
        try:
            with serving(call):
                return stack.enter_context(send())
        except Exception as error:  # noqa: BLE001  # SDKs and cloud credentials raise what their libraries raise
            failure = of_error(error)
        wait_s = _wait_s(failure, attempt)
        if wait_s is None or not call.pauses(wait_s):
            # Not chained: an SDK's message quotes the provider's, which may quote the conversation.
            raise failure from None
        attempt += 1


def _wait_s(failure: Exception, attempt: int) -> float | None:
    """Return the wait before the next attempt, None when there is none."""
    if attempt >= RETRIES or not isinstance(failure, ModelFailed):
        return None
    if not isinstance(failure, AGAIN) and failure.provider_status not in (500, 502):
        return None
    wait_s: float = FIRST_WAIT_S * 2**attempt
    asked_s = failure.retry_after_s
    if asked_s is None:
        return wait_s
    return asked_s if asked_s <= MOST_WAIT_S else None


def _stream(response: httpx2.Response, reading: Reading, call: Call) -> Iterator[ModelEvent]:
    chunks = response.iter_bytes()
    try:
        for event in events(chunks):
            for said in reading.read(event):
                call.answers()
                yield said
            if reading.ended():
                break
    except TIMEOUTS:
        raise ModelSlow("the answer did not go on in time") from None
    except BROKEN:
        raise ModelCut("the connection broke in the answer") from None
    if not reading.ended(closed=True):
        raise ModelCut("the stream ended without its terminal event")
    _drain(chunks, call)
    yield from reading.end()


def _drain(chunks: Iterator[bytes], call: Call) -> None:
    """Read the few bytes after the terminal event, so that the connection can serve the next call."""
    call.finishes()
    last_at = time.monotonic() + LAST_BYTES_S
    with contextlib.suppress(*TIMEOUTS, *BROKEN):
        for _ in chunks:
            if time.monotonic() > last_at:
                return
