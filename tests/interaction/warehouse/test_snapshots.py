"""Snapshots hold what the EHR holds, at the moment they say, and readers are never disturbed."""

import gzip
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from app.warehouse.bulk.landing import Export
from app.warehouse.store.snapshot import FILE, Snapshot, _deleted, _take, apply, current
from tests.interaction.warehouse.conftest import TYPES, Exporter
from tests.interaction.warehouse.test_exports import held


def take(exporter: Exporter) -> Snapshot:
    snapshot = apply(exporter.sync().data_set, exporter.stack.clock())
    assert snapshot is not None
    return snapshot


def rows(exporter: Exporter) -> list[tuple[str, ...]]:
    found = current(exporter.sync().data_set.path)
    assert found is not None
    with duckdb.connect(str(found[0] / FILE), read_only=True) as db:
        return db.execute("SELECT resource_type || '/' || id, patient, date, json FROM resource ORDER BY 1").fetchall()  # fmt: skip


def test_a_snapshot_holds_every_record_once_with_whose_it_is(exporter: Exporter) -> None:
    exporter.trap(twice=True, per_file=4)
    exporter.run()
    snapshot = take(exporter)
    found = rows(exporter)
    assert [row[0] for row in found] == held(exporter)
    assert {row[1] for row in found if row[0].startswith("Condition/c3-")} == {"p3"}
    assert snapshot.counts == {"Patient": 7, "Condition": 14, "Observation": 21}
    assert set(snapshot.as_of) == set(TYPES)
    assert snapshot.data_as_of
    assert apply(exporter.sync().data_set, exporter.stack.clock()) is None


def test_changes_and_deletions_are_applied_to_a_copy(exporter: Exporter) -> None:
    exporter.run()
    first = take(exporter)
    opened = current(exporter.sync().data_set.path)
    assert opened is not None
    at = exporter.later(minutes=5)
    exporter.population.put({"resourceType": "Condition", "id": "c0-0", "language": "new", "subject": {"reference": "Patient/p0"}}, at)  # fmt: skip
    exporter.population.put({"resourceType": "Condition", "id": "c9", "subject": {"reference": "https://ehr.example/fhir/Patient/p0/_history/3"}}, at)  # fmt: skip
    exporter.population.delete("Observation", "o1-1", at)
    exporter.later(minutes=5)
    exporter.run()
    with duckdb.connect(str(opened[0] / FILE), read_only=True) as reader:
        second = take(exporter)
        assert reader.execute("SELECT count(*) FROM resource").fetchone() == (42,)
    found = {row[0]: row for row in rows(exporter)}
    assert sorted(found) == held(exporter)
    assert '"new"' in found["Condition/c0-0"][3]
    assert found["Condition/c9"][1] == "p0"
    assert second.data_as_of > first.data_as_of


def test_a_whole_export_removes_what_is_no_more_but_not_of_a_type_that_is_incomplete(
    exporter: Exporter,
) -> None:
    exporter.run()
    take(exporter)
    at = exporter.later(minutes=5)
    exporter.population.delete("Observation", "o1-1", at)
    exporter.population.delete("Condition", "c1-1", at)
    exporter.trap(failing_types=("Condition",))
    exporter.run("full")
    snapshot = take(exporter)
    found = [row[0] for row in rows(exporter)]
    assert "Observation/o1-1" not in found
    assert "Condition/c1-1" in found
    assert snapshot.incomplete == {"Condition": "the server reports an error (exception)"}
    assert snapshot.as_of["Condition"] < snapshot.as_of["Patient"]


