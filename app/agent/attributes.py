"""Compare what a record says besides its numbers: route, reaction, criticality, certainty, side, and its role.

Also how many records a sentence counts, where it cites them all. Not decided: a count of things inside a note, a
route or reaction in words that no list here has.
"""

import re
from collections.abc import Iterator, Sequence

from app.agent.denials import stems
from app.agent.facts import Fact
from app.agent.scene import Finding, Scene, differs, equal

ROUTES: tuple[tuple[str, str], ...] = (
    ("oral", r"oral(?:ly)?|by mouth|per os|(?-i:PO)\b|p\.o\."), ("intravenous", r"intravenous(?:ly)?|(?<!stage )(?<!class )(?<!grade )(?<!type )(?-i:IV)"),
    ("subcutaneous", r"subcutaneous(?:ly)?|subcut|(?-i:SC|SQ)"), ("intramuscular", r"intramuscular(?:ly)?|(?-i:IM)"),
    ("topical", r"topical(?:ly)?|to the skin"), ("inhaled", r"inhaled|inhalation|nebuli[sz]ed"), ("eye", r"ophthalmic|eye drops?|in (?:each|both|the (?:left|right)) eyes?"),
    ("rectal", r"rectal(?:ly)?"), ("transdermal", r"transdermal(?:ly)?"), ("sublingual", r"sublingual(?:ly)?"), ("nasal", r"nasal(?:ly)?|intranasal(?:ly)?"),
    ("injection", r"inject(?:ion|able|ed)"),
)  # fmt: skip
ROUTE = re.compile(
    "|".join(rf"\b(?P<r{i}>{words})\b" for i, (_, words) in enumerate(ROUTES)), re.IGNORECASE
)
INJECTED = frozenset(("intravenous", "subcutaneous", "intramuscular", "injection"))
REACTION = re.compile(
    r"\b(?:rash(?:es)?|hives|urticaria|anaphyla(?:xis|ctic)|angioedema|itching|pruritus|swelling|wheez(?:ing|e)|nausea|vomiting|diarrh(?:o)?ea"
    r"|dyspn(?:o)?ea|shortness of breath|bronchospasm|flushing|hypotension|headache|blisters?|eczema|cough)\b",
    re.IGNORECASE,
)
CRITICAL = re.compile(
    r"\b(?P<a>high|low)[- ](?:criticality|severity)\b|\bcriticality(?: is| was|:|,| of|,? recorded as)? ?(?P<b>high|low)\b",
    re.IGNORECASE,
)
ALLERGEN = re.compile(
    r"\ballerg(?:y|ies|ic)(?: (?:is|was|reaction|recorded|documented|listed))? to (?P<a>[\w][\w -]{2,30}?)(?= ?[,.;:()\[—–]| (?:with|and|as|on|in|since|that|which|recorded|of|is|was)\b|\s*$)"
    r"|\ballerg(?:y|ies|en): (?P<d>[\w][\w -]{2,30}?)(?= ?[,.;:()\[—–])|(?P<e>\b[\w-]{4,}): allerg(?:y|ic)\b"
    r"|\b(?P<b>[\w-]{4,}) allerg(?:y|en)\b(?! to)|\blists? (?P<c>[\w-]{4,}) as an? allerg",
    re.IGNORECASE,
)
NO_SUBSTANCE = frozenset(
    [
        "active",
        "known",
        "recorded",
        "documented",
        "listed",
        "drug",
        "food",
        "medication",
        "medicine",
        "environmental",
        "this",
        "that",
        "another",
        "other",
        "only",
        "first",
        "severe",
        "confirmed",
        "reported",
        "significant",
        "relevant",
        "major",
        "minor",
        "true",
        "serious",
        "single",
        "penicillin-type",
        "contact",
        "high",
        "low",
        "criticality",
        "her",
        "his",
        "their",
        "the",
        "such",
        "same",
        "each",
    ]
)
DOUBT = re.compile(
    r"\b(?:possibl[ey]|suspected|probabl[ey]|presumed|presumptive|unconfirmed|questionable|likely|rule[sd]?[- ]out|r/o|provisional|differential|suspicion)\b",
    re.IGNORECASE,
)
SURE = re.compile(r"\b(?<!un)confirmed\b", re.IGNORECASE)
DOUBTED = ("provisional", "differential", "unconfirmed")
SIDE = re.compile(
    r"\b(left|right)(?:[- ]sided)?\b(?!-| (?:away|now|after|before|ventric|atri|bundle|heart))",
    re.IGNORECASE,
)
NUMBER_WORDS = {
    w: n
    for n, w in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 1
    )
} | {"both": 2}
COUNTED: tuple[tuple[str, str], ...] = (
    ("N", r"notes?|documents?"), ("M", r"(?:active |stopped |completed |medication |medicine )*orders?|medicines?|medications?|prescriptions?"),
    ("LVO", r"(?:\w+ ){0,3}?(?:results?|values?|readings?|measurements?)"), ("E", r"visits?|encounters?"), ("A", r"allerg(?:y|ies)"),
    ("P", r"(?:active |resolved )*(?:problems?|conditions?|diagnos[ei]s)"),
)  # fmt: skip
COUNT = re.compile(
    rf"(?<![\w.,/–-])(?P<n>\d{{1,2}}|{'|'.join(NUMBER_WORDS)}) (?:of the |of her |of his )?(?:(?:recent|separate|different|prior|earlier|cited|most recent|last|clinical|progress|office visit) )*"
    rf"(?:{'|'.join(rf'(?P<k{i}>{words})' for i, (_, words) in enumerate(COUNTED))})\b",
    re.IGNORECASE,
)
# Said of an order, these words say what no order proves.
BEGUN = re.compile(
    r"\b(?:started|began|begun|initiated|given|administered|dispensed|picked up)\b", re.IGNORECASE
)
OPEN = re.compile(
    r"\b(?:unless|whether|if|unknown|unclear|not|no|never|cannot|proof|proves?|once|until)\b|n['’]t\b",
    re.IGNORECASE,
)


