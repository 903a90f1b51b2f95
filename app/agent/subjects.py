"""Find what makes a value another one than the cited: a test of another name, another person, a "not", a wrong level.

"Lithium 5.6" is not the cited potassium, "her sister's potassium was 5.6" not this patient's, "5.6 is low" not what
the flag says. Only words that stand in the same clause as the value count.
"""

import re
from collections.abc import Iterator, Sequence

from app.agent.claims import ABSENCE, Number
from app.agent.facts import Fact, Lexicon
from app.agent.people import stands_in
from app.agent.scene import Finding, Scene, differs, unproved
from app.fhir.computed import NO_CLEARANCE

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
        "higher",
        "lower",
        "greater",
        "less",
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
        "flagged",
        "stepwise",
        "gone",
        "risen",
        "fallen",
        "ll",
        "hh",
        "l",
        "h",
        "series",
        "period",
        "serial",
        "noted",
        "found",
        "shown",
        "according",
        "whereas",
        "where",
        "when",
        "equals",
        "returns",
        "returned",
        "registers",
        "measures",
        "sits",
        "lies",
        "remained",
        "remains",
        "stood",
        "stands",
        "read",
        "reads",
    ]
)
ENDINGS = ("ly", "ed", "ing")
SPECIMEN = re.compile(
    r"\b(urine|urinary|csf|cerebrospinal|stool|fecal|faecal|pleural|ascitic|synovial|sweat|saliva|salivary|cord)\b",
    re.IGNORECASE,
)


def blockers(scene: Scene) -> Iterator[Finding]:
    """Yield what keeps the words of this part from being a match at all."""
    structured = scene.structured
    if not structured or scene.general:
        return
    plain = ABSENCE.sub(lambda m: "\x1f" * len(m[0]), scene.claims.rest).replace(NO_CLEARANCE, " ")
    for name in {f.evidence.name for f in structured if NOT.search(f.evidence.name)}:
        plain = re.sub(re.escape(name), " ", plain, flags=re.IGNORECASE)
    if NOT.search(plain) or any(
        not stands_in(m[0], structured) for m in PERSON.finditer(scene.claims.rest)
    ):
        yield unproved(structured)


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
    chunk = CHUNK.split(before)[-1]
    words = [m[0].casefold() for m in WORD.finditer(chunk)]
    known = [_is_own(w, names) for w in words]
    told = [i for i, w in enumerate(words) if known[i] or not (w in FILLER or w.endswith(ENDINGS))]
    # A word that the own name's verb stands before ("BUN is seen, from 16") names no other test.
    if not told or known[told[-1]] or _said_of(told, known):
        return None
    words = [words[i] for i in told]
    said = [m for m in scene.lexicon.mentions(before) if not m.drug]
    if said and said[-1].text.split()[-1] == words[-1]:
        return differs("test", said[-1].text, results[0].evidence.name, results)
    return unproved(results)


# Where another subject may begin: a semicolon, or a comma or "and" before a word that is no filler.
CHUNK = re.compile(
    rf";|(?:,|\b(?:and|but|while)\b)\s+(?!(?:{'|'.join(sorted(FILLER))})\b)(?=[a-zA-Z])",
    re.IGNORECASE,
)


def _said_of(told: Sequence[int], known: Sequence[bool]) -> bool:
    """Tell whether the own name stands before the last word, with words between that name nothing."""
    mine = [i for i in told if known[i]]
    return bool(mine) and told[-1] - mine[-1] > 1


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
