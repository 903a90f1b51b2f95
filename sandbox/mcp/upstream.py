"""Ask the EHR's own FHIR gateway with the caller's token: scopes and compartment are decided there, not here."""

from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The gateway's answer; `text` has the digits that the chart wrote."""

    status: int
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """The answer as JSON; empty where it is none."""
        try:
            found = orjson.loads(self.text)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}


class Upstream:
    """The gateway of one EHR. Thread-safe."""

    def __init__(self, fhir_base: str, transport: httpx2.BaseTransport) -> None:
        self.fhir_base = fhir_base
        self._client = httpx2.Client(transport=transport, trust_env=False, timeout=TIMEOUT_S)

    def get(self, path: str, token: str) -> Answered:
        """GET a path below the FHIR base, with its query."""
        answer = self._client.get(
            f"{self.fhir_base}/{path.lstrip('/')}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/fhir+json"},
        )
        return Answered(status=answer.status_code, text=answer.text)


class _Loopback(httpx2.BaseTransport):
    """RFC 6761 6.3: names under `localhost` are this machine; the Host header stays as it is."""

    def __init__(self) -> None:
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send to 127.0.0.1 whatever the name."""
        request.url = request.url.copy_with(host="127.0.0.1")
        return self._inner.handle_request(request)


def loopback() -> httpx2.BaseTransport:
    """Return the way to the EHR of this machine."""
    return _Loopback()