def attributes(scene: Scene) -> Iterator[Finding]:
    """Yield what the words of a part say of route, reaction, criticality, certainty, side, role and count."""
    if not scene.general:
        yield from _routes(scene)
        yield from _allergies(scene)
        yield from _certainty(scene)
        yield from _sides(scene)
        yield from _roles(scene)
        yield from _counts(scene)


# ---------------------------------------------------------------- orders


def _routes(scene: Scene) -> Iterator[Finding]:
    said = {name: m[0] for name, m in _routes_in(scene.claims.rest)}
    having = [(f, _route_of(f)) for f in scene.own if f.field in ("route", "drug")]
    having = [(f, routes) for f, routes in having if routes]
    for name, shown in said.items() if having else ():
        holding = [
            f
            for f, routes in having
            if name in routes or (name in INJECTED and "injection" in routes)
        ]
        if holding:
            yield (
                equal("route", [f for f in holding if f.field == "route"])
                if any(f.field == "route" for f in holding)
                else equal("drug", holding)
            )
        elif not any(name in {n for n, _ in _routes_in(f.text)} for f in scene.others if f.long):
            yield differs("route", shown, having[0][0].printed, [f for f, _ in having])


def _route_of(fact: Fact) -> frozenset[str]:
    if fact.field == "route" and fact.text.casefold() == "eye":
        return frozenset(("eye",))
    return frozenset(name for name, _ in _routes_in(fact.text))


def _routes_in(text: str) -> list[tuple[str, re.Match[str]]]:
    return [(ROUTES[int(m.lastgroup[1:])][0], m) for m in ROUTE.finditer(text) if m.lastgroup]


def _roles(scene: Scene) -> Iterator[Finding]:
    """Yield a difference where an order is said to be started or given, without a date to compare."""
    orders = [f for f in scene.own if f.kind == "MedicationRequest" and f.field == "drug"]
    if (
        not orders
        or len(orders) < len({f.handle for f in scene.own})
        or OPEN.search(scene.claims.rest)
    ):
        return
    dated = {d.word for d in scene.claims.dates}
    for match in BEGUN.finditer(scene.claims.rest):
        if match[0].casefold() not in dated:
            yield differs("role", match[0], "ordered", orders)


# ---------------------------------------------------------------- allergies


def _allergies(scene: Scene) -> Iterator[Finding]:
    own = [f for f in scene.own if f.kind == "AllergyIntolerance"]
    if not own:
        return
    text = scene.claims.rest
    criticality = [f for f in own if f.field == "criticality"]
    for match in CRITICAL.finditer(text) if criticality else ():
        said = (match["a"] or match["b"]).casefold()
        holding = [f for f in criticality if f.text.casefold() == said]
        yield (
            equal("criticality", holding)
            if holding
            else differs("criticality", said, criticality[0].text, criticality)
        )
    yield from _reactions(scene, own)
    yield from _substances(scene, own)


