"""Keep data that the EHR labelled restricted out of the chart, and count it.

Invariant 8: labelled data goes to no model, draft, bulk view or MCP host. No registration can name an audience yet,
so every labelled resource is withheld here, before facts are made. Not protected: sensitive data without a label.

Source: https://hl7.org/fhir/R4/security-labels.html (Confidentiality R and V; v3 ActCode, InformationSensitivityPolicy)
"""

from app.fhir.source import Resource

RESTRICTED = frozenset((
    "R", "V", "42CFRPart2", "ETH", "SUD", "ETHUD", "OPIOIDUD", "PSY", "PSYTHPN", "MH", "BH", "HIV", "SEX", "STD",
    "SDV", "DV", "ADOL", "MST", "TBOO", "CEL", "VIP", "GDIS", "ABUSE", "PREGNANT", "TERM", "REPRO",
))  # fmt: skip


def is_restricted(resource: Resource) -> bool:
    """Tell whether a resource carries a restricting security label, or one in a form that cannot be read."""
    meta = resource.get("meta")
    sent = meta.get("security") if isinstance(meta, dict) else meta
    # A document carries the labels of its content apart from those of the resource (DocumentReference.securityLabel).
    codings = [
        *_many(sent),
        *(c for label in _many(resource.get("securityLabel")) for c in _codings(label)),
    ]
    # A label that cannot be read may be a restricting one.
    return any(not isinstance(x, dict) or str(x.get("code")) in RESTRICTED for x in codings)


def _many(sent: object) -> list[object]:
    return sent if isinstance(sent, list) else [] if sent is None else [sent]


def _codings(label: object) -> list[object]:
    """Return the codings of a label; one without any, or that is no concept, stands for itself, unreadable."""
    coding = label.get("coding") if isinstance(label, dict) else None
    return _many(coding) or [None]
