from typing import Any

from sekmet.fhir.store import Store

class SearchEngine:
    def __init__(self, store: Store) -> None: ...
    def _order(
        self, rtype: str, sorts: list[str], issues: list[dict[str, Any]], strict: bool
    ) -> str: ...