@pytest.mark.parametrize(
    "broken",
    [
        b'{"resourceType":"Condition","id":"x","note":"\xff\xfe"}', b'{"resourceType":"Condition","id":"x"',
        b'{"resourceType":"Condition","id":"x","note":"\\ud800"}', b'{"resourceType":"Condition"}', b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_a_line_that_is_no_record_makes_its_type_incomplete_and_holds_up_nothing(
    exporter: Exporter, broken: bytes
) -> None:
    line = b'{"resourceType":"Condition","id":"sound","subject":{"reference":"Patient/p0"}}'
    exporter.population.put_as_is(line, exporter.stack.clock())
    for record in exporter.population.all():
        if record.fhir_id == "sound":
            object.__setattr__(record, "line", line + b"\n" + broken)
    exporter.trap(no_counts=True)
    (export,) = exporter.run()
    assert set(export.incomplete) == {"Condition"}
    snapshot = take(exporter)
    assert not snapshot.as_of["Condition"]
    assert "Condition" in snapshot.incomplete
    found = [row[0] for row in rows(exporter)]
    assert "Condition/sound" in found
    assert "Condition/x" not in found
    assert len(found) == 43


def test_a_record_that_is_counted_and_cannot_be_read_holds_up_its_types_mark(
    exporter: Exporter,
) -> None:
    """An empty line and two records in one look, among others, like two lines that are in order."""
    sound, *others = (
        b'{"resourceType":"Condition","id":"%s","subject":{"reference":"Patient/p0"}}' % name
        for name in (b"sound", b"one", b"two", b"last")
    )
    exporter.population.put_as_is(sound, exporter.stack.clock())
    exporter.population.put_as_is(others[2], exporter.stack.clock())
    for record in exporter.population.all():
        if record.fhir_id == "sound":
            object.__setattr__(record, "line", sound + b"\n\n" + others[0] + b" " + others[1])
    exporter.trap(no_counts=True)
    (export,) = exporter.run()
    assert export.incomplete == {}
    snapshot = take(exporter)
    assert snapshot.incomplete == {"Condition": "2 of its records cannot be read into the store"}
    assert not snapshot.as_of["Condition"]
    assert snapshot.as_of["Patient"]
    marks = exporter.sync().data_set.watermarks(TYPES)
    assert [kind for kind, mark in marks.items() if not mark] == ["Condition"]
    assert {"Condition/sound", "Condition/last"} <= {row[0] for row in rows(exporter)}


def test_what_does_not_fit_into_the_memory_waits_in_the_data_sets_own_folder(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []

    def looked(db: duckdb.DuckDBPyConnection, *given: Any) -> tuple[int, Export]:
        query = "SELECT current_setting('temp_directory'), current_setting('memory_limit')"
        seen.extend(db.execute(query).fetchall())
        return _take(db, *given)

    exporter.run()
    monkeypatch.setattr("app.warehouse.store.snapshot._take", looked)
    data_set = exporter.sync().data_set
    apply(data_set, exporter.stack.clock(), memory_gb=3)
    spill = data_set.path / "snapshots" / "000001.part" / "spill"
    assert seen == [(str(spill), "2.7 GiB")]
    assert sorted(one.name for one in (data_set.path / "current").iterdir()) == ["resources.duckdb", "snapshot.json"]  # fmt: skip


def test_numbers_keep_the_digits_that_were_sent(exporter: Exporter, tmp_path: Path) -> None:
    line = b'{"resourceType":"Observation","id":"d","subject":{"reference":"Patient/p0"},"valueQuantity":{"value":1.10}}'
    exporter.population.put_as_is(line, exporter.stack.clock())
    exporter.run()
    take(exporter)
    (row,) = [row for row in rows(exporter) if row[0] == "Observation/d"]
    assert row[3] == line.decode()


@pytest.mark.parametrize("moment", ["copied", "noted"])
def test_a_crash_while_a_snapshot_is_made_leaves_the_one_before(
    exporter: Exporter, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter.run()
    first = take(exporter)
    exporter.later(minutes=5)
    exporter.population.delete("Condition", "c0-0", exporter.stack.clock())
    exporter.later(minutes=5)
    exporter.run()
    # The process dies between two steps: nothing of what follows happens.
    name = {"copied": "_filled", "noted": "_point"}[moment]

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"app.warehouse.store.snapshot.{name}", die)
        with pytest.raises(KeyboardInterrupt):
            take(exporter)
    found = current(exporter.sync().data_set.path)
    assert found is not None
    assert found[1] == first
    assert [row[0] for row in rows(exporter)] != held(exporter)
    take(exporter)
    assert [row[0] for row in rows(exporter)] == held(exporter)


def test_a_deletion_is_read_entry_by_entry(tmp_path: Path) -> None:
    entries: list[dict[str, object]] = [
        {"request": {"url": "Condition/kept"}}, {"request": {"method": "DELETE"}}, {},
        {"request": {"method": "DELETE", "url": "Condition/gone"}}, {"request": {"method": "DELETE", "url": "https://ehr.example/fhir/Condition/too"}},
        {"request": {"method": "DELETE", "url": "nonsense"}}, {"request": {"method": "PUT", "url": "Condition/put"}},
    ]  # fmt: skip
    file = tmp_path / "deleted.gz"
    file.write_bytes(gzip.compress(orjson.dumps({"resourceType": "Bundle", "entry": entries}) + b"\n{}\n"))  # fmt: skip
    with duckdb.connect() as db:
        db.execute(
            "CREATE TABLE resource AS SELECT 'Condition' AS resource_type, unnest(['kept', 'gone', 'too', 'put', 'new']) AS id"
        )
        # What was appended by the same export, behind the fourth row, stays.
        db.execute(_deleted(), [[str(file)], 3])
        left = db.execute("SELECT id FROM resource ORDER BY id").fetchall()
        assert left == [("kept",), ("new",), ("put",)]
