"""Read a question without a language model: which look-ups do its words ask for?

Words are matched with the reviewed table and a few fixed phrases; what is left is searched in the chart's own
words. Nothing is guessed: a word that matches nothing is named as not matched.
"""

import re

from app.llm import calculations, job_words
from app.llm.asked_sections import (
    AGENT,
    ANCHORS,
    ASKED,
    DECLINED,
    NO_REASON,
    SPELT,
    WINDOW,
    span,
    window,
)
from app.llm.named import take_named
from app.llm.ordinary import parted
from app.llm.plan import Match, Plan
from app.llm.synonyms import (
    Synonyms,
    contains,
    one_edit,
)
from app.llm.topics import (
    ABNORMAL,
    ACT,
    ACT_WORDS,
    BEGUN,
    CHECKS,
    EVER,
    GIVE,
    LAST_OF,
    OF_ALLERGIES,
    PURPOSE,
    STOP_WORDS,
    TAKEN_FOR,
    TAKING,
    TOLERATED,
    TOPICS,
    UNREAD,
    WHY,
    Topic,
)

MOST_WORDS = 6
# A shorter word is one edit away from too many others.
MOST_SHORT = 4
KIDNEY = "kidney function"
# What a medicine of the kidney list needs to know first.
BEFORE_GIVING = ("potassium", "creatinine", "eGFR")
PERIODS = {"h": "hours", "d": "days", "w": "weeks", "m": "months", "y": "years"}
WHY_CHANGED = re.compile(r"\b(?:and|or) why\b|\bwhy\b")
DOSE = re.compile(r"\b\d+(?:[.,]\d+)?\s?(?:mg|mcg|g|ml|units?|meq|%)(?![\w/])")


def read(question: str, synonyms: Synonyms) -> Plan:
    """Return the plan of a question."""
    plan = Plan()
    text = _spelt_out(plan, " ".join(question.casefold().replace("’", "'").split()), synonyms)
    given = GIVE.search(text)
    plan = Plan(
        matches=plan.matches,
        give=bool(given),
        ever=bool(EVER.search(text)),
        begun=bool(BEGUN.search(text)),
    )
    plan.act, plan.taking = bool(ACT.search(text)) and not given, bool(TAKING.search(text))
    plan.quoted = [a or b for a, b in re.findall(r"“([^”]+)”|\"([^\"]+)\"", text)]
    since = re.search(r"since (\d{4}(?:-\d{2}(?:-\d{2})?)?)\b", text)
    plan.since = since[1] if since else ""
    plan.abnormal, plan.tolerated = bool(ABNORMAL.search(text)), bool(TOLERATED.search(text))
    rest = re.sub(r"“[^”]+”|\"[^\"]+\"|\d{4}-\d{2}(?:-\d{2})?", " ", text)
    rest = ABNORMAL.sub(" results ", PURPOSE.sub(" ", rest))
    rest = _computed(plan, _checks(plan, _jobs(plan, rest)), synonyms)
    rest = _without_units(DOSE.sub(" ", rest), question)
    rest = _parts(plan, rest)
    rest = _topics(plan, rest, TOPICS[:5])
    rest = take_named(plan, rest, synonyms, question)
    rest = _topics(plan, rest, TOPICS[5:])
    rest = _unread(plan, rest)
    if "antibiotic_days" in plan.calculations and not (plan.classes or plan.drugs):
        # Days are counted of doses; which orders they were given by is asked for too.
        plan.classes += [c for c in synonyms.classes if "antibiotics" in c.words]
    plan.leftover, plan.ignored = _content(rest, question, _stop_words(plan))
    _without_ordinary(plan)
    plan.slips = {w: known for w in plan.leftover if (known := _slip(w, synonyms))}
    _narrow(plan, text, synonyms)
    _times(plan, text)
    if given:
        _before_giving(plan, given[0], synonyms)
    if plan.jobs:
        # A fixed report has its own summary.
        plan.topics = [topic for topic in plan.topics if topic != "overview"]
    if "mg_kg_day" in plan.calculations and not any(x.startswith("dose=") for x in plan.stated):
        plan.stated += [f"medicine={drug}" for drug in [*plan.drugs, *plan.leftover][:1]]
        plan.drugs, plan.leftover = [], []
        plan.tests = [test for test in plan.tests if test.name != "weight"]
    return plan


