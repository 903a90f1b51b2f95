"""One stored resource."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson


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
