"""Exports of the sandbox EHR: whole, incremental, resumed, and through every trap."""

import base64
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from app.cli import main
from app.cli.exports import request_of
from app.errors import ActionSwitchedOff
from app.smart.registration import Bulk
from app.warehouse.bulk.download import Downloader
from app.warehouse.bulk.errors import ExportFailed, ExportRunning
from app.warehouse.bulk.landing import Export, FileDone
from app.warehouse.bulk.manifest import Manifest
from app.warehouse.bulk.request import ExportRequest
from app.warehouse.store.snapshot import apply
from tests.interaction.warehouse.conftest import TYPES, Exporter
from tests.stack import APP, Stack


def ids(records: list[dict[str, str]]) -> list[str]:
    return sorted(f"{one['resourceType']}/{one['id']}" for one in records if one.get("id"))


def held(exporter: Exporter) -> list[str]:
    return sorted(f"{one.resource_type}/{one.fhir_id}" for one in exporter.population.all())


def only(landed: list[Export]) -> Export:
    (export,) = landed
    return export


def test_a_whole_export_holds_everything_and_is_taken_down_at_the_server(
    exporter: Exporter,
) -> None:
    export = only(exporter.run())
    assert ids(exporter.records(export)) == held(exporter)
    assert (export.phase, export.whole, export.incomplete, export.warnings) == ("landed", True, {}, ())  # fmt: skip
    assert len(exporter.stack.state.exports.jobs.dropped) == 1


def test_the_next_export_asks_for_what_changed_and_hears_what_was_deleted(
    exporter: Exporter,
) -> None:
    first = only(exporter.run())
    at = exporter.later(minutes=5)
    exporter.population.put({"resourceType": "Condition", "id": "c0-0", "subject": {"reference": "Patient/p0"}}, at)  # fmt: skip
    exporter.population.delete("Observation", "o1-1", at)
    exporter.later(minutes=5)
    second = only(exporter.run())
    assert second.request.since == first.transaction_time
    assert ids(exporter.records(second)) == ["Condition/c0-0"]
    assert [one.kind for one in second.files] == ["output", "deleted"]
    assert not second.whole


def test_a_group_and_all_patients_are_data_sets_of_their_own(exporter: Exporter) -> None:
    exporter.population.group("everyone", ["p1", "p2"])
    export = only(exporter.run(group="everyone"))
    patients = {one["id"] for one in exporter.records(export, "everyone") if one["resourceType"] == "Patient"}  # fmt: skip
    assert patients == {"p1", "p2"}
    assert exporter.sync().data_set.folders() == []
    exporter.bulk = Bulk(types=TYPES, level="patient")
    assert ids(exporter.records(only(exporter.run()))) == held(exporter)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_parameter_arrives_by_either_method(exporter: Exporter, method: str) -> None:
    moment = exporter.later(minutes=1).isoformat(timespec="milliseconds")
    request = ExportRequest(
        types=("Condition", "Patient"), filters=("Condition?code=1",), elements=("Condition.code",),
        until=moment, method=method, partial_manifests=True,  # type: ignore[arg-type]  # one of the two
        organize_by="Patient",
    )  # fmt: skip
    export = only(exporter.run(request=request))
    records = exporter.records(export)
    conditions = [one for one in records if one["resourceType"] == "Condition"]
    assert {one["code"]["coding"][0]["code"] for one in conditions} == {"1"}
    assert len([one for one in records if one["resourceType"] == "Parameters"]) == 7
    done = exporter.sync().data_set.folders()[0].done()
    assert (done[0].headers, done[0].types, done[0].problem) == (7, {"Patient": 7, "Condition": 7}, "")  # fmt: skip
    assert export.incomplete == {}


def test_patients_can_be_named_by_post(exporter: Exporter) -> None:
    request = ExportRequest(level="patient", types=("Patient",), method="POST", patients=("p3",))
    assert ids(exporter.records(only(exporter.run(request=request)))) == ["Patient/p3"]


