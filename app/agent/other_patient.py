"""Tell a question about another patient: by an id that is not this patient's, by a name that plainly is not, or by kinship.

An assistant that answers by rules would answer it from this chart, and the reader would take the answer for the other's. So
whose chart this is, is said in words, and nothing is looked up. Not decided, and answered as ever: a name beside which nothing
asks for a patient's own things, a clinician's ("Dr Osei's note"), one that the chart itself holds, two patients of one name.
"""

import re
from collections.abc import Iterator

from app.agent.scene import Background
from app.fhir.banner import official_name
from app.fhir.chart import Chart
from app.fhir.dates import day
from app.llm.ordinary import ORDINARY
from app.llm.services import service_named
from app.llm.synonyms import load
from app.llm.topics import STOP_WORDS
from app.tools.bounds import as_data

ID = r"(?=[A-Za-z.-]*\d)[A-Za-z0-9][A-Za-z0-9.-]{1,63}"
# "MRN 4711", "patient id: a-12", "patient number 7": whatever follows is meant as an id.
BY_IDENTIFIER = re.compile(
    r"\b(?:mrn|medical record (?:number|no)|(?:patient|pt|subject)(?:['’]s)?[ -]?(?:id|identifier|mrn|number|no))\b[\s.:#=]*(?:is\s+)?"
    rf"(?P<id>{ID})|\bpatient/(?P<reference>[A-Za-z0-9.-]{{1,64}})",
    re.IGNORECASE,
)
# "patient 12345", "the chart of 12345678": a number that is no year, date, amount or age.
BARE = re.compile(
    rf"\b(?:patient|pt|chart|record)(?: of| for)? #?(?P<id>{ID})(?![\w/])(?!\.\d)(?! ?(?:%|kg|g|mg|lbs?|cm|y|yo|yrs?|years?|months?|mo|weeks?|days?|hours?|hrs?|h|mins?|minutes?|times?|of)\b)"
    r"|\b(?:allerg\w+|meds|medic\w+|labs?|results?|problems|vitals|chart|record) (?:of|for) #?(?P<number>\d{5,})(?=\s*(?:[?.!,;]|$))",
    re.IGNORECASE,
)
# The last are names of tests, genes and scores: "patient HbA1c", "patient CA-125", "patient COVID-19 history".
NO_ID = re.compile(
    r"(?:19|20)\d\d|\d+\.\d+|\d{4}-\d\d(?:-\d\d)?|\d{1,3}|\d[\d.]*[a-z]{1,2}|"
    r"(?=[\d-]*[a-z])(?![a-z0-9-]*\d{4})[a-z0-9]{1,8}(?:-[a-z0-9]{1,4})?",
    re.IGNORECASE,
)
# "take effect", "taking care": nobody takes a medicine then.
TAKES = r"(?:allergic|(?:take|taking)(?! (?:care|effect|notes?|part|place|long|time)\b))\b"
OTHER = re.compile(
    r"\b(?:another|(?:the|an?|my|some|any) (?:other|different|next)|(?:a )?different) (?:patient(?:['’]s)?|pt['’]s)\b",
    re.IGNORECASE,
)
KIN = r"(?:grand)?(?:sister|brother|mother|father|mom|mum|dad|husband|wife|spouse|son|daughter|aunt|uncle|cousin|niece|nephew|twin)"
OWN = r"(?:allerg(?:y|ies)|chart|records?)\b"
KINSHIP = re.compile(
    rf"\b(?:her|his|their|the patient['’]s) (?P<a>{KIN})(?:['’]s? (?:\w+ ){{0,2}}{OWN}| {TAKES})"
    rf"|\b{OWN} (?:of|for) (?:her|his|their|the patient['’]s) (?P<b>{KIN})\b",
    re.IGNORECASE,
)
NAME = r"(?:[A-ZÀ-Þ][a-zß-ÿ]+|[OD]['’][A-Z][a-z]+)(?:[A-Z][a-z]+)?(?:['’-][A-ZÀ-Þ][a-zß-ÿ]+)*"
FULL = rf"{NAME}(?: [A-Z]\.)?(?: {NAME})?"
THINGS = (
    r"(?:(?:known|active|current|home|latest|last|recent) )*(?:allerg\w+|meds?|medications?|medicines?|drugs|problems?|problem list|diagnos[ie]s|labs?|"
    r"results?|vitals?|chart|record|history|vaccines?|immuni[sz]ations?|potassium|creatinine|code status|weight|summary|visits?)\b"
)
# A person's own things, and what only a person does: beside them a name is a patient's.
TITLED = re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Master)\b\.? (?P<name>{FULL})")
TITLED_LOW = re.compile(
    r"\b(?:is|of|for|about|does|has|did|was|on|give) (?:mrs?|ms)\.? (?P<name>[a-z]{3,}(?:['’-][a-z]{3,})?)\b|\bmrs?\.? (?P<owner>[a-z]{3,})['’]s\b"
    rf"|\b[Mm](?:rs?|s)\.? (?P<having>[a-z]{{3,}})(?:['’]s)? {THINGS}"
)  # fmt: skip
OWNER = re.compile(rf"(?<![\w.])(?P<name>{FULL})['’]s? {THINGS}")
OWNER_LOW = re.compile(r"(?<![\w.'’-])(?P<name>[a-z]{4,})['’]s (?:(?:known|active|current|home) )*(?:allerg\w+|meds|medications|medicines|problem list|chart|vitals)\b")  # fmt: skip
DOING = re.compile(
    rf"\b(?:[Ii]s|[Dd]oes|[Ww]as|[Hh]as) (?P<name>[A-Za-z][a-z]{{2,}}(?:['’-][A-Za-z][a-z]+)*(?: [A-Z][a-z]+)?) {TAKES}"
)
OF = re.compile(
    rf"\b{THINGS} (?:of|for|on) (?:(?:patient|pt) )?(?P<full>{NAME} {NAME})\b|\b(?:allerg\w+|chart|record) (?:of|for) (?P<one>{NAME})\b"
    rf"|^(?P<headed>{NAME},? {NAME}|{NAME})[:,] *{THINGS}"
)
# Two names in a row, and a word after the patient: only beside what is plainly a person's.
ABOUT = re.compile(
    rf"\b(?:[Aa]bout|[Oo]pen|[Ss]ummari[sz]e|[Ss]witch to|[Ss]how me|[Pp]ull up|[Ff]ind) (?P<name>{NAME} {NAME})(?=\s*(?:$|[?.!,]))"
    rf"|\b[Pp](?:atient|t)\.? (?P<called>{NAME}(?: {NAME})?)(?=['’]s\b|\s*(?:$|[?.!,:])| {THINGS})"
    rf"|\b(?P<two>{NAME} {NAME}) (?:allergies|meds|medications|medicines|problem list|vitals|code status)\b"
    rf"|\b(?:[Ii]s|[Ww]as) (?P<on>{NAME} {NAME}) (?:still )?on (?!(?:the|her|his|a|an|hold|target|file|formulary|order|schedule)\b)"
)
# Said of who writes a chart, before or after the name.
AUTHOR_BEFORE = re.compile(
    r"\b(?:dr|doctor|nurse|prof|professor|by|from|with|per|sister)\b\.?\s*$", re.IGNORECASE
)
AUTHOR_AFTER = re.compile(
    r"^(?:['’]s?)? ?,? ?(?:(?:\w+ )?(?:notes?|letters?|consults?|consultation|reports?|recommendations?|recs|plan|orders?|impression|advice|assessment|read|"
    r"recommend\w*|says?|said|wr[io]te|written|order(?:ed)?|prescribed?|document\w*|sign(?:ed)?|think|want\w*|suggest\w*|see|saw|note)\b|(?:MD|DO|NP|RN|PA|PA-C|PharmD)\b)"
)
# Diseases, signs and devices that bear a person's name, and words that stand where a patient's name could.
NO_PATIENT = frozenset(
    re.findall(
        r"[\w]+",
        """portal education questionnaire instructions reported controlled outcomes safety group health medical urgent center centre hospital
        diagnostics university laboratory labs ellipta solostar kwikpen flexpen respimat diskus handihaler
        lesion lesions plaque plaques exacerbation arthrogram urogram angio neck chest pituitary
        addison alzheimer ashkenazi asperger barrett bell braden behcet burkitt chagas charcot chiari crohn cushing dupuytren down epstein
        ewing fabry foley fournier gaucher gilbert goodpasture graves guillain hashimoto hodgkin horner huntington hurler johnson jackson
        kaposi kawasaki klinefelter lewy lyme lynch marfan meniere menkes merkel morse noonan osgood osler paget parkinson peyronie
        pott prader quincke raynaud reiter reye ringer rett sjogren sjögren stevens still takayasu tourette turner vincent waldenstrom wegener
        weil whipple willebrand wilson wilms wernicke zenker zollinger glasgow apgar child hickman kocher ludwig mallory barre
        allergies allergy anyone anybody baby child clinic everyone facility family father group hospice hospital hers his home infant insurance
        lady man mom mother mum neonate newborn nobody nursing one outpatient parent patient pharmacy physician practice provider pt rehab
        resident school she he site snf somebody someone subject that this they today tonight tomorrow veteran ward who whoever woman yesterday
        monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november
        december week month year spring summer fall autumn winter christmas
        angiogram angiography abdomen brain breast cardiac cervical cholangiopancreatography contrast elastography enterography findings head
        imaging knee liver lumbar orbits pelvis prostate scan severity shoulder spine spectroscopy thoracic venography contin relapse flare
        regurgitation imaging bleeding falls seizure seizures sepsis endocrine overnight pending plot trend medication strep throat pap smear
        vital sign signs shot peak flow clostridium difficile biopsy needle exome genome cath echo xray holter cologuard dexa mohs ehlers
        danlos disability court rounds immunization immunizations immunisation immunisations vaccines vaccination vaccinations medications
        visits encounters procedures surgeries admissions appointments transfusions injections problems orders hospitalizations
        hospitalisations referrals consents pregnancies dialysis chemotherapy radiation travel alcohol therapies biopsies scans""",
    )
) | frozenset(re.findall(r"\w+", KIN))  # fmt: skip


