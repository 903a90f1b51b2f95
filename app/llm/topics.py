"""The fixed phrases of questions: which topic they ask for, what is not read here, what is an act or a stop word."""

import re
from typing import Literal

Topic = Literal[
    "overview", "medicines", "allergies", "problems", "pending", "visit", "changes", "notes",
    "fills", "labs", "vitals", "admission", "emergency",
]  # fmt: skip

# "Can I give X" is a question about harm: allergies, medicines and problems always, whatever else matched.
GIVE = re.compile(
    r"\b(?:can|could|may|should|shall|ok(?:ay)? to|safe to|is it safe|all right to)\b[^?.;]{0,40}?"
    r"\b(?:give|start|prescribe|use|add|take|have|order|put (?:her|him|them) on|switch)\b"
)
TOPICS: tuple[tuple[Topic, str, str], ...] = (
    ("emergency", "emergency visits", r"(?:(?:last|latest|recent|past) )?(?:er|ed|emergency(?: room| department)?) visits?|(?:in|to|at) the (?:er|ed|emergency (?:room|department))\b"),
    ("admission", "inpatient stays", r"(?:(?:last|latest|most recent|recent|past|previous|prior) )?(?:admissions?|admitted|hospitali[sz]\w*|inpatient(?: stays?)?|hospital stays?|in hospital)"),
    ("overview", "summary", r"(?:pre-?visit )?summar\w*|overview|one-?liner|brief me|prepare me|pre-?visit|tell me about|background|who is this|snapshot"),
    ("changes", "what changed", r"(?:what(?:'s|’s| is| has|s)?|anything) (?:changed|new)|changes?\b|changed since|new since|since (?:my |the |her |his |their )?last (?:visit|seen|time)|overnight"),
    ("visit", "last visit", r"(?:last|latest|previous|recent|past) (?:visits?|appointments?|encounters?|consultations?)|last seen|seen last|when was (?:she|he) (?:last )?seen|visits?\b|encounters?"),
    ("pending", "pending orders", r"(?:pending|outstanding|awaited|unfinished) (?:results?|labs?|tests?|stud(?:y|ies)|orders?|work-?up)|pending|outstanding|awaiting|waiting for|unresulted|(?:(?:labs?|tests?|stud(?:y|ies)|results?|cultures?|orders?)\b[^?.,]{0,40}\b)?(?:not|never|n't|haven't|hasn't|yet to)(?: yet)?(?: been)? c(?:o|a)me? back(?: yet)?|still (?:out|in process|cooking|not back)|not (?:yet )?resulted|no result yet|open orders"),
    ("allergies", "allergies", r"allerg\w*|intoleran\w*|adverse reactions?|reactions? to"),
    ("fills", "medication fills", r"fills?\b|filled|dispens\w*|pick(?:s|ed|ing)? up|adheren\w*|refill\w*"),
    ("medicines", "active orders", r"medicines?|medications?|meds\b|drugs?\b|prescriptions?|prescribed|pills?|tablets?|rx\b|what (?:is|does) (?:she|he) (?:on|take|taking)|taking\b"),
    ("problems", "active problems", r"problems?|problem list|diagnos\w*|conditions?|comorbidit\w*|pmh\b|medical history|past history"),
    ("notes", "notes", r"notes?\b|recommend\w*|documented|mention\w*|wrote|letters?\b|advice|advised?|suggest\w*"),
    ("vitals", "vital signs", r"vitals?\b|vital signs"),
    ("labs", "laboratory results", r"labs?\b|laborator\w*|lab results|blood tests?|bloods\b|test results|results\b"),
)  # fmt: skip
# The deterministic checks, by their kind; taken before the words of tests and classes ("renal", "allergies").
CHECKS: tuple[tuple[str, str, str], ...] = (
    ("renal", "kidney function and dose", r"(?:everything |anything |all |what |which )?(?:drugs? |medicines? |medications? |meds )?(?:(?:that )?needs?|needing|requir\w+)?\s*(?:renal(?:ly)?|kidney) (?:dose )?(?:adjust\w*|dos(?:ed?|ing)|dose adjust\w*)|(?:drugs? |medicines? |medications? |meds )?(?:that )?(?:needs? |needing |requir\w+ )?(?:an? |her |his |their )?(?:dose |dosage |dosing )(?:chang\w*|adjust\w*|reduc\w*|lower\w*)[^?.]{0,12} (?:for|by|because of|given|with) (?:her |his |their |the )?(?:kidneys?|renal|egfr|crcl)(?: function)?"),
    ("qt", "QT list", r"qt(?:c)?(?: |-)(?:drugs?|medicines?|medications?|meds|list|prolong\w*(?: (?:drugs?|medicines?|medications?|meds))?)|prolong\w* (?:the )?qt"),
    ("duplicates", "duplicate therapy", r"duplicate(?:s| therap\w+| medic\w+| drugs?| orders?)?|duplicat\w+|therapeutic duplication"),
    ("allergy", "allergy against medicine class", r"allergy (?:check|cross-?check)|check (?:her |his |their |the )?allergies|cross-?reactiv\w*|allerg\w* (?:conflict|against)\w*(?: (?:her |his |their )?(?:orders|medicines|medications|meds))?"),
    ("supply", "ordered supply that has ended", r"(?:(?:which )?(?:orders|medicines|medications|meds|prescriptions) )?(?:supply (?:end\w*|has ended)|(?:have |has |that )?(?:run|running|ran) out|out of (?:supply|refills)|expired|lapsed)(?: of (?:supply|refills))?(?: (?:orders|prescriptions))?"),
    ("all", "all checks", r"safety checks?|medication safety|drug safety|safety review"),
)  # fmt: skip
# What this version does not read; it is said, never answered with "none".
UNREAD: tuple[tuple[str, str], ...] = ()
# Asking for an act: nothing is ordered, changed or written here.
ACT = re.compile(
    r"^(?:please |pls |now |just )*(?:stop|start|restart|order|prescribe|call|page|discontinue|increase|decrease|hold|refill|renew"
    r"|send|book|schedule|cancel|give|switch|titrate|administer|e-?prescribe|reorder|sign)\b(?! (?:date|history|status))"
    r"|\b(?:can|could|will|would) you (?:please )?(?:stop|start|order|prescribe|call|page|discontinue|increase|decrease|hold"
    r"|refill|renew|send|book|schedule|cancel|give|switch|change|write|administer)\b"
    r"|\b(?:crashing|coding|code blue|cardiac arrest|unresponsive|not breathing|seizing|911)\b"
    r"|\bemergency\b(?! (?:visit|room|dep|contact))"
)
ACT_WORDS = frozenset(
    re.findall(
        r"\w+",
        """stop start restart order prescribe call page discontinue increase decrease hold refill renew send book
        schedule cancel give switch titrate administer reorder sign crashing coding blue arrest unresponsive
        breathing seizing 911 emergency""",
    )
)
# When something was begun: an order's date does not say it.
BEGUN = re.compile(
    r"\b(?:when|how long|since when)\b.*\b(?:start\w*|began|begun|put on|initiated|been on|been taking)\b"
)
TAKING = re.compile(r"\b(?:on|tak(?:e|es|ing)|us(?:e|es|ing)|tolerat\w*)\b")
# Results out of their range as sent, whatever they are of.
ABNORMAL = re.compile(r"\b(?:abnormal\w*|flagged|out[- ]of[- ]range)\b")
# Whether a medicine was given since, and borne.
TOLERATED = re.compile(
    r"\b(?:tolerat\w*|received|been given|was given|gotten|got|had an? [\w-]+ since|has (?:she|he) had)\b"
)
# The last time of something that is given: "when was the last carboplatin".
LAST_OF = re.compile(
    r"\bwhen (?:was|did|were)\b[^?.,]{0,24}\b(?:last|latest|most recent)\b|\b(?:last|latest) (?:dose|time)\b"
)
# A test that is named only as what another is for: "the eGFR for CT".
PURPOSE = re.compile(
    r"\b(?:for|before|prior to) (?:the |an? |her |his )?(?:ct|mri|contrast|scan|surgery|procedure|or)\b(?! (?:reports?|results?))"
    r"|\b(?:at|for|during|in) (?:this|today's|the (?:next|current)) (?:visit|appointment|encounter)\b"
)
# "What she takes for diabetes" asks for the medicines, not for the illness.
TAKEN_FOR = re.compile(
    r"\b(?:takes?|taking|is on|on|uses?|using) for (?:her |his |their |the )?(diabetes|blood pressure|bp)\b"
)
# Words that an allergy is asked about with, and that are no substance.
OF_ALLERGIES = frozenset(
    re.findall(
        r"\w+",
        "reaction reactions recorded recorder recording tolerated tolerate tolerates severity type documented entered listed happen kind sort",
    )
)
WHY = re.compile(r"\b(?:why|fall\w*|fell|drop\w*|declin\w*|worse\w*|rise|risen|rose|chang\w*)\b")
EVER = re.compile(
    r"\b(?:ever|previous(?:ly)?|past|course|tapers?|stopped|discontinued|used to|history|tried|before|tolerated|did (?:she|he|they) (?:get|have|take|receive)|received)\b"
)
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a about above active another due old hello hi hey thanks thank controlled control pre affect affects after
        all also am an and any anything are as at be because been before being below between both but by can
        cause caused change come could current currently did do does doing done down drop dropped dropping
        during each else ever exact fall fallen falling fell few find for from gave get getting give given
        go going gone good got happened happen never average nadir had has have he her hers here high him his how i if in into is it its itself
        just know last latest least let like list long look lot low lower made many me mean means might more
        most much must my need new newest next no nor normal not now of off ok on once one only or other our
        out over own patient patients pls please recent recently result results right rise risen rising said
        same say says see seen shall she should show shown since so some still stop stopped such summer sure
        take taken taking tell than that the their them then there these they thing this those time times to
        today too took trend trending trends under until up us use used value values very visit want was we
        week weeks were what whats when where which while who whom whose why will winter with worse would
        year years yes yet you your spring autumn month months day days level levels test tests check first
        put start started starting better number numbers past history mr mrs ms dr doctor lady man woman guy
        person chart record records show instructions instruction explain describe check compare display
        thats whats anymore ago hasn doesn gets getting makes making say go ahead ok okay right
        versus vs relative including include involving course treatment full set rate readings reading measurements
        two three four five six seven eight nine ten daily hours hour minutes born bursts burst prn prns happened overall
        currently available date workup work-up currently please kindly info information detail details data status state current newest most latest""",
    )
)  # fmt: skip