@pytest.mark.parametrize("form", ["seconds", "http_date", "epoch_s", "epoch_ms", "nonsense", "negative", "absent"])  # fmt: skip
def test_no_form_of_retry_after_makes_it_wait_for_ever_or_hammer(
    exporter: Exporter, form: str
) -> None:
    exporter.trap(retry_after=form, busy_kick_offs=2, busy_polls=1, polls=2)
    export = only(exporter.run())
    assert ids(exporter.records(export)) == held(exporter)
    assert len(exporter.waits) == 5
    assert all(0.5 <= seconds <= 4 for seconds in exporter.waits), exporter.waits


@pytest.mark.parametrize(
    ("trap", "said"),
    [
        ({"transient_errors": 2}, r"answered 500 and may do so later"),
        ({"unknown_tokens": 1}, None),
        ({"tokens_end": 1}, None),
        ({"redirects": True}, None),
        ({"open_files": True}, None),
        ({"per_file": 2}, None),
        ({"per_file": 2, "per_manifest": 3}, None),
        ({"twice": True}, None),
        ({"no_counts": True}, None),
        ({"bytes_per_s": 20_000}, None),
        ({"checksum": "right"}, None),
        ({"separate_status": True, "polls": 3}, r"waiting: 2 more"),
        ({"lost_jobs": 1}, r"answered 404.*asking for it again"),
        ({"expired_files": 1}, r"files expired before they were downloaded; asking again for [A-Z]"),
        ({"unasked": True}, r"Basic came along unasked and is not taken over"),
    ],
)  # fmt: skip
def test_what_can_be_got_over_is(
    exporter: Exporter, trap: dict[str, object], said: str | None
) -> None:
    exporter.trap(**trap)
    landed = exporter.run()
    found = [one for export in landed for one in exporter.records(export)]
    assert sorted(set(ids(found)) - {"Basic/unasked"}) == held(exporter)
    assert landed[-1].incomplete == {}
    assert all(exporter.sync().data_set.watermarks(TYPES).values())
    assert exporter.stack.state.exports.leaked_tokens == 0
    if said:
        assert re.search(said, "\n".join(exporter.said))


@pytest.mark.parametrize(
    ("trap", "message"),
    [
        ({"generation_fails": True}, r"the export ended with 500: the export failed while files were made"),
        ({"unknown_tokens": 2}, r"the kick-off was answered 401: Invalid token"),
        ({"no_location": True}, r"without a status address of a registered host"),
        ({"loop": True, "per_file": 2, "per_manifest": 3}, r"lead back to one that was read"),
        ({"busy_kick_offs": 99}, r"answered 429 8 times: too many exports at once"),
        ({"transient_errors": 99}, r"answered 500 8 times: the status cannot be told now"),
        ({"checksum": "wrong"}, r"file \d \(\w+\): its checksum is another"),
        ({"cut_files": 99}, r"file \d \(\w+\): the file is not as long as the server says"),
    ],
)  # fmt: skip
def test_what_cannot_be_got_over_stops_with_the_servers_words(
    exporter: Exporter, trap: dict[str, object], message: str
) -> None:
    exporter.trap(**trap)
    with pytest.raises(ExportFailed, match=message):
        exporter.run()
    assert not any(exporter.sync().data_set.watermarks(TYPES).values())
    assert exporter.stack.state.exports.leaked_tokens == 0


@pytest.mark.parametrize(
    ("trap", "incomplete"),
    [
        ({"failing_types": ("Condition",)}, {"Condition": "the server reports an error (exception)"}),
        ({"expired_files": 99}, dict.fromkeys(("Condition", "Observation", "Patient"), "expired at the server")),
        ({"wrong_counts": True}, dict.fromkeys(TYPES, "the manifest counts")),
        ({"strange_lines": True}, dict.fromkeys(TYPES, "1 lines are no JSON")),
    ],
)  # fmt: skip
def test_what_is_not_all_there_holds_the_watermark_of_its_type(
    exporter: Exporter, trap: dict[str, object], incomplete: dict[str, str]
) -> None:
    exporter.trap(**trap)
    last = exporter.run()[-1]
    assert last.incomplete.keys() == incomplete.keys()
    assert all(why in last.incomplete[kind] for kind, why in incomplete.items())
    marks = exporter.sync().data_set.watermarks(TYPES)
    assert {kind for kind, mark in marks.items() if not mark} == set(incomplete)
    # The next run asks whole for what was never whole, and for the rest what is new.
    exporter.trap()
    exporter.later(minutes=1)
    asked = {export.request.types: export.whole for export in exporter.run()}
    assert all(exporter.sync().data_set.watermarks(TYPES).values())
    assert asked[tuple(incomplete)] is True


