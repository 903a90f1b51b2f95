"""Keep data that the EHR labelled restricted from who may not have it, and count it.

Invariant 8: labelled data goes to no model, draft, bulk view or MCP host, and is not shown, unless the registration names
label and audience. The labels below restrict at every site, by their code alone, whatever their system; a site adds its own,
and opens one for an audience by naming system and code. A resource with several restricting labels needs all of them open.
Not protected: sensitive data without a label, and what its words say elsewhere in the chart.

Source: https://hl7.org/fhir/R4/security-labels.html (Confidentiality R and V; v3 ActCode, InformationSensitivityPolicy)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.fhir.source import Resource

# user: the clinician of the launch; model: a language model, and so its answer.
Audience = Literal["user", "model", "mcp", "bulk"]
RESTRICTED = frozenset((
    "R", "V", "42CFRPart2", "ETH", "SUD", "ETHUD", "OPIOIDUD", "PSY", "PSYTHPN", "MH", "BH", "HIV", "SEX", "STD",
    "SDV", "DV", "ADOL", "MST", "TBOO", "CEL", "VIP", "GDIS", "ABUSE", "PREGNANT", "TERM", "REPRO",
))  # fmt: skip
NOBODY: frozenset[Audience] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Labels:
    """A site's policy: who may have what carries a label, by (system, code); `withheld` is said of what is kept back."""

    audiences: Mapping[tuple[str, str], frozenset[Audience]] = field(default_factory=dict)
    withheld: str = "not shown here"

    def holds_back(self, resource: Resource, audience: Audience) -> bool:
        """Tell whether a resource carries a label that keeps it from `audience`, or one that cannot be read."""
        return any(audience not in allowed for allowed in self._restricting(resource))

    @property
    def differ(self) -> bool:
        """Tell whether the clinician may see what a language model may not."""
        return any("user" in one and "model" not in one for one in self.audiences.values())

    def _restricting(self, resource: Resource) -> Iterator[frozenset[Audience]]:
        for coding in _labels(resource):
            # A label that cannot be read may be a restricting one.
            if not isinstance(coding, dict):
                yield NOBODY
                continue
            system, code = str(coding.get("system") or ""), str(coding.get("code"))
            if (system, code) in self.audiences:
                yield self.audiences[system, code]
            elif code in RESTRICTED:
                yield NOBODY


DEFAULT = Labels()


def _labels(resource: Resource) -> list[object]:
    meta = resource.get("meta")
    sent = meta.get("security") if isinstance(meta, dict) else meta
    # A document carries the labels of its content apart from those of the resource (DocumentReference.securityLabel).
    own = [c for label in _many(resource.get("securityLabel")) for c in _codings(label)]
    return [*_many(sent), *own]


def _many(sent: object) -> list[object]:
    return sent if isinstance(sent, list) else [] if sent is None else [sent]


def _codings(label: object) -> list[object]:
    """Return the codings of a label; one without any, or that is no concept, stands for itself, unreadable."""
    coding = label.get("coding") if isinstance(label, dict) else None
    return _many(coding) or [None]
