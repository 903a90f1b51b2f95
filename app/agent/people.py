"""Compare people and places: who the patient is, who wrote or ordered, where, and whose value it is.

Name, age and sex are compared with the Patient of this launch; a clinician's name with the authors of the cited
records; a place with their sites. A relative who owns or has what a record says of the patient is a mismatch.
Not decided: people named by nothing but a role ("her cardiologist"), ages at a time in the past.
"""

import re
from collections.abc import Iterable, Iterator

from app.agent.facts import Fact
from app.agent.scene import Background, Finding, Patient, Scene, differs, equal
from app.agent.spoken import Spoken
from app.fhir.dates import day

AGE = re.compile(
    r"\b(?P<a>\d{1,3})[- ]?(?:years?[- ]olds?|y/?o)\b|\baged? (?P<b>\d{1,3})\b(?! (?:or|to|and|years? (?:or|and))\b|[-–+])",
    re.IGNORECASE,
)
# An age that is not this patient's today.
THEN = re.compile(
    r"\b(?:at the time|at that time|at (?:the )?age|when (?:she|he) was|patients|adults?|people|older|over)\b",
    re.I,
)
SEX = re.compile(
    r"\b(?:(?P<female>woman|female|lady)|(?P<male>man|male|gentleman))\b", re.IGNORECASE
)
TITLED = re.compile(
    r"\b(?:Mrs?|Ms|Miss)\b\.? (?P<name>[A-Z]\w*(?:['’-][A-Z]\w+)*(?: [A-Z]\w+(?:['’-][A-Z]\w+)*)?)"
)
NAMED = re.compile(
    r"(?:^|[.:;] |\b[Pp]atient:? |\bfor |\band )(?P<first>[A-Z][a-z]+)(?: [A-Z]\.)? (?P<last>[A-Z][\w'’-]+?)"
    r"(?=['’]s\b|,? (?:an? )?\(?\d{1,3}[- ]?(?:y|\()| (?:has|had|is|was|takes|presents?|reports?)\b)"
)
OWNING = re.compile(r"\b(?P<first>[A-Z][a-z]+)(?: [A-Z]\.)? (?P<last>[A-Z][\w-]+)['’]s\b")
# Every name that is looked for has one of these: a title before a capital, or two words with capitals.
CAPITALS = re.compile(r"\bM(?:rs?|s|iss)\b|[A-Z][a-z]+(?: [A-Z]\.)? [A-Z]")
SEX_WORDS = frozenset(("woman", "female", "lady", "man", "male", "gentleman"))
PRONOUNS = frozenset(("she", "her", "hers", "he", "his", "him"))
DIGIT = re.compile(r"\d")
PRONOUN = re.compile(
    r"(?<!/)\b(?:(?P<female>she|her|hers)|(?P<male>he|his|him))\b(?!/)", re.IGNORECASE
)
# Others that a pronoun can stand for.
OTHERS = re.compile(
    r"\b(?:Dr|MD|DO|NP|RN|PA|PharmD|physicians?|doctors?|nurses?|clinicians?|providers?|cardiologists?|surgeons?)\b|\b\w+ologists?\b"
)
_KIN = ("sister", "brother", "mother", "father", "mom", "dad", "husband", "wife", "spouse", "son", "daughter", "parent",
        "aunt", "uncle", "cousin", "niece", "nephew", "sibling", "twin")  # fmt: skip
KIN = rf"(?:grand)?(?:{'|'.join(_KIN)})s?"
KIN_WORDS = frozenset(f"{grand}{word}{s}" for word in _KIN for grand in ("", "grand") for s in ("", "s"))  # fmt: skip
KIN_WORD = re.compile(rf"\b{KIN}\b", re.IGNORECASE)
OWNER = re.compile(
    rf"\b{KIN}(?:['’]s?\b|(?: who)? (?:has|had|have|is|was|were|takes|took|underwent|died|received|denied|denies|reports?|reported)\b)",
    re.IGNORECASE,
)
# A relative as the subject of a clause, who does not merely tell something.
SUBJECT = re.compile(
    rf"(?:^|[.;:]\s|\band\s)\W*(?:her|his|the patient['’]s)\s{KIN}\b(?!,? (?:who )?(?:called|says?|said|states?|stated|reports?|reported|told|tells|brought|notes?|noted|noticed|asks?|asked))",
    re.IGNORECASE,
)
CLINICIAN = re.compile(
    r"\b(?:Dr\.?|Doctor|Nurse) (?P<a>(?:[A-Z][\w'’-]*\.? )*[A-Z][\w'’-]+)"
    r"|\b(?P<b>(?:[A-Z]\.|[A-Z][\w'’-]+)(?: [A-Z][\w'’-]+)+),? (?:MD|DO|NP|RN|PA(?:-C)?|PharmD)\b"
)
OF_PATIENT = re.compile(
    r"\b(?:she|her|hers|he|his|him|this patient|the patient|patient['’]s|this chart|the chart)\b",
    re.IGNORECASE,
)


