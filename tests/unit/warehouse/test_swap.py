"""Readers go on while snapshots take each other's place: a small sample of `bench.facade`."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from app.warehouse.bulk.landing import DataSet
from app.warehouse.store.reading import Snapshots
from app.warehouse.store.snapshot import FILE, Snapshot, apply
from bench.facade import Reader, client_of
from bench.store_at_scale import RESULTS_EACH, fill, land_changes, patient_id

PATIENTS = 40


def changed(data_set: Path, version: int, one_in: int = 50) -> Snapshot:
    """Change some results."""
    assert land_changes(data_set, PATIENTS, one_in, version) > 0
    made = apply(DataSet(data_set), datetime.now(UTC))
    assert made is not None
    return made


def test_no_read_fails_while_six_snapshots_come(tmp_path: Path) -> None:
    fill(tmp_path, PATIENTS)
    readers = [Reader(client=client_of(tmp_path), patients=PATIENTS) for _ in range(3)]
    threads = [threading.Thread(target=reader.run) for reader in readers]
    for thread in threads:
        thread.start()
    for version in range(2, 8):
        last = changed(tmp_path, version)
    for reader, thread in zip(readers, threads, strict=True):
        reader.ends.set()
        thread.join()
    assert [reader.failed for reader in readers] == [0, 0, 0]
    assert last.number == 7
    assert len(readers[0].snapshots) > 1


def test_a_reader_keeps_what_it_began_with(tmp_path: Path) -> None:
    fill(tmp_path, PATIENTS)
    snapshots = Snapshots(tmp_path)
    before = snapshots.current()
    for version in (2, 3, 4):
        changed(tmp_path, version)
    after = snapshots.current()
    assert before is not None
    assert after is not None
    assert not (tmp_path / "snapshots" / "000001").exists()
    versions = [{r.meta["versionId"] for r in one.chart(patient_id(0), "Observation")} for one in (before, after)]  # fmt: skip
    assert versions[0] == {"1"}
    assert versions[1] > {"1"}
    assert len(after.chart(patient_id(0), "Observation")) == RESULTS_EACH


@pytest.mark.parametrize("one_in", [50, 5])
def test_a_record_stands_once_whether_it_was_appended_or_sorted_in_again(tmp_path: Path, one_in: int) -> None:  # fmt: skip
    fill(tmp_path, PATIENTS)
    made = changed(tmp_path, 2, one_in)
    assert (made.appended == 0) == (one_in == 5)
    with duckdb.connect(str(tmp_path / "current" / FILE), read_only=True) as db:
        counted = db.execute("SELECT count(*), count(DISTINCT resource_type || id) FROM resource").fetchone()  # fmt: skip
    assert counted == (PATIENTS * (RESULTS_EACH + 1),) * 2
