"""Exports that were asked for: which lines they hold, and how the lines are spread over files."""

import gzip
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sandbox.bulk.population import Population, Stored
from sandbox.bulk.traps import BulkTraps
from sandbox.refusals import operation_outcome

Kind = str


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A kick-off request as it is understood. `patients`: whose records; None: everybody's, shared ones too."""

    url: str
    client_id: str
    types: frozenset[str] | None
    filters: Mapping[str, tuple[tuple[tuple[str, str], ...], ...]]
    patients: frozenset[str] | None
    since: datetime | None
    until: datetime | None
    elements: tuple[str, ...]
    by_patient: bool
    paged: bool


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of an export: `count` lines that count, as the manifest says (headers do not)."""

    name: str
    kind: Kind
    lines: tuple[bytes, ...]
    count: int

    @cached_property
    def body(self) -> bytes:
        """The whole file."""
        return b"".join(line + b"\n" for line in self.lines)

    @cached_property
    def zipped(self) -> bytes:
        """The whole file in gzip, made once, as servers have it that write files before they answer."""
        return gzip.compress(self.body, 3, mtime=0)


@dataclass(kw_only=True)
class Job:
    """A running or finished export."""

    job_id: str
    ask: Ask
    traps: BulkTraps
    transaction_time: datetime
    output: tuple[File, ...]
    deleted: tuple[File, ...]
    errors: tuple[File, ...]
    polls_left: int
    transient_left: int
    files: Mapping[str, File] = field(init=False)

    def __post_init__(self) -> None:
        every = (*self.output, *self.deleted, *self.errors)
        self.files = {file.name: file for file in every}


class Jobs:
    """The exports by their id. Safe for concurrent threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self.dropped: list[str] = []

    def start(self, ask: Ask, population: Population, traps: BulkTraps) -> Job:
        """Freeze what is asked for, and return the job."""
        now = self._clock()
        failing = frozenset(traps.failing_types)
        failing = failing if ask.types is None else failing & ask.types
        chosen = [one for one in _chosen(ask, population, now) if one.resource_type not in failing]
        job = Job(
            job_id=secrets.token_urlsafe(12),
            ask=ask,
            traps=traps,
            transaction_time=now,
            output=tuple(_files(ask, chosen, traps)),
            deleted=tuple(_deletions(ask, population, now)),
            errors=tuple(_failures(failing)),
            polls_left=traps.polls,
            transient_left=traps.transient_errors,
        )
        with self._lock:
            self._jobs[job.job_id] = job
        return job

    def find(self, job_id: str) -> Job | None:
        """Return a job that was neither dropped nor lost."""
        return self._jobs.get(job_id)

    def drop(self, job_id: str) -> bool:
        """Delete a job and its files; False when there is none."""
        with self._lock:
            self.dropped.append(job_id)
            return self._jobs.pop(job_id, None) is not None


def _chosen(ask: Ask, population: Population, now: datetime) -> Iterator[Stored]:
    for one in population.all():
        if ask.types is not None and one.resource_type not in ask.types:
            continue
        if ask.patients is not None and one.patient not in ask.patients:
            continue
        if one.changed_at > now or (ask.since and one.changed_at <= ask.since):
            continue
        if ask.until and one.changed_at > ask.until:
            continue
        if _passes(one, ask.filters.get(one.resource_type)):
            yield one


def _passes(one: Stored, filters: Sequence[tuple[tuple[str, str], ...]] | None) -> bool:
    """Tell whether any of the type's searches finds it; a parameter that is unknown here finds nothing."""
    if filters is None:
        return True
    resource = orjson.loads(one.line)
    return any(all(_matches(resource, *part) for part in search) for search in filters)


def _matches(resource: Mapping[str, object], name: str, value: str) -> bool:
    wanted = set(value.split(","))
    if name in ("status", "gender"):
        return resource.get(name) in wanted
    if name in ("code", "category", "clinical-status"):
        element = "clinicalStatus" if name == "clinical-status" else name
        return not wanted.isdisjoint(_tokens(resource.get(element)))
    return False


def _tokens(sent: Any) -> Iterator[str]:
    concepts = sent if isinstance(sent, list) else [sent or {}]
    for concept in concepts:
        for coding in concept.get("coding", []):
            yield str(coding.get("code"))
            yield f"{coding.get('system')}|{coding.get('code')}"