def other_patient(question: str, chart: Chart, known: Background) -> str:
    """Return the words by which a question names another patient, "" where it names none."""
    own, records = _ids(chart), {reference.partition("/")[2] for reference in chart.resources}
    for said in _identifiers(question):
        if _plain(said) not in own and said not in records:
            return said
    if found := OTHER.search(question) or KINSHIP.search(question):
        return found[0] if found.re is OTHER else next(filter(None, (found["a"], found["b"])))
    return next(_names(question, chart, known), "")


def only_this(chart: Chart, said: str) -> str:
    """Return the sentence that declines: whose chart this is, and that no other can be opened."""
    name, born = official_name(chart.patient), day(str(chart.patient.get("birthDate") or ""))
    given = " ".join(str(one) for one in name.get("given") or [])
    named = f"{str(name.get('family') or '').upper()}, {given}".strip(", ")
    # A name is the EHR's text: it cites nothing and begins no line of ours.
    whose = " ".join(as_data(named).split()) or "the launched patient"
    return (
        f"This chart is of {whose}{f', born {born}' if born else ''}, only. The question names “{said}”: nothing was looked up, "
        "because no other patient's chart can be opened here. Open that chart in the EHR, and start Chartside there."
    )


# ---------------------------------------------------------------- ids


def _identifiers(question: str) -> Iterator[str]:
    for found in BY_IDENTIFIER.finditer(question):
        yield (found["id"] or found["reference"]).rstrip(".-")
    for found in BARE.finditer(question):
        said = (found["id"] or found["number"]).rstrip(".-")
        if not NO_ID.fullmatch(said):
            yield said


