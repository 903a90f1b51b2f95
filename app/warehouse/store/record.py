"""One stored resource."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from app.boundary import read_fhir
from app.fhir.labels import Audience, Labels

# Text without either carries no label: a name may be written with escapes (RFC 8259 7), which a reader undoes.
MAY_BE_LABELLED = re.compile(r'"security|\\u00')


@dataclass(frozen=True, kw_only=True)
class Record:
    """One stored resource: its text as it was received. `patient` is whose it was filed as, "" for nobody's."""

    resource_type: str
    id: str
    patient: str
    text: str

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.resource_type}/{self.id}"

    @cached_property
    def resource(self) -> dict[str, Any]:
        """The resource parsed, to look into it; decimals lose their last digits here, and never in `text`.

        Empty where it cannot be parsed (a number beyond all, a broken line that the database took): then it is nobody's.
        """
        try:
            found = orjson.loads(self.text)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def meta(self) -> dict[str, Any]:
        """Its `meta`; empty where there is none."""
        sent = self.resource.get("meta")
        return sent if isinstance(sent, dict) else {}


def held_back(text: str, labels: Labels, audience: Audience) -> bool:
    """Tell whether a record's text carries a label that keeps it from `audience`, or one that cannot be read.

    A name that stands twice can be read two ways, so such a text counts as one that cannot be read.
    """
    if not MAY_BE_LABELLED.search(text):
        return False
    whole = read_fhir(text.encode())
    return not isinstance(whole, dict) or labels.holds_back(whole, audience)