def _without_ordinary(plan: Plan) -> None:
    """Name ordinary words as not understood instead of searching for them; a subject of notes is asked for as it stands."""
    if plan.topics == ["notes"] and not plan.parts:
        return
    found = [parted(phrase) for phrase in plan.leftover]
    plan.leftover = list(dict.fromkeys(run for runs, _ in found for run in runs))
    plan.ignored = list(dict.fromkeys([*plan.ignored, *(run for _, runs in found for run in runs)]))


def _jobs(plan: Plan, rest: str) -> str:
    """Take the words that ask for a fixed report."""
    for name, means, words in job_words.asked(rest):
        plan.jobs.append(name)
        plan.matches.append(Match(words=words.strip(), means=means))
        rest = rest.replace(words, " ", 1)
    return rest


def _checks(plan: Plan, rest: str) -> str:
    """Take the words that ask for a deterministic check."""
    for kind, means, pattern in CHECKS:
        found = re.search(rf"(?<![\w-])(?:{pattern})(?![\w-])", rest)
        if found:
            plan.checks.append(kind)
            plan.matches.append(Match(words=found[0].strip(), means=means))
            rest = rest.replace(found[0], " ", 1)
    return rest


def _computed(plan: Plan, rest: str, synonyms: Synonyms) -> str:
    """Take the words that ask for a computation, and what is stated for it."""
    for sentence, words in calculations.declined(rest):
        plan.declined.append(sentence)
        rest = rest.replace(words, " ", 1)
    for key, words in calculations.asked(rest, synonyms):
        plan.calculation_words.setdefault(key, words)
        rest = rest.replace(words, " ", 1)
    if (
        "mean_blood_pressure" in plan.calculation_words
        and (said := span(rest))
        and str(said[0]) in rest
    ):
        plan.stated.append(f"{PERIODS[said[1]]}={said[0]}")
    if plan.calculations:
        for entered, words in calculations.stated(rest):
            plan.stated.append(entered)
            rest = rest.replace(words, " ", 1)
    return rest


def _parts(plan: Plan, rest: str) -> str:
    """Take what is declined by its name, since when, and the parts of the chart that are asked for."""
    plan.window = window(rest)
    for pattern, words in SPELT:
        if found := re.search(rf"(?<!\w)(?:{pattern})", rest):
            plan.spelt += words
            plan.matches.append(Match(words=found[0], means=", ".join(words)))
            rest = re.sub(rf"(?<!\w)(?:{pattern})", " ", rest)
    for anchor, means, pattern in ANCHORS:
        if not plan.anchor and (found := re.search(rf"(?<!\w)(?:{pattern})", rest)):
            plan.anchor = anchor
            plan.topics.append("changes")
            plan.matches.append(Match(words=found[0].strip(), means=means))
            rest = rest.replace(found[0], " ")
    for pattern, sentence in DECLINED:
        if found := re.search(rf"(?<!\w)(?:{pattern})", rest):
            plan.why |= found[0].startswith(("why", "reason", "what reason"))
            plan.outside |= sentence.startswith("Documents of outside")
            plan.declined.append(sentence)
            rest = re.sub(rf"(?<!\w)(?:{pattern})", " ", rest)
    for asked in ASKED:
        found = re.search(rf"(?<!\w)(?:{asked.pattern})", rest)
        if found and all(one.section != asked.section for one in plan.parts):
            every = [m[0].strip() for m in re.finditer(rf"(?<!\w)(?:{asked.pattern})", rest)]
            plan.parts[asked] = ", ".join(dict.fromkeys(every))
            plan.matches.append(Match(words=plan.parts[asked], means=asked.means))
            rest = re.sub(rf"(?<!\w)(?:{asked.pattern})", " ", rest)
    _with_people(plan)
    _reconciled(plan)
    return WINDOW.sub(" ", rest)