def _ids(chart: Chart) -> frozenset[str]:
    """Return the patient's id and identifiers, as they may be typed: without dashes, and without leading zeros."""
    sent = chart.patient
    every = [
        sent.get("id"),
        *(i.get("value") for i in sent.get("identifier") or [] if isinstance(i, dict)),
    ]
    return frozenset(_plain(str(one)) for one in every if one)


def _plain(value: str) -> str:
    return re.sub(r"[^a-z0-9]", "", value.casefold()).lstrip("0")


# ---------------------------------------------------------------- names


def _names(question: str, chart: Chart, known: Background) -> Iterator[str]:
    own = known.patient.names if known.patient else frozenset[str]()
    for pattern in (TITLED, TITLED_LOW):
        for found in pattern.finditer(question.lower() if question.isupper() else question):
            name = _named(found)
            if not (
                _is_author(question, found)
                or _words(name) <= own
                or _is_term(name)
                or _is_staff(question, found, known)
            ):
                yield found[0] if pattern is TITLED else name
    for pattern in (OWNER, OWNER_LOW, DOING, OF, ABOUT):
        for found in pattern.finditer(question):
            name = _named(found)
            words = _words(name)
            if words <= own or _is_author(question, found) or _is_term(name) or _of_chart(words - own, chart, known):  # fmt: skip
                continue
            yield name


def _named(found: re.Match[str]) -> str:
    """Return the name of a match, without what begins a sentence ("What Okafor")."""
    name = next(value for value in found.groupdict().values() if value)
    first, _, rest = name.partition(" ")
    return rest if rest and _is_ordinary(first) else name


def _is_author(question: str, found: re.Match[str]) -> bool:
    name = next(group for group, value in found.groupdict().items() if value)
    before, after = question[: found.start(name)], question[found.end(name) :]
    return bool(AUTHOR_BEFORE.search(before) or AUTHOR_AFTER.search(after))


def _is_staff(question: str, found: re.Match[str], known: Background) -> bool:
    """Tell whether a titled name is one of the chart's clinicians, and nothing of a patient's is asked of it."""
    staff = frozenset[str]().union(*map(_words, known.people))
    asked = re.match(rf"['’]s? {THINGS}| (?:allergic|taking|take)\b", question[found.end() :])
    return _words(_named(found)) <= staff and not asked


def _is_ordinary(word: str) -> bool:
    plain = word.casefold()
    return plain in ORDINARY or plain in STOP_WORDS or plain in NO_PATIENT


def _is_term(name: str) -> bool:
    """Tell whether words hold one that is no name: of English, of diseases, of the reviewed table."""
    return any(_is_ordinary(word) or service_named(word) or word in load().vocabulary for word in _words(name) if len(word) > 1)  # fmt: skip


def _of_chart(words: frozenset[str], chart: Chart, known: Background) -> bool:
    """Tell whether the chart itself holds one of the words: a medicine, a problem, a clinician, a place."""
    held = {part.casefold() for name in (*known.lexicon.drugs, *known.lexicon.tests, *known.people, *known.sites, *known.records) for part in re.split(r"\W+", name)}  # fmt: skip
    facts = (fact.value for lines in chart.tables.values() for line in lines for fact in line.facts)
    return bool(words & held) or any(words & _words(value) for value in facts)


def _words(text: str) -> frozenset[str]:
    return frozenset(w for w in re.split(r"\W+", re.sub(r"['’]s\b", "", text.casefold())) if w)
