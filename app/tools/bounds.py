"""Keep a tool's answer small, and say what was cut; make chart text unable to pose as ours.

Measured: 1.65 characters per token is the least measured on dense tables (o200k_base).
"""

import re

from app.fhir.citation import CITATION, COMPUTED, SHOW
from app.tools.plain import harmless, without_tags

MOST_TOKENS = 2000
CHARS_PER_TOKEN = 1.65
MOST_CHARACTERS = int(MOST_TOKENS * CHARS_PER_TOKEN)
_FORGED = re.compile(rf"{SHOW.pattern}|{CITATION.pattern}")
# What could become one of ours together with the words that follow it.
_OPENING = re.compile(rf"show\b|(?:{COMPUTED}|[A-Z])\d|\s*\Z")
_LONGEST = 500


def tokens(text: str) -> int:
    """Estimate the tokens of a dense table, rather too many than too few."""
    return int(len(text) / CHARS_PER_TOKEN) + 1


def bounded(text: str, most: int = MOST_CHARACTERS) -> str:
    """Cut a text at a line, and say how much is missing."""
    if len(text) <= most:
        return text
    kept: list[str] = []
    lines = text.splitlines()
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > most - 80:
            break
        kept.append(line)
    if not kept:
        return f"{text[: most - 80]}\nCUT: {len(text) - most + 80} more characters. Ask for less."
    return "\n".join(
        [
            *kept,
            f"CUT: {len(lines) - len(kept)} more lines. Narrow with words, status, since or limit.",
        ]
    )


def as_data(text: str) -> str:
    """Return chart text in which nothing looks like a citation of ours: [L3a] becomes (L3a).

    What hides a bracket from us goes first: invisible characters and tags, as they would from a model's text.
    """
    plain = without_tags(harmless(text))
    return _opened(_FORGED.sub(lambda m: f"({m[0][1:-1]})", plain))


def table_as_data(text: str) -> str:
    """Return a table of ours, made of chart text, in which no bracket opens a citation.

    Tags stay, because `<6 ... >` in two cells is not one: a bracket is judged by what stands behind it without them.
    """
    return _opened(_FORGED.sub(lambda m: f"({m[0][1:-1]})", harmless(text)))


def digest_as_data(text: str) -> str:
    """Return the overview as a table; its first line is ours and says how to cite."""
    head, blank, rest = text.partition("\n")
    return head + blank + table_as_data(rest)


def _opened(text: str) -> str:
    """Turn each bracket that could still open a citation: one that is cut, or that another field would close."""
    return re.sub(r"\[", lambda m: "(" if _opens(text, m.end()) else "[", text)


def _opens(text: str, start: int) -> bool:
    return bool(_OPENING.match(without_tags(text[start : start + _LONGEST])))