def _with_people(plan: Plan) -> None:
    """Read who decides also among the related persons: a directive names an agent, the person stands elsewhere."""
    alerts = next((w for asked, w in plan.parts.items() if asked.section == "alerts"), "")
    if AGENT.search(alerts) and all(asked.section != "care_team" for asked in plan.parts):
        people = next(asked for asked in ASKED if asked.section == "care_team")
        plan.parts[people] = alerts


def _reconciled(plan: Plan) -> None:
    """Read a reconciliation that is asked for with the medicines of home as the lists that it compares, not as a review."""
    asked = next((m for m in plan.matches if re.match(r"med(?:ication)? rec", m.words)), None)
    home = next((w for one, w in plan.parts.items() if one.section == "home_medications"), "")
    if asked is None or not home or "medication_review" not in plan.jobs:
        return
    plan.jobs.remove("medication_review")
    plan.matches.remove(asked)
    for one in ASKED:
        if one.section in ("inpatient_medications", "discharge_medications"):
            plan.parts.setdefault(one, asked.words)
            plan.matches.append(Match(words=asked.words, means=one.means))


def _stop_words(plan: Plan) -> frozenset[str]:
    """Return the words that ask for nothing; of notes, "instructions" are a subject."""
    stop = STOP_WORDS - {"instruction", "instructions"} if "notes" in plan.topics else STOP_WORDS
    stop |= ACT_WORDS if plan.act else frozenset()
    stop |= OF_ALLERGIES if "allergies" in plan.topics else frozenset()
    # What is pending at discharge is pending now; a stage is what a computation gives.
    stop |= {"discharge"} if "pending" in plan.topics else frozenset()
    return stop | {word for key in plan.calculations for word in key.split("_")}


def _spelt_out(plan: Plan, text: str, synonyms: Synonyms) -> str:
    """Write what clinicians abbreviate, and brand names, as the ingredient or words that they stand for."""
    for word, means in synonyms.aliases.items():
        # As written: "recs" are recommendations, a "med rec" is none.
        exact = rf"(?<![\w-]){re.escape(word)}(?![\w-])"
        if found := re.search(exact, text):
            plan.matches.append(Match(words=found[0], means=means))
            text = re.sub(exact, means, text)
    return TAKEN_FOR.sub(r"on \1 meds", text)


def _times(plan: Plan, text: str) -> None:
    """Read the last hours as what happened in them, where nothing else is asked; "the last carboplatin" as its doses."""
    hours = plan.window.endswith("h")
    asked = (
        plan.topics or plan.tests or plan.classes or plan.drugs or plan.parts or plan.calculations
    )
    if (
        hours
        and not plan.anchor
        and ("changes" in plan.topics or not (asked or plan.leftover or plan.problems))
    ):
        plan.anchor = "24h"
        plan.topics = list(dict.fromkeys([*plan.topics, "changes"]))
    named = plan.drugs or plan.classes
    elsewhere = (
        plan.parts or plan.tests or {"visit", "admission", "emergency", "fills"} & set(plan.topics)
    )
    if named and not elsewhere and (LAST_OF.search(text) or _cumulative(plan)):
        plan.parts[next(asked for asked in ASKED if asked.section == "administrations")] = "last"


def _cumulative(plan: Plan) -> bool:
    return any(said.startswith("Cumulative") for said in plan.declined)


def _without_units(rest: str, question: str) -> str:
    """Take "mg" for magnesium only where it is written as such, or asked for alone: it is a unit far more often."""
    if re.search(r"\bM[gG]\b", question) or len(rest.split()) <= 2:
        return rest
    return re.sub(r"\bmg\b", " ", rest)


