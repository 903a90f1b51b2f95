"""Processes that look at the lines of files: as if they were looked at here, and nothing is lost with one."""

import gzip
import io
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.cli.exports import request_of
from app.warehouse.bulk import lines as lines_module
from app.warehouse.bulk import lookers as lookers_module
from app.warehouse.bulk.lines import Found, NotWhole, found_in
from app.warehouse.bulk.looker import LENGTH, Answer, serve
from app.warehouse.bulk.lookers import SMALL_BYTES, Look, Lookers
from tests.interaction.warehouse.conftest import Exporter


def _file(count: int, *, extra: bytes = b"") -> bytes:
    chance = random.Random(5)
    lines = [
        b'{"resourceType":"Observation","id":"o%d","note":"%s"}\n' % (n, chance.randbytes(40).hex().encode())
        for n in range(count)
    ]  # fmt: skip
    return gzip.compress(b"".join(lines) + extra, 1)


LARGE = _file(9_000, extra=b'{"resourceType":"Patient"}\nnone\n{"resourceType":"Parameters"}')
FOUND = Found(types={"Observation": 9_000, "Patient": 1}, headers=1, broken=1, nameless=1)


class _Killed:
    """A look whose process is killed when it was given something."""

    def __init__(self, look: Look) -> None:
        self.end = look.end
        self._look = look

    def feed(self, piece: bytes) -> None:
        self._look.feed(piece)
        assert self._look.process is not None
        os.kill(self._look.process.pid, signal.SIGKILL)


def _fed(look: Look | _Killed, sent: bytes) -> Found:
    for at in range(0, len(sent), 50_000):
        look.feed(sent[at : at + 50_000])
    return look.end()


def test_a_file_is_looked_at_elsewhere_as_it_is_here_and_by_one_process_after_another() -> None:
    assert len(LARGE) > SMALL_BYTES
    assert found_in([LARGE]) == FOUND
    with Lookers() as lookers:
        seen = set()
        for _ in range(3):
            with lookers.look() as look:
                assert _fed(look, LARGE) == FOUND
                assert look.process is not None
                seen.add(look.process.pid)
        assert len(seen) == 1
    assert not _runs(seen.pop())


def test_a_small_file_starts_no_process_but_is_given_to_one_that_is_ready() -> None:
    small = _file(20)
    with Lookers() as lookers:
        with lookers.look() as look:
            assert _fed(look, small).types == {"Observation": 20}
            assert look.process is None
        lookers.start(1)
        with lookers.look() as look:
            assert _fed(look, small).types == {"Observation": 20}
            assert look.process is not None


@pytest.mark.parametrize("ready", [0, 1])
@pytest.mark.parametrize(
    ("sent", "says"),
    [(LARGE[:-1], "ends before"), (LARGE[:300_000] + b"x" * 99 + LARGE[300_099:], "not whole"), (b"", "ends before")],
    ids=["cut", "changed", "empty"],
)  # fmt: skip
def test_what_is_not_whole_is_told_and_the_next_file_is_another(
    sent: bytes, says: str, ready: int
) -> None:
    with Lookers() as lookers:
        lookers.start(ready)
        with pytest.raises(NotWhole, match=says), lookers.look() as look:
            _fed(look, sent)
        with lookers.look() as look:
            assert _fed(look, LARGE) == FOUND


def test_a_process_that_ends_is_told_as_a_file_to_ask_for_again() -> None:
    with Lookers() as lookers:
        lookers.start(1)
        with pytest.raises(NotWhole, match="looks at its lines ended"), lookers.look() as look:
            _fed(_Killed(look), LARGE)
        with lookers.look() as look:
            assert _fed(look, LARGE) == FOUND


