"""Tie a test to the protocol rules that it proves; the rules themselves stand in `tests/rules`.

`@requirement("smart:launch:aud")` ties a test to a rule. The suite fails on an unknown id and on a rule that no
test cites. `python -m tests.requirements` writes `docs/conformance.md`.
"""

import sys
from collections.abc import Callable, Iterator
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
    proved = sum(not rule.applies_when for rule in RULES.values())
    lines = [
        "# Conformance",
        "",
        "Which rules Chartside keeps, each with a link to where it stands. A test cites every rule that is said to be"
        " proved, and the suite fails when one is not cited.",
        "Generated from `tests/rules`.",
        "",
        f"{len(RULES)} rules: {proved} proved, {len(RULES) - proved} not yet.",
        "",
        "| Page | Proved | Not yet |",
        "| --- | --- | --- |",
    ]
    for page in PAGES:
        proved = sum(not rule.applies_when for rule in page.rules.values())
        lines.append(f"| {page.title} | {proved} | {len(page.rules) - proved} |")
    for page in PAGES:
        lines += ["", *_page(page)]
    return "\n".join(lines) + "\n"


def _page(page: Page) -> Iterator[str]:
    yield f"## {page.title}"
    yield ""
    yield page.says
    yield ""
    yield "| Rule | Says | Stands in |"
    yield "| --- | --- | --- |"
    for name, rule in page.rules.items():
        text = f"{rule.text} Not yet: {rule.applies_when}" if rule.applies_when else rule.text
        source = (
            f"[{rule.source.split('/')[-1] or rule.source}]({rule.source})"
            if rule.source.startswith("http")
            else f"`{rule.source}`"
        )
        yield f"| `{name}` | {text} | {source} |"


if __name__ == "__main__":
    Path("docs/conformance.md").write_text(conformance(), "utf-8")
    sys.exit(0)