def test_a_parameter_that_is_ignored_and_a_filter_that_finds_nothing_are_said(
    exporter: Exporter,
) -> None:
    request = ExportRequest(types=("Condition",), filters=("Condition?onset-age=gt5",))
    export = only(exporter.run(request=request))
    assert "nothing passes its filter" in export.warnings[0]


def test_an_ehr_that_tells_no_deletions_is_exported_whole_each_time(exporter: Exporter) -> None:
    exporter.bulk = Bulk(types=TYPES, incremental=False)
    exporter.run()
    exporter.population.delete("Condition", "c0-0", exporter.later(minutes=5))
    assert only(exporter.run()).whole


def test_a_whole_export_is_due_again_after_a_while(exporter: Exporter) -> None:
    exporter.run()
    exporter.later(days=31)
    assert only(exporter.run()).whole


def test_a_whole_export_of_one_type_puts_off_that_of_the_others_by_nothing(
    exporter: Exporter,
) -> None:
    exporter.bulk = Bulk(types=TYPES, full_every_days=2)
    exporter.trap(failing_types=("Condition",))
    for _ in range(4):
        exporter.run()
        exporter.later(days=1)
    assert any(
        export.whole and export.request.types == TYPES
        for _, export in exporter.sync().data_set.landed()[1:]
    )


def test_an_instant_that_is_asked_for_leaves_no_gap_behind_the_mark(exporter: Exporter) -> None:
    first = only(exporter.run())
    exporter.population.put({"resourceType": "Condition", "id": "between", "subject": {"reference": "Patient/p0"}}, exporter.later(minutes=5))  # fmt: skip
    apply(exporter.sync().data_set, exporter.stack.clock())
    later = exporter.later(minutes=5).isoformat(timespec="milliseconds")
    exporter.later(minutes=5)
    exporter.run(later)
    marks = exporter.sync().data_set.watermarks(TYPES)
    assert set(marks.values()) == {first.transaction_time}
    snapshot = apply(exporter.sync().data_set, exporter.stack.clock())
    assert snapshot is not None
    assert set(snapshot.as_of.values()) == {first.transaction_time}
    exporter.later(minutes=5)
    assert "Condition/between" in ids(exporter.records(only(exporter.run())))
    # What overlaps with the mark leaves none.
    exporter.later(minutes=5)
    overlapping = only(exporter.run(first.transaction_time))
    assert set(exporter.sync().data_set.watermarks(TYPES).values()) == {
        overlapping.transaction_time
    }


def test_an_export_that_suddenly_holds_nothing_deletes_nothing(exporter: Exporter) -> None:
    exporter.run()
    at = exporter.later(minutes=1)
    for number in range(7):
        for part in range(2):
            exporter.population.delete("Condition", f"c{number}-{part}", at)
    export = only(exporter.run("full"))
    assert export.incomplete == {"Condition": "none came, 14 came before"}


def test_nobody_else_looks_into_the_warehouse(exporter: Exporter) -> None:
    exporter.run()
    assert exporter.sync().data_set.path.stat().st_mode & 0o777 == 0o700


