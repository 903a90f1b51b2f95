"""The jobs that a host can offer its user, as prompts: what to look up, in which order, and how to say it.

A prompt holds nothing of a chart; its arguments are words of the user.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.tools.views import VIEWS

RULES = (
    "Use only the tools of Chartside for this patient. Cite every value, date and medicine by its handle, as [L3b] or [M2]. "
    "Say “none” only of a search that was read to its end, citing it as [S1]; otherwise say what could not be read. "
    "Do not convert units or compute: call calculate. Inform; a clinician decides."
)
MOST_WORDS = 200


@dataclass(frozen=True, kw_only=True)
class Job:
    """One prompt. `arguments` are names with what they are; `{name}` in `text` is replaced by what the user gave."""

    name: str
    title: str
    says: str
    text: str
    arguments: Mapping[str, str] | None = None


JOBS: tuple[Job, ...] = (
    Job(
        name="before_the_visit",
        title="Before the visit",
        says="What changed since the last visit, what is dangerous, what is pending.",
        text="Prepare the visit: call chart_overview, changes_since (my_last_visit) and chart_pending. First what can harm this patient now, then what is new, then what waits. Be brief.",
    ),
    Job(
        name="medicines",
        title="Medicines",
        says="Active orders with doses, fills and the checks against lists.",
        text="List the active medicines (chart_section medications), what the fills say (chart_section fills), and what safety_checks finds. An active order is not proof that it is taken.",
    ),
    Job(
        name="results",
        title="Results over time",
        says="One test, its course and what is out of range.",
        text="Show {test} over time (chart_results), newest first, with flags, ranges and what is preliminary or corrected.",
        arguments={"test": "a test, as potassium or HbA1c"},
    ),
    Job(
        name="one_part",
        title="One part of the chart",
        says="Everything in one section, with how far it was read.",
        text="Show the section {section} (chart_section) and say how far it was read.",
        arguments={"section": "a section, as problems or immunizations"},
    ),
    Job(
        name="what_is_pending",
        title="What is pending",
        says="Orders without a result and preliminary reports.",
        text="Call chart_pending; list the oldest first with who ordered it and when.",
    ),
)
BY_NAME: Mapping[str, Job] = {job.name: job for job in JOBS}
TESTS = ("creatinine", "eGFR", "glucose", "HbA1c", "hemoglobin", "INR", "LDL", "platelets", "potassium", "sodium", "TSH")  # fmt: skip


def written(job: Job, given: Mapping[str, str]) -> str:
    """Return a prompt's text with the user's words in it.

    Raises:
        KeyError: an argument is missing; its name.
    """
    text = job.text
    for name in job.arguments or ():
        words = " ".join(given[name].split())[:MOST_WORDS]
        text = text.replace(f"{{{name}}}", f"“{words}”")
    return f"{text}\n\n{RULES}"


def completions(argument: str, begun: str) -> Sequence[str]:
    """Return what an argument of a prompt may be, that begins so."""
    known = {"section": tuple(VIEWS), "test": TESTS}.get(argument, ())
    return [one for one in known if one.casefold().startswith(begun.casefold())]