def _files(ask: Ask, chosen: Sequence[Stored], traps: BulkTraps) -> Iterator[File]:
    if traps.unasked:
        stray = {"resourceType": "Basic", "id": "unasked", "code": {"text": "nobody asked for it"}}
        yield File(name="Basic.0.ndjson", kind="Basic", lines=(orjson.dumps(stray),), count=1)
    times = 2 if traps.twice else 1
    if ask.by_patient:
        yield from _by_patient(ask, chosen, traps)
        return
    by_type = defaultdict(list)
    for one in chosen:
        by_type[one.resource_type].append(_shortened(one.line, ask.elements))
    for kind in sorted(by_type):
        parts = [part for _ in range(times) for part in _cut(by_type[kind], traps.per_file)]
        for number, lines in enumerate(parts):
            yield File(
                name=f"{kind}.{number}.ndjson", kind=kind, lines=tuple(lines), count=len(lines)
            )


def _by_patient(ask: Ask, chosen: Sequence[Stored], traps: BulkTraps) -> Iterator[File]:
    blocks: dict[str, list[bytes]] = defaultdict(list)
    for one in sorted(chosen, key=lambda one: one.resource_type != "Patient"):
        blocks[one.patient].append(_shortened(one.line, ask.elements))
    lines: list[bytes] = []
    count = number = 0
    for patient, block in blocks.items():
        reference = {"name": "header", "valueReference": {"reference": f"Patient/{patient}"}}
        lines += [orjson.dumps({"resourceType": "Parameters", "parameter": [reference]}), *block]
        count += len(block)
        if count >= traps.per_file:
            yield File(name=f"Patient.{number}.ndjson", kind="Patient", lines=tuple(lines), count=count)  # fmt: skip
            lines, count, number = [], 0, number + 1
    if lines:
        yield File(name=f"Patient.{number}.ndjson", kind="Patient", lines=tuple(lines), count=count)


def _deletions(ask: Ask, population: Population, now: datetime) -> Iterator[File]:
    if ask.since is None:
        return
    lines = []
    for one in population.deletions():
        if not ask.since < one.deleted_at <= now:
            continue
        if ask.types is not None and one.resource_type not in ask.types:
            continue
        if ask.patients is not None and one.patient not in ask.patients:
            continue
        entry = {"request": {"method": "DELETE", "url": f"{one.resource_type}/{one.fhir_id}"}}
        lines.append(orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}))  # fmt: skip
    if lines:
        yield File(name="deleted.0.ndjson", kind="Bundle", lines=tuple(lines), count=len(lines))


def _failures(types: Iterable[str]) -> Iterator[File]:
    lines = tuple(
        orjson.dumps(operation_outcome("error", "exception", f"{kind} could not be exported"))
        for kind in sorted(types)
    )
    if lines:
        yield File(name="errors.0.ndjson", kind="OperationOutcome", lines=lines, count=len(lines))


def _cut(lines: Sequence[bytes], most: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(lines), most):
        yield lines[start : start + most]


def _shortened(line: bytes, elements: Sequence[str]) -> bytes:
    if not elements:
        return line
    resource = orjson.loads(line)
    kind = resource["resourceType"]
    own = {name.rpartition(".")[2] for name in elements if "." not in name or name.startswith(f"{kind}.")}  # fmt: skip
    if not own:
        return line
    # FHIR R4 search, `_elements`: mandatory elements stay, and the resource says that it is not whole.
    kept = {name: value for name, value in resource.items() if name in own | {"resourceType", "id", "meta", "subject", "patient", "status", "code"}}  # fmt: skip
    tag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}  # fmt: skip
    meta = kept.get("meta", {})
    return orjson.dumps(kept | {"meta": meta | {"tag": [*meta.get("tag", []), tag]}})


def read_filters(texts: Iterable[str]) -> dict[str, tuple[tuple[tuple[str, str], ...], ...]]:
    """Return `_typeFilter` values, which are searches such as `Condition?code=1`, by type."""
    found: dict[str, list[tuple[tuple[str, str], ...]]] = defaultdict(list)
    for text in texts:
        kind, _, query = text.partition("?")
        found[kind].append(tuple(parse_qsl(query)))
    return {kind: tuple(searches) for kind, searches in found.items()}
