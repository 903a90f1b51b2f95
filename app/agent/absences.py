"""Judge a negative sentence: it stands only on a search for what it denies, or on a record that denies the same.

A search proves it if it was read to its end, every denied word stands in what was searched, and the sentence says
everything that narrowed the search ("since 01-Dec-2026", "active"). A record proves it by its own name ("No known
allergies") or, for a result, its own value ("no growth"). In a note the denied words must stand in one sentence with
its own negation. Everything else is not proved, and then nothing in the words before this citation is a match.
"""

import re
from collections.abc import Iterator, Sequence

from app.agent.claims import claims
from app.agent.denials import Denied, denials, stems
from app.agent.facts import Fact
from app.agent.scene import Finding, Scene, differs, equal, unproved

SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
RESULTS = ("Observation", "DiagnosticReport")
WAITING = ("ServiceRequest", "DiagnosticReport")
NAMES = ("drug", "problem", "substance", "order", "type", "value", "conclusion")


def absences(scene: Scene) -> Iterator[Finding]:
    """Yield what the denials of a part of a sentence come to."""
    if not scene.claims.absences:
        return
    said = scene.claims.absences[0].text
    denied = denials(scene.claims.rest) or [Denied(whole=frozenset(), items=())]
    own = [f for f in scene.own if f.kind == "Search" and f.field == "search"]
    if own:
        yield _searched(scene, own, denied, said)
        return
    proofs = [_proof(scene.own, one) for one in denied]
    if all(proofs):
        yield equal("words", [fact for found in proofs for fact in found])
    elif not _waits(scene, denied):
        yield _unproved(scene, denied, said)


def _unproved(scene: Scene, denied: Sequence[Denied], said: str) -> Finding:
    """Say what is wrong with a denial that no source proves."""
    against = [f for f in scene.own if not f.long and f.field in NAMES and _contradicts(f, denied)]
    if against:
        return differs("absence", said, against[0].evidence.name, against)
    other = any(f.kind == "Search" or f.kind in WAITING or f.long for f in scene.others)
    if other or any(f.kind == "DocumentReference" for f in scene.own):
        return unproved(scene.own)
    return differs("absence", said, "no search is cited", scene.own)


def _contradicts(fact: Fact, denied: Sequence[Denied]) -> bool:
    """Tell whether a record states the very thing that is denied (and does not itself deny it)."""
    name = fact.evidence.name
    return not denials(name) and any(d.whole and d.whole <= stems(name) for d in denied)


# ---------------------------------------------------------------- searches


def _searched(scene: Scene, own: Sequence[Fact], denied: Sequence[Denied], said: str) -> Finding:
    unread = [f for f in own if f.evidence.status != "complete"]
    if unread:
        return differs("search", said, "not read to its end", unread)
    if all(_found_nothing(scene, own, one) for one in denied):
        return equal("search", own)
    return unproved(own)


def _found_nothing(scene: Scene, own: Sequence[Fact], denied: Denied) -> bool:
    """Tell whether the searches looked for everything denied: one for all of it, or one for each item."""
    return any(_for(scene, f, denied.whole) for f in own) or (
        len(denied.items) > 0
        and all(any(_for(scene, f, item) for f in own) for item in denied.items)
    )


def _for(scene: Scene, search: Fact, denied: frozenset[str]) -> bool:
    """Tell whether a search was for these words, and whether the sentence says what narrowed it.

    "None found" alone names nothing: it says no more than the search itself.
    """
    asked, stated = claims(re.sub(r"[“”\"]", " ", search.evidence.name)), claims(scene.sentence)
    dates = {d.iso for d in asked.dates}
    if not dates <= {d.iso for d in stated.dates}:
        return False
    what, sentence = stems(asked.rest), stems(stated.rest)
    if not denied and not sentence & what:
        return not (sentence - PLAIN) and not dates
    return denied <= what <= sentence


PLAIN = stems("of among records kinds complete")


# ---------------------------------------------------------------- records and notes


def _proof(own: Sequence[Fact], denied: Denied) -> list[Fact]:
    """Return the facts that deny the same, all items of it; empty where one is missing."""
    wanted = denied.items or ((denied.whole,) if denied.whole else ())
    found = [[f for f in own if _denies(f, item)] for item in wanted]
    return [f for facts in found for f in facts] if all(found) else []


def _denies(fact: Fact, item: frozenset[str]) -> bool:
    if fact.long:
        return any(item in d.items for s in SENTENCE.split(fact.evidence.value) for d in denials(s))
    if fact.kind in RESULTS and fact.field in ("value", "conclusion"):
        stated = denials(fact.text)
        about = stems(fact.evidence.name)
        return any(item in d.items or (not d.whole and item <= about) for d in stated)
    return fact.field in NAMES and any(item in d.items for d in denials(fact.evidence.name))


def _waits(scene: Scene, denied: Sequence[Denied]) -> bool:
    """Tell whether "no result" is said of an order or report: its status is compared, not its absence."""
    waiting = [f for f in scene.own if f.kind in WAITING]
    named = frozenset[str]().union(*(stems(f.evidence.name) for f in waiting))
    return bool(waiting) and all(d.whole <= named for d in denied)
