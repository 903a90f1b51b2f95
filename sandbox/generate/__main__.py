"""`python -m sandbox.generate typical|large|marlena|unusual|all` writes charts to `sandbox/charts`.

`typical` and `large` call the command `synthea` of PySynthea, which lives in an environment of its
own (`requirements-charts.txt`); name it with `--synthea` if it is not on the path.
"""

import argparse
from collections.abc import Callable, Sequence

from sandbox.generate import child, marlena, messy, ndjson, newborn, synthea_chart, unusual

CHARTS: dict[str, Callable[[str], Sequence[ndjson.Chart]]] = {
    "marlena": lambda _: [marlena.chart()],
    "unusual": lambda _: unusual.charts(),
    "child": lambda _: [child.chart()],
    "messy": lambda _: [messy.chart()],
    "newborn": lambda _: [newborn.chart()],
    "typical": lambda synthea: [synthea_chart.build(synthea_chart.TYPICAL, synthea)],
    "large": lambda synthea: [synthea_chart.build(synthea_chart.LARGE, synthea)],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the named charts, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.generate")
    parser.add_argument("chart", choices=[*CHARTS, "all"])
    parser.add_argument("--synthea", default="synthea", help="the command of PySynthea")
    chosen = parser.parse_args(arguments)
    for name in CHARTS if chosen.chart == "all" else [chosen.chart]:
        for chart in CHARTS[name](chosen.synthea):
            folder = ndjson.write(chart)
            print(f"{folder}: {len(chart.resources)} resources")  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
