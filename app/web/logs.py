"""Print log records as one JSON line each: time, level, event and the fields given with it.

Events hold ids, codes, durations and counts; a canary test proves that nothing of a patient is among them.
"""

import logging
import sys

import orjson

FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """One record, one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; fields that JSON cannot hold are left out by name only."""
        given = {name: value for name, value in vars(record).items() if name not in FIELDS}
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname,
            "event": record.getMessage(),
            **given,
        }
        return orjson.dumps(line, default=lambda value: type(value).__name__).decode()


def install() -> None:
    """Send Chartside's events to standard error, unless the process has set logging up itself."""
    log = logging.getLogger("chartside")
    if log.handlers or logging.getLogger().handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
