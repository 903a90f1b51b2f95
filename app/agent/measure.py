"""Numbers with units in text: find them, and tell whether two amounts are the same.

Equal spellings of one unit are listed, nothing is converted: 5 mg and 0.005 g are different amounts here, and so
are mg/dL and mmol/L. A unit that is not listed is compared letter by letter.

Source: UCUM, https://ucum.org/ucum (printed and case-sensitive forms); ISMP and Joint Commission lists for dose units
"""

import re
from dataclasses import dataclass
from decimal import Decimal

# One line per unit, the first spelling names it. Spellings are compared in lower case, without blanks.
SPELLINGS = """
mmol/l | mg/dl | g/dl | g/l | mg/l | meq/l | meq | mmol | mosm/kg | mg/g | mg/mmol | mg/ml | mg/kg | mg/24h
umol/l µmol/l μmol/l micromol/l mcmol/l | nmol/l | pmol/l | ng/ml | ng/l | ng/dl | pg/ml | pg
ug/l µg/l μg/l mcg/l | ug/dl µg/dl μg/dl mcg/dl | ug/ml µg/ml μg/ml mcg/ml
u/l [u]/l units/l unit/l | iu/l [iu]/l | mu/l | ku/l | u/ml | iu/ml
miu/l m[iu]/l uiu/ml µiu/ml μiu/ml u[iu]/ml
ml/min/1.73m2 ml/min/1.73m² ml/min/{1.73_m2} ml/min/1.73m^2 ml/min/1.73sqm | ml/min
% percent | fl | mm/h mm/hr | s sec second seconds
10*3/ul ×10³/µl ×10³/μl 10^3/ul 10^3/µl 10^3/μl 10³/µl x10^3/ul x10^3/µl x10*3/ul k/ul k/µl thou/ul 10*9/l 10^9/l x10^9/l
10*6/ul ×10⁶/µl ×10⁶/μl 10^6/ul 10^6/µl 10^6/μl 10⁶/µl x10^6/ul x10^6/µl m/ul m/µl 10*12/l 10^12/l x10^12/l
/min bpm beats/min beats/minute breaths/min breaths/minute permin perminute beatsperminute breathsperminute
mmhg mm[hg] | cel °c degc | [degf] °f degf | kg kilogram kilograms | lb lbs [lb_av] pounds | cm | kg/m2 kg/m² kg/m^2
mg/kg/day mg/kg/d | mme/day mme/d
mg milligram milligrams | g gram grams | mcg ug µg μg microgram micrograms | ml milliliter milliliters | l liter liters
unit units | iu internationalunits | tablet tablets tab tabs | capsule capsules cap caps | puff puffs
drop drops | patch patches | spray sprays
"""
CANONICAL = {
    spelling: group.split()[0]
    for line in SPELLINGS.strip().splitlines()
    for group in line.split("|")
    for spelling in group.split()
}
NOT_A_UNIT = ("{inr}", "{ratio}", "{score}", "ratio", "1", "score")


def _pattern(spelling: str) -> str:
    """Allow blanks where people put them: mL/min/1.73 m², mm Hg, beats per minute."""
    spaced = {
        "permin": "per min",
        "perminute": "per minute",
        "internationalunits": "international units",
    }
    words = {"beatsperminute": "beats per minute", "breathsperminute": "breaths per minute"}
    text = words.get(spelling) or spaced.get(spelling) or spelling
    escaped = re.escape(text).replace(r"\ ", " ").replace(" ", r"\s")
    return (
        escaped.replace("73m", r"73\s?m")
        .replace("73sqm", r"73\s?sq\s?m")
        .replace("mmhg", r"mm\s?hg")
    )


