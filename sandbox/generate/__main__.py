"""`python -m sandbox.generate NAME` writes charts to `sandbox/charts`; NAME is one of `CHARTS`, or all.

`typical` and `large` call the command `synthea` of PySynthea, `stays` the command `clinosim`. Both live in an
environment of their own (`requirements-charts.txt`); name them with `--synthea` and `--clinosim` if they are not on
the path.
"""

import argparse
from collections.abc import Callable, Sequence

from sandbox.generate import (
    child,
    clinosim_chart,
    marlena,
    messy,
    ndjson,
    newborn,
    synthea_chart,
    unusual,
)

CHARTS: dict[str, Callable[[str, str], Sequence[ndjson.Chart]]] = {
    "marlena": lambda *_: [marlena.chart()],
    "unusual": lambda *_: unusual.charts(),
    "child": lambda *_: [child.chart()],
    "messy": lambda *_: [messy.chart()],
    "stays": lambda _, clinosim: clinosim_chart.charts(clinosim),
    "newborn": lambda *_: [newborn.chart()],
    "typical": lambda synthea, _: [synthea_chart.build(synthea_chart.TYPICAL, synthea)],
    "large": lambda synthea, _: [synthea_chart.build(synthea_chart.LARGE, synthea)],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the named charts, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.generate")
    parser.add_argument("chart", choices=[*CHARTS, "all"])
    parser.add_argument("--synthea", default="synthea", help="the command of PySynthea")
    parser.add_argument("--clinosim", default="clinosim", help="the command of clinosim")
    chosen = parser.parse_args(arguments)
    for name in CHARTS if chosen.chart == "all" else [chosen.chart]:
        for chart in CHARTS[name](chosen.synthea, chosen.clinosim):
            folder = ndjson.write(chart)
            print(f"{folder}: {len(chart.resources)} resources")  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
