"""Rules of care as reviewed data: who a rule is about, what excludes, what meets it, and where it comes from.

Only data and its reader stand here, below everything that evaluates: the patient's own care gaps (`app.tools.care_gaps`) and
measures over many patients read the same files.
"""