UNIT = "|".join(_pattern(s) for s in sorted(CANONICAL, key=len, reverse=True))
# What is written like a unit without being listed: letters with a slash, `mmol/dL`.
UNLISTED = r"[a-zµμ°\[\]{}^*]{1,12}(?:/[a-z0-9µμ.\[\]{}^*²]{1,8})+"
NUMBER = (
    r"(?<![\w.,/^*])(?P<sign>(?<![\d)])[-−](?=\d))?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<part>\.\d+)?"
    r"(?![\d]|[.,]\d)"
)
COMPARATOR = r"(?P<comparator>(?:<=|>=|<|>|≤|≥)\s?)?"
AMOUNT = re.compile(
    rf"{COMPARATOR}{NUMBER}(?:[\s\u00a0\u202f-]?(?P<unit>{UNIT}|{UNLISTED})(?![\w/²³]))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Amount:
    """A number with its comparator and unit; `unit` is "" where none is written."""

    number: Decimal
    unit: str = ""
    comparator: str = ""

    def same(self, record: "Amount", *, loose: bool = False) -> bool:
        """Tell whether this claim is what the record says. A claim may leave the unit out, it may not add one.

        `loose`: the record is running text, which may leave the unit out as well.
        """
        unit = self.unit in ("", record.unit) or (loose and not record.unit)
        return self.number == record.number and self.comparator == record.comparator and unit


@dataclass(frozen=True, kw_only=True)
class Found:
    """An amount and where it stands."""

    amount: Amount
    start: int
    end: int
    text: str


def canonical(unit: str) -> str:
    """Return the name of a unit, whichever listed spelling is given; "" for what is no unit (ratio, {INR})."""
    plain = "".join(unit.casefold().split())
    return "" if plain in NOT_A_UNIT else CANONICAL.get(plain, plain)


def amounts(text: str) -> list[Found]:
    """Return every number of a text, with its unit. Digits inside a word (A1c, B12) are not numbers."""
    found = []
    for match in AMOUNT.finditer(text):
        following = text[match.end() : match.end() + 1]
        if match["unit"] is None and following.isalpha():
            continue
        digits = match["whole"].replace(",", "") + (match["part"] or "")
        value = Amount(
            number=-Decimal(digits) if match["sign"] else Decimal(digits),
            unit=canonical(match["unit"] or ""),
            comparator={"≤": "<=", "≥": ">="}.get(
                sign := (match["comparator"] or "").strip(), sign
            ),
        )
        found.append(
            Found(amount=value, start=match.start(), end=match.end(), text=match[0].strip())
        )
    return found


def amount(text: str, unit: str = "") -> Amount | None:
    """Read a value as a record sends it (`5.6`, `<6`, `600`, unit `mg`); None where it is not one number."""
    found = amounts(text.strip())
    if len(found) != 1 or found[0].text != text.strip():
        return None
    read = found[0].amount
    return Amount(number=read.number, comparator=read.comparator, unit=read.unit or canonical(unit))


TIMES = {"once": 1, "one": 1, "twice": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_COUNT = "once|twice|one|two|three|four|five|six|\\d{1,2}"
_PERIOD = {
    "hour": Decimal(24), "day": Decimal(1), "week": Decimal(1) / 7, "month": Decimal(1) / 30,
    "morning": Decimal(1), "evening": Decimal(1), "night": Decimal(1),
}  # fmt: skip
_RATES = (
    (re.compile(rf"\b(?P<n>{_COUNT})\s(?:times\s)?every\s(?P<every>{_COUNT})\s(?P<p>hour|day|week|month)s?\b"), ""),
    (re.compile(rf"\b(?P<n>{_COUNT})\s?(?:times|x)?\s?(?:a|per|each|every|/)?\s?(?P<p>day|week|month)(?:ly)?\b"), ""),
    (re.compile(rf"\b(?P<n>{_COUNT})\s?(?:times|x)?\s?(?P<p>dai|week|month)ly\b"), ""),
    (re.compile(rf"\bevery\s(?:(?P<every>{_COUNT}|other)\s)?(?P<p>hour|day|week|month|morning|evening|night)s?\b"), ""),
    (re.compile(r"\bq(?P<every>\d{1,2})(?P<p>h)\b"), ""),
    (re.compile(r"\b(?P<n>\d{1,2})\sper\s(?P<every>\d{1,2})\s(?P<p>h|d|wk|mo)\b"), ""),
    (re.compile(r"\b(?P<n>\d{1,2})/(?P<p>d|wk|mo)\b"), ""),
    (re.compile(r"\b(?P<p>dai|night|week)ly\b|\bat (?P<bed>bed)time\b"), "1"),
)  # fmt: skip
# What any of these holds.
_ANY_RATE = re.compile(r"day|week|month|hour|morning|evening|night|dai|bed|\d")
_SHORT = {"dai": "day", "d": "day", "h": "hour", "wk": "week", "mo": "month"}


def rates(text: str) -> list[tuple[int, int, Decimal]]:
    """Return how often a day each frequency of a text means, with its place: (start, end, times a day)."""
    taken: list[tuple[int, int, Decimal]] = []
    low = text.casefold()
    if not _ANY_RATE.search(low):
        return taken
    for pattern, always in _RATES:
        for match in pattern.finditer(low):
            if any(start < match.end() and match.start() < end for start, end, _ in taken):
                continue
            groups = match.groupdict()
            count = TIMES.get(always or groups.get("n") or "1") or int(groups.get("n") or 1)
            every = groups.get("every")
            gap = 2 if every == "other" else TIMES.get(every or "1") or int(every or 1)
            period = groups.get("p") or ("night" if groups.get("bed") else "day")
            per_day = Decimal(count) * _PERIOD[_SHORT.get(period, period)] / Decimal(gap)
            taken.append((match.start(), match.end(), per_day.quantize(Decimal("0.0001"))))
    return sorted(taken)