def _reactions(scene: Scene, own: Sequence[Fact]) -> Iterator[Finding]:
    having = [f for f in own if f.field == "reaction"]
    elsewhere = " ".join(f.text for f in scene.others if f.kind != "AllergyIntolerance").casefold()
    for match in REACTION.finditer(scene.claims.rest) if having else ():
        wanted = stems(match[0].replace("actic", "axis"))
        holding = [f for f in having if wanted <= stems(f.text)]
        if holding:
            yield equal("reaction", holding)
        elif match[0].casefold() not in elsewhere:
            yield differs("reaction", match[0], having[0].text, having)


def _substances(scene: Scene, own: Sequence[Fact]) -> Iterator[Finding]:
    names = [f for f in own if f.field == "substance"]
    for match in ALLERGEN.finditer(scene.claims.rest):
        said = next(v for v in match.groupdict().values() if v).strip().casefold()
        if said in NO_SUBSTANCE or not names:
            continue
        if any(alike(said, f.evidence.name) for f in names):
            yield equal("substance", [f for f in names if alike(said, f.evidence.name)])
        elif not any(alike(said, f.evidence.name) for f in scene.others if f.field == "substance"):
            yield differs("substance", said, names[0].evidence.name, names)


def alike(said: str, name: str) -> bool:
    """Tell whether two names share a word, or the beginning of one: sulfa, sulfonamides."""
    mine = stems(name)
    return any(
        w in mine or any(w[:5] == m[:5] for m in mine if len(w) > 4 and len(m) > 4)
        for w in stems(said)
    )


# ---------------------------------------------------------------- certainty and side


def _certainty(scene: Scene) -> Iterator[Finding]:
    stated = [f for f in scene.own if f.field == "verification"]
    named = [f for f in stated if _names(scene, f)]
    doubt, sure = DOUBT.search(scene.claims.rest), SURE.search(scene.claims.rest)
    for fact in named:
        unsure = fact.text in DOUBTED
        if fact.text == "refuted" and "refuted" not in scene.sentence.casefold():
            yield differs("certainty", "no word of it", "refuted", [fact])
        elif doubt and not unsure and fact.text == "confirmed":
            yield differs("certainty", doubt[0], "confirmed", [fact])
        elif unsure and not doubt:
            yield differs("certainty", sure[0] if sure else "no word of it", fact.text, [fact])
        elif (doubt and unsure) or (sure and fact.text == "confirmed"):
            yield equal("certainty", [fact])


def _names(scene: Scene, fact: Fact) -> bool:
    return fact.evidence.name.casefold() in scene.claims.rest.casefold()


def _sides(scene: Scene) -> Iterator[Finding]:
    """Compare left and right with the side in the cited record's own name."""
    said = {m[1].casefold() for m in SIDE.finditer(scene.claims.rest)}
    sided = [
        f
        for f in scene.structured
        if f.field in ("problem", "value", "order") and SIDE.search(f.evidence.name)
    ]
    for side in sorted(said) if sided else ():
        holding = [f for f in sided if side in f.evidence.name.casefold()]
        if holding:
            yield equal("side", holding)
        elif not any(side in f.text.casefold() for f in scene.others if f.long):
            yield differs("side", side, sided[0].evidence.name, sided)


# ---------------------------------------------------------------- how many


def _counts(scene: Scene) -> Iterator[Finding]:
    """Compare "three notes" with the records cited for it, where more than one is cited and no series."""
    for match in COUNT.finditer(scene.claims.rest):
        letters = next(
            COUNTED[int(k[1:])][0] for k, v in match.groupdict().items() if v and k[0] == "k"
        )
        number = NUMBER_WORDS.get(match["n"].casefold()) or int(match["n"])
        cited = [f for f in scene.own if f.handle[0] in letters]
        handles = sorted({f.handle for f in cited})
        if len(handles) < 2 or any(h[0] in "LVO" and h[-1].isdigit() for h in handles):
            continue
        if len(handles) == number:
            yield equal("count", cited)
        else:
            yield differs("count", match[0], f"{len(handles)} cited", cited)
