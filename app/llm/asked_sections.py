"""The parts of the chart that words of a question ask for, and what is declined by its name.

A part is a section of `chart_section`; `about` keeps the rows that the matched words are about (imaging reports of a
CT), and those words are searched in the rest of the chart too. What is declined is not in the record, or not computed
here: the answer says which, so that nobody takes silence for "none".
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One part that words ask for. `note` says what its rows do not tell; `status` narrows it as listed."""

    section: str
    means: str
    pattern: str
    status: str = ""
    about: bool = False
    note: str = ""


IMAGES = r"(?:chest |abdominal |head )?(?:x-?rays?|cts?\b(?: scans?| reports?)?|cat scans?|mris?\b|mri (?:scans?|reports?)|echos?\b|echocardiogra\w*|ultrasounds?|sonogra\w*|mammogra\w*|dexa|pet(?:-?ct)?\b(?: scans?)?|radiolog\w*|imaging)"
# "home vs inpatient vs discharge meds": each of them, though the noun stands once.
LATER = r"(?=[^?.]{0,40}\b(?:meds?|medications?|medicines?)\b)"
ASKED: tuple[Asked, ...] = (
    Asked(section="home_medications", means="home medicines", pattern=rf"(?:home|outpatient|prior to admission|pta) (?:meds?|medications?|medicines?)|(?:home|outpatient)\b{LATER}|(?:was|were|been) (?:she |he |they )?(?:on|taking) at home|(?:meds?|medications?|medicines?) (?:at|from) home"),
    Asked(section="inpatient_medications", means="inpatient orders", pattern=rf"(?:inpatient|hospital) (?:meds?|medications?|medicines?|orders)|(?:inpatient|hospital)\b{LATER}|(?:what )?(?:is |are )?(?:she |he |they )?(?:on|getting|taking) (?:in )?(?:here|hospital)\b"),
    Asked(section="discharge_medications", means="discharge orders", pattern=r"discharge (?:meds?|medications?|medicines?|prescriptions?)|(?:goes|going|go|leaves?|leaving|sent) (?:out|home) (?:with|on)\b"),
    Asked(section="administrations", means="administrations",
          pattern=r"(?:last|latest|previous|next) doses?|doses? (?:given|held|missed|refused)|(?:was|were|been) (?:given|administered)|(?:last )?(?:given|administered)\b|held doses?|missed doses?|\bmar\b|prns? (?:given|used|in|over|pain meds?|meds?|medications?|doses?)|administrations?|doses\b(?! of)|when (?:she|he|they) (?:got|received|had) (?:it|them|each)|dos(?:e|ing) (?:at the time|times?)",
          note="Doses as the EHR recorded them; what was taken at home or elsewhere cannot be told here."),
    Asked(section="microbiology", means="cultures and susceptibilities",
          pattern=r"(?:blood |urine |sputum |wound |stool )?cultures?|what grew|grew\b|sensitiv\w*|susceptib\w*|resistan\w*|organisms?|microbiolog\w*|antibiogram|gram stains?"),
    Asked(section="allergies", means="allergies", pattern=r"(?:iodinated |iv |ct )?contrast (?:reactions?|allerg\w*)", about=True),
    Asked(section="referrals", means="referrals, appointments and tasks", pattern=r"referrals?|referred|specialist (?:visits?|appointments?)|(?:visits?|appointments?) (?:to|with) (?:a |the )?specialists?|consults?\b(?! (?:notes?|say|recommend))|consultations?\b(?! notes?)|consults? (?:ordered|requested)",
          note="Whether a visit elsewhere took place is known only if it stands in this record."),
    Asked(section="alerts", means="flags, directives, isolation, diet, pregnancy",
          pattern=r"code status|resuscitat\w*|\bdnr\b|\bdni\b|full code|advance(?:d)? (?:care )?directives?|living will|polst|molst|power of attorney|(?:health ?care )?(?:agent|proxy)\b|who (?:decides|speaks|consents|can (?:consent|decide|speak))(?: for (?:her|him|them|the patient))?|decision-?makers?|isolation|(?:contact|droplet|airborne|fall|bleeding|aspiration) (?:precautions?|risks?)|precautions?|\bnpo\b|nothing by mouth|diets?\b(?: orders?)?|(?:can|may|is) (?:she|he|they|the patient)(?: allowed to)? (?:eat|drink)|tube feed\w*|pregnan\w*|breast-?feeding|lactat\w*|alerts?\b|flags?\b",
          note="Where an order, a directive and a note differ, all of them are shown."),
    Asked(
        section="immunizations",
        means="immunizations",
        pattern=r"tetanus|tdap|influenza|flu (?:shots?|vaccines?|jabs?)|pneumococc\w*|zoster|shingles|hepatitis b|covid\w*|mmr\b|hpv\b",
        about=True,
        note="History in this record only; a state registry and what is due next are not readable here.",
    ),
    Asked(section="immunizations", means="immunizations",
          pattern=r"immuni[sz]\w*|vaccin\w*|(?:which |what )?(?:shots?|jabs?)\b|(?:flu|tetanus|pneumonia|covid|shingles|hepatitis b) (?:shots?|jabs?)|tetanus|boosters?|tdap|mmr\b",
          note="History in this record only; a state registry and what is due next are not readable here."),
    Asked(section="procedures", means="procedures", pattern=r"(?:colon|endo|gastro|bronch|cyst|arthr|lapar)oscop\w*|biops\w*|catheteri[sz]ation|stents?\b", about=True,
          note="What a procedure showed, and when the next one is due, is told only by a report or a note."),
    Asked(section="procedures", means="procedures", pattern=r"surger\w*|surgical history|operations?\b|operated|procedures?\b"),
    Asked(section="devices", means="devices in use and implanted",
          pattern=r"(?:central |arterial |picc |iv )?lines?\b(?=.*(?:drain|cathet|since|tube|in place))|drains?\b|(?:foley|urinary|bladder) catheters?|foleys?\b|(?:central|arterial|art|midline|picc|iv) lines?\b|catheters?\b|picc\b|pacemakers?|\bicds?\b|defibrillators?|implants?|implanted|devices?\b",
          note="Lines and drains that are charted only in flowsheets are not readable here."),
    Asked(section="appointments", means="appointments", pattern=r"(?:next|upcoming|future|missed) (?:appointments?|visits?)|appointments?|no-?show\w*"),
    Asked(section="assessments", means="surveys and assessments",
          pattern=r"phq-?\s?(?:2|9)|gad-?\s?7|ecog|karnofsky|braden|morse|mini-?cog|moca\b|audit-?c|apgar|pain scores?", about=True),
    Asked(section="assessments", means="surveys and assessments", pattern=r"questionnaires?|surveys?\b|screenings?\b|assessments?\b|functional status|cognitive status"),
    Asked(section="care_team", means="care team and related persons",
          pattern=r"care ?team|who (?:is|are) (?:her|his|the|their) (?:doctors?|physicians?|pcp|cardiologist|oncologist|nurse)|pcp\b|primary care (?:doctor|physician|provider)|who is (?:covering|on call)|whom? (?:do|should|can|to) (?:i |we |you )?(?:call|page|contact|phone)\b|(?:which|what) (?:doctors?|nurses?|attendings?|residents?|physicians?|providers?)\b|who (?:makes|takes) (?:the )?decisions|surrogates?\b|next of kin|emergency contacts?|family contacts?",
          note="Who is on call or covering now is not in the record."),
    Asked(section="care_plans", means="care plans and goals", pattern=r"care ?plans?|goals?\b|goals of care"),
    Asked(section="coverage", means="coverage", pattern=r"insurance|insured|coverage|payers?|payors?|(?:her|his|their) plan cover|copay\w*|formulary|prior auth\w*|medicare|medicaid",
          note="Formulary, copayment and prior authorization are not readable here."),
    Asked(section="family", means="family history", pattern=r"family (?:medical )?history|fhx|(?:mother|father|parents?|siblings?|brothers?|sisters?|relatives?)(?:'s)? (?:history|had|have|with)|runs in (?:the|her|his) family"),
    Asked(section="social", means="social history", pattern=r"social history|shx|housing|homeless\w*|food insecurity|occupation|lives (?:with|alone)"),
    Asked(section="messages", means="messages and tasks", pattern=r"messages?\b|tasks?\b|to-?dos?\b"),
    Asked(section="reports", means="reports", pattern=IMAGES, about=True, note="Reports are quoted; images are not read."),
    Asked(section="reports", means="reports", pattern=r"(?:pathology|diagnostic|lab(?:oratory)?) reports?|reports?\b"),
    Asked(section="care_gaps", means="care gaps", pattern=r"care gaps?|overdue|preventi(?:ve|on) (?:care|services?|screening)|behind on\b|health maintenance|(?:what|which|anything|vaccines?|screening)[^.?]{0,30} (?:is|are) due|due (?:today|now|next)",
          note="A rule is for many patients, a person decides for this one."),
)  # fmt: skip
# What clinicians write for words of the chart: searched besides, and said where nothing holds them.
SPELT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"newborn screen(?:ing)?(?: results?)?", ("newborn screening",)),
    (
        r"histolog\w*|biomarkers?|tumou?r markers?|receptor status|receptors?\b|(?:tumou?r|cancer) (?:stage|staging)|(?:cancer )?(?:stage|staging)\b(?=[^?]*(?:histolog|biomarker|cancer))",
        ("neoplasm", "carcinoma", "receptor", "stage group", "primary tumor", "HER2", "PD-L1"),
    ),
)
NO_REASON = "The reason why an order was stopped or changed is shown where the order states it or a note names the medicine; elsewhere it cannot be told here."
# What is said instead of an answer: words of the question, and what is missing.
DECLINED: tuple[tuple[str, str], ...] = (
    (r"pdmp|prescription (?:drug )?monitoring|controlled substances?(?: elsewhere)?", "The prescription monitoring program (PDMP) is not readable here."),
    (r"(?:net )?(?:i ?(?:/|&|and) ?os?\b|ins? and outs?|intake(?: and output)?|urine output|fluid balance)", "Intake and output are not added up here: flowsheets are not readable, and single volumes stand among the results if the EHR sent them."),
    (r"(?:clinical )?trials?\b(?: \w)?|eligib\w*|qualif\w+ for\b[^?.,]*|(?:clinical|research) stud(?:y|ies)", "Criteria of clinical trials are not matched here."),
    (r"(?:mother|mom|maternal)(?:'s)? (?:chart|gbs|group b\w*|labs?|results?|record)|maternal", "The mother's chart is another record and is not read here."),
    (r"(?:treatment|phototherapy|exchange) thresholds?|thresholds?\b|(?:needs?|under|bili) lights?\b", "Treatment thresholds are not held here."),
    (r"(?:which |what )?cycle(?: ?/ ?day| and day| number| \d+)?|line of (?:therapy|treatment)|(?:which|what) line(?: (?:of|is)\b[^?.,]*)?", "Treatment plans, cycles and cumulative doses are not readable here; doses that the EHR recorded are listed under administrations, a line of therapy only where a note states it."),
    (r"confidential\w*|sensitive (?:notes?|items?|information|records?|data)|before (?:i |we )?(?:print|giv|shar|releas|hand)\w*", "Labelled items are withheld and counted; that unlabelled text holds nothing confidential cannot be told here."),
    (r"acted on|followed up on|f(?:a|e)ll(?:en|s|ing)? through the cracks|slipp?(?:ed|s)? (?:through|by)|(?:was|were|been|got|gotten) (?:missed|overlooked|forgotten|ignored)|(?:no ?body|no ?one)(?: has| have)? (?:saw|seen|acted|addressed|noticed|followed|looked)\w*|(?:never|not|un)(?: been)? ?addressed", "Whether somebody acted on a result cannot be told from the record."),
    (r"(?:drafts?|drafting|write(?: me)?(?: up)?|compose|prepare)(?: me)? (?:a|an|the|her|his|their|my)? ?(?:\w+ ){0,2}(?:summary|note|letter|message|instructions|hand-?off|referral|plan)\b|drafts?\b|drafting|write (?:me )?(?:a|an|the|her|his|their|up)\b|translat\w*|in spanish|espa(?:n|ñ)ol|(?:patient|discharge|written|home) instructions|(?:simple|plain|lay) (?:words|terms)|sbar\b|hand-?offs?|(?:hospital )?course by problem|hospital course|\d+(?:st|nd|rd|th)[ -]grade(?: level)?|plain language",
     "Drafts, handoffs, narratives, instructions and translations need a language model; a summary of rows can be asked for without one."),
    (r"(?:why (?:was|were|did|is|are|has|had)|(?:what )?reasons?\b(?: (?:for|of|why|that))?)[^?.,]{0,30}(?:stopp?\w*|discontinu\w*|chang\w*|held|switch\w*|d/?c'?d)",
     NO_REASON),
    (r"outside (?:hospital |facility |records? )?(?:records?|documents?|notes?|hospitals?)|care everywhere|records? from (?:another|other|an outside)[^?.,]{0,30}|(?:outside|other) hospital'?s?(?: records?| notes?)?",
     "Documents of outside organizations are readable here only where this EHR lists them; scans are listed and not read."),
    (r"(?:drug |medicine |medication )?interact\w*", "Interactions between medicines are not checked here; use the check of the EHR."),
    (r"average\w*|mean\b(?= \w)", "Averages of this are not computed from typed words; the values themselves are shown."),
    (r"(?:height|growth|weight) velocit\w*", "Growth velocity is not computed here; the measurements themselves are shown."),
    (r"dose table|right (?:dose )?for (?:her |his |their )?weight", "Dose tables are not held here; only the arithmetic can be computed."),
    (r"waveforms?|telemetry|rhythm strips?", "Waveforms are not read here."),
)  # fmt: skip
# Words of a directive that are about a person.
AGENT = re.compile(r"agent|prox|attorney|decid|decision|surrogate|speak|consent")
CODE = re.compile(r"code|dn[ri]\b|resuscit|directive|living will|p?molst|polst")
# Since when: taken before the words of stays and notes.
ANCHORS: tuple[tuple[str, str, str], ...] = (
    ("24h", "the last 24 hours", r"over ?night|(?:catch me up )?since (?:i|we) (?:signed|handed|left|went)(?: out| off| over| home)?(?: (?:yesterday|last)(?: evening| night| afternoon)?)?|since yesterday|last night|this morning|catch me up|bring me up to (?:date|speed)|what did (?:i|we) miss"),
    ("admission", "since admission", r"since (?:the |her |his |their |this )?(?:admission|admitted|being admitted)|since (?:she|he|they) (?:was|were) admitted"),
    ("last_note", "since the last note", r"since (?:the |my |her |his )?(?:last|latest) (?:progress |nursing )?note"),
)  # fmt: skip
NUMBERS = (
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
UNIT = r"(h|hours?|hrs?|d|days?|w|wks?|weeks?|mo|mos|mths?|months?|y|yrs?|years?)"
WINDOW = re.compile(
    rf"(?:in|over|within|during|for|since|from)?\s*(?:the )?(?:last|past|previous) (?:(\d{{1,3}}|{'|'.join(NUMBERS)}) ?)?{UNIT}\b"
    rf"|\bin (\d{{1,3}}) ?(h|hours?|hrs?)\b"
)
DAYS = {"d": 1, "w": 7, "m": 30.44, "y": 365.25}


def span(text: str) -> tuple[int, str] | None:
    """Return number and unit (h, d, w, m, y) of "in the last 24 hours", "the past three months", "last week"."""
    found = WINDOW.search(text)
    if found is None:
        return None
    said = found[1] or found[3] or "1"
    return int(said) if said.isdigit() else NUMBERS.index(said) + 1, (found[2] or found[4])[0]


def window(text: str) -> str:
    """Return "24h" or "91d" for "in the last 24 hours", "the past 3 months"; empty where nothing is said."""
    found = span(text)
    if found is None:
        return ""
    number, unit = found
    return f"{number}h" if unit == "h" else f"{min(round(number * DAYS[unit]), 999)}d"
