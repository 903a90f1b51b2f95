"""Compare the claims of a part of a sentence with the facts it cites: one finding per claim."""

import re
from collections.abc import Iterator, Sequence

from app.agent.absences import absences
from app.agent.attributes import attributes
from app.agent.claims import Status
from app.agent.facts import MUST_SAY, SAME_STATUS, STATUSES, Fact, statuses
from app.agent.levels import flagged, levels
from app.agent.names import names, noted
from app.agent.numbers import numbers
from app.agent.people import people, relatives
from app.agent.reversals import reversals
from app.agent.scene import (
    NOT_THERE,
    UNKNOWN,
    Finding,
    Scene,
    differs,
    equal,
    holds,
    nearest,
    unproved,
)
from app.agent.spoken_dates import When
from app.agent.subjects import blockers
from app.agent.when import agrees, on_day, same_day
from app.fhir.dates import day
from app.fhir.sections import SECTIONS

PARAGRAPH = re.compile(r"\n\s*\n")
# Words that say that a passage is a copy.
COPIED = re.compile(
    r"\b(?:cop(?:y|ied)|carried) forward\b|\brepeat(?:s|ed)\b|\bfirst (?:written|note)\b",
    re.IGNORECASE,
)
# Longer passages are whole paragraphs, copied in part; the tools say which part.
MOST_QUOTED = 40
LEAST_WORDS = 3  # of each piece of a quotation
# The field of each kind of record that says what it is: a sentence that cites it states this record.
NAMED = frozenset(section.table.named for section in SECTIONS if section.table)


def compare(scene: Scene) -> list[Finding]:
    """Return a finding for every claim of a part of a sentence."""
    found = [
        *_quotes(scene), *numbers(scene), *_dates(scene), *_rates(scene), *_statuses(scene),
        *names(scene), *noted(scene), *_stages(scene), *absences(scene),
        *levels(scene), *flagged(scene), *blockers(scene), *attributes(scene), *people(scene), *relatives(scene), *reversals(scene),
    ]  # fmt: skip
    return [f for f in found if f.equal is not None or f.handles]


# ---------------------------------------------------------------- quotations


def _quotes(scene: Scene) -> Iterator[Finding]:
    if not scene.claims.quotes:
        return
    own = [(f, _plain(f.text)) for f in scene.own if f.text]
    running = [f for f, _ in own if f.long]
    for quote in scene.claims.quotes:
        cut = re.split(r"\s*(?:\.\.\.|…)\s*", quote.text)
        pieces = [piece for piece in map(_plain, cut) if piece]
        holding = [f for f, text in own if all(piece in text for piece in pieces)]
        # A report has a conclusion beside its running text: either may be quoted.
        whole = [f for f in holding if _whole(pieces, f)]
        if copied := _copied(scene, pieces, whole):
            yield copied
        elif whole:
            yield equal("words", whole)
        elif held := [f for f in holding if f.long or not running]:
            yield unproved(held)
        elif own:
            yield differs(
                "words",
                f"“{quote.text}”",
                "these words do not stand there",
                running or [f for f, _ in own],
            )


def _copied(scene: Scene, pieces: Sequence[str], whole: Sequence[Fact]) -> Finding | None:
    """Return a difference where quoted words were first written in an earlier note; saying so is no difference."""
    find = scene.known.first_note
    if (
        find is None
        or len(pieces) != 1
        or len(pieces[0].split()) > MOST_QUOTED
        or COPIED.search(scene.claims.rest)
    ):
        return None
    for fact in whole:
        first = find(fact.evidence.reference, pieces[0]) if fact.long else None
        if first is None:
            return None
    if not whole or first is None:
        return None
    by = f" by {first.author}" if first.author else ""
    return differs(
        "first written",
        day(whole[0].dates[0][0]) if whole[0].dates else "",
        f"{day(first.date)}{by}",
        whole,
    )


def _whole(pieces: Sequence[str], fact: Fact) -> bool:
    """Tell whether a quotation is long enough to mean what it meant there, its pieces in order in one paragraph.

    A single word, or words from here and there, can say the contrary of what stands in the record.
    """
    if pieces == [_plain(fact.text)]:
        return True
    if not pieces or any(len(piece.split()) < LEAST_WORDS for piece in pieces):
        return False
    order = re.compile(r".*?".join(_bounded(piece) for piece in pieces))
    parts = [fact.text] if len(pieces) == 1 else PARAGRAPH.split(fact.evidence.value)
    return any(order.search(_plain(part)) for part in parts)


def _bounded(piece: str) -> str:
    """Return a pattern of these words that begins and ends where words and numbers do: "5 mg" does not stand in "2.5 mg"."""
    before = r"(?<!\w)(?<!\d[.,])" if piece[0].isalnum() else ""
    after = r"(?!\w)(?![.,]\d)" if piece[-1].isalnum() else ""
    return f"{before}{re.escape(piece)}{after}"


def _plain(text: str) -> str:
    return (
        " ".join(text.replace("’", "'").replace("“", '"').replace("”", '"').split())
        .casefold()
        .strip(" .,;")
    )


# ---------------------------------------------------------------- dates


