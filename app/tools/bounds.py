"""Keep a tool's answer small, and say what was cut; make chart text unable to pose as ours.

Measured: 1.65 characters per token is the least measured on dense tables (o200k_base).
"""

import re

from app.fhir.citation import CITATION, SHOW

MOST_TOKENS = 2000
CHARS_PER_TOKEN = 1.65
MOST_CHARACTERS = int(MOST_TOKENS * CHARS_PER_TOKEN)
_FORGED = re.compile(rf"{SHOW.pattern}|{CITATION.pattern}")


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
    """Return chart text in which nothing looks like a citation of ours: [L3a] becomes (L3a)."""
    return _FORGED.sub(lambda m: f"({m[0][1:-1]})", text)
