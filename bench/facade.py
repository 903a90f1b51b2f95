"""The store's FHIR server at 0.3 and 3 million resources: how long an answer takes, and what taking over 100,000 changes costs.

Answers are timed through the web application's own routes, one client, each for another patient; who may ask is not part of it, since that
asks the EHR. The changes are applied by a process of their own, while this one goes on reading. At last the questions of
the retrieval bench are asked of the EHR, and of the store of its export.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import Flask
from werkzeug.test import Client

from app.mcp.fhir_door import Asked
from app.settings import Secret
from app.store.seal import Seal
from app.warehouse.facade.bundle import Answer
from app.warehouse.facade.reach import Reach
from app.warehouse.facade.service import Facade
from app.warehouse.store.reading import Snapshots
from app.web.facade import blueprint
from app.wiring import Services
from bench.figures import show
from bench.store_at_scale import RESULTS_EACH, fill, land_changes, patient_id
from tests.evals.retrieval_gold import questions
from tests.interaction.warehouse.stored import compared, stored_stack

SMALL, LARGE, ONE_IN = 3_000, 30_000, 30
ASKED, WARM = 400, 40
QUESTIONS = 300
# The EHR shows its Patient to nobody, so neither way has answers.
SHOWN_TO_NOBODY = "special/employee"
APPLY = (
    "import sys, time, json; from datetime import UTC, datetime; from pathlib import Path; "
    "from app.warehouse.bulk.landing import DataSet; from app.warehouse.store.snapshot import apply; import duckdb; "
    "begun = time.process_time(); made = apply(DataSet(Path(sys.argv[1])), datetime.now(UTC)); "
    "print(json.dumps([time.process_time() - begun, made.number, made.appended]))"
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chartside-facade-") as name:
        folder = Path(name)
        small = _times(folder / "small", SMALL)
        large = _times(folder / "large", LARGE)
        of = f"{LARGE * RESULTS_EACH:,} results"
        for what, goals in (("everything", (15.0, 50.0)), ("read", (None, 10.0))):
            for share, goal in zip((50, 95), goals, strict=True):
                now, before = large[what, share], small[what, share]
                against = f"{of}, {RESULTS_EACH + 1} records an answer; a tenth of them: {before:.1f} ms"  # fmt: skip
                show(f"facade.{what}_p{share}_ms", round(now, 2), "ms", goal=goal, against=against)
        _changes(folder / "large")
        shutil.rmtree(folder / "large")
        _same_answers(folder)


@dataclass(frozen=True, kw_only=True)
class OpenDoor:
    """Lets every token in, as the patient that it names: a bench has no launches."""

    facade: Facade

    def answer(self, asked: Asked) -> Answer:
        """Answer a request."""
        reach = Reach(patient=asked.presented.token, can=lambda _kind, _verb: True)
        return self.facade.answer(asked.path, asked.params, reach, body=asked.body)


def client_of(data_set: Path) -> Client:
    """Return a client of the facade's routes over a data set."""
    seal = Seal(Secret(b"k" * 32), "facade")
    facade = Facade(Snapshots(data_set), base="http://app.localhost/fhir/bench", zone=ZoneInfo("UTC"), seal=seal)  # fmt: skip
    app = Flask("bench")
    app.register_blueprint(
        blueprint(cast("Services", SimpleNamespace(fhir_door=OpenDoor(facade=facade))))
    )
    return app.test_client()


def ask(client: Client, address: str, patient: str) -> Any:
    """Return the body of an answer.

    Raises:
        RuntimeError: it is not a good one.
    """
    answer = client.get(f"/fhir/bench/{address}", headers={"Authorization": f"Bearer {patient}"})
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code}: {answer.text[:200]}")
    return answer.get_data()


def _times(data_set: Path, patients: int) -> dict[tuple[str, int], float]:
    fill(data_set, patients)
    client, chance = client_of(data_set), random.Random(7)

    def everything() -> None:
        patient = patient_id(chance.randrange(patients))
        ask(client, f"Patient/{patient}/$everything", patient)

    def read() -> None:
        number = chance.randrange(patients)
        result = chance.randrange(RESULTS_EACH)
        ask(client, f"Observation/o{number}-{result}", patient_id(number))

    found = {}
    for name, act in (("everything", everything), ("read", read)):
        took = _timed(act)
        found[name, 50], found[name, 95] = took[len(took) // 2], took[int(len(took) * 0.95)]
    return found


def _timed(act: Callable[[], None]) -> list[float]:
    for _ in range(WARM):
        act()
    took = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        act()
        took.append(1000 * (time.perf_counter() - begun))
    return sorted(took)


@dataclass(kw_only=True)
class Reader:
    """Reads whole charts until it is told to stop, and counts those that were not whole."""

    client: Client
    patients: int
    ends: threading.Event = field(default_factory=threading.Event)
    reads: int = 0
    failed: int = 0
    snapshots: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Read."""
        chance = random.Random(11)
        while not self.ends.is_set():
            patient = patient_id(chance.randrange(self.patients))
            self.reads += 1
            try:
                bundle = json.loads(ask(self.client, f"Patient/{patient}/$everything", patient))
                entries = [e for e in bundle["entry"] if e["search"]["mode"] == "match"]
                self.failed += len({e["fullUrl"] for e in entries}) != RESULTS_EACH + 1
                self.snapshots |= {t["code"] for t in bundle["meta"]["tag"][:1]}
            except (RuntimeError, OSError, ValueError):
                self.failed += 1


def _changes(data_set: Path) -> None:
    count = land_changes(data_set, LARGE, ONE_IN, version=2)
    reader = Reader(client=client_of(data_set), patients=LARGE)
    thread = threading.Thread(target=reader.run)
    thread.start()
    done = subprocess.run([sys.executable, "-c", APPLY, str(data_set)], check=True, capture_output=True, text=True)  # fmt: skip
    time.sleep(2)
    reader.ends.set()
    thread.join()
    cpu_s, _, appended = json.loads(done.stdout.splitlines()[-1])
    if reader.snapshots != {"1", "2"} or appended != count:
        raise RuntimeError(f"the swap was not seen: {reader.snapshots}, {appended} of {count}")
    show("facade.apply_cpu_s", round(cpu_s, 2), "s", goal=2, against=f"{count:,} changed records into {LARGE * (RESULTS_EACH + 1):,}")  # fmt: skip
    show("facade.failed_reads", reader.failed, "reads", goal=0, against=f"{reader.reads:,} whole charts read meanwhile")  # fmt: skip


def _same_answers(folder: Path) -> None:
    (folder / "sandbox").mkdir()
    found = compared(stored_stack(folder / "sandbox"), questions(QUESTIONS, but=(SHOWN_TO_NOBODY,)))
    against = f"of {len(found.answers)} questions to the EHR; {found.from_store} sections came from the store, {found.from_ehr} were in doubt and read live"  # fmt: skip
    show("facade.same_answers", found.same, "answers", goal=QUESTIONS, at_least=True, against=against)  # fmt: skip


if __name__ == "__main__":
    main()
