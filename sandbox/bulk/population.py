"""What can be exported: resources with the moment each last changed, and what was deleted since when."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from sandbox.compartment import LISTS, OWNER_ELEMENTS, SHARED_TYPES
from sandbox.data_plane import DataPlane, render

Resource = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One resource as it is written to a file. `patient` is the id of who it belongs to, "" for shared records."""

    resource_type: str
    fhir_id: str
    patient: str
    changed_at: datetime
    line: bytes


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """A resource that is no more."""

    resource_type: str
    fhir_id: str
    patient: str
    deleted_at: datetime


@dataclass(kw_only=True)
class Population:
    """Every resource of one EHR. Safe for concurrent threads; an export sees one moment of it."""

    _stored: dict[tuple[str, str], Stored] = field(default_factory=dict)
    _deleted: dict[tuple[str, str], Deleted] = field(default_factory=dict)
    _groups: dict[str, frozenset[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, resource: Resource, at: datetime) -> None:
        """Create or change a resource; `meta.lastUpdated` becomes `at`."""
        meta = {**resource.get("meta", {}), "lastUpdated": at.isoformat(timespec="milliseconds")}
        self._keep(resource, at, render(resource | {"meta": meta}))

    def put_as_is(self, line: bytes, at: datetime) -> None:
        """Create or change a resource, given as the text that exports write."""
        self._keep(orjson.loads(line), at, line)

    def delete(self, resource_type: str, fhir_id: str, at: datetime) -> None:
        """Delete a resource.

        Raises:
            KeyError: there is none.
        """
        place = (resource_type, fhir_id)
        with self._lock:
            gone = self._stored.pop(place)
            self._deleted[place] = Deleted(
                resource_type=resource_type, fhir_id=fhir_id, patient=gone.patient, deleted_at=at
            )

    def group(self, group_id: str, patients: Iterable[str]) -> None:
        """Create or change a group of patients."""
        self._groups[group_id] = frozenset(patients)

    def members(self, group_id: str) -> frozenset[str] | None:
        """Return a group's patients, None when there is no such group."""
        return self._groups.get(group_id)

    def all(self) -> list[Stored]:
        """Return every resource as it stands now."""
        with self._lock:
            return list(self._stored.values())

    def deletions(self) -> list[Deleted]:
        """Return what is gone."""
        with self._lock:
            return list(self._deleted.values())

    def __len__(self) -> int:
        return len(self._stored)

    def _keep(self, resource: Resource, at: datetime, line: bytes) -> None:
        place = (resource["resourceType"], resource["id"])
        kept = Stored(
            resource_type=place[0], fhir_id=place[1], patient=owner(resource), changed_at=at, line=line
        )  # fmt: skip
        with self._lock:
            self._stored[place] = kept
            self._deleted.pop(place, None)


def of_charts(data_plane: DataPlane) -> Population:
    """Return what the data plane holds, each resource with the lines that its reads give."""
    population = Population()
    patients = set()
    for resource in data_plane.every():
        at = datetime.fromisoformat(resource["meta"]["lastUpdated"])
        population.put_as_is(render(resource), at)
        if resource["resourceType"] == "Patient":
            patients.add(resource["id"])
    population.group("everyone", patients)
    return population


def of_files(folder: Path, at: datetime) -> Population:
    """Return what stands in a folder's `*.ndjson`, as changed at `at`, with one group of everyone."""
    population = Population()
    patients = set()
    for path in sorted(folder.glob("*.ndjson")):
        for line in path.read_bytes().splitlines():
            resource = orjson.loads(line)
            population.put(resource, at)
            if resource["resourceType"] == "Patient":
                patients.add(resource["id"])
    population.group("everyone", patients)
    return population


def owner(resource: Resource) -> str:
    """Return the id of the patient whose record this is, "" when it is nobody's."""
    kind = resource["resourceType"]
    if kind == "Patient":
        return str(resource["id"])
    if kind in SHARED_TYPES:
        return ""
    return next(_patients(resource, kind), "")


def _patients(resource: Resource, kind: str) -> Iterator[str]:
    if kind in LISTS:
        named = [item.get("actor", item) for item in resource.get(LISTS[kind], [])]
    else:
        named = [resource[name] for name in OWNER_ELEMENTS if name in resource]
    for reference in named:
        target = str(reference.get("reference", ""))
        if target.startswith("Patient/"):
            yield target.removeprefix("Patient/")
