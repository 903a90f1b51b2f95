"""Which scenarios of the suites do not apply to us, and why: what they ask for is not there, on purpose or not yet."""

from collections.abc import Sequence
from fnmatch import fnmatch

ASKS_NOTHING = "our server asks a host nothing (no elicitation, sampling or roots): it reads only"
TASKS = "an extension that is not offered: every call answers at once"
NO_LOG = "our server sends no log messages: they would carry what was asked of a chart"
NOT_TOLD = "our server keeps nothing between requests, so there is nobody to tell of a change"
NO_LOGIN = "our client never signs in at a server: it sends the launch's own token, or none, as the registration says"

# Patterns over "revision name", the first that fits.
SERVER: Sequence[tuple[str, str]] = (
    ("* input-required-result-*", ASKS_NOTHING),
    ("* tools-call-sampling", ASKS_NOTHING),
    ("* tools-call-elicitation", ASKS_NOTHING),
    ("* elicitation-*", ASKS_NOTHING),
    ("* tasks-*", TASKS),
    ("* logging-set-level", NO_LOG),
    ("* tools-call-with-logging", NO_LOG),
    ("* resources-subscribe", NOT_TOLD),
    ("* resources-unsubscribe", NOT_TOLD),
    ("* server-sse-polling", "our server opens no stream to come back to: every answer is one response"),
    ("2025-11-25 server-sse-multiple-streams", "a host of 2025 gets no session, so there are no streams of one"),
    ("* http-custom-header-server-validation", "no tool of ours has an argument that travels in a header"),
)  # fmt: skip
CLIENT: Sequence[tuple[str, str]] = (
    ("* auth/*", NO_LOGIN),
    ("* elicitation-*", "our client offers a server no questions to the user: nothing it sends is shown before it is checked"),
    ("* sep-2322-client-request-state", "our client answers no question of a server, so it has no state to give back"),
    ("* sse-retry", "our client opens no stream of its own; an answer that breaks off is an answer that failed, and is asked for again by the user"),
)  # fmt: skip


def reason(revision: str, name: str, known: Sequence[tuple[str, str]]) -> str:
    """Return why a scenario does not apply, "" where it does."""
    return next((why for pattern, why in known if fnmatch(f"{revision} {name}", pattern)), "")
