"""Hold our MCP server and client against the protocol's suites and its Inspector: `make conformance`.

Everything runs on this machine, offline, and docs/mcp-conformance.md is written from what was found; with `--check` it is compared instead.
Exits with 1 when a scenario that applies does not pass, or the page would be another.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import uvicorn

from tests.conformance.page import Outcome, Side, written
from tests.conformance.reasons import CLIENT, SERVER, reason
from tests.conformance.server import app_at, opened

ROOT = Path(__file__).parents[2]
MODULES = Path(__file__).with_name("node_modules")
PAGE = ROOT / "docs" / "mcp-conformance.md"
SUITES = {"2026-07-28": "conformance-2026", "2025-11-25": "conformance-2025"}
RUNNER = f"{sys.executable} -m tests.conformance.client"
HEADINGS: dict[str, Side] = {"Server": "server", "Client": "client"}
AT_ONCE = 2


def command(program: str, *arguments: str) -> list[str]:
    """Return the command that runs a program of the locked packages, by the locked Node, or where none is locked for this
    machine by its own.
    """
    locked = MODULES / ".bin" / "node"
    return [
        str(locked) if locked.exists() else which("node") or "node",
        str(MODULES / program),
        *arguments,
    ]


def node(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the locked packages to its end."""
    return subprocess.run(
        command(program, *arguments),
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


@contextmanager
def serving(*, fixtures: bool = True) -> Iterator[str]:
    """Run our server on a free port; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        stack, launched = opened(Path(folder))
        app = app_at(stack, launched, f"http://127.0.0.1:{port}", fixtures=fixtures)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.should_exit = True
            thread.join(10)


def listed(revision: str) -> dict[Side, list[str]]:
    """Return the names of a revision's scenarios, as its suite lists them."""
    found: dict[Side, list[str]] = {"server": [], "client": []}
    side: Side | None = None
    for line in node(f"{SUITES[revision]}/dist/index.js", "list").stdout.splitlines():
        named = re.match(r"\s+- (\S+) \[(.*)\]", line)
        if named is None and line.strip():
            side = HEADINGS.get(line.partition(" ")[0])
        elif named and side and revision in named[2].split(","):
            found[side].append(named[1])
    return found


def suite(revision: str, side: Side, *arguments: str) -> tuple[dict[str, dict[str, Any]], str]:
    """Run scenarios; return the checks of each by the name of its folder, and what went wrong with the run itself."""
    with tempfile.TemporaryDirectory() as folder:
        program = f"{SUITES[revision]}/dist/index.js"
        ran = node(program, side, *arguments, "-o", folder)
        results = Path(folder).glob("**/checks.json")
        found = {str(p.parent.relative_to(folder)): _counted(p) for p in results}
    return found, "" if found else f"{ran.stdout[-800:]}{ran.stderr[-800:]}"


def _counted(path: Path) -> dict[str, Any]:
    checks = json.loads(path.read_text("utf-8"))
    failed = [c["id"] for c in checks if c["status"] in ("FAILURE", "WARNING")]
    held = sum(c["status"] == "SUCCESS" for c in checks)
    return {"passed": held, "failed": tuple(dict.fromkeys(failed))}


def of_server(revision: str, names: list[str], url: str) -> list[Outcome]:
    """Run all of a revision's server scenarios that apply."""
    everything = ("--spec-version", revision, "--suite", "all")
    found, broken = suite(revision, "server", "--url", url, *everything)
    if broken:
        raise SystemExit(broken)
    outcomes = []
    for name in names:
        why = reason(revision, name, SERVER)
        mine = next((v for k, v in found.items() if re.fullmatch(rf"server-{name}-20.*", k)), {})
        outcomes.append(Outcome(revision=revision, side="server", name=name, reason=why, **({} if why else mine)))  # fmt: skip
    return outcomes


def of_client(revision: str, name: str) -> Outcome:
    """Run one client scenario."""
    if why := reason(revision, name, CLIENT):
        return Outcome(revision=revision, side="client", name=name, reason=why)
    only = ("--scenario", name, "--spec-version", revision)
    found, broken = suite(revision, "client", "--command", RUNNER, *only)
    counted = next(iter(found.values()), {"passed": 0, "failed": (broken,)})
    return Outcome(revision=revision, side="client", name=name, **counted)


def inspected(url: str) -> list[str]:
    """Have the Inspector list our tools and call one; return what it saw."""
    cli = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    by_http = ("--cli", url, "--transport", "http", "--method")
    tools = _json(node(cli, *by_http, "tools/list"))["tools"]
    given = ("--tool-name", "chart_section", "--tool-arg", "section=allergies")
    called = _json(node(cli, *by_http, "tools/call", *given))
    if called.get("isError") or not called["structuredContent"]["facts"]:
        raise SystemExit(f"the Inspector's call: {called}")
    facts, sections = called["structuredContent"]["facts"], called["structuredContent"]["sections"]
    return [
        f"`tools/list`: {len(tools)} tools, each with both schemas and the hint that it only reads: "
        f"{all(t['annotations']['readOnlyHint'] and t['outputSchema'] for t in tools)}".replace("True", "yes"),
        f"`tools/call chart_section section=allergies`: {len(facts)} facts, each with a handle and its record; "
        f"the section {sections[0]['state']}.",
    ]  # fmt: skip


def _json(ran: subprocess.CompletedProcess[str]) -> Any:
    try:
        return json.loads(ran.stdout)
    except ValueError:
        raise SystemExit(f"the Inspector: {ran.stdout[-800:]}{ran.stderr[-800:]}") from None


def main(*, check: bool = False) -> int:
    """Run everything and write the page, or compare it."""
    found: list[Outcome] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for revision in SUITES:
            names = listed(revision)
            with serving() as url:
                found += of_server(revision, names["server"], url)
            found += pool.map(lambda name, r=revision: of_client(r, name), names["client"])
    with serving(fixtures=False) as url:
        page = written(found, inspected(url))
    short = [one for one in found if not one.reason and not one.holds]
    for one in short:
        sys.stderr.write(f"{one.revision} {one.side} {one.name}: {one.failed or 'not checked'}\n")
    same = PAGE.read_text("utf-8") == page
    if check and not same:
        sys.stderr.write(f"{PAGE.name} would be another: run `make conformance`\n")
    if not check:
        PAGE.write_text(page, "utf-8")
    sys.stdout.write(f"{sum(one.holds for one in found)} scenarios pass, {len(short)} do not\n")
    return 1 if short or (check and not same) else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
