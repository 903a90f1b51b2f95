"""A server that means harm, or only breaks: neither the memory nor the next export is lost with it."""

import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from app.boundary import Boundary, Download, Response
from app.warehouse.bulk import server as bulk_server
from app.warehouse.bulk.download import EXPIRED, Downloader
from app.warehouse.bulk.errors import ExportFailed
from app.warehouse.bulk.landing import DataSet
from app.warehouse.bulk.lines import DECODED_BYTES, Lines, Packed
from app.warehouse.bulk.lookers import Lookers
from app.warehouse.bulk.manifest import Wanted
from app.warehouse.bulk.request import ExportRequest
from app.warehouse.bulk.server import BulkServer
from app.warehouse.bulk.waiting import Waiting

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WAITING = Waiting(clock=lambda: NOW, sleep=lambda _: None)


class _Heard(Lines):
    most = 0
    size = 0

    def feed(self, piece: bytes) -> None:
        self.most, self.size = max(self.most, len(piece)), self.size + len(piece)


@pytest.mark.parametrize("step", [1_000, 2**18])
def test_a_few_bytes_that_stand_for_many_are_decoded_a_little_at_a_time(step: int) -> None:
    many = 24 * DECODED_BYTES + 17
    sent = gzip.compress(b"\n" * many) + gzip.compress(b"x")
    heard = _Heard()
    packed = Packed(heard)
    for at in range(0, len(sent), step):
        packed.feed(sent[at : at + step])
    packed.end()
    assert heard.size == many + 1
    assert heard.most <= DECODED_BYTES


class _Endless:
    """A boundary to a server whose manifest has no end."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, _method: str, url: str, **_: Any) -> Response:
        self.asked += 1
        files = [{"type": "Patient", "url": f"{url}/{at}"} for at in range(10)]
        page = {
            "transactionTime": NOW.isoformat(), "requiresAccessToken": True, "output": files,
            "link": [{"relation": "next", "url": f"https://ehr.example/{self.asked}"}],
        }  # fmt: skip
        return Response(status=200, json=page, headers={}, size_bytes=0, body=b"")


def test_a_manifest_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_server, "MOST_FILES", 55)
    endless = _Endless()
    server = BulkServer(
        base="https://ehr.example", boundary=cast("Boundary", endless), token=lambda _: "t",
        waiting=WAITING, say=lambda _: None,
    )  # fmt: skip
    with pytest.raises(ExportFailed, match="more than 55 files"):
        server.wait("https://ehr.example/status")
    assert endless.asked == 6


class _Answers:
    """A boundary on which every file is answered with one status."""

    def __init__(self, status: int) -> None:
        self._status = status

    def download(self, _url: str, **_: Any) -> "_Answers":
        return self

    def __enter__(self) -> Download:
        return Download(status=self._status, headers=cast("Mapping[str, str]", {}), pieces=iter(()))

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("bearer", [False, True])
def test_a_signed_address_that_is_over_is_asked_for_anew(
    tmp_path: Path, status: int, bearer: bool
) -> None:
    folder = DataSet(tmp_path).begin(ExportRequest(), "https://ehr.example", NOW, whole=True)
    downloader = Downloader(
        boundary=cast("Boundary", _Answers(status)), token=lambda _: "t", waiting=WAITING, folder=folder,
        lookers=Lookers(),
    )  # fmt: skip
    wanted = Wanted(number=0, kind="output", url="https://f.example/0", resource_type="Patient", count=1, bearer=bearer)  # fmt: skip
    if bearer and status in (401, 403):
        # Here it is the token that is refused: an export later would be, too.
        with pytest.raises(ExportFailed, match=f"answered {status}"):
            downloader.all([wanted])
        return
    (done,) = downloader.all([wanted]).values()
    assert (done.expired, done.problem) == (True, EXPIRED)
