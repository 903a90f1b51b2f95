"""Hundreds of answers at once, beside the least that Flask can do, under the same gunicorn on the same machine.

A scripted model writes a word each 20 ms; it waits as a provider's connection does, in the thread where answers stream.
Streams begin over six seconds and are read by one asynchronous reader in a process of its own. A token's gap is the
time since the one before it arrived; tokens that arrive together have none.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.card import free_port
from bench.figures import show
from bench.stream_app import TOKEN_S

STREAMS, TOKENS, OVER_S = 300, 600, 6.0
ALONE = 5
START_S = 120.0


@dataclass
class Heard:
    """One stream as its reader saw it: when text arrived, in seconds since the question, and how many words."""

    pieces: list[tuple[float, int]] = field(default_factory=list)
    ended: bool = False

    def gaps(self) -> list[float]:
        """Return the time before each word, but the first."""
        found: list[float] = []
        before = 0.0
        for number, (at, words) in enumerate(self.pieces):
            if number:
                found.append(at - before)
            found += [0.0] * (words - 1)
            before = at
        return found


def main() -> None:
    figures = {name: _measure(name) for name in ("bare", "chartside")}
    bare, ours = figures["bare"], figures["chartside"]
    show(
        "stream.added_first_token_ms",
        round(ours.first_ms - bare.first_ms, 1),
        "ms",
        goal=15,
        against=f"1 stream; a bare Flask app {bare.first_ms:.1f} ms, median of {ALONE}",
    )
    against = f"{STREAMS} streams of {TOKENS} tokens"
    show("stream.p95_ratio", round(ours.p95_ms / bare.p95_ms, 2), "x", goal=1.5,
         against=f"{against}; time to a token behind its due time: {ours.p95_ms:.0f} and {bare.p95_ms:.0f} ms (bare)")  # fmt: skip
    show("stream.gap_p95_ratio", round(ours.gap_p95_ms / bare.gap_p95_ms, 2), "x", goal=None,
         against=f"{against}; gap between arrivals: {ours.gap_p95_ms:.0f} and {bare.gap_p95_ms:.0f} ms (bare)")  # fmt: skip
    show("stream.tokens_ratio", round(ours.rate / bare.rate, 3), "x", goal=0.95, at_least=True,
         against=f"{against}; {ours.rate:.0f} and {bare.rate:.0f} tokens/s (bare)")  # fmt: skip
    show("stream.lost", ours.lost, "streams", goal=0, against=against)
    show("stream.memory_per_stream_kb", round(ours.memory_kb), "kB", goal=None, against=f"a bare Flask app {bare.memory_kb:.0f} kB")  # fmt: skip
    show("stream.cpu_ms_per_token", round(ours.cpu_ms, 3), "ms", goal=None, against=f"a bare Flask app {bare.cpu_ms:.3f} ms")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one program did."""

    first_ms: float
    p95_ms: float
    gap_p95_ms: float
    rate: float
    lost: int
    memory_kb: float
    cpu_ms: float


def _measure(name: str) -> Figures:
    with _server(name) as (port, worker, keys):
        alone = [_read(port, keys[:1], 0.0)[0].pieces[0][0] for _ in range(ALONE)]
        memory_kb, cpu_s = _used(worker)
        started_s = time.monotonic()
        heard = _read(port, keys, OVER_S)
        elapsed_s = time.monotonic() - started_s
        peak_kb, cpu_end_s = _used(worker)
    late = [
        1000 * (at - TOKEN_S * number)
        for one in heard
        for number, at in enumerate((at for at, words in one.pieces for _ in range(words)), 1)
    ]
    words = len(late)
    return Figures(
        first_ms=1000 * statistics.median(alone),
        p95_ms=_p95(late),
        gap_p95_ms=1000 * _p95([gap for one in heard for gap in one.gaps()]),
        rate=words / elapsed_s,
        lost=sum(not one.ended for one in heard),
        memory_kb=(peak_kb - memory_kb) / STREAMS,
        cpu_ms=1000 * (cpu_end_s - cpu_s) / words,
    )


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


def _used(process: int) -> tuple[float, float]:
    """Return the most memory a process has had (kB), and its CPU time (s)."""
    status = Path(f"/proc/{process}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return float(peak.split()[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---------------------------------------------------------------- the reader


def _read(port: int, keys: list[tuple[str, str]], over_s: float) -> list[Heard]:
    """Read one stream for each key, in a process of its own; they begin one after the other, within `over_s`."""
    given = json.dumps({"port": port, "keys": keys, "over_s": over_s})
    command = [sys.executable, "-m", "bench.stream", "read"]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return [Heard([(at, n) for at, n in one["pieces"]], one["ended"]) for one in json.loads(done.stdout)]  # fmt: skip


async def _reader(port: int, keys: list[tuple[str, str]], over_s: float) -> list[Heard]:
    waits = (over_s * number / len(keys) for number in range(len(keys)))
    return await asyncio.gather(
        *(_one(port, launch, key, wait_s) for (launch, key), wait_s in zip(keys, waits, strict=True))
    )  # fmt: skip


async def _one(port: int, launch_id: str, key: str, wait_s: float) -> Heard:
    await asyncio.sleep(wait_s)
    body = json.dumps(
        {"runId": f"turn-{time.time_ns()}", "messages": [{"role": "user", "content": "?"}]}
    )
    started_s = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        (
            f"POST /api/launches/{launch_id}/turns HTTP/1.1\r\nHost: app.localhost:9001\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        ).encode()
    )
    arrived: list[tuple[float, bytes]] = []
    while data := await reader.read(65_536):
        arrived.append((time.monotonic() - started_s, data))
    writer.close()
    return _heard(arrived)


def _heard(arrived: list[tuple[float, bytes]]) -> Heard:
    found = Heard()
    for at, data in arrived:
        words = sum(
            len(json.loads(line[6:])["delta"].split())
            for line in data.split(b"\n")
            if line.startswith(b"data: ") and b"TEXT_MESSAGE_CONTENT" in line
        )
        if words:
            found.pieces.append((at, words))
        found.ended = found.ended or b"RUN_FINISHED" in data
    return found


# ---------------------------------------------------------------- the servers


@contextmanager
def _server(name: str) -> Iterator[tuple[int, int, list[tuple[str, str]]]]:
    """Start one program under gunicorn; give its port, its worker's process id, and a key for each stream."""
    folder = Path(tempfile.mkdtemp(prefix="chartside-bench-"))
    port = free_port()
    environ = {
        **os.environ, "STREAM_TOKENS": str(TOKENS), "STREAM_LAUNCHES": str(STREAMS),
        "STREAM_KEYS": str(folder / "keys.json"),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", "gthread", "--threads", "320", "--timeout", "600",
        "--log-level", "warning", "-b", f"127.0.0.1:{port}", f"bench.stream_app:{name}()",
    ]  # fmt: skip
    with subprocess.Popen(command, env=environ) as server:
        try:
            _wait_for(port)
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            kept = folder / "keys.json"
            keys = json.loads(kept.read_text()) if kept.exists() else [("bare", "")] * STREAMS
            yield port, int(children[0]), keys
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_for(port: int) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server did not start in time")


if __name__ == "__main__":
    if sys.argv[1:] == ["read"]:
        given = json.load(sys.stdin)
        heard = asyncio.run(_reader(given["port"], given["keys"], given["over_s"]))
        json.dump([{"pieces": one.pieces, "ended": one.ended} for one in heard], sys.stdout)
    else:
        main()
