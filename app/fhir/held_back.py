"""What the EHR keeps back behind the glass, and what can be read without it: said once, full frame.

Only for a chart of which the EHR says so (break the glass). What every search of some EHRs carries ("may not be the entire
record"), kinds of results that an app never gets, and what Chartside itself withholds for its label are rows of the card:
a stop at each launch would be passed over unread.
"""

from app.fhir.chart import Chart
from app.fhir.display import Restricted as HeldBack
from app.fhir.outcome import BREAK_THE_GLASS
from app.fhir.sections import SECTION_WORDS, SectionName
from app.fhir.source import Complete, Restricted, Truncated

UNKNOWN = "What it holds is not known here."


def held_back(chart: Chart) -> HeldBack | None:
    """Return what stands at the stop; None for a chart of which nothing is behind the glass."""
    held = [name for name, state in chart.sections.items() if _behind_the_glass(state)]
    if not held:
        return None
    readable = [
        name
        for name, state in chart.sections.items()
        if name not in ("patient", *held) and _n(state)
    ]
    counted = [f"{_words(name)} ({_n(chart.sections[name]):,})" for name in readable]
    return HeldBack(
        held=f"Part of: {_listed([_words(n) for n in held])}. {UNKNOWN}",
        readable=_capital(", ".join(counted)) or "Nothing else was found.",
    )


def _behind_the_glass(state: object) -> bool:
    return isinstance(state, Restricted) and BREAK_THE_GLASS in state.why


def _n(state: object) -> int:
    return state.n if isinstance(state, Complete | Truncated) else 0


def _words(name: SectionName) -> str:
    words = SECTION_WORDS[name]
    return words[:1].lower() + words[1:]


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
