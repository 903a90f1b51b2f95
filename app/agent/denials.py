"""Read what a sentence denies: "No black or tarry stools are recorded" denies stools, black or tarry.

Words are compared by their stem, without the words that say nothing about what is denied (recorded, any, of the).
A denial reaches to the end of its clause; what stands behind "but", "except" or a comma that opens a new clause is
not denied. Used alike for what an answer says and for what a note or a record says.
"""

import re
from dataclasses import dataclass

# What stands before the denied words, and what stands behind them.
BEFORE = re.compile(
    r"\b(?:no(?! longer| more| one| change| language| other than|\. ?\d)(?=[ -][a-z])|never|negative for|without(?: any)?"
    r"|denie[sd]|denying|cannot find|nil|not (?:taking|on(?! file)|prescribed|ordered))\b",
    re.IGNORECASE,
)
BEHIND = re.compile(
    r"\b(?:none|nothing(?: found| recorded| on file)?|not (?:found|recorded|documented|listed|on file|present|detected|appear)"
    r"|(?:is|are|was|were) (?:absent|negative)|absent|denied|negative)\b(?! for)",
    re.IGNORECASE,
)
# Where a denial ends.
CLAUSE = re.compile(
    r"[.;:!?|()\ufffc\x1f]|\b(?:but|except|however|although|though|while|which|because|so|reports?|has|have|had|"
    r"with|complains|admits|positive|was|were|searched|only|in|among|amongst|on|since|from|until|between|before|after|"
    r"within|as of|during|according to|exists?)\b",
    re.IGNORECASE,
)
ITEM = re.compile(r",|/|\b(?:and|or|nor)\b", re.IGNORECASE)
HEADING = re.compile(r"^#.*$", re.MULTILINE)
SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
WORD = re.compile(r"[^\W_][\w'+-]*")
# Words that do not name what is denied.
EMPTY = frozenset(
    [
        "a",
        "an",
        "the",
        "any",
        "of",
        "to",
        "for",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "has",
        "have",
        "had",
        "she",
        "he",
        "they",
        "her",
        "his",
        "their",
        "it",
        "its",
        "this",
        "that",
        "these",
        "there",
        "patient",
        "patients",
        "no",
        "none",
        "not",
        "nil",
        "never",
        "without",
        "known",
        "recorded",
        "documented",
        "found",
        "listed",
        "noted",
        "seen",
        "reported",
        "stated",
        "mentioned",
        "shown",
        "present",
        "detected",
        "evidence",
        "sign",
        "indication",
        "mention",
        "record",
        "entry",
        "chart",
        "file",
        "list",
        "history",
        "result",
        "value",
        "report",
        "measurement",
        "measured",
        "collected",
        "resulted",
        "yet",
        "other",
        "further",
        "new",
        "currently",
        "current",
        "now",
        "today",
        "at",
        "all",
        "order",
        "ordered",
        "prescription",
        "prescribed",
        "medication",
        "medicine",
        "drug",
        "taking",
        "take",
        "took",
        "taken",
        "on",
        "search",
        "searched",
        "look",
        "looked",
        "laboratory",
        "lab",
        "note",
        "test",
        "from",
        "in",
        "by",
        "since",
        "until",
        "preliminary",
        "final",
        "corrected",
        "amended",
        "registered",
        "word",
        "words",
        "among",
        "ehr",
        "absence",
        "state",
        "exist",
        "do",
        "does",
        "did",
        "what",
        "could",
        "read",
    ]
)
# These name a thing where nothing else does: "no medications", "no notes".
KINDS = frozenset(
    [
        "medication",
        "medicine",
        "drug",
        "order",
        "test",
        "note",
        "history",
        "result",
        "value",
        "report",
    ]
)


@dataclass(frozen=True, kw_only=True)
class Denied:
    """The stems that a text denies, as a whole and item by item of a list; empty where it names nothing."""

    whole: frozenset[str]
    items: tuple[frozenset[str], ...]


def stem(word: str) -> str:
    """Return a word without its plural, and the few endings that name the same thing."""
    plain = word.casefold().strip("'-").removesuffix("'s")
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ses", "s"), ("ic", "")):
        if plain.endswith(ending) and len(plain) > len(ending) + 3:
            plain = plain.removesuffix(ending) + instead
            break
    if plain.endswith("s") and not plain.endswith(("ss", "us", "is")) and len(plain) > 3:
        plain = plain[:-1]
    return plain.removesuffix("y") if plain.endswith("gy") else plain


def stems(text: str) -> frozenset[str]:
    """Return the stems of the words that name something."""
    return frozenset(s for w in WORD.findall(text) if (s := stem(w)) not in EMPTY_STEMS)


EMPTY_STEMS = frozenset(stem(word) for word in EMPTY) | EMPTY


def denials(text: str) -> list[Denied]:
    """Return everything that a text denies."""
    before = list(BEFORE.finditer(text))
    before = [m for m in before if m[0].casefold() != "denied" or stems(_ahead(text, m.end()))]
    found = [_denied(_ahead(text, match.end())) for match in before]
    behind = [
        match
        for match in BEHIND.finditer(text)
        if not any(m.start() <= match.start() < m.end() for m in before)
    ]
    return found + [_denied(_back(text, match.start())) for match in behind]


def _ahead(text: str, start: int) -> str:
    end = CLAUSE.search(text, start)
    return text[start : end.start() if end else len(text)]


def _back(text: str, end: int) -> str:
    """Return the clause before a denial; one colon or verb stands between ("Gout: none found", "gout was denied")."""
    clause = re.split(r"[.;!?|()\ufffc]|\b(?:but|except|however|although|though)\b", text[:end])[-1]
    return re.split(r",(?=[^,]*$)", clause.rstrip(" ,:-"))[-1] if ":" in clause else clause


def _denied(phrase: str) -> Denied:
    items = [found for part in ITEM.split(phrase) if (found := stems(part))]
    return Denied(whole=stems(phrase), items=tuple(items))


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What running text denies, item by item, and the stems of its sentences that deny nothing."""

    items: tuple[frozenset[str], ...]
    affirmed: tuple[frozenset[str], ...]


def stated(text: str) -> Stated:
    """Read a note: headings say nothing."""
    items: list[frozenset[str]] = []
    affirmed: list[frozenset[str]] = []
    for sentence in SENTENCE.split(HEADING.sub("", text)):
        found = denials(sentence)
        for one in found:
            items += [item for item in (one.items if len(one.items) > 1 else (one.whole,)) if item]
        if not found:
            affirmed.append(stems(sentence))
    return Stated(items=tuple(items), affirmed=tuple(affirmed))
