"""Read which computations a question asks for, and what it gives for them in its own words."""

import re
from collections.abc import Iterator

from app.llm.synonyms import Synonyms, forms

# What a question may state for a computation, by the calculator's own name of it. A number needs its unit.
STATED: tuple[tuple[str, str], ...] = (
    ("weight", r"(?:weight|weighs|weighing|wt)"),
    ("height", r"(?:height|ht|tall)"),
    ("creatinine", r"(?:creatinine|creat|scr|cr)"),
    ("albumin", r"albumin"),
    ("QT interval", r"(?:qt interval|qt)"),
    ("heart rate", r"(?:heart rate|hr)"),
)
BETWEEN = r"\s*(?:is|of|=|:|at|now)?\s*"
AMOUNT = r"(\d{1,5}(?:\.\d{1,3})?)\s?(kgs?|lbs?|pounds|cm|inches|in|ft|mg/dl|umol/l|µmol/l|g/dl|g/l|msec|ms|bpm|/min)(?![\w/])"
DOSE_A_DAY = re.compile(r"(?<![\d.])(\d{1,5}(?:\.\d{1,3})?)\s?mg\s?(?:/\s?day|a day|per day|daily)")
FINDINGS: tuple[tuple[str, str], ...] = (
    ("confusion", r"confus(?:ion|ed)"),
    ("altered mentation", r"altered (?:mentation|mental status)"),
    ("oxygen", r"(?:oxygen|o2)"),
    ("alert", r"alert"),
    ("dialysis", r"dialysis"),
    ("labile INR", r"labile inrs?"),
    ("alcohol", r"alcohol"),
)
DENIED = r"\b(?:no|not|without|denies|off)\s(?:\w+\s){0,1}"
# What is asked for and not computed here, with the reason; it is said by name.
DECLINED: tuple[tuple[str, str, str], ...] = (
    ("HEART score", r"heart score", "it needs history and ECG as judged at the bedside"),
    (
        "Pooled Cohort Equations",
        r"pooled cohort(?: equations?)?|\bpce\b",
        "they use race; ask for the PREVENT risk",
    ),
    (
        "Phototherapy thresholds",
        r"(?:photo ?therapy|exchange|treatment) thresholds?|photo ?therapy",
        "the threshold tables do not come with this application",
    ),
    ("Vancomycin AUC", r"\bauc\b|pharmacokinetic\w*", "no pharmacokinetics are computed"),
    (
        "Cumulative anthracycline dose",
        r"(?:cumulative|total|lifetime)(?: dose of)?(?= (?:anthracycline|doxorubicin|epirubicin|daunorubicin|idarubicin))",
        "earlier doses may stand in other records",
    ),
    (
        "Cumulative dose",
        r"how much (?=[^?.]*\b(?:in total|altogether|so far|overall)\b)",
        "earlier doses may stand in other records; the doses recorded here are listed",
    ),
    (
        "",
        r"\b(?:wells|perc|centor|grace|timi|sofa|apache|child-?pugh|caprini|padua|apgar|glasgow|gcs)\b(?: (?:score|rule|criteria))?",
        "it is not among the calculators",
    ),
)
# Words that turn a computation into a question about what is recorded.
ABOUT_THE_PAST = re.compile(r"\b(?:hx|history|ever|previous|prior|notes?|documented|diagnos\w*)\b")
PAST = frozenset(("aki_stage",))


def asked(text: str, synonyms: Synonyms) -> Iterator[tuple[str, str]]:
    """Yield key and words of each computation that a question (lower case) asks for, the longest words first."""
    past = bool(ABOUT_THE_PAST.search(text))
    every = [(word, c.name) for c in synonyms.calculations for word in c.words]
    left = text
    for word, key in sorted(every, key=lambda pair: -len(pair[0])):
        found = re.search(pattern(word), left)
        if found and not (past and key in PAST):
            yield key, found[0]
            left = left[: found.start()] + " " * len(found[0]) + left[found.end() :]


def declined(text: str) -> Iterator[tuple[str, str]]:
    """Yield what a question (lower case) asks for that is not computed here, as a sentence, and its words."""
    for name, words, why in DECLINED:
        found = re.search(rf"(?<![\w-])(?:{words})", text)
        if found:
            yield f"{name or found[0].capitalize()}: not computed here; {why}.", found[0]


def pattern(word: str) -> str:
    """Match a word in the singular and in the plural."""
    listed = "|".join(map(re.escape, sorted(forms(word), key=len, reverse=True)))
    return rf"(?<![\w-])(?:{listed})(?![\w-])"


def stated(text: str) -> Iterator[tuple[str, str]]:
    """Yield what a question (lower case) states for a computation: "weight=72 kg", and the words it stands in."""
    for name, words in STATED:
        found = re.search(rf"(?<![\w-]){words}{BETWEEN}{AMOUNT}", text)
        if found:
            yield f"{name}={found[1]} {found[2]}", found[0]
    for name, words in FINDINGS:
        found = re.search(rf"(?P<no>{DENIED})?(?<![\w-]){words}(?![\w-])", text)
        if found:
            yield f"{name}={'no' if found['no'] else 'yes'}", found[0]
    dose = DOSE_A_DAY.search(text)
    if dose:
        yield f"dose={dose[1]} mg", dose[0]
