from typing import Any

from sekmet.config import Settings
from sekmet.fhir.search import SearchEngine
from sekmet.fhir.store import Store

class Result:
    status: int
    body: dict[str, Any] | None

class FhirService:
    store: Store
    search_engine: SearchEngine
    def __init__(self, store: Store, settings: Settings) -> None: ...
    def read(self, rtype: str, rid: str) -> Result: ...
    def search(self, rtype: str, params: list[tuple[str, str]], strict: bool = ...) -> Result: ...
    def update(
        self, rtype: str, rid: str, body: dict[str, Any], *, origin: str = ...
    ) -> Result: ...
