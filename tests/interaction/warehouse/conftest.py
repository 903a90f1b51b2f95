"""A small population at the sandbox EHR, and the copilot's export of it."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.cli.exports import Progress, request_of, sync_of
from app.smart.registration import Bulk
from app.warehouse.bulk.landing import Export
from app.warehouse.bulk.lookers import Lookers
from app.warehouse.bulk.request import ExportRequest
from app.warehouse.bulk.sync import AUTO, Sync
from app.warehouse.bulk.waiting import Waiting
from sandbox.bulk.population import Population
from sandbox.bulk.traps import BulkTraps
from tests.stack import Stack, make_stack

BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = ("Condition", "Observation", "Patient")


def population_of(patients: int) -> Population:
    """Return patients with two conditions and three results each."""
    population = Population()
    for number in range(patients):
        patient = f"p{number}"
        population.put({"resourceType": "Patient", "id": patient, "gender": "other"}, BEFORE)
        subject = {"reference": f"Patient/{patient}"}
        for part in range(2):
            code = {"coding": [{"system": "http://snomed.info/sct", "code": str(part)}]}
            population.put({"resourceType": "Condition", "id": f"c{number}-{part}", "subject": subject, "code": code}, BEFORE)  # fmt: skip
        for part in range(3):
            population.put({"resourceType": "Observation", "id": f"o{number}-{part}", "status": "final", "subject": subject, "valueQuantity": {"value": part}}, BEFORE)  # fmt: skip
    population.group("everyone", [f"p{number}" for number in range(patients)])
    return population


@dataclass(kw_only=True)
class Exporter:
    """Runs exports of one stack, and keeps what was said and how long was waited."""

    stack: Stack
    bulk: Bulk = field(default_factory=lambda: Bulk(types=TYPES, groups=("everyone",)))
    said: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    lookers: Lookers = field(default_factory=Lookers)

    @property
    def population(self) -> Population:
        """What the EHR holds."""
        return self.stack.state.exports.population

    def trap(self, **switches: Any) -> None:
        """Set traps, and no others."""
        self.stack.state.exports.set(BulkTraps(**switches))

    def sync(self, group: str = "") -> Sync:
        """Return the export of a group, or of all."""
        registration = self.stack.services.registry.get("sandbox")
        assert registration is not None
        waiting = Waiting(clock=self.stack.clock, sleep=self._sleep)
        progress = Progress(self.said.append, bar=False)
        return sync_of(
            self.stack.services, registration, self.bulk, group, self.lookers, progress=progress,
            waiting=waiting,
        )  # fmt: skip

    def run(self, since: str = AUTO, *, group: str = "", request: ExportRequest | None = None) -> list[Export]:  # fmt: skip
        """Export."""
        return self.sync(group).run(request or request_of(self.bulk, group), since)

    def records(self, export: Export, group: str = "") -> list[dict[str, Any]]:
        """Return the records of a landed export's output files."""
        folders = {folder.path.name: folder for folder in self.sync(group).data_set.folders()}
        folder = folders[export.export_id]
        found = []
        for wanted in export.files:
            if wanted.kind == "output" and not folder.done()[wanted.number].expired:
                lines = gzip.decompress((folder.files / wanted.name).read_bytes()).splitlines()
                found += [orjson.loads(line) for line in lines]
        return found

    def later(self, **span: float) -> datetime:
        """Let time pass; return the new moment."""
        self.stack.clock.forward(**span)
        return self.stack.clock()

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.stack.clock.forward(seconds=seconds)


@pytest.fixture(scope="session")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Both parties, made once: a test gets its own population, traps and warehouse."""
    return make_stack(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def exporter(parties: Stack, tmp_path: Path) -> Iterator[Exporter]:
    """An exporter over a new population."""
    settings = replace(parties.services.settings, warehouse=tmp_path / "warehouse")
    stack = replace(parties, services=replace(parties.services, settings=settings))
    exports = stack.state.exports
    exports.population, exports.leaked_tokens = population_of(7), 0
    exports.set(BulkTraps())
    exports.jobs.dropped.clear()
    stack.state.wire.clear()
    with Lookers() as lookers:
        yield Exporter(stack=stack, lookers=lookers)
