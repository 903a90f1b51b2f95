"""Parts of the export that need no server: waits, lines, the notes of a landing."""

import gzip
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.warehouse.bulk.errors import ExportFailed
from app.warehouse.bulk.landing import DataSet, FileDone
from app.warehouse.bulk.lines import Lines
from app.warehouse.bulk.manifest import earliest, read_manifest, wanted_of
from app.warehouse.bulk.request import ExportRequest
from app.warehouse.bulk.waiting import LEAST_S, Waiting, retry_after_s

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("120", 120), ("1.5", 1.5), (" 7 ", 7), ("0", 0),
        (str(int(NOW.timestamp()) + 30), 30), (str((int(NOW.timestamp()) + 30) * 1000), 30),
        ("Sun, 22 Nov 2026 12:00:45 GMT", 45), ("Sun, 22 Nov 2026 11:59:00 GMT", -60),
        ("", None), ("soon", None), ("-5", None), ("1e9", None), ("9" * 400, None), ("١٢", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_every_form_that_servers_write(
    sent: str, seconds: float | None
) -> None:
    assert retry_after_s(sent, NOW) == seconds


@given(st.text(max_size=30), st.integers(0, 10_000))
def test_no_header_makes_a_wait_endless_or_none(sent: str, attempt: int) -> None:
    waited: list[float] = []
    Waiting(clock=lambda: NOW, sleep=waited.append, most_s=600).pause(sent, attempt)
    (seconds,) = waited
    assert LEAST_S <= seconds <= 600
    assert math.isfinite(seconds)


@given(st.integers(1, 40))
def test_lines_are_counted_wherever_the_pieces_end(size: int) -> None:
    body = b'{"resourceType":"Patient","id":"1"}\n\n{"resourceType":"Condition","id":"2"}\r\n{"resourceType":"Parameters"}\nx\n{"resourceType":"Patient","id":"3"}'
    lines = Lines()
    for start in range(0, len(body), size):
        lines.feed(body[start : start + size])
    found = lines.end()
    assert (found.types, found.headers, found.broken) == ({"Patient": 2, "Condition": 1}, 1, 1)  # fmt: skip


LINES = st.sampled_from(
    [
        b'{"resourceType":"A","id":"1"}', b'{"id":"2","resourceType":"B"}\r', b'{"resourceType":"Parameters"}', b'{"resourceType":"A"}',
        b"", b" ", b"x", b'{"resourceType":"A",', b'"id":"1"}',
        '{"resourceType":"A","id":"1","n":"é"}'.encode(), b'{"resourceType":"A","id":"1","n":"\xe9"}', b"[1]", b"null",
    ]
)  # fmt: skip


@given(st.lists(LINES, max_size=30), st.integers(1, 200))
def test_lines_that_are_taken_at_once_count_like_lines_one_by_one(
    made: list[bytes], size: int
) -> None:
    body = b"\n".join(made)
    lines, slow = Lines(), Lines()
    for start in range(0, len(body), size):
        lines.feed(body[start : start + size])
    for line in made:
        slow.feed(line + b"\n")
    assert lines.end() == slow.end()


def test_two_records_in_one_line_are_none() -> None:
    one = b'{"resourceType":"A","id":"1"}'
    lines = Lines()
    lines.feed(b"\n".join([one, one + b" " + one, one, one]))
    found = lines.end()
    assert (found.types, found.broken) == ({"A": 3}, 1)


def test_a_note_that_a_crash_cut_does_not_count_and_the_next_is_not_glued_to_it(
    tmp_path: Path,
) -> None:
    folder = DataSet(tmp_path).begin(ExportRequest(), "https://ehr.example/fhir", NOW, whole=True)
    for number in range(3):
        (folder.files / f"{number}").write_bytes(gzip.compress(b""))
    size = (folder.files / "0").stat().st_size
    folder.add(FileDone(number=0, name="0", size_bytes=size))
    with (folder.path / "done.jsonl").open("ab") as notes:
        notes.write(b'{"number":1,"name":"1","types":{}')
    folder.add(FileDone(number=2, name="2", size_bytes=size))
    assert sorted(folder.done()) == [0, 2]
    (folder.files / "2").write_bytes(b"cut")
    assert sorted(folder.done()) == [0]


def test_exports_keep_their_order_when_the_clock_goes_back(tmp_path: Path) -> None:
    data_set = DataSet(tmp_path)
    request = ExportRequest()
    names = [
        data_set.begin(request, "https://ehr.example", at, whole=True).path.name
        for at in (NOW, NOW, NOW.replace(hour=11), NOW.replace(hour=13))
    ]
    assert names == sorted(names)
    assert len(set(names)) == 4


@pytest.mark.parametrize(
    "change",
    [{"output": None}, {"transactionTime": ""}, {"requiresAccessToken": "yes"}, {"output": [{}]}],
)
def test_a_manifest_of_another_form_is_refused(change: dict[str, object]) -> None:
    good = {"transactionTime": "2026-11-22T12:00:00Z", "requiresAccessToken": True, "output": []}
    assert read_manifest(good).next() == ""
    with pytest.raises(ExportFailed, match="the manifest is not one"):
        read_manifest(good | change)


def test_version_four_of_the_manifest_is_read_and_a_relative_address_refused() -> None:
    sent = {
        "transactionTime": "2026-11-22T12:00:00Z", "request": "https://ehr.example/$export", "requiresAccessToken": False,
        "outputFormat": "application/fhir+ndjson", "manifestType": "complete", "output": [{"type": "Patient", "url": "https://files.example/1", "extension": []}],
        "error": [], "extension": [{"url": "https://ehr.example/x", "valueString": "x"}],
    }  # fmt: skip
    (file,) = wanted_of([read_manifest(sent)])
    assert (file.name, file.bearer, file.count) == ("000000.output.Patient.ndjson.gz", False, None)
    sent["output"] = [{"type": "Patient", "url": "/files/1"}]
    with pytest.raises(ExportFailed, match="without its whole address"):
        wanted_of([read_manifest(sent)])


def test_the_earliest_instant_is_found_in_any_zone_and_precision() -> None:
    early, late = "2026-11-22T12:30:00+02:00", "2026-11-22T11:00:00.5Z"
    assert earliest([late, early]) == early
    assert earliest(["2026-11-22T11:00:00.5Z", "2026-11-22T11:00:00Z"]) == "2026-11-22T11:00:00Z"
    assert earliest([late, ""]) == ""
    assert earliest([late, "soon", "2026-11-22T10:00:00"]) == "soon"


def test_a_types_name_of_the_server_is_no_path() -> None:
    sent = {"transactionTime": "t", "requiresAccessToken": True, "output": [{"type": "../../x", "url": "https://f.example/1"}]}  # fmt: skip
    (file,) = wanted_of([read_manifest(sent)])
    assert file.name == "000000.output.mixed.ndjson.gz"
