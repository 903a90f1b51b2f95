"""Clinical calculators: pure functions with the unit in each name, and what they need of a chart.

Every result is shown with its inputs, its rule and its source, and says what is missing. Nothing here advises: a
threshold at which somebody should act is in no calculator. The Pooled Cohort Equations are left out, because they
take race as an input; PREVENT does not.
"""
