"""Find where a sentence ends in a stream of clinical text.

A full stop ends a sentence only before a blank and a new beginning: not in 5.6, not after Dr. or a single letter
(an initial), not in 1.73 m². A line break always ends one. A citation behind the full stop belongs to the
sentence before it.
"""

import re

# Abbreviations that are followed by more of the same sentence.
SHORT = frozenset(
    ("dr", "mr", "mrs", "ms", "prof", "st", "vs", "approx", "ca", "cf", "e.g", "i.e", "incl", "no", "resp", "sr",
     "jr", "dept", "fig", "ref", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec")
)  # fmt: skip
# Begins where a run of them begins: a line of dots would be read from each of its dots.
STOP = re.compile(r"(?<![.!?])[.!?]+[\"”')*_]*(?=[\s\ufffc])")
STOPS = re.compile(r"[.!?]")
# What may stand between the full stop and the blank, as already resolved citations.
CITED = "\ufffc"
# What a model writes behind a sentence that is not about this patient.
TAG = "(general knowledge)"
# A line in emphasis is one remark, whatever full stops it holds.
EMPHASIS = re.compile(r"\s*[*_](?![*_\s])")


def end_of_sentence(text: str, start: int = 0) -> int | None:
    """Return where the first complete sentence from `start` ends, None while that is not certain.

    The end includes the blanks behind it. `CITED` marks a citation in the text.
    """
    newline = text.find("\n", start)
    if newline == -1 and not STOPS.search(text, start):
        return None
    line_end = newline + 1 if newline != -1 else None
    if EMPHASIS.match(text, start):
        return line_end
    for match in STOP.finditer(text, start):
        if newline != -1 and match.start() >= newline:
            break
        if not _abbreviated(text, match.start()) and not _quoting(text, start, match.end()):
            end = _after(text, match.end(), line_end)
            if end is None or not _goes_on(text, match[0], end):
                return end
    return line_end


def _after(text: str, end: int, line_end: int | None) -> int | None:
    """Return where the next sentence begins behind a full stop, None while a citation may still follow."""
    end = _skip(text, end, " \t")
    if end == len(text):
        return line_end
    if text[end] == CITED:
        end = _skip(text, end, CITED + " \t")
        return end if end < len(text) else None
    if text[end] == "\n":
        return end + 1
    return _tagged(text, end)


def _tagged(text: str, end: int) -> int | None:
    """Return where the next sentence begins behind a tag that belongs to this one, None while it may become the tag."""
    ahead = text[end : end + len(TAG)].casefold()
    if not TAG.startswith(ahead):
        return end
    if ahead != TAG:
        return None
    behind = _skip(text, end + len(TAG), ".)*_")
    return _after(text, behind, None)


def _goes_on(text: str, stop: str, end: int) -> bool:
    """Tell whether a sentence goes on behind a quotation that ended with a full stop: “... stools.” and later."""
    return stop[-1:] in '”"' and text[end : end + 2].islower() and text[end : end + 2].isalpha()


def _skip(text: str, at: int, characters: str) -> int:
    while at < len(text) and text[at] in characters:
        at += 1
    return at


def _quoting(text: str, start: int, end: int) -> bool:
    """Tell whether a quotation is still open: its full stops end no sentence of ours."""
    return text.count("“", start, end) > text.count("”", start, end)


def _abbreviated(text: str, stop: int) -> bool:
    word = re.search(r"(?:^|[\s(“])([\w.]+)$", text[:stop])
    if word is None:
        return False
    plain = word[1].casefold()
    return plain in SHORT or (len(plain) == 1 and plain.isalpha() and text[stop] == ".")
