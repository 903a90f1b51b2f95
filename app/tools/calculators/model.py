"""What a calculator is, and what computing gives: a value rounded by its own rule, or the names of what is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.fhir.citation import ComputedRecord, ComputedValue
from app.tools.calculators.inputs import Inputs, days_apart
from app.tools.calculators.points import Score

MOST_NOTES = 8


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A result as printed; `also` are further values with their names, `notes` what has to be said beside it."""

    value: str
    also: tuple[ComputedValue, ...] = ()
    notes: tuple[str, ...] = ()
    at_least: bool = False


@dataclass(frozen=True, kw_only=True)
class Calculator:
    """One calculator: its key, its name and unit as printed, its rule with the rounding, and its source.

    `over_time`: its inputs are meant to lie apart. `beside`: names of further values that it gives. `compute` returns None where something is missing, which the inputs have named.
    """

    key: str
    name: str
    unit: str
    rule: str
    source: str
    compute: Callable[[Inputs], Outcome | None]
    over_time: bool = False
    beside: tuple[str, ...] = ()


def run(calculator: Calculator, inputs: Inputs) -> ComputedRecord:
    """Compute, and state the result as a record without a handle."""
    outcome = calculator.compute(inputs)
    notes = [*(outcome.notes if outcome else ()), *inputs.notes]
    apart = days_apart(inputs.used)
    if apart > 1 and outcome and not calculator.over_time:
        notes.append(f"The measured inputs are up to {apart} days apart.")
    return ComputedRecord(
        handle="", kind="calculation", name=calculator.name, value=outcome.value if outcome else "",
        unit=calculator.unit, rule=calculator.rule, source=calculator.source, inputs=tuple(inputs.used),
        also=outcome.also if outcome else (), missing=tuple(dict.fromkeys(inputs.missing)),
        notes=tuple(notes[:MOST_NOTES]), at_least=bool(outcome and outcome.at_least),
    )  # fmt: skip


def rounded(value: float, places: int = 0) -> str:
    """Round half up, as laboratories do, and print with these places."""
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return f"{exact:f}"


def points(score: Score, notes: tuple[str, ...] = ()) -> Outcome:
    """State a score: the total, each item that gave points, and that a total with unknown items is the least."""
    given = ", ".join(f"{item.name} {item.points}" for item in score.items if item.points)
    said: tuple[str, ...] = (f"Points: {given}." if given else "No item gives points.",)
    unknown = ", ".join(item.name for item in score.items if item.points is None)
    if unknown:
        said = (*said, f"Not known, so counted as 0: {unknown}.")
    return Outcome(value=str(score.total), notes=(*said, *notes), at_least=score.at_least)