def test_a_full_disk_is_said_and_the_next_run_goes_on(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    exporter.trap(polls=0)
    with monkeypatch.context() as patch:
        patch.setattr("app.warehouse.bulk.download.os", SimpleNamespace(fsync=full))
        with pytest.raises(ExportFailed, match="cannot be stored: No space left on device"):
            exporter.run()
    # Nobody asked the EHR for it again and again, and nothing half is left.
    assert exporter.waits == []
    assert not list(exporter.sync().data_set.path.glob("**/*.part"))
    assert ids(exporter.records(exporter.run()[0])) == held(exporter)


@pytest.mark.parametrize("at", ["poll", "file", "within a file"])
def test_what_it_switches_off_ends_an_export_that_runs(
    exporter: Exporter, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches = exporter.stack.services.switches
    sync = exporter.sync()

    def off(*_: object) -> None:
        switches.disable("action", "export", "Drill")

    def pages(_server: object, _location: str, first: Manifest) -> list[Manifest]:
        off()
        return [first]

    exporter.trap(polls=2 if at == "poll" else 0, open_files=at != "poll")
    if at == "poll":
        object.__setattr__(sync.server._waiting, "sleep", off)
    elif at == "file":
        monkeypatch.setattr(type(sync.server), "_pages", pages)
    else:
        monkeypatch.setattr("app.warehouse.bulk.download.ASKED_AGAIN_S", -1.0)
        monkeypatch.setattr(Downloader, "_received", _after(off, Downloader._received))
    try:
        with pytest.raises(ActionSwitchedOff):
            sync.run(request_of(exporter.bulk, ""))
    finally:
        switches.enable("action", "export")
    assert not list(sync.data_set.path.glob("**/*.gz"))
    monkeypatch.undo()
    exporter.trap()
    assert ids(exporter.records(exporter.run()[0])) == held(exporter)


def _after(first: Callable[[], None], then: Callable[..., FileDone]) -> Callable[..., FileDone]:
    def both(*given: Any) -> FileDone:
        first()
        return then(*given)

    return both


def test_two_processes_do_not_export_the_same(exporter: Exporter) -> None:
    with exporter.sync().data_set.locked(), pytest.raises(ExportRunning):
        exporter.run()


def test_a_long_export_gets_new_tokens(exporter: Exporter) -> None:
    exporter.trap(polls=4)
    waited = exporter.waits

    def slow(seconds: float) -> None:
        waited.append(seconds)
        exporter.later(minutes=4)

    sync = exporter.sync()
    object.__setattr__(sync.server._waiting, "sleep", slow)
    (export,) = sync.run(ExportRequest(types=TYPES))
    assert export.phase == "landed"
    # Five minutes is all that a token of Backend Services lives; four waits took sixteen.
    assert len(waited) == 4
    assert len(exporter.stack.state.wire.entries("/auth/token")) in (2, 3)


def test_the_commands_export_tell_and_verify(
    exporter: Exporter, parties: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = exporter.stack.services.settings
    environ = {
        "CHARTSIDE_ENVIRONMENT": "development",
        "CHARTSIDE_ORIGIN": APP,
        "CHARTSIDE_SECRET_KEY": base64.urlsafe_b64encode(settings.secret_key.reveal()).decode(),
        "CHARTSIDE_DATABASE_URL": settings.database_url,
        "CHARTSIDE_LAUNCH_CONFIG": str(settings.launch_config),
        "CHARTSIDE_WAREHOUSE": str(settings.warehouse),
    }

    def run(*arguments: str) -> tuple[int, str, str]:
        transport = httpx2.WSGITransport(app=parties.ehr)
        code = main(arguments, environ, transport=transport, clock=parties.clock)
        return code, *capsys.readouterr()

    assert run("status", "sandbox") == (0, "Nothing was exported yet.\n", "")
    exporter.trap(polls=0)
    code, printed, progress = run("export", "sandbox")
    assert (code, "landed      all: 3 files, 42 records" in printed) == (0, True), printed
    assert "3 files, 42 records" in progress
    assert run("verify", "sandbox")[:2] == (0, "3 files read, 0 are not as they were received.\n")
    (stored,) = settings.warehouse.glob("**/*Patient*.gz")
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    code, printed, _ = run("verify", "sandbox")
    assert (code, "has another checksum" in printed) == (1, True)
    exporter.trap(polls=0, failing_types=("Patient",))
    code, printed, _ = run("export", "sandbox", "--since", "full")
    assert (code, "incomplete: Patient: the server reports an error (exception)" in printed) == (
        3,
        True,
    )
    exporter.trap(generation_fails=True, polls=0)
    code, _, told = run("export", "sandbox")
    assert (code, "the export failed while files were made" in told) == (1, True)
    assert run("export", "sandbox", "--group", "nobody")[0] == 2
    assert run("export", "sandbox", "--since", "yesterday")[0] == 2
    kinds = [one.detail for one in exporter.stack.services.audit.events() if one.kind == "export"]
    assert len(kinds) == 6
