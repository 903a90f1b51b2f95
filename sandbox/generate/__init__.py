"""Build the sandbox's charts: the recorded step that made `sandbox/charts`.

Neither the app nor the sandbox server imports this package. `marlena` and the `unusual` patients are written by hand; `typical`
and `large` come from the command of PySynthea, which is installed apart
(`requirements-charts.txt`). The same command with the same pinned version writes the same bytes.

    python -m sandbox.generate typical|large|marlena|unusual|all [--synthea PATH]
"""
