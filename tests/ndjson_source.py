"""A `ChartSource` over a chart file: reads `sandbox/charts/NAME/chart.ndjson.gz` and answers queries in memory."""

import gzip
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.boundary import read_fhir
from app.fhir.compartment import belongs
from app.fhir.reader import LaunchChart
from app.fhir.source import (
    Complete,
    Completeness,
    Denied,
    NotOffered,
    Query,
    Read,
    Resource,
    Truncated,
)
from app.fhir.values import categories
from app.launch_context import Grant, LaunchContext

CHARTS = Path(__file__).parents[1] / "sandbox" / "charts"
DATES = ("effectiveDateTime", "authoredOn", "recordedDate", "date", "whenHandedOver", "issued")


def resources(name: str) -> list[Resource]:
    """Return a chart's resources; numbers keep the digits that stand in the file."""
    with gzip.open(CHARTS / name / "chart.ndjson.gz", "rb") as lines:
        return [read_fhir(line) for line in lines if line.strip()]


def manifest(name: str) -> dict[str, Any]:
    """Return a chart's manifest."""
    found: dict[str, Any] = json.loads((CHARTS / name / "manifest.json").read_text())
    return found


def context(patient: str, now: datetime, **changes: Any) -> LaunchContext:
    """Return a launch of this patient that may read everything."""
    values: dict[str, Any] = {
        "launch_id": "launch", "registration": "test", "iss": "https://ehr.test/fhir", "tenant": "t",
        "patient_id": patient, "encounter_id": None, "user_reference": "Practitioner/none", "user_name": "",
        "client_id": "c", "scope": "", "need_patient_banner": True, "time_zone": "America/Chicago",
        "grants": (Grant(level="patient", resource_type="*", verbs=frozenset("rs")),),
        "launched_at": now, "clinical_time": now,
    }  # fmt: skip
    return LaunchContext(**{**values, **changes})


class NdjsonSource:
    """One patient's resources from memory, newest first; `denied` types are refused as by missing scope."""

    def __init__(
        self,
        found: Iterable[Resource],
        patient_id: str,
        *,
        denied: Iterable[str] = (),
        most: int = 10**9,
    ) -> None:
        self._own = [r for r in found if belongs(r, patient_id, "")]
        self._patient_id = patient_id
        self._denied = frozenset(denied)
        self._most = most
        self.asked: list[Query] = []

    def begin_turn(self) -> None:
        """A file has no limits."""

    def read_patient(self) -> Read:
        """Return the Patient."""
        return self._answer(Query(resource_type="Patient"), 1)

    def search(self, query: Query) -> Read:
        """Return the first page (`_count`) when `pages` is 1, else everything."""
        count = int(dict(query.params).get("_count", "1000000"))
        return self._answer(query, count if query.pages else self._most)

    def more(self, read: Read) -> Read:
        """Return everything."""
        return self._answer(read.query, self._most)

    def fetch(self, reference: str) -> Read:
        """Return nothing: the files hold no Binary."""
        query = Query(resource_type=reference.partition("/")[0])
        return Read(
            query=query, resources=(), completeness=Denied(scope="patient/Binary.r", http_status=0)
        )

    def history(self, reference: str) -> Read:
        """Return nothing: the files hold one version of each resource."""
        kind = reference.partition("/")[0]
        return Read(
            query=Query(resource_type=kind), resources=(), requests=0,
            completeness=NotOffered(resource_type=kind),
        )  # fmt: skip

    def _answer(self, query: Query, most: int) -> Read:
        self.asked.append(query)
        if query.resource_type in self._denied:
            scope = f"patient/{query.resource_type}.rs"
            return Read(
                query=query,
                resources=(),
                completeness=Denied(scope=scope, http_status=0),
                requests=0,
            )
        wanted = set(dict(query.params).get("category", "").split(",")) - {""}
        found = [
            r for r in self._own
            if r["resourceType"] == query.resource_type and (not wanted or wanted & categories(r))
        ]  # fmt: skip
        found.sort(key=_when, reverse=True)
        cut = len(found) > most
        state: Completeness = Truncated(n=most, total=len(found)) if cut else Complete(n=len(found))
        return Read(
            query=query, resources=tuple(found[:most]), completeness=state, total=len(found),
            next_token="more" if cut else "",
        )  # fmt: skip


def _when(resource: Resource) -> str:
    period = resource.get("period") or {}
    return next((str(resource[d]) for d in DATES if resource.get(d)), str(period.get("start", "")))


def launch(name: str, *, denied: Iterable[str] = (), **changes: Any) -> LaunchChart:
    """Return a launch of a chart file at its own clinical time."""
    told = manifest(name)
    now = datetime.fromisoformat(told["as_of"]).astimezone(ZoneInfo("America/Chicago"))
    source = NdjsonSource(resources(name), told["patient"], denied=denied)
    return LaunchChart(source, context(told["patient"], now, **changes), now)
