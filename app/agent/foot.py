"""The foot of an answer: what was looked at, what was not seen, where it comes from, what could be asked next."""

from collections.abc import Iterator

from app.agent.answer import Tally
from app.agent.events import Answered, CustomPayload
from app.agent.looked import Looked, looked_at, not_seen
from app.agent.services import TurnServices
from app.fhir.reader import LaunchChart
from app.llm.port import Model

GENERAL = " Rows marked “General knowledge” do not come from this chart."
SUGGESTIONS: tuple[tuple[str, str], ...] = (
    ("labs", "What changed since the last visit?"),
    ("medications", "What are the active medicines?"),
    ("requests", "What is still pending?"),
    ("allergies", "Any allergies?"),
    ("problems", "What are the active problems?"),
)  # fmt: skip


def foot(
    services: TurnServices,
    message_id: str,
    looked: Looked,
    tally: Tally,
    shown: set[int],
    *,
    stopped: bool,
) -> Iterator[CustomPayload]:
    """Yield LookedAt, NotSeen and Answered; `shown` are the sources in blocks. Waits for no read that still goes on."""
    launch, model = services.launch_chart, services.model
    used = tally.sources | shown
    cited = {handle for handle in looked.searches if launch.sources.number(handle) in used}
    gaps = not_seen(message_id, looked, launch, cited, negative=bool(cited))
    yield looked_at(message_id, looked, launch.chart)
    yield gaps
    yield Answered(
        message_id=message_id,
        model=model_name(model),
        data_handling=services.data_handling if model.language_model else "",
        notice=services.notice,
        why_no_model="" if model.language_model else services.why_no_model,
        provenance=provenance(launch) + (GENERAL if tally.general else ""),
        suggestions=suggestions(looked),
        stopped=stopped,
        sources=len(used),
        gaps=sum(gap.touches for gap in gaps.not_readable),
        mismatches=tally.mismatches,
        without_source=tally.without_source,
    )


def model_name(model: Model) -> str:
    """Return "NAME (version)", "" without a language model."""
    if not model.language_model:
        return ""
    return model.name if model.version in ("", model.name) else f"{model.name} ({model.version})"


def provenance(launch: LaunchChart) -> str:
    """Say when the chart was read: "Chart read 01-Feb-2025 08:30."."""
    return f"Chart read {launch.chart.print_date(launch.read_at.isoformat(), time=True)}."


def suggestions(looked: Looked) -> tuple[str, ...]:
    """Return up to three questions about what this answer did not look at."""
    return tuple(text for section, text in SUGGESTIONS if section not in looked.looks)[:3]
