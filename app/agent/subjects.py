"""Find what makes a value another one than the cited: a test of another name, another person, a "not", a wrong level.

"Lithium 5.6" is not the cited potassium, "her sister's potassium was 5.6" not this patient's, "5.6 is low" not what
the flag says. Only words that stand in the same clause as the value count.
"""

import re
from collections.abc import Iterator, Sequence

from app.agent.claims import ABSENCE, Number
from app.agent.facts import Fact, Lexicon
from app.agent.scene import Finding, Scene, differs, equal, holds, unproved

WORD = re.compile(r"[^\W\d_][\w+'’-]*")
PERSON = re.compile(
    r"\b(?:grand)?(?:sister|brother|mother|father|mom|dad|husband|wife|spouse|partner|son|daughter|child|parent|aunt|uncle|"
    r"cousin|niece|nephew|sibling|twin|relative|family|friend|neighbou?r|roommate|donor)s?\b",
    re.IGNORECASE,
)
NOT = re.compile(r"\b(?:not|never|neither|nor|cannot)\b|\w(?:n['’]t)\b", re.IGNORECASE)
# Words between a test's name and its value, which name no test; endings in -ly, -ed and -ing are such words too.
FILLER = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "be",
        "been",
        "both",
        "but",
        "by",
        "for",
        "from",
        "had",
        "has",
        "have",
        "in",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "still",
        "than",
        "that",
        "the",
        "then",
        "this",
        "to",
        "was",
        "were",
        "went",
        "came",
        "rose",
        "fell",
        "rise",
        "fall",
        "drop",
        "up",
        "down",
        "back",
        "again",
        "only",
        "about",
        "around",
        "now",
        "today",
        "latest",
        "last",
        "first",
        "next",
        "newest",
        "most",
        "recent",
        "previous",
        "prior",
        "earlier",
        "later",
        "same",
        "new",
        "old",
        "result",
        "level",
        "value",
        "reading",
        "count",
        "peak",
        "nadir",
        "maximum",
        "minimum",
        "highest",
        "lowest",
        "max",
        "min",
        "high",
        "low",
        "normal",
        "mean",
        "average",
        "total",
        "her",
        "his",
        "their",
        "patient",
        "she",
        "he",
        "they",
        "serum",
        "plasma",
        "blood",
        "level",
        "levels",
        "results",
        "values",
        "readings",
        "between",
        "over",
        "under",
        "above",
        "below",
        "until",
        "since",
        "with",
        "after",
        "before",
        "while",
        "during",
        "against",
        "versus",
        "vs",
        "via",
        "per",
        "grew",
        "sank",
        "shows",
        "show",
        "admission",
        "discharge",
        "visit",
        "clinic",
        "baseline",
        "hospital",
        "home",
        "day",
        "week",
        "month",
        "year",
        "one",
        "two",
        "three",
        "once",
        "twice",
        "also",
        "just",
        "even",
    ]
)
ENDINGS = ("ly", "ed", "ing")
SPECIMEN = re.compile(
    r"\b(urine|urinary|csf|cerebrospinal|stool|fecal|faecal|pleural|ascitic|synovial|sweat|saliva|salivary|cord)\b",
    re.IGNORECASE,
)
# A level said of a value, not of a change, a dose or the range itself.
LEVEL = re.compile(
    r"\b(?P<not>(?:not|n['’]t)\s(?:\w+\s)?)?(?:(?P<normal>normal|unremarkable|within (?:the )?(?:normal |reference )?(?:range|limits))"
    r"|(?P<critical>critical(?:ly)? )?(?P<high>high|elevated|above (?:the )?(?:normal|range|reference)(?: range)?)"
    r"|(?P<critical2>critical(?:ly)? )?(?P<low>low|below (?:the )?(?:normal|range|reference)(?: range)?))\b"
    r"(?!-| (?:range|limits?|values?|dose|risk|sensitivity|back|point|potassium diet|salt|fat|carb))",
    re.IGNORECASE,
)


