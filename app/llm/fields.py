"""Read a provider's JSON without trusting its shape: what is missing or of another type is empty."""

from collections.abc import Sequence

Json = dict[str, object]
MOST = 2**53


def part(value: object, *path: str) -> Json:
    """Return the object at a path, {} when there is none."""
    found = _at(value, path)
    return found if isinstance(found, dict) else {}


def parts(value: object, *path: str) -> list[Json]:
    """Return the objects of the list at a path."""
    found = _at(value, path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def text(value: object, *path: str) -> str:
    """Return the text at a path."""
    found = _at(value, path)
    return found if isinstance(found, str) else ""


def number(value: object, *path: str) -> int:
    """Return the whole number at a path; one that nobody can count is cut to what the audit can write."""
    found = _at(value, path)
    if not isinstance(found, int) or isinstance(found, bool):
        return 0
    return min(max(found, 0), MOST)


def _at(value: object, path: Sequence[str]) -> object:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
