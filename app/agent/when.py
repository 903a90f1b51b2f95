"""Tell whether a date in a sentence is a date of the record, in the site's zone and with the same role."""

from app.agent.facts import Fact
from app.agent.spoken_dates import When


def same_day(iso: str, when: When) -> bool:
    """Compare a record's date (ISO, site zone) with a claimed one, as precise as the claim.

    A claim more precise than the record is not the record's: 01-Apr-2022 is not Apr-2022.
    """
    if when.turned and iso[:10] == when.turned:
        return True
    if when.iso.startswith("--"):
        return iso[4:10] == when.iso[1:]
    return iso[:10] == when.iso if len(when.iso) == 10 else iso[: len(when.iso)] == when.iso


def same_moment(iso: str, when: When) -> bool:
    """Compare day, and the time where one is claimed."""
    return same_day(iso, when) and (not when.time or iso[11:16] == when.time.zfill(5))


def on_day(fact: Fact, when: When) -> bool:
    """Tell whether any date of a fact is the claimed one, whatever its role."""
    return any(same_moment(iso, when) for iso, _ in fact.dates)


def agrees(fact: Fact, when: When) -> bool:
    """Tell whether a fact has the claimed date with a claimed role; running text and searches have no roles."""
    # "Since" is the onset of a problem; of an order or a result it is any date of it.
    since = when.word == "since" and fact.kind != "Condition"
    free = fact.long or fact.kind == "Search" or not when.roles or since
    # A problem that began has an onset; an order that "began" has none.
    roles = (
        (*when.roles, "onset")
        if fact.kind == "Condition" and "started" in when.roles
        else when.roles
    )
    return any(same_moment(iso, when) and (free or role in roles) for iso, role in fact.dates)
