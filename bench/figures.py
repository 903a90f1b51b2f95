"""Print a figure as one JSON line beside its goal."""

import json
import sys


def show(
    name: str,
    value: float | None,
    unit: str,
    *,
    goal: float | None,
    against: str = "",
    at_least: bool = False,
) -> None:
    """Print `{"figure","value","unit","goal","met","against"}`; without a goal, `met` is null.

    A value that could not be measured is None, and `against` says why.
    """
    met = None if goal is None or value is None else (value >= goal if at_least else value <= goal)
    line = {
        "figure": name,
        "value": value,
        "unit": unit,
        "goal": goal,
        "met": met,
        "against": against,
    }
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()