def test_an_export_whose_looking_process_is_killed_asks_for_the_file_again_and_is_whole(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    feed = Look.feed

    def kill_first(look: Look, piece: bytes) -> None:
        feed(look, piece)
        if look.process and not killed:
            killed.append(look.process.pid)
            os.kill(look.process.pid, signal.SIGKILL)

    monkeypatch.setattr(lookers_module, "SMALL_BYTES", 0)
    monkeypatch.setattr(Look, "feed", kill_first)
    (export,) = exporter.run()
    assert killed
    assert export.incomplete == {}
    assert len(exporter.records(export)) == 42
    assert len(exporter.waits) == 2  # one for the EHR, one before the file is asked for again


def test_no_process_is_left_when_the_one_that_started_it_is_killed(tmp_path: Path) -> None:
    program = (
        "import time\nfrom app.warehouse.bulk.lookers import Lookers\nlookers = Lookers()\nlookers.start(2)\n"
        "both = [lookers.one(new=False) for _ in range(2)]\nprint(*(one.pid for one in both), flush=True)\ntime.sleep(60)\n"
    )
    path = tmp_path / "program.py"
    path.write_text(program)
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True, env=environ) as parent:  # fmt: skip
        assert parent.stdout
        started = [int(word) for word in parent.stdout.readline().split()]
        assert len(started) == 2
        parent.kill()
    until = time.monotonic() + 30
    while any(map(_runs, started)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(_runs, started))


def test_it_is_looked_at_whatever_folder_the_command_is_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    with Lookers() as lookers, lookers.look() as look:
        assert _fed(look, LARGE) == FOUND


def test_processes_that_ended_while_nothing_came_are_passed_over() -> None:
    with Lookers() as lookers:
        lookers.start(3)
        idle = [lookers.one(new=False) for _ in range(3)]
        assert all(idle)
        for one in idle:
            assert one is not None
            os.kill(one.pid, signal.SIGKILL)
            os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
            lookers._idle.put(one)
        with lookers.look() as look:
            assert _fed(look, LARGE) == FOUND
        last = lookers.one(new=False)
        assert last is not None
        assert lookers.one(new=False) is None
        lookers._idle.put(last)


def test_half_a_file_of_a_process_that_was_killed_is_removed(exporter: Exporter) -> None:
    sync = exporter.sync()
    folder = sync.data_set.begin(request_of(exporter.bulk, ""), sync.base, exporter.stack.clock(), whole=True)  # fmt: skip
    (folder.files / "000000.output.Patient.ndjson.gz.7.part").write_bytes(b"half")
    exporter.run()
    assert not list(sync.data_set.path.glob("**/*.part"))


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _frames(sent: bytes) -> bytes:
    pieces = [sent[at : at + 999] for at in range(0, len(sent), 999)]
    return b"".join(LENGTH.pack(len(one)) + one for one in pieces) + LENGTH.pack(0)


def _answers(out: io.BytesIO) -> list[dict[str, Any]]:
    told, found = out.getvalue(), []
    while told:
        (length,) = LENGTH.unpack(told[:4])
        answer = msgspec.json.decode(told[4 : 4 + length], type=Answer)
        found.append({name: value for name, value in msgspec.structs.asdict(answer).items() if value})  # fmt: skip
        told = told[4 + length :]
    return found


def test_each_file_gets_one_answer_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MOST_LINE_BYTES", 5_000)
    good, cut, long = _file(30), _file(300)[:2_000], gzip.compress(b"x" * 9_000)
    bad = b"no gzip" * 500
    half = LENGTH.pack(9) + b"left"
    given = b"".join(map(_frames, (good, cut, good, bad, b"", long, good))) + half
    out = io.BytesIO()
    serve(io.BytesIO(given), out)
    whole = {"found": Found(types={"Observation": 30})}
    assert _answers(out) == [
        whole, {"not_whole": "the file ends before its end"}, whole, {"not_whole": "the file is not whole"},
        {"not_whole": "the file ends before its end"}, {"too_long": "a line of more than 5000 bytes"}, whole,
    ]  # fmt: skip
