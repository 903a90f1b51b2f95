"""Tie a test to the protocol rules that it proves; the rules themselves stand in `tests/rules`.

`@requirement("smart:launch:aud")` ties a test to a rule. The suite fails on an unknown id and on a rule that no
test cites. `python -m tests.requirements` writes `docs/conformance.md`.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.rules import PAGES
from tests.rules.rule import Page, Rule

RULES: dict[str, Rule] = {name: rule for page in PAGES for name, rule in page.rules.items()}

Test = TypeVar("Test", bound=Callable[..., Any])


def requirement(*ids: str) -> Callable[[Test], Test]:
    """Mark a test as the proof of one or more rules."""
    unknown = [rule for rule in ids if rule not in RULES]
    if unknown:
        raise ValueError(f"unknown requirement {', '.join(unknown)}")
    return pytest.mark.requirement(*ids)


def conformance() -> str:
    """Return `docs/conformance.md`."""
    proved, gaps = _counted(RULES.values())
    lines = [
        "# Conformance",
        "",
        "Which rules Chartside keeps, each with a link to where it stands. A test cites every rule that is said to be"
        " proved; the suite fails when one is cited by no test, and when one that is said to be missing is cited.",
        "",
        "Every requirement on a client in SMART App Launch 2.2.0 is here, by its number in the requirement set"
        " `hl7.fhir.uv.smart-app-launch_2.2.0` that HL7's conformance tests use; a test compares the numbers. “Inferno”"
        " names the test of Inferno's SMART client suite that looks at the same; what it looks at is asserted here on"
        " the wire between Chartside and the sandbox EHR. Inferno itself was not run.",
        "",
        "A rule without a word of strength is Chartside's own: more than the specification asks.",
        "",
        f"{len(RULES)} rules: {proved} proved, {gaps} not yet or not used. Generated from `tests/rules`.",
        "",
        "| Page | Proved | Not yet |",
        "| --- | --- | --- |",
    ]
    for page in PAGES:
        there, missing = _counted(page.rules.values())
        lines.append(f"| [{page.title}](#{_anchor(page.title)}) | {there} | {missing} |")
    lines += ["", "## Not yet, or not used", "", "What Chartside does not do, and why.", ""]  # fmt: skip
    lines += ["| Rule | Says | Why not |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | {rule.text} | {rule.applies_when} |"
        for name, rule in RULES.items()
        if rule.applies_when
    ]
    for page in PAGES:
        lines += ["", *_page(page)]
    return "\n".join(lines) + "\n"


def _counted(rules: Iterable[Rule]) -> tuple[int, int]:
    """Return how many rules are proved, and how many are not."""
    missing = [bool(rule.applies_when) for rule in rules]
    return missing.count(False), missing.count(True)


def _anchor(title: str) -> str:
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def _page(page: Page) -> Iterator[str]:
    yield f"## {page.title}"
    yield ""
    yield page.says
    yield ""
    measured = any(rule.strength for rule in page.rules.values())
    more = " | Strength | Numbers | Inferno" if measured else ""
    yield f"| Rule | Says{more} | Stands in |"
    yield f"| --- | ---{' | --- | --- | ---' if measured else ''} | --- |"
    for name, rule in page.rules.items():
        text = f"{rule.text} **Not yet.**" if rule.applies_when else rule.text
        numbers = ", ".join(map(str, rule.numbers))
        more = f" | {rule.strength} | {numbers} | {rule.inferno}" if measured else ""
        yield f"| `{name}` | {text}{more} | {_link(rule)} |"


def _link(rule: Rule) -> str:
    if not rule.source.startswith("http"):
        return f"`{rule.source}`"
    named = rule.source.split("/")[-1].replace(".html", "") or rule.source
    return f"[{named}]({rule.source})"


if __name__ == "__main__":
    Path("docs/conformance.md").write_text(conformance(), "utf-8")
    sys.exit(0)
