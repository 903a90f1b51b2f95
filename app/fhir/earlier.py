"""What a corrected result was before: from the EHR's own history of that resource, where it offers one.

A version is asked for at most once in a launch, and only of a result that says it was corrected. Where the EHR has no
history, or does not give it to this app, that is said: nobody takes silence for "the first value".

Source: https://hl7.org/fhir/R4/http.html#history (instance level)
"""

from collections.abc import Callable
from threading import RLock
from zoneinfo import ZoneInfo

from app.fhir.dates import printed
from app.fhir.labels import DEFAULT, Labels
from app.fhir.readings import Reading
from app.fhir.source import ChartSource, Query, Read, Resource
from app.fhir.values import readings

CORRECTED = frozenset(("corrected", "amended"))
NOT_READABLE = "what it was before is not readable here"


class Earlier:
    """The earlier versions of one launch's corrected results. Thread-safe."""

    def __init__(
        self,
        source: ChartSource,
        zone: ZoneInfo,
        on_read: Callable[[Query, Read], None] | None = None,
        labels: Labels = DEFAULT,
    ) -> None:
        self._source = source
        self._zone = zone
        self._on_read = on_read
        self._labels = labels
        self._lock = RLock()
        self._read: dict[str, tuple[Resource, ...]] = {}

    def before(self, reading: Reading) -> str:
        """Return "before 4.9 mmol/L (final), as of 19-Nov-2026 10:05"; empty for a result that was not corrected."""
        if reading.status not in CORRECTED:
            return ""
        evidence = reading.evidence[0]
        for version in self._versions(evidence.reference):
            if evidence.version in _versions_of(version):
                continue
            old = next((r for r in readings(version, self._zone) if r.code == reading.code), None)
            if old and old.same != reading.same:
                return f"before {_said(old)}, as of {self._when(version)}"
        return NOT_READABLE

    def _when(self, version: Resource) -> str:
        sent = str((version.get("meta") or {}).get("lastUpdated") or "")
        return printed(sent, self._zone, time=True) if sent else "an unknown time"

    def _versions(self, reference: str) -> tuple[Resource, ...]:
        """Return the versions of a resource, newest first."""
        with self._lock:
            if reference not in self._read:
                read = self._source.history(reference)
                if self._on_read and read.requests:
                    self._on_read(read.query, read)
                kept = [r for r in read.resources if not self._held_back(r)]
                kept.sort(
                    key=lambda r: str((r.get("meta") or {}).get("lastUpdated") or ""), reverse=True
                )
                self._read[reference] = tuple(kept)
            return self._read[reference]

    def _held_back(self, version: Resource) -> bool:
        return any(self._labels.holds_back(version, one) for one in ("user", "model"))


def _versions_of(resource: Resource) -> tuple[str, ...]:
    meta = resource.get("meta") or {}
    return tuple(str(meta[name]) for name in ("versionId", "lastUpdated") if meta.get(name))


def _said(old: Reading) -> str:
    status = f" ({old.status})" if old.status else ""
    return f"{old.text} {old.unit} {old.flag}".strip() + status
