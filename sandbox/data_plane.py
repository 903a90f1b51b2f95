"""The charts behind the gateway: `sekmet-fhir` in process, on one prepared SQLite file.

This is the only module that imports sekmet. Its server is never run; its service layer is synchronous
and is called directly. Nothing here checks a token, a scope or a patient: `sandbox.gateway` does.

Three things are ours. The file is prepared once per set of charts: loaded in one transaction, given the
indexes that a sorted search over a large chart needs, and analyzed, because without statistics
SQLite answers `_sort` by scanning every row of the sort parameter for every match. And numbers keep
the digits of the chart: a decimal such as 1.10, which Python would turn into 1.1, is stored marked
and written as it was by `render`. Sorted pages are complete, see `_CompletePages`.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from sekmet.config import Settings, SimulatorSettings, ValidationSettings
from sekmet.fhir.common import FhirError
from sekmet.fhir.search import SearchEngine
from sekmet.fhir.search_params import PARAMS, SearchParam, params_for
from sekmet.fhir.service import FhirService, Result
from sekmet.fhir.store import Store

from sandbox.chart_files import Chart, digest, read_lines

Resource = dict[str, Any]
Parameters = Sequence[tuple[str, str]]

# Raise it when the preparation below changes, so that an older prepared file is not used.
PREPARATION = "3"
INDEXES = (
    "CREATE INDEX sandbox_sort ON idx(type, id, param, lo)",
    "CREATE INDEX sandbox_reference ON idx(type, param, rtype, rid, id)",
    "CREATE INDEX sandbox_code ON idx(type, param, code, sys, id)",
)
# Types that sekmet stores and cannot search: the element that names the patient, and the date to sort by.
SEARCHED = {
    "CareTeam": ("subject", "period"),
    "DeviceUseStatement": ("subject", "recordedOn"),
    "FamilyMemberHistory": ("patient", "date"),
    "Goal": ("subject", "startDate"),
    "NutritionOrder": ("patient", "dateTime"),
    "QuestionnaireResponse": ("subject", "authored"),
}
MARK = "\ue00f"
MARKED = re.compile(rb'"' + MARK.encode() + rb'([-+0-9.eE]+)"')


class DataPlaneError(Exception):
    """The data plane refused; `outcome` is its OperationOutcome."""

    def __init__(self, status: int, outcome: Resource) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.outcome = outcome


class DataPlane:
    """Reads and searches over the prepared charts.

    Safe for concurrent threads: sekmet guards its one SQLite connection by a lock. More connections
    were measured and gave nothing, since most of the time is spent on JSON under Python's own lock.
    """

    def __init__(self, path: Path, base_url: str) -> None:
        self._service = _service(path, base_url)

    def close(self) -> None:
        """Close the file."""
        self._service.store.conn.close()

    def read(self, resource_type: str, fhir_id: str) -> Resource:
        """Return one resource.

        Raises:
            DataPlaneError: it does not exist.
        """
        with _translated():
            return _body(self._service.read(resource_type, fhir_id))

    def search(self, resource_type: str, parameters: Parameters) -> Resource:
        """Return the searchset Bundle.

        Raises:
            DataPlaneError: a parameter is unknown or its value cannot be read.
        """
        with _translated():
            return _body(self._service.search(resource_type, list(parameters), strict=True))

    def every(self) -> Iterator[Resource]:
        """Yield every resource, by type and id, as a read gives it."""
        found = self._service.store.conn.execute(
            "SELECT json FROM resources WHERE deleted = 0 ORDER BY type, id"
        ).fetchall()
        yield from (json.loads(text) for (text,) in map(tuple, found))

    def resources(self, resource_type: str, *parameters: tuple[str, str]) -> list[Resource]:
        """Return the resources of a search's first page of up to 1,000."""
        bundle = self.search(resource_type, [*parameters, ("_count", "1000")])
        return [entry["resource"] for entry in bundle.get("entry", [])]


def search_parameters(resource_type: str) -> dict[str, str]:
    """Return the names and kinds of the search parameters that the type supports."""
    return {name: parameter.kind for name, parameter in params_for(resource_type).items()}


