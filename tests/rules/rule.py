"""What a rule is, and the page that it stands on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

PRODUCT = "docs/security.md"
SMART = "https://hl7.org/fhir/smart-app-launch/STU2.2/"

Strength = Literal["SHALL", "SHOULD", "MAY", ""]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. `applies_when` says why a rule is not proved yet, or does not apply; then no test may cite it.

    `strength` is the specification's own word, "" where Chartside asks more than it. `numbers` are those of the
    requirement set that HL7's conformance testing uses (hl7.fhir.uv.smart-app-launch_2.2.0); `inferno` names the test
    of Inferno's SMART client suite that looks at it.
    """

    source: str
    text: str
    applies_when: str = ""
    strength: Strength = ""
    numbers: tuple[int, ...] = ()
    inferno: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """The rules of one page of a specification, in its order."""

    title: str
    says: str
    rules: Mapping[str, Rule]


def smart(page: str) -> Callable[..., Rule]:
    """Return what makes the rules of one page of SMART App Launch 2.2.0; a rule stands at one of its anchors."""

    def at(
        anchor: str,
        text: str,
        *numbers: int,
        strength: Strength = "SHALL",
        inferno: str = "",
        applies_when: str = "",
    ) -> Rule:
        return Rule(
            source=f"{SMART}{page}.html#{anchor}",
            text=text,
            strength=strength,
            numbers=numbers,
            inferno=inferno,
            applies_when=applies_when,
        )

    return at
