"""Read a question without a language model: which look-ups do its words ask for?

Words are matched with the reviewed table and a few fixed phrases; what is left is searched in the chart's own
words. Nothing is guessed: a word that matches nothing is named as not matched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from app.llm.synonyms import MedicineClass, Panel, Synonyms, Test, words_of

Topic = Literal[
    "overview", "medicines", "allergies", "problems", "pending", "visit", "changes", "notes",
    "fills", "labs", "vitals",
]  # fmt: skip

# "Can I give X" is a question about harm: allergies, medicines and problems always, whatever else matched.
GIVE = re.compile(
    r"\b(?:can|could|may|should|shall|ok(?:ay)? to|safe to|is it safe|all right to)\b.{0,40}?"
    r"\b(?:give|start|prescribe|use|add|take|have|order|put (?:her|him|them) on|switch)\b"
)
TOPICS: tuple[tuple[Topic, str, str], ...] = (
    ("overview", "summary", r"(?:pre-?visit )?summar\w*|overview|one-?liner|brief me|prepare me|pre-?visit|tell me about|background|who is this|snapshot"),
    ("changes", "what changed", r"(?:what(?:'s|’s| is| has|s)?|anything) (?:changed|new)|changes?\b|changed since|new since|since (?:my |the |her |his |their )?last (?:visit|seen|time)|overnight"),
    ("visit", "last visit", r"(?:last|latest|previous|recent|past) (?:visits?|appointments?|encounters?|admissions?|consultations?)|last seen|seen last|when was (?:she|he) (?:last )?seen|visits?\b|admitted|admissions?|encounters?|hospitali[sz]\w*"),
    ("pending", "pending orders", r"pending|outstanding|awaiting|waiting for|unresulted|not (?:yet )?resulted|no result yet|open orders"),
    ("allergies", "allergies", r"allerg\w*|intoleran\w*|adverse reactions?|reactions? to"),
    ("fills", "medication fills", r"fills?\b|filled|dispens\w*|picked up|adheren\w*|refill\w*"),
    ("medicines", "active orders", r"medicines?|medications?|meds\b|drugs?\b|prescri\w*|pills?|tablets?|rx\b|what (?:is|does) (?:she|he) (?:on|take|taking)|taking\b"),
    ("problems", "active problems", r"problems?|problem list|diagnos\w*|conditions?|comorbidit\w*|pmh\b|medical history|past history"),
    ("notes", "notes", r"notes?\b|recommend\w*|documented|mention\w*|wrote|letters?\b|advised?|suggest\w*"),
    ("vitals", "vital signs", r"vitals?\b|vital signs"),
    ("labs", "laboratory results", r"labs?\b|laborator\w*|lab results|blood tests?|bloods\b|test results|results\b"),
)  # fmt: skip
# What this version does not read; it is said, never answered with "none".
UNREAD: tuple[tuple[str, str], ...] = (
    ("Immunizations", r"immuni[sz]\w*|vaccin\w*|flu shot|tetanus|booster"),
    ("Procedures and surgery", r"surger\w*|operations?\b|procedures?\b|colonoscop\w*"),
    ("Imaging", r"x-?rays?|ct\b|mri\b|echo\w*|ultrasound|imaging|radiolog\w*"),
    ("Family history", r"family history"),
    ("Code status and advance directives", r"code status|advance directive\w*|dnr\b|resuscitat\w*"),
    ("Insurance and coverage", r"insurance|coverage|copay|formulary"),
    ("Medication administrations", r"last dose|doses? given|administered|\bmar\b"),
)
EVER = re.compile(
    r"\b(?:ever|previous(?:ly)?|past|stopped|discontinued|used to|history|tried|before)\b"
)
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a about above active due old hello hi hey thanks thank controlled control pre affect affects after
        all also am an and any anything are as at be because been before being below between both but by can
        cause caused change come could current currently did do does doing done down drop dropped dropping
        during each else ever exact fall fallen falling fell few find for from gave get getting give given
        go going gone good got had has have he her hers here high him his how i if in into is it its itself
        just know last latest least let like list long look lot low lower made many me mean means might more
        most much must my need new newest next no nor normal not now of off ok on once one only or other our
        out over own patient patients pls please recent recently result results right rise risen rising said
        same say says see seen shall she should show shown since so some still stop stopped such summer sure
        take taken taking tell than that the their them then there these they thing this those time times to
        today too took trend trending trends under until up us use used value values very visit want was we
        week weeks were what whats when where which while who whom whose why will winter with worse would
        year years yes yet you your spring autumn month months day days level levels test tests check first
        put start started starting better number numbers past history mr mrs ms dr doctor lady man woman guy
        person chart record records""",
    )
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Match:
    """Words of the question, and what they stand for."""

    words: str
    means: str


@dataclass(kw_only=True)
class Plan:
    """What a question asks for. `leftover` words are searched in the chart's own words."""

    topics: list[Topic] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    classes: list[MedicineClass] = field(default_factory=list)
    drugs: list[str] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    leftover: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    give: bool = False
    ever: bool = False
    since: str = ""

    @property
    def empty(self) -> bool:
        """Tell whether no word asks for anything."""
        found = (
            self.topics or self.tests or self.panels or self.classes or self.drugs or self.leftover
        )
        return not (found or self.unread or self.quoted)


