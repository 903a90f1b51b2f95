"""Find what turns a record into its contrary: a "not" before what it says, or a yes to what it denies.

"Potassium was not 5.6", "does not have gout" of a recorded gout, "reports black stools" of a note that says "No
black stools", "rivaroxaban was found" of a search that found none. Not decided: a "not" about anything else ("not
being taken" of an order), which then keeps the words from being a match.
"""

import re
from collections.abc import Iterator

from app.agent.denials import stems
from app.agent.facts import Fact
from app.agent.scene import Finding, Scene, differs, holds
from app.agent.when import agrees

# "(method not sent)" is part of a test's own name, and denies no result.
NOT = re.compile(r"(?<!\(method )\b(?:not|never|neither|nor)\b|\w(?:n['’]t)\b", re.IGNORECASE)
CLAUSE = re.compile(r"[;:]|\.\s|,\s|\b(?:but|although|because|which)\b")
# Behind a "not", these words deny the record itself.
DENIED = re.compile(
    r"\s*(?:(?:been|currently|be|being|a|an|any|the|known|to)\s)*(?:have|has|had|on (?:the|her|his) (?:problem|allergy) list|listed|recorded|documented"
    r"|present|diagnosed|confirmed|active|allergic|found|seen|noted|measured|reported|ordered|prescribed|collected|drawn|resulted|taken)\b",
    re.IGNORECASE,
)
NAMES = ("problem", "substance", "drug", "order", "type")
FOUND = re.compile(
    r"\b(?:found|recorded|documented|listed|present|positive|evidence of|shows?|showed|has|had|have|exists?|appears?|reports?|prescribed|ordered|on file)\b",
    re.IGNORECASE,
)
NOTHING = re.compile(
    r"\b(?:no|not|none|nothing|never|without|nil|negative|zero|0|absent|denie[sd]|lacks?|missing|empty|unread|could|cannot|unable|neither)\b|n['’]t\b",
    re.IGNORECASE,
)


def reversals(scene: Scene) -> Iterator[Finding]:
    """Yield a difference for every record that the words turn into its contrary."""
    if scene.general:
        return
    yield from _negated(scene)
    yield from _found_after_all(scene)
    yield from _affirmed(scene)


def _negated(scene: Scene) -> Iterator[Finding]:
    text = scene.claims.rest
    for match in NOT.finditer(text) if scene.structured else ():
        end = CLAUSE.search(text, match.end())
        ahead = text[match.end() : end.start() if end else len(text)]
        said = text[match.start() : match.end() + 24].strip()
        denied = [
            f for n in scene.claims.numbers
            if n.kind == "value" and match.end() <= n.start <= match.end() + 30 and n.start < match.end() + len(ahead)
            for f in scene.structured if f.field in ("value", "dose") and holds(f, n)
        ]  # fmt: skip
        if denied:
            yield differs("negation", said, denied[0].printed, denied)
        elif DENIED.match(ahead) and (held := _dated(scene, match.end(), len(ahead))):
            yield differs("negation", said, held[0].evidence.date_role or "so", held)
        elif DENIED.match(ahead):
            begin = max((m.end() for m in CLAUSE.finditer(text, 0, match.start())), default=0)
            clause = stems(text[begin : match.end() + len(ahead)])
            named = [f for f in scene.structured if f.field in NAMES and _own_name(f) <= clause]
            named = [f for f in named if not _agrees(f, ahead)]
            if named:
                yield differs("negation", said, named[0].evidence.name, named)


def _dated(scene: Scene, at: int, size: int) -> list[Fact]:
    """Return the results whose date the words behind a "not" deny: "was not collected on 12-May-2021"."""
    dates = [d for d in scene.claims.dates if at <= d.start <= at + size and d.roles]
    return [
        f for f in scene.structured
        if f.kind == "Observation" and any(agrees(f, d) for d in dates)
    ]  # fmt: skip


def _own_name(fact: Fact) -> frozenset[str]:
    return stems(fact.evidence.name) or frozenset("\0")


def _agrees(fact: Fact, ahead: str) -> bool:
    """Tell whether the record's own status is what the words deny: "not active" of a stopped order."""
    status = fact.evidence.status
    words = ahead.casefold()
    return ("active" in words and status != "active") or (
        "confirmed" in words and status != "active"
    )


def _found_after_all(scene: Scene) -> Iterator[Finding]:
    """Yield a difference where words say that something is there, and cite only the search that found none of it."""
    searches = [f for f in scene.own if f.kind == "Search" and f.field == "search"]
    if not searches or any(f.kind != "Search" for f in scene.others):
        return
    text = scene.claims.rest
    if scene.claims.absences or NOTHING.search(text) or not FOUND.search(text):
        return
    words = stems(text)
    for search in searches:
        what = stems(search.evidence.name)
        if what and what <= words:
            found = re.search(FOUND, text)
            yield differs(
                "search", found[0] if found else "", f"{search.evidence.name}: none found", [search]
            )


def _affirmed(scene: Scene) -> Iterator[Finding]:
    """Yield a difference where words say what the cited note denies, and the note says it nowhere else."""
    notes = [f for f in scene.own if f.long and f.kind == "DocumentReference"]
    text = scene.claims.rest
    if not notes or scene.claims.absences or NOTHING.search(text):
        return
    said = stems(text)
    for note in notes:
        for item in note.denials.items:
            if item <= said and not any(item <= one for one in note.denials.affirmed):
                shown = " ".join(
                    w for w in re.findall(r"[\w'-]+", text) if stems(w) and stems(w) <= item
                )
                yield differs("negation", shown, f"denied there: {shown}", [note])
