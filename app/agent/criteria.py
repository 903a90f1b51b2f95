"""Add to an answer the dose criteria of an order that it is about: by rule, whatever answered."""

from collections.abc import Iterator, Set

from app.agent.events import BlockShown
from app.agent.services import TurnServices
from app.fhir.dose_criteria import DRUG, dose_criteria, of_drug


def criteria(
    services: TurnServices, question: str, message_id: str, cited: Set[int], shown: Set[int]
) -> Iterator[BlockShown]:
    """Yield a block for each active order with a rule that a model cites; without a model, that was asked for by name.

    `cited` are the sources of the sentences, `shown` those of blocks: rows copied without a model explain nothing unasked.
    """
    launch, model = services.launch_chart, services.model.language_model
    if not model and not DRUG.search(question):
        return
    for n in sorted(cited if model else cited | shown):
        line = launch.chart.line(launch.sources.get(n))
        if line is not None and line.handle.startswith("M") and of_drug(line):
            yield BlockShown(message_id=message_id, block=dose_criteria(launch, line))