def _narrow(plan: Plan, text: str, synonyms: Synonyms) -> None:
    """Read the whole question once more: why a kidney test fell; allergies alone; one medicine, not the list."""
    kidney = next(p for p in synonyms.panels if p.name == KIDNEY)
    names = {test.name for test in plan.tests}
    if names and names <= {"eGFR", "creatinine"} and WHY.search(text) and kidney not in plan.panels:
        plan.panels.append(kidney)
        plan.tests.clear()
        plan.matches = [m for m in plan.matches if m.means not in names]
        plan.matches.insert(
            0, Match(words=" and ".join(sorted(names)), means=", ".join(kidney.tests))
        )
    one = plan.drugs or plan.classes or plan.leftover
    loose = [m for m in plan.matches if m.words in ("taking", "prescribed")]
    if one and loose and not plan.give:
        plan.topics.remove("medicines")
        plan.matches.remove(loose[0])
    if "allergies" in plan.topics:
        plan.topics = [t for t in plan.topics if t != "medicines"]
    if not plan.anchor and any(asked.section.endswith("_medications") for asked in plan.parts):
        _between_lists(plan, text)


def _between_lists(plan: Plan, text: str) -> None:
    """Read "changed" as between the lists of medicines that are asked for, not in the chart."""
    loose = [m for m in plan.matches if m.words in ("change", "changes", "what changed")]
    plan.topics = [topic for topic in plan.topics if topic != "changes" or not loose]
    plan.matches = [m for m in plan.matches if m not in loose]
    if loose and WHY_CHANGED.search(text):
        plan.declined.append(NO_REASON)


def _before_giving(plan: Plan, words: str, synonyms: Synonyms) -> None:
    """Look at allergies, medicines and problems always; at the kidney tests for a class that needs them."""
    plan.matches.append(Match(words=words, means="allergies, active orders, active problems"))
    plan.topics = list(dict.fromkeys(["allergies", "medicines", "problems", *plan.topics]))
    kinds = [c for drug in plan.drugs for c in synonyms.classes_of(drug)] + plan.classes
    plan.related = list(dict.fromkeys(k.words[0] for k in kinds if k.words))
    if any(kind.kidney for kind in kinds):
        plan.tests += [t for n in BEFORE_GIVING if (t := synonyms.test(n)) not in plan.tests]


def _topics(plan: Plan, rest: str, topics: tuple[tuple[Topic, str, str], ...]) -> str:
    """Take phrases; whole ones before single words: "last visit", "what changed", "family history"."""
    for topic, means, pattern in topics:
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


def _content(rest: str, question: str, stop: frozenset[str]) -> tuple[list[str], list[str]]:
    """Return phrases to search (neighbours together: "back pain"), and words that are too short or too many."""
    found: list[str] = []
    ignored: list[str] = []
    for phrase in re.split(r"[^\w\s'-]+|\b(?:and|or)\b", rest):
        run: list[str] = []
        for word in [*phrase.split(), ""]:
            plain = re.sub(r"'s?$", "", word.strip("'-"))
            acronym = len(plain) == 2 and contains_exactly(question, plain.upper())
            if plain not in stop and not plain.isdigit() and (len(plain) > 2 or acronym):
                run.append(plain.upper() if acronym else plain)
                continue
            if run:
                found.append(" ".join(run))
                run = []
            if plain and plain not in stop and not plain.isdigit() and plain not in ("s", "t"):
                ignored.append(plain)
    unique = list(dict.fromkeys(found))
    return unique[:MOST_WORDS], list(dict.fromkeys([*ignored, *unique[MOST_WORDS:]]))


def contains_exactly(question: str, word: str) -> bool:
    """Tell whether the question writes a word just so, capitals and all."""
    return contains(question, word) and bool(re.search(rf"\b{re.escape(word)}\b", question))


def _slip(word: str, synonyms: Synonyms) -> str:
    """Return the known word that a word is one edit away from: "potasium" is a slip for "potassium"."""
    parts = [part for part in word.casefold().split() if len(part) > MOST_SHORT and part.isalpha()]
    likely = [known for known in synonyms.vocabulary if len(known) > MOST_SHORT]
    return next((k for part in parts for k in likely if one_edit(part, k)), "")
