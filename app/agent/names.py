"""Compare the medicine, problem or substance that the words name with the cited record's.

A problem may be named by its initials or another reviewed word; then its name is neither equal nor different. A
medicine that no list knows is seen by the stem of its name.
"""

import re
from collections.abc import Iterator, Sequence

from app.agent.attributes import alike
from app.agent.denials import stems
from app.agent.facts import Fact, Mention, says
from app.agent.scene import DOSE_UNITS, Finding, Scene, differs, equal, unproved

# Words that may stand before a dose without being a drug's name.
BEFORE_DOSE = re.compile(
    r"a|an|and|as|at|by|dose|doses|dosed|each|for|from|is|it|of|on|one|once|or|order|orders|ordered|"
    r"take|takes|taken|taking|tablet|tablets|the|this|to|total|was|with|daily|increased|decreased|raised|lowered|reduced|changed|started|"
    r"given|strength|active|per|about|only|currently|prescribed|oral|capsule",
    re.IGNORECASE,
)

PRONOUN = re.compile(
    r"\b(it|its|this|that|these|both|each|the order|the dose|the drug|the medicine)\b", re.I
)

# Common stems of medicines' names (INN). Source: https://www.who.int/teams/health-product-and-policy-standards/inn
DRUG_STEM = re.compile(
    r"\b[a-z]{2,}(?:pril|sartan|olol|dipine|statin|xaban|gatran|parin|farin|gliflozin|gliptin|glutide|glitazone|formin|prazole|cillin|mycin"
    r"|floxacin|cycline|conazole|vir|mab|tinib|tidine|setron|triptan|zepam|zolam|barbital|caine|codone|morphone|profen|oxicam|coxib|fenac"
    r"|thiazide|semide|arone|pentin|pregabalin|racetam|oxetine|traline|pramine|triptyline|tiapine|zapine|idone|peridol|promazine|sone|solone"
    r"|terol|tropium|lukast|platin|rubicin|taxel|quine|dronate|goxin|purinol|lactone|pressin|thyroxine|mustine|bactam|penem|tadine|rizine)e?\b",
    re.IGNORECASE,
)


def names(scene: Scene) -> Iterator[Finding]:
    """Compare the drug, problem or substance that the words name with the cited record's."""
    mentions = scene.mentions()
    for fact in scene.own:
        if (
            fact.field in ("drug", "problem", "substance", "order", "type")
            and fact.kind != "Encounter"
        ):
            yield from _name(scene, fact, mentions)


def noted(scene: Scene) -> Iterator[Finding]:
    """Yield the notes that do not even hold the medicine that the words say of them."""
    notes = [f for f in scene.own if f.long]
    if not notes or scene.structured != [
        f for f in scene.structured if f.kind == "DocumentReference"
    ]:
        return
    for mention in scene.mentions():
        if (
            mention.drug
            and not scene.claims.absences
            and not any(says(f.text, mention.text) for f in notes)
        ):
            yield unproved(notes)


def _name(scene: Scene, fact: Fact, mentions: Sequence[Mention]) -> Iterator[Finding]:
    if _says_name(scene, fact, mentions):
        yield equal(fact.field, [fact])
        return
    if fact.kind in ("Condition", "AllergyIntolerance") and not PRONOUN.search(scene.sentence):
        yield from _other_record(scene, fact)
    drugs = [m for m in mentions if m.drug]
    named = [f for f in scene.own if any(f.named(m, scene.lexicon) for m in drugs)]
    if fact.kind not in ("MedicationRequest", "MedicationDispense", "AllergyIntolerance") or named:
        return
    stranger = drugs[0].text if drugs else _before_dose(scene) or _like_a_drug(scene)
    if stranger:
        yield differs(fact.field, stranger, fact.evidence.name, [fact])


def _other_record(scene: Scene, fact: Fact) -> Iterator[Finding]:
    """Yield what is wrong with words that do not name the cited problem or allergy at all."""
    text = scene.sentence.casefold()
    if any(alike(fact.evidence.name, f.evidence.name) for f in scene.others if _named_in(f, text)):
        return
    other = [name for name in scene.known.records if len(name) > 4 and name.casefold() in text]
    if other and not any(f.evidence.name in other for f in scene.others):
        yield differs(fact.field, max(other, key=len), fact.evidence.name, [fact])
    elif not _shortened(fact.evidence.name, scene) and not (
        stems(fact.evidence.name) & stems(text)
    ):
        yield unproved([fact])


def _named_in(fact: Fact, text: str) -> bool:
    return fact.field in ("problem", "substance") and fact.evidence.name.casefold() in text


def _shortened(name: str, scene: Scene) -> bool:
    """Tell whether a sentence names a problem by its initials or by another of its reviewed words."""
    initials = "".join(w[0] for w in re.findall(r"[A-Za-z]+", name)).upper()
    shorts = {initials[:n] for n in range(2, len(initials) + 1)}
    said = set(re.findall(r"\b[A-Z]{2,5}\b", scene.sentence))
    text = scene.sentence.casefold()
    return bool(shorts & said) or any(
        says(text, word) and any(find in name.casefold() for find in finds)
        for word, finds in scene.lexicon.problems.items()
    )


def _says_name(scene: Scene, fact: Fact, mentions: Sequence[Mention]) -> bool:
    text = scene.sentence.casefold()
    if fact.evidence.name and fact.evidence.name.casefold() in text:
        return True
    return any(m.drug and fact.named(m, scene.lexicon) for m in mentions)


def _before_dose(scene: Scene) -> str:
    """Return the word before a dose where the sentence names no drug that any list knows."""
    if PRONOUN.search(scene.sentence):
        return ""
    for number in scene.claims.numbers:
        if number.kind == "value" and number.amount.unit in DOSE_UNITS:
            word = re.search(r"([A-Za-z-]{4,})\s*$", scene.claims.rest[: number.start])
            if word and not BEFORE_DOSE.fullmatch(word[1]):
                return word[1]
    return ""


def _like_a_drug(scene: Scene) -> str:
    """Return a word with the stem of a medicine's name, which no list knows and no cited record holds."""
    for match in DRUG_STEM.finditer(scene.claims.rest):
        word = match[0].casefold()
        if not any(word in f"{f.evidence.name} {f.text}".casefold() for f in scene.others):
            return match[0]
    return ""