def of_patient(text: str, known: Background) -> bool:
    """Tell whether a sentence speaks of the patient: by name, by title, or as she and he."""
    names = known.patient.names if known.patient else frozenset[str]()
    return bool(OF_PATIENT.search(text)) or any(w in names for w in _words(text) if len(w) > 2)


def contradicts(text: str, known: Background) -> bool:
    """Tell whether a sentence gives the patient another name, age or sex."""
    patient = known.patient
    return patient is not None and any(
        not same for _, _, _, same in _said(text, patient, frozenset(), known)
    )


# ---------------------------------------------------------------- the patient


def identity(scene: Scene) -> Iterator[Finding]:
    """Compare name, age, sex and day of birth with the patient of this launch."""
    patient = scene.known.patient
    if patient is None or scene.general or not scene.own:
        return
    words = _words(" ".join(f"{f.evidence.name} {f.text}" for f in scene.own if not f.long))
    for field, said, record, same in _said(scene.claims.rest, patient, words, scene.known):
        yield equal(field, scene.own) if same else differs(field, said, record, scene.own)
    for when in scene.claims.dates:
        if when.roles == ("born",) and patient.born:
            same = patient.born[: len(when.iso)] == when.iso
            yield (
                equal("birth date", scene.own)
                if same
                else differs(
                    "birth date", f"born {when.text}", f"born {day(patient.born)}", scene.own
                )
            )


def _said(
    text: str, patient: Patient, words: frozenset[str], known: Background
) -> Iterator[tuple[str, str, str, bool]]:
    """Yield what a text says of the patient: field, words, what the record has, whether they are the same."""
    spoken = Spoken(text)
    relative = spoken.may_say(KIN_WORDS) and KIN_WORD.search(text)
    aged = not relative and DIGIT.search(text) and not THEN.search(text)
    for match in AGE.finditer(text) if aged else ():
        if patient.age is not None:
            same = int(match["a"] or match["b"]) == patient.age
            yield "age", match[0], f"{patient.age} years", same
    yield from _names(text, patient, words, known)
    if relative or patient.sex not in ("female", "male"):
        return
    for match in SEX.finditer(text) if spoken.may_say(SEX_WORDS) else ():
        if match[0].casefold() not in words:
            yield "sex", match[0], patient.sex, match.lastgroup == patient.sex
    if spoken.may_say(PRONOUNS) and not OTHERS.search(text):
        for match in PRONOUN.finditer(text):
            if match.lastgroup != patient.sex:
                yield "sex", match[0], patient.sex, False


def _names(
    text: str, patient: Patient, words: frozenset[str], known: Background
) -> Iterator[tuple[str, str, str, bool]]:
    if not CAPITALS.search(text):
        return
    own = " ".join(sorted(patient.names)).title()
    for match in TITLED.finditer(text):
        said = _words(match["name"])
        yield "name", match[0], own, said <= patient.names
    for match in (*NAMED.finditer(text), *OWNING.finditer(text)):
        said = _words(f"{match['first']} {match['last']}")
        if said & patient.names:
            yield "name", match[0].strip(), own, said <= patient.names
        elif not (said & words or _vocabulary(match, known)):
            yield "name", f"{match['first']} {match['last']}", own, False


def _vocabulary(match: re.Match[str], known: Background) -> bool:
    """Tell whether two capitalised words are no person's name: a test, a medicine, a place, a clinician."""
    text = f"{match['first']} {match['last']}"
    return (
        bool(known.lexicon.mentions(text))
        or any(text.casefold() in s.casefold() for s in (*known.sites, *known.people))
        or match["first"].casefold() in NO_NAME
        or match["last"].casefold() in NO_NAME
    )