def read(question: str, synonyms: Synonyms) -> Plan:
    """Return the plan of a question."""
    text = " ".join(question.casefold().replace("’", "'").split())
    given = GIVE.search(text)
    plan = Plan(give=bool(given), ever=bool(EVER.search(text)))
    plan.quoted = [a or b for a, b in re.findall(r"“([^”]+)”|\"([^\"]+)\"", text)]
    since = re.search(r"since (\d{4}(?:-\d{2}(?:-\d{2})?)?)\b", text)
    plan.since = since[1] if since else ""
    rest = re.sub(r"“[^”]+”|\"[^\"]+\"|\d{4}-\d{2}(?:-\d{2})?", " ", text)
    rest = _topics_first(plan, rest)
    rest = _named(plan, rest, synonyms)
    rest = _topics(plan, rest)
    rest = _unread(plan, rest)
    plan.leftover = [*_content(rest), *_acronyms(question, rest)]
    if given:
        plan.matches.append(
            Match(words=given[0], means="allergies, active orders, active problems")
        )
        plan.topics = list(dict.fromkeys(["allergies", "medicines", "problems", *plan.topics]))
    return plan


def _topics_first(plan: Plan, rest: str) -> str:
    """Take whole phrases before single words: "last visit", "what changed", "family history"."""
    for topic, means, pattern in TOPICS[:3]:
        rest = _take(plan, rest, topic, means, pattern)
    return rest


def _topics(plan: Plan, rest: str) -> str:
    for topic, means, pattern in TOPICS[3:]:
        rest = _take(plan, rest, topic, means, pattern)
    return rest


def _take(plan: Plan, rest: str, topic: Topic, means: str, pattern: str) -> str:
    found = re.search(rf"(?<!\w)(?:{pattern})", rest)
    if found is None:
        return rest
    plan.topics.append(topic)
    plan.matches.append(Match(words=found[0].strip(), means=means))
    return re.sub(rf"(?<!\w)(?:{pattern})", " ", rest)


def _unread(plan: Plan, rest: str) -> str:
    for name, pattern in UNREAD:
        if re.search(rf"(?<!\w)(?:{pattern})", rest):
            plan.unread.append(name)
            rest = re.sub(rf"(?<!\w)(?:{pattern})", " ", rest)
    return rest


def _named(plan: Plan, rest: str, synonyms: Synonyms) -> str:
    """Take the reviewed words, the longest first; a word of two classes means both."""
    entries = words_of([*synonyms.tests, *synonyms.panels, *synonyms.classes])
    done = ""
    for word, entry in entries:
        pattern = _pattern(word)
        if word != done and not re.search(pattern, rest):
            continue
        _add(plan, word, entry)
        following = next((w for w, e in _from(entries, word, entry)), "")
        done = word if following == word else ""
        if not done:
            rest = re.sub(pattern, " ", rest)
    for ingredient in sorted(synonyms.ingredients, key=len, reverse=True):
        if re.search(_pattern(ingredient), rest):
            plan.drugs.append(ingredient)
            kinds = [c.name for c in synonyms.classes if ingredient in c.ingredients]
            plan.matches.append(Match(words=ingredient, means=f"{ingredient} ({', '.join(kinds)})"))
            rest = re.sub(_pattern(ingredient), " ", rest)
    return rest


def _from(
    entries: list[tuple[str, Test | Panel | MedicineClass]], word: str, entry: object
) -> Iterator[tuple[str, object]]:
    """Yield what stands behind an entry in the list."""
    at = next(i for i, (w, e) in enumerate(entries) if w == word and e is entry)
    yield from entries[at + 1 : at + 2]


def _pattern(word: str) -> str:
    return rf"(?<![\w-]){re.escape(word)}(?![\w-])"


def _add(plan: Plan, word: str, entry: Test | Panel | MedicineClass) -> None:
    match entry:
        case Test():
            plan.tests.append(entry)
        case Panel():
            plan.panels.append(entry)
        case MedicineClass():
            plan.classes.append(entry)
    means = ", ".join(entry.tests) if isinstance(entry, Panel) else entry.name
    same = next((m for m in plan.matches if m.words == word), None)
    if same:
        plan.matches.remove(same)
        means = ", ".join(dict.fromkeys([*same.means.split(", "), *means.split(", ")]))
    plan.matches.append(Match(words=word, means=means))


def _acronyms(question: str, rest: str) -> list[str]:
    """Return two-letter abbreviations (MI, HF) that the question writes in capitals and nothing has taken."""
    return [
        w for w in re.findall(r"\b[A-Z]{2}\b", question) if re.search(_pattern(w.casefold()), rest)
    ]


def _content(rest: str) -> list[str]:
    """Return the words that carry meaning, neighbours together: "back pain" is one phrase."""
    phrases = re.split(r"[^\w\s'-]+|\b(?:and|or)\b", rest)
    found: list[str] = []
    for phrase in phrases:
        run: list[str] = []
        for word in [*phrase.split(), ""]:
            plain = re.sub(r"'s?$", "", word.strip("'-"))
            if len(plain) > 2 and plain not in STOP_WORDS and not plain.isdigit():
                run.append(plain)
            elif run:
                found.append(" ".join(run))
                run = []
    return list(dict.fromkeys(found))[:4]
