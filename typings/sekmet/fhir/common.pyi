from typing import Any

class FhirError(Exception):
    status: int
    message: str
    def outcome(self) -> dict[str, Any]: ...
