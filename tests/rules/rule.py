"""What a rule is, and the page that it stands on."""

from collections.abc import Mapping
from dataclasses import dataclass

PRODUCT = "docs/security.md"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. `applies_when` says why a rule is not proved yet; then no test may cite it."""

    source: str
    text: str
    applies_when: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """The rules of one page of a specification, in its order."""

    title: str
    says: str
    rules: Mapping[str, Rule]