def _dates(scene: Scene) -> Iterator[Finding]:
    for when in scene.claims.dates:
        if when.roles == ("born",) and scene.known.patient:
            continue  # compared with the patient
        mention = nearest(scene, when.start)
        named = [f for f in scene.own if mention and f.dates and f.named(mention, scene.lexicon)]
        scope = [f for f in (named or scene.own) if f.dates or f.kind == "Search"]
        yield _date(scene, when, scope)


def _date(scene: Scene, when: When, scope: Sequence[Fact]) -> Finding:
    if not when.iso:
        return UNKNOWN
    holding = [f for f in scope if agrees(f, when)]
    if holding and _ill_said(scene, when):
        return differs("date", f"{when.word} {when.text}", f"signed {when.text}", holding)
    if holding:
        return equal(f"{when.word} date" if when.roles else "date", holding)
    same = [f for f in scope if on_day(f, when)]
    if same and when.roles:
        other = next(role for iso, role in same[0].dates if same_day(iso, when))
        return differs("date", f"{when.word} {when.text}", f"{other} {when.text}", same)
    onset = when.word == "since" and any(f.kind == "Condition" for f in scope)
    if (when.bound and not onset) or (
        not when.roles and any(on_day(f, when) for f in scene.others)
    ):
        return UNKNOWN
    dated = [f for f in scope if any(role in when.roles for _, role in f.dates)] or [
        f for f in scope if f.dates
    ]
    if not dated:
        return differs("date", when.text, NOT_THERE, scene.own)
    iso, role = next(((i, r) for i, r in dated[0].dates if r in when.roles), dated[0].dates[0])
    shown = f"{day(iso)} {iso[11:16]}".strip() if when.time else day(iso)
    return differs(
        "date",
        f"{when.word} {when.text}".strip(),
        f"{role} {shown}".strip(),
        dated[:1] if len(dated) > 3 else dated,
    )


def _ill_said(scene: Scene, when: When) -> bool:
    """Tell whether a note itself is said to be dispensed, ordered or collected on a date."""
    before = scene.claims.rest[: when.start]
    role = re.search(
        rf"\b(?:note|summary|letter|document)\W+(?:was )?{re.escape(when.word)}\W*(?:on )?$",
        before,
        re.I,
    )
    return bool(when.word and role) and not {"signed", "written", "recorded"} & set(when.roles)


# ---------------------------------------------------------------- frequency, status, names


def _rates(scene: Scene) -> Iterator[Finding]:
    for rate in scene.claims.rates:
        mention = nearest(scene, rate.start)
        spoken = [
            f for f in scene.own if f.rates and (f.field in ("frequency", "directions") or f.long)
        ]
        scope = [f for f in spoken if mention is None or f.named(mention, scene.lexicon)] or spoken
        holding = [f for f in scope if rate.per_day in f.rates]
        if holding:
            yield equal("frequency", holding)
        elif scope and not scene.general:
            short = [f for f in scope if not f.long]
            yield differs("frequency", rate.text, short[0].printed if short else NOT_THERE, scope)


def _statuses(scene: Scene) -> Iterator[Finding]:
    said = set()
    for claim in scene.claims.statuses:
        if _in_name(claim, scene):
            continue
        able = [
            f
            for f in scene.own
            if claim.status in STATUSES.get(f.kind, ())
            and f.evidence.status
            and (f.kind != "Encounter" or f.handle.startswith("E"))
        ]
        said |= {f.kind for f in able}
        holding = [
            f for f in able if f.evidence.status in (claim.status, SAME_STATUS.get(claim.status))
        ]
        if holding:
            yield equal("status", holding)
        elif able:
            yield differs("status", claim.text, able[0].evidence.status, able)
    kept = [f for f in scene.own if _used(f, scene) and f.kind not in said]
    silent = [f for f in kept if f.evidence.status in MUST_SAY.get(f.kind, ())]
    for status in sorted(statuses(silent)):
        if status.replace("-", " ") not in scene.sentence.casefold().replace("-", " "):
            yield differs(
                "status", "no status", status, [f for f in silent if f.evidence.status == status]
            )


def _in_name(claim: Status, scene: Scene) -> bool:
    """Tell whether a status word is part of what a computation is called: "corrected calcium"."""
    names = [f.evidence.name.casefold() for f in scene.own if f.kind == "Calculation"]
    at = scene.claims.rest.casefold()
    return any(claim.text.casefold() in n and n in at for n in names)


def _used(fact: Fact, scene: Scene) -> bool:
    """Tell whether a sentence states this very value or record: a series is not silent about one old result."""
    if fact.kind != "Observation":
        return fact.field in NAMED
    return fact.field == "value" and any(
        holds(fact, n) for n in scene.claims.numbers if n.kind == "value"
    )


def _stages(scene: Scene) -> Iterator[Finding]:
    """Compare "stage 3a" or "type 2" with the same word in the record's name."""
    for named in scene.claims.named:
        pattern = re.compile(rf"\b{named.word}\s(\d[a-z]?|[ivx]{{1,4}}[a-d]?)\b", re.IGNORECASE)
        having = [(f, {m[1].casefold() for m in pattern.finditer(f.text)}) for f in scene.own]
        having = [(f, which) for f, which in having if which]
        holding = [f for f, which in having if named.which in which]
        if holding:
            yield equal(holding[0].field, holding)
        elif having:
            yield differs(
                having[0][0].field,
                f"{named.word} {named.which}",
                having[0][0].printed,
                [f for f, _ in having],
            )
