"""The words that ask for a job: a fixed report of the chart, part by part. They are taken before all others."""

import re
from collections.abc import Iterator

# Name of a job, what it is called, and the words that ask for it.
ASKED: tuple[tuple[str, str, str], ...] = (
    ("pre_visit", "pre-visit summary", r"pre-?visit(?: (?:summary|brief(?:ing)?|prep\w*|review))?|visit prep\w*"),
    ("sbar", "SBAR handoff", r"(?:i-?pass|sbar|hand[- ]?offs?)\b(?: (?:hand-?off|report|note))?(?: (?:for|to) [^?.,]*)?"),
    ("hospital_course", "hospital course skeleton",
     r"(?:hospital|inpatient) course(?: (?:by problem|by day|so far|skeleton|summary))?|course of (?:the |this |her |his )?(?:stay|hospitali[sz]ation|admission)|what (?:has )?happened (?:in |during |on )?(?:this|the|her|his|their) (?:admission|stay|hospitali[sz]ation)(?:,? problem by problem|,? day by day)?"),
    ("medication_review", "medication review",
     r"(?:comprehensive )?(?:med|meds|medication|medications|medicine|medicines|drug) review|review (?:of )?(?:her |his |the |their |all )?(?:meds|medications|medicines)|med(?:ication)? rec(?:onciliation)?\b"),
    ("discharge_checklist", "discharge checklist",
     r"discharge (?:checklist|readiness|planning|prep\w*)|(?:is (?:she|he) |are they )?ready for discharge"),
    ("what_changed", "what changed", r"(?:change|changes) (?:report|summary)|summary of changes"),
)  # fmt: skip


def asked(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each job that words ask for: its name, what it is called, and the words."""
    for name, means, pattern in ASKED:
        found = re.search(rf"(?<![\w-])(?:{pattern})", text)
        if found:
            yield name, means, found[0]
            text = text.replace(found[0], " ", 1)
