"""A tool call's arguments and name as a provider takes them back: models and compatible servers send anything."""

import re

import msgspec

MOST_NAME = 64


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
