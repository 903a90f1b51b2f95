"""Take tokens back at the EHR when a launch ends: off the request's thread, once, bounded, and failures are borne.

What waits when the process ends is not sent; such a token lives until it expires.
"""

import logging
import queue
import threading
from dataclasses import dataclass, field

from app.errors import ChartsideError
from app.smart.registration import Registration
from app.smart.token_endpoint import TokenEndpoint

MOST_WAITING = 500
log = logging.getLogger("chartside.smart")


@dataclass(frozen=True, kw_only=True)
class Revocation:
    """The tokens of one ended launch, "" for one that there is not."""

    registration: Registration
    iss: str
    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)


class Revoker:
    """One background thread that works a bounded queue; it starts with the first launch that ends."""

    def __init__(self, endpoint: TokenEndpoint) -> None:
        self._endpoint = endpoint
        self._waiting: queue.Queue[Revocation] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, revocation: Revocation) -> None:
        """Revoke soon; when too many wait, this one is left to expire."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="revoker", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(revocation)
        except queue.Full:
            log.warning("revocation.dropped", extra={"slug": revocation.registration.slug})

    def wait(self) -> None:
        """Return when nothing waits any more."""
        self._waiting.join()

    def _work(self) -> None:
        while True:
            one = self._waiting.get()
            try:
                # The refresh token first: it is worth more, and many servers end the whole grant with it.
                self._revoke(one, one.refresh_token, "refresh_token")
                self._revoke(one, one.access_token, "access_token")
            finally:
                self._waiting.task_done()

    def _revoke(self, one: Revocation, token: str, hint: str) -> None:
        if not token:
            return
        try:
            done = self._endpoint.revoke(one.registration, one.iss, token, hint)
        except ChartsideError as error:
            log.warning(
                "revocation.failed",
                extra={"slug": one.registration.slug, "error": type(error).__name__},
            )
        else:
            log.info(
                "revocation", extra={"slug": one.registration.slug, "hint": hint, "done": done}
            )
