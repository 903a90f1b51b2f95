"""Landed exports' files go when no snapshot would be made of them again, and one export does not fill the disk."""

import shutil
from dataclasses import replace

import pytest

from app.cli.exports import request_of
from app.warehouse.bulk.errors import ExportFailed
from app.warehouse.bulk.landing import DataSet, Export, ExportFolder
from app.warehouse.bulk.retention import prune
from app.warehouse.bulk.sync import FULL
from app.warehouse.store.snapshot import apply, current
from tests.interaction.warehouse.conftest import TYPES, Exporter
from tests.interaction.warehouse.test_exports import held, ids, only
from tests.interaction.warehouse.test_snapshots import rows


def changed(exporter: Exporter, name: str) -> None:
    at = exporter.later(minutes=5)
    exporter.population.put({"resourceType": "Condition", "id": name, "subject": {"reference": "Patient/p0"}}, at)  # fmt: skip
    exporter.later(minutes=5)


def pruned(exporter: Exporter, keep: int = 0) -> tuple[int, list[bool]]:
    """Take over what landed, prune, and return of how many, and which exports have files."""
    data_set = exporter.sync().data_set
    apply(data_set, exporter.stack.clock())
    found = current(data_set.path)
    assert found is not None
    removed = prune(data_set, found[1].exports, TYPES, keep)
    return removed, [folder.files.exists() for folder, _ in data_set.landed()]


def history(exporter: Exporter) -> None:
    """Export whole, twice what changed, whole, what changed."""
    exporter.trap(polls=0)
    for number, since in enumerate(("auto", "auto", "auto", FULL, "auto")):
        exporter.run(since)
        changed(exporter, f"n{number}")


def test_what_a_later_whole_export_holds_is_removed_and_the_rest_is_not(exporter: Exporter) -> None:
    history(exporter)
    assert pruned(exporter, keep=4) == (1, [False, True, True, True, True])
    assert pruned(exporter) == (2, [False, False, False, True, True])
    assert pruned(exporter) == (0, [False, False, False, True, True])
    marks = exporter.sync().data_set.watermarks(TYPES)
    assert all(marks.values())
    assert only(exporter.run()).request.since == min(marks.values())


def test_the_store_can_be_made_again_of_what_is_left(exporter: Exporter) -> None:
    history(exporter)
    exporter.run()
    pruned(exporter)
    data_set = exporter.sync().data_set
    shutil.rmtree(data_set.path / "snapshots")
    (data_set.path / "current").unlink()
    apply(data_set, exporter.stack.clock())
    assert [row[0] for row in rows(exporter)] == held(exporter)


def test_an_export_that_is_not_in_the_store_or_not_whole_keeps_what_is_before(
    exporter: Exporter,
) -> None:
    exporter.trap(polls=0)
    exporter.run()
    pruned(exporter)
    changed(exporter, "new")
    exporter.trap(polls=0, failing_types=("Condition",))
    exporter.run(FULL)
    assert pruned(exporter) == (0, [True, True])
    exporter.trap(polls=0)
    changed(exporter, "newer")
    exporter.run(FULL)
    data_set = exporter.sync().data_set
    assert prune(data_set, (), TYPES, 0) == 0
    assert pruned(exporter) == (2, [False, False, True])


def test_a_removal_that_a_crash_cut_is_finished_by_the_next(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(exporter)
    apply(exporter.sync().data_set, exporter.stack.clock())
    with monkeypatch.context() as patch:
        patch.setattr("app.warehouse.bulk.retention.shutil.rmtree", _die)
        with pytest.raises(KeyboardInterrupt):
            pruned(exporter)
    assert pruned(exporter) == (2, [False, False, False, True, True])


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_export_that_is_too_large_is_said_and_goes_on_where_more_is_allowed(
    exporter: Exporter,
) -> None:
    exporter.trap(polls=0)
    assert _limited(exporter, 10**9).phase == "landed"
    shutil.rmtree(exporter.sync().data_set.path)
    with pytest.raises(ExportFailed, match=r"the export has more than 4e-07 GB.*\[bulk\] most_gb"):
        _limited(exporter, 400)
    assert current(exporter.sync().data_set.path) is None
    assert not list(exporter.sync().data_set.path.glob("**/*.part"))
    assert ids(exporter.records(exporter.run()[0])) == held(exporter)


def _limited(exporter: Exporter, most_bytes: int) -> Export:
    sync = exporter.sync()
    made = sync.downloader

    def limited(folder: ExportFolder, export: Export) -> object:
        return replace(made(folder, export), most_bytes=most_bytes)

    assert isinstance(sync.data_set, DataSet)
    return only(replace(sync, downloader=limited).run(request_of(exporter.bulk, "")))  # type: ignore[arg-type]  # a Downloader, as `made` gives it
