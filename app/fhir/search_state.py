"""What a search has gathered so far, and what that makes of its completeness.

The order decides: what stopped a search comes before what was refused in it, that before what the EHR held back, and
only then whether it was cut.
"""

from dataclasses import dataclass, field

from app.fhir.source import (
    Complete,
    Completeness,
    Failed,
    Query,
    Read,
    Resource,
    Restricted,
    Truncated,
)  # fmt: skip


@dataclass(kw_only=True)
class SearchState:
    """What one search has gathered so far."""

    query: Query
    found: dict[str, Resource] = field(default_factory=dict)
    restrictions: dict[str, None] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    included: dict[str, Resource] = field(default_factory=dict)
    asks_medicines: bool = False
    declined: bool = False
    next_url: str = ""
    total: int | None = None
    requests: int = 0
    pages: int = 0
    foreign: int = 0
    unreadable: int = 0
    stripped: int = 0
    contradicted: set[str] = field(default_factory=set)
    cut: bool = False
    expired: bool = False
    started_again: bool = False
    known_pages: int = 0
    merged: bool = False
    stop: Completeness | None = None


def key(resource: Resource) -> str:
    """Return `Type/id` of a resource."""
    return f"{resource['resourceType']}/{resource['id']}"


def updated(resource: Resource) -> str:
    """Return meta.lastUpdated, empty where it was not sent."""
    meta = resource.get("meta")
    return str(meta.get("lastUpdated") or "") if isinstance(meta, dict) else ""


def failed(state: SearchState, reason: str) -> Failed:
    """Return a failure that counts what was read before it."""
    return Failed(reason=reason, n=len(state.found))


def as_read(state: SearchState) -> Read:
    """Return what was gathered as a `Read`."""
    return Read(
        query=state.query,
        resources=tuple(state.found.values()),
        completeness=_completeness(state),
        total=state.total,
        next_token=state.next_url,
        requests=state.requests,
        dropped_foreign=state.foreign,
        unreadable=state.unreadable,
        stripped=state.stripped,
        restrictions=tuple(state.restrictions),
        remarks=tuple(state.remarks),
        merged=state.merged,
        included=_referred_to(state),
        asked_medicines=state.asks_medicines,
    )


def _referred_to(state: SearchState) -> tuple[Resource, ...]:
    """Return the Medications that came along and that a record of this patient names by reference, and say what they are."""
    if not state.included:
        return ()
    sent = [r.get("medicationReference") for r in state.found.values()]
    named = {str(one.get("reference")) for one in sent if isinstance(one, dict)}
    return tuple(r for name, r in state.included.items() if name in named and "code" in r)


def _completeness(state: SearchState) -> Completeness:
    n = len(state.found)
    if state.stop is not None:
        return state.stop
    if state.foreign:
        refused = _many(state.foreign, "entry", "entries")
        return Failed(reason=f"{refused} of another patient {_were(state.foreign)} refused", n=n)
    if state.unreadable:
        return Failed(
            reason=f"{_many(state.unreadable, 'entry', 'entries')} could not be read", n=n
        )
    held_back = [*state.restrictions, *_left_out(state.stripped)]
    if held_back:
        return Restricted(why="; ".join(held_back), n=n)
    # Bundle.total may be an estimate, or count what was sent twice: only one that says more is news.
    total = state.total if state.total is not None and state.total > n else None
    if state.next_url or state.cut or total is not None:
        return Truncated(n=n, total=total)
    return Complete(n=n)


def _left_out(stripped: int) -> list[str]:
    said = _many(stripped, "record holds", "records hold")
    return [f"{said} another person's data, not shown here"] if stripped else []


def _many(n: int, one: str, more: str) -> str:
    return f"{n:,} {one if n == 1 else more}"


def _were(n: int) -> str:
    return "was" if n == 1 else "were"
