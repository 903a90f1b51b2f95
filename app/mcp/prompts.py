"""The jobs that a host can offer its user, as prompts: what to look up, in which order, and how to say it.

A prompt holds nothing of a chart; its arguments are words of the user.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.tools.jobs.catalogue import JOBS
from app.tools.jobs.model import Argument, Job
from app.tools.views import VIEWS

RULES = (
    "Use only the tools of Chartside for this patient. Cite every value, date and medicine by its handle, as [L3b] or [M2]. "
    "Say “none” only of a search that was read to its end, citing it as [S1]; otherwise say what could not be read. "
    "Do not convert units or compute: call calculate. Inform; a clinician decides."
)
MOST_WORDS = 200


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt; `{name}` in `text` is replaced by what the user gave for that argument."""

    name: str
    title: str
    says: str
    text: str
    arguments: tuple[Argument, ...] = ()


def _of_job(job: Job) -> Prompt:
    """Return a job of the registry as a prompt: its one tool gives the parts, the host's model writes them."""
    given = "".join(f", {one.name} {{{one.name}}}" for one in job.arguments)
    text = f"Call chart_job with name “{job.name}”{given}. Keep its headings, and every note and gap that it names. {job.note}"
    return Prompt(
        name=job.name, title=job.title, says=job.description, text=text, arguments=job.arguments
    )


PROMPTS: tuple[Prompt, ...] = (
    *map(_of_job, JOBS),
    Prompt(
        name="results",
        title="Results over time",
        says="One test, its course and what is out of range.",
        text="Show {test} over time (chart_results), newest first, with flags, ranges and what is preliminary or corrected.",
        arguments=(
            Argument(name="test", description="a test, as potassium or HbA1c", required=True),
        ),
    ),
    Prompt(
        name="one_part",
        title="One part of the chart",
        says="Everything in one section, with how far it was read.",
        text="Show the section {section} (chart_section) and say how far it was read.",
        arguments=(
            Argument(
                name="section",
                description="a section, as problems or immunizations",
                required=True,
            ),
        ),
    ),
)
BY_NAME: Mapping[str, Prompt] = {one.name: one for one in PROMPTS}
ANCHORS = ("my_last_visit", "admission", "last_note", "24h")
TESTS = ("creatinine", "eGFR", "glucose", "HbA1c", "hemoglobin", "INR", "LDL", "platelets", "potassium", "sodium", "TSH")  # fmt: skip


def written(prompt: Prompt, given: Mapping[str, str]) -> str:
    """Return a prompt's text with the user's words in it.

    Raises:
        KeyError: an argument is missing; its name.
    """
    text = prompt.text
    for one in prompt.arguments:
        words = given[one.name] if one.required else given.get(one.name, "")
        said = " ".join(words.split())[:MOST_WORDS]
        text = text.replace(f"{{{one.name}}}", f"“{said}”" if said else "as it is by itself")
    return f"{text}\n\n{RULES}"


def completions(argument: str, begun: str) -> Sequence[str]:
    """Return what an argument of a prompt may be, that begins so."""
    known = {"section": tuple(VIEWS), "test": TESTS, "anchor": ANCHORS}.get(argument, ())
    return [one for one in known if one.casefold().startswith(begun.casefold())]