def blockers(scene: Scene) -> Iterator[Finding]:
    """Yield what keeps the words of this part from being a match at all."""
    structured = [f for f in scene.own if not f.long and f.kind not in ("Search", "")]
    if not structured or scene.general:
        return
    plain = ABSENCE.sub(lambda m: "\x1f" * len(m[0]), scene.claims.rest)
    if NOT.search(plain) or any(
        not _named(m[0], structured) for m in PERSON.finditer(scene.claims.rest)
    ):
        yield unproved(structured)


def _named(word: str, found: Sequence[Fact]) -> bool:
    """Tell whether a word stands in a cited record itself ("family history of ...")."""
    return any(word.casefold() in f"{f.evidence.name} {f.text}".casefold() for f in found)


# ---------------------------------------------------------------- whose value


def subject(scene: Scene, number: Number, holding: Sequence[Fact]) -> Finding | None:
    """Return what is wrong with the name directly before a result, None where it is the cited test's or none."""
    results = [f for f in holding if f.kind == "Observation" and f.field == "value" and not f.long]
    if not results or len(results) < len(holding) or scene.general:
        return None
    before = _before(scene, number)
    names = _own_words(results, scene.lexicon)
    other = SPECIMEN.search(before)
    if other and other[1].casefold() not in names:
        return unproved(results)
    words = [w for m in WORD.finditer(before) if (w := m[0].casefold()) not in FILLER]
    words = [w for w in words if not w.endswith(ENDINGS) or w in names]
    if not words or _is_own(words[-1], names):
        return None
    said = [m for m in scene.lexicon.mentions(before) if not m.drug]
    if said and said[-1].text.split()[-1] == words[-1]:
        return differs("test", said[-1].text, results[0].evidence.name, results)
    return unproved(results)


def _before(scene: Scene, number: Number) -> str:
    """Return the words before a number, back to the number before it or the end of the sentence before."""
    text = scene.claims.rest[: number.start]
    ends = [n.end for n in scene.claims.numbers if n.end <= number.start and n.text != number.text]
    return re.split(r"[.;!?]\s|\n|\|\s*\|", text[max(ends, default=0) :])[-1]


def _is_own(word: str, names: frozenset[str]) -> bool:
    plain = word.removesuffix("'s").removesuffix("’s").strip("'’-+")
    return bool({word, plain, plain.removesuffix("s"), f"{plain}s"} & names) or all(
        part in names for part in re.split(r"[-']", plain)
    )


def _own_words(results: Sequence[Fact], lexicon: Lexicon) -> frozenset[str]:
    """Return every word of the cited tests' names and of their synonyms."""
    groups = {lexicon.group(f.evidence.name) for f in results}
    if groups & {"systolic bp", "diastolic bp"} or any("bp" in g.split() for g in groups):
        groups.add("blood pressure")
    spellings = [s for s, group in lexicon.tests.items() if group in groups]
    text = " ".join((*groups, *spellings, *(f.evidence.name for f in results)))
    return frozenset(w.casefold().strip("'’-+") for w in re.findall(r"[\w+'’-]+", text))


# ---------------------------------------------------------------- high, low, normal


def levels(scene: Scene) -> Iterator[Finding]:
    """Compare "is low" and "was normal" with the flag as sent; without a sent flag a level is not proved."""
    values = [n for n in scene.claims.numbers if n.kind == "value"]
    if scene.general or not values:
        return
    for match in LEVEL.finditer(scene.claims.rest):
        before = [n for n in values if n.end <= match.start()]
        number = before[-1] if before else values[0]
        if match["not"] or (number.flag and 0 <= match.start() - number.end < 4):
            continue
        facts = [f for f in scene.own if f.flag is not None and holds(f, number)]
        if facts and len(facts) == len([f for f in scene.own if holds(f, number)]):
            yield _level(match, facts)


def _level(match: re.Match[str], facts: Sequence[Fact]) -> Finding:
    sent = {f.flag or "" for f in facts}
    if match["normal"]:
        if sent == {"N"}:
            return equal("flag", facts)
        said = "N"
    else:
        said = "H" if match["high"] else "L"
        said *= 2 if match["critical"] or match["critical2"] else 1
    if sent == {""}:
        return unproved(facts)
    if all(flag == said or flag == said * 2 for flag in sent):
        return equal("flag", facts)
    return differs("flag", match[0].strip(), ", ".join(sorted(sent - {""})), facts)
