"""A tool call's id, arguments and name as a provider takes them back: models and compatible servers send anything."""

import re
from collections.abc import Iterator, Sequence
from itertools import count

import msgspec

MOST_NAME = 64


def own_ids(sent: Sequence[str]) -> list[str]:
    """Return an id for each call of one answer: as sent, another for one that is empty or was given twice.

    A provider refuses a conversation in which two calls bear the same, or takes one's result for the other's.
    """
    others: Iterator[str] = (name for at in count() if (name := f"call_{at}") not in sent)
    found: list[str] = []
    for name in sent:
        found.append(next(others) if not name or name in found else name)
    return found


def as_object(sent: str) -> dict[str, object]:
    """Return arguments as an object; what is not a JSON object becomes an empty one."""
    try:
        found = msgspec.json.decode(sent)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def as_text(sent: str) -> str:
    """Return arguments as sent if they are a JSON object, "{}" otherwise."""
    return sent if as_object(sent) or sent.strip() == "{}" else "{}"


def as_name(sent: str) -> str:
    """Return a tool's name in the characters that every provider takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", sent)[:MOST_NAME] or "unknown"