NO_NAME = frozenset(
    [
        "the",
        "a",
        "an",
        "this",
        "that",
        "these",
        "her",
        "his",
        "patient",
        "active",
        "current",
        "latest",
        "recent",
        "last",
        "first",
        "new",
        "no",
        "all",
        "both",
        "serum",
        "plasma",
        "blood",
        "urine",
        "final",
        "order",
        "orders",
        "result",
        "results",
        "lab",
        "labs",
        "note",
        "notes",
        "record",
        "records",
        "problem",
        "problems",
        "pressure",
        "rate",
        "status",
        "type",
        "disease",
        "kidney",
        "failure",
        "chronic",
        "acute",
        "clinic",
        "hospital",
        "care",
        "center",
        "health",
        "medical",
        "history",
        "allergy",
        "allergies",
        "medication",
        "medications",
        "visit",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
)


def _words(text: str) -> frozenset[str]:
    return frozenset(w for w in re.split(r"[^\w]+", re.sub(r"['’]s\b", "", text.casefold())) if w)


# ---------------------------------------------------------------- clinicians and places


def people(scene: Scene) -> Iterator[Finding]:
    """Compare the clinicians and places that the words name with the cited records'."""
    if scene.general:
        return
    yield from _clinicians(scene)
    yield from _places(scene)


def _clinicians(scene: Scene) -> Iterator[Finding]:
    authors = [f for f in scene.own if f.field == "author"]
    if not authors:
        return
    rest = scene.claims.rest
    said = {_last(m["a"] or m["b"]): m[0] for m in CLINICIAN.finditer(rest)}
    known = {_last(name): name for name in scene.known.people}
    names = scene.known.patient.names if scene.known.patient else frozenset[str]()
    said |= {
        name: name.title()
        for name in known
        if name not in names and re.search(rf"\b{re.escape(name.title())}\b", rest)
    }
    for last, shown in said.items():
        if holding := [f for f in authors if _bears(f.evidence.value, last)]:
            yield equal("author", holding)
        elif not _elsewhere(last, scene):
            yield differs("author", shown, authors[0].evidence.value, authors)


def _elsewhere(last: str, scene: Scene) -> bool:
    """Tell whether a name stands in what else the sentence cites, or in the words of a cited note."""
    return any(
        _bears(f.evidence.value, last)
        for f in scene.others
        if f.long or f.field in ("author", "site")
    )


def _bears(text: str, last: str) -> bool:
    """Tell whether a text holds a family name; of "Popov-Lisle" every part."""
    parts = _words(last)
    return bool(parts) and parts <= _words(text)


def _last(name: str) -> str:
    """Return the family name of "T. Alvarez, RN" or "Carla Ruiz"."""
    words = name.partition(",")[0].split()
    return words[-1].casefold() if words else ""


def _places(scene: Scene) -> Iterator[Finding]:
    sites = [
        f for f in scene.own if f.field == "site" or (f.kind == "Encounter" and f.field == "site")
    ]
    text = scene.claims.rest.casefold()
    said = [s for s in scene.known.sites if s.casefold() in text]
    # "Mercy Hospital" is not said where "Mercy Hospital Annex" is.
    said = [s for s in said if not any(s != o and s.casefold() in o.casefold() for o in said)]
    for place in said if sites else ():
        if holding := [f for f in sites if f.evidence.value.casefold() == place.casefold()]:
            yield equal("site", holding)
        elif not any(place.casefold() in f.evidence.value.casefold() for f in scene.others):
            yield differs("site", place, sites[0].evidence.value, sites)


# ---------------------------------------------------------------- relatives


def relatives(scene: Scene) -> Iterator[Finding]:
    """Yield a difference where a relative owns or has what the record says of the patient."""
    cited = scene.structured or [f for f in scene.own if f.long]
    if scene.general or not cited:
        return
    text = scene.claims.rest
    for match in (*OWNER.finditer(text), *SUBJECT.finditer(text)):
        word = KIN_WORD.search(match[0])
        if word and not stands_in(word[0], scene.own):
            yield differs("person", word[0], "this patient", cited)


def stands_in(word: str, found: Iterable[Fact]) -> bool:
    """Tell whether a word stands in the cited records themselves ("family history of ...")."""
    return any(word.casefold() in f"{f.evidence.name} {f.text}".casefold() for f in found)