def render(resource: Resource) -> bytes:
    """Return the resource as JSON with the digits that the chart wrote."""
    return MARKED.sub(rb"\1", orjson.dumps(resource))


def digits(value: object) -> str:
    """Return a number for people, with the digits that the chart wrote."""
    return str(value).removeprefix(MARK)


def prepare(charts: tuple[Chart, ...], folder: Path, base_url: str) -> Path:
    """Return the SQLite file that holds `charts`, made now unless an earlier start made it.

    Raises:
        SandboxConfigurationError: a chart's resources cannot be read.
    """
    name = f"{digest(charts)[:24]}-{version('sekmet-fhir')}-{PREPARATION}.sqlite"
    path = folder / name
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{name}.{os.getpid()}.partial"
    partial.unlink(missing_ok=True)
    service = _service(partial, base_url)
    with service.store.transaction():
        for chart in charts:
            for line in read_lines(chart):
                _put(service, chart, line)
            _put(service, chart, orjson.dumps(_relative(chart)))
    for statement in (*INDEXES, "ANALYZE"):
        service.store.conn.execute(statement)
    service.store.conn.close()
    partial.replace(path)
    return path


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FhirError as error:
        raise DataPlaneError(error.status, error.outcome()) from error


def _put(service: FhirService, chart: Chart, line: bytes) -> None:
    resource = _owned(json.loads(line), chart)
    stored = _body(
        service.update(resource["resourceType"], resource["id"], resource, origin="internal")
    )
    marked = _owned(json.loads(line, parse_float=_marked), chart)
    # When a record was last changed is a fact of the chart, not the moment of loading it.
    meta = stored["meta"] | resource.get("meta", {})
    service.store.conn.execute(
        "UPDATE resources SET json=? WHERE type=? AND id=?",
        (json.dumps(marked | {"meta": meta}), stored["resourceType"], stored["id"]),
    )


def _relative(chart: Chart) -> Resource:
    return {
        "resourceType": "RelatedPerson",
        "id": chart.relative_id,
        "active": True,
        "patient": {"reference": f"Patient/{chart.patient_id}"},
        "name": [{"text": "Relative"}],
    }


def _owned(resource: Resource, chart: Chart) -> Resource:
    # FHIR R4 Binary.securityContext: access follows the named resource. A Binary says nothing else
    # about whose it is, and the gateway has to know.
    if resource["resourceType"] == "Binary":
        resource.setdefault("securityContext", {"reference": f"Patient/{chart.patient_id}"})
    return resource


def _marked(text: str) -> float | str:
    number = float(text)
    return number if repr(number) == text else MARK + text


def _service(path: Path, base_url: str) -> FhirService:
    for resource_type, (owner, date) in SEARCHED.items():
        PARAMS.setdefault(resource_type, {}).update(
            patient=SearchParam("patient", "reference", (owner,), "Patient"),
            date=SearchParam("date", "date", (date,)),
            status=SearchParam("status", "token", ("status", "lifecycleStatus")),
        )
    settings = Settings(
        base_url=base_url,
        log_inbound=False,
        validation=ValidationSettings(inbound="off"),
        simulator=SimulatorSettings(enabled=False),
    )
    service = FhirService(Store(str(path)), settings)
    service.search_engine = _CompletePages(service.store)
    return service


class _CompletePages(SearchEngine):
    """A search engine whose sorted pages lose no rows.

    For `type=? AND id IN (...) ORDER BY ... LIMIT ?` SQLite 3.40.1 stops early as if the rows of every
    id came sorted, and the first page silently lacks rows that belong on it (measured: 2 of 45). A
    last term that no table determines switches that shortcut off; it never decides the order, because
    the term before it is unique.
    """

    def _order(self, rtype: str, sorts: list[str], issues: list[Resource], strict: bool) -> str:
        return f"{super()._order(rtype, sorts, issues, strict)}, random()"


def _body(result: Result) -> Resource:
    if result.body is None:
        raise AssertionError("the data plane answered without a body")
    return result.body
