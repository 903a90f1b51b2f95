"""Hosts of several patients that ask at once, by both ways in; every answer is searched for what is not its patient's.

A launch's host has a token of ours (whole or narrow), another application's host the EHR's own token in headers. Launches end and
begin for other patients meanwhile; a token of an ended launch, a context with another patient's id and a handle that another chart
issued are tried again and again.
"""

import gzip
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx2

from tests.interaction.mcp.contexts import TAKES, ehr_token, headers_of, sharp_stack
from tests.interaction.mcp.hosts import served, token_of
from tests.stack import ROOT, Launched, Stack

CHARTS = ("child", "newborn", "typical", "marlena")
HOSTS = ("ward-copilot", "pharmacy-helper")
AT_ONCE = 8
NARROW = "patient/Patient.r patient/Condition.rs patient/Observation.rs"
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chart_overview", {}),
    ("chart_section", {"section": "problems"}),
    ("chart_section", {"section": "results"}),
    ("chart_section", {"section": "encounters"}),
    ("chart_search", {"words": ["patient"]}),
    ("chart_pending", {}),
)
REFERENCE = re.compile(r"\b[A-Z][A-Za-z]+/[A-Za-z0-9.-]+")


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What may be told of one patient, and what may be told of no other: references of its records, names, the id."""

    own: frozenset[str]
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Host:
    """One host with its proof; `launched` is None for one that brings the EHR's token."""

    chart: str
    headers: Mapping[str, str] = field(repr=False)
    launched: Launched | None = None


@dataclass(kw_only=True)
class Tally:
    """What was found."""

    calls: int = 0
    answers: int = 0
    refused: int = 0
    launches: int = 0
    leaks: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Hosts:
    """A seeded series of calls by hosts over one stack."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.draw = random.Random(seed)  # a series that can be had again
        often = ('hosts = ["*"]', 'hosts = ["*"]\ncalls_per_minute = 600')
        self.stack: Stack = sharp_stack(folder, TAKES, often)
        self.marks = {chart: _marks(chart) for chart in CHARTS}
        self.tally = Tally()
        self.live = [self._new(way) for way in ("launch", "narrow", "sharp") * 2]
        self.ended: list[Host] = []

    def run(self, calls: int) -> Tally:
        """Make so many calls, several at once, and return what was found."""
        anyio.run(self._run, calls)
        return self.tally

    async def _run(self, calls: int) -> None:
        async with served(self.stack) as http:
            while self.tally.calls < calls:
                await self._change()
                async with anyio.create_task_group() as group:
                    for _ in range(AT_ONCE):
                        self.tally.calls += 1
                        group.start_soon(self._one, http)

    async def _change(self) -> None:
        """End a launch and begin another, for whichever patient comes."""
        if self.draw.random() < 0.1:
            place = self.draw.randrange(len(self.live))
            gone = self.live[place]
            if gone.launched is not None:
                gone.launched.delete()
                self.ended = [*self.ended[-8:], gone]
            self.live[place] = self._new(self.draw.choice(("launch", "narrow", "sharp")))
        if self.draw.random() < 0.3:
            # Past what a proof counts, and sometimes past what a minute allows.
            self.stack.clock.ahead += timedelta(seconds=self.draw.choice((1, 4, 6)))

    def _new(self, way: str) -> Host:
        chart = self.draw.choice(CHARTS)
        self.tally.launches += 1
        if way == "sharp":
            token = ehr_token(self.stack, chart)
            return Host(chart=chart, headers=headers_of(self.stack, token, chart))
        launched = self.stack.browser().launch(chart)
        more = {"scope": NARROW} if way == "narrow" else {}
        token = token_of(launched, host=self.draw.choice(HOSTS), **more)
        return Host(chart=chart, headers={"Authorization": f"Bearer {token}"}, launched=launched)

    async def _one(self, http: httpx2.AsyncClient) -> None:
        host, kind = self.draw.choice(self.live), self.draw.random()
        if kind < 0.08 and self.ended:
            await self._must_refuse(http, self.draw.choice(self.ended).headers, "an ended launch")
        elif kind < 0.16 and host.launched is None:
            other = self.draw.choice([chart for chart in CHARTS if chart != host.chart])
            foreign = {**host.headers, "X-Patient-ID": self.stack.patient(other)}
            await self._must_refuse(http, foreign, "another patient's id")
        else:
            await self._read(http, host)

    async def _must_refuse(
        self, http: httpx2.AsyncClient, headers: Mapping[str, str], what: str
    ) -> None:
        answer = await http.post("/mcp", **self._request(headers))
        self.tally.refused += 1
        if answer.status_code not in (401, 403):
            self.tally.wrong.append(f"{what} was answered {answer.status_code}")
        for chart, marks in self.marks.items():
            if any(name in answer.text for name in marks.names):
                self.tally.leaks.append(f"a refusal names {chart}")

    async def _read(self, http: httpx2.AsyncClient, host: Host) -> None:
        answer = await http.post("/mcp", **self._request(host.headers))
        if answer.status_code == 403 and "mcp.scope" in answer.text:
            self.tally.refused += 1
            return
        if answer.status_code != 200:
            self.tally.wrong.append(f"{host.chart}: {answer.status_code} {answer.text[:200]}")
            return
        self.tally.answers += 1
        self._search(host, _said(answer.text))

    def _request(self, headers: Mapping[str, str]) -> dict[str, Any]:
        if self.draw.random() < 0.2:
            uri = self.draw.choice(("chartside://card", "chartside://overview", f"chartside://facts/P{self.draw.randint(1, 6)}"))  # fmt: skip
            method, params = "resources/read", dict[str, Any](uri=uri)
        else:
            name, arguments = self.draw.choice(CALLS)
            method, params = "tools/call", {"name": name, "arguments": arguments}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        sent = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}  # fmt: skip
        return {"json": body, "headers": {**sent, **headers}}

    def _search(self, host: Host, text: str) -> None:
        for chart, marks in self.marks.items():
            if chart != host.chart and any(name in text for name in marks.names):
                self.tally.leaks.append(f"{host.chart} was told a name of {chart}")
        own = self.marks[host.chart].own
        others = frozenset[str]().union(*(m.own for c, m in self.marks.items() if c != host.chart))
        if foreign := {found for found in REFERENCE.findall(text) if found in others - own}:
            self.tally.leaks.append(f"{host.chart} was told {min(foreign)}")


def _said(stream: str) -> str:
    """Return what the events of an answer say, as it is written: no letter escaped."""
    events = [line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: ")]  # fmt: skip
    return "\n".join(json.dumps(json.loads(one), ensure_ascii=False) for one in events if one)


def _marks(chart: str) -> Marks:
    folder = ROOT / "sandbox" / "charts" / chart
    own, names = set(), []
    with gzip.open(folder / "chart.ndjson.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            resource = json.loads(line)
            own.add(f"{resource['resourceType']}/{resource['id']}")
            if resource["resourceType"] == "Patient":
                names.append(resource["id"])
                names += [n["family"] for n in resource.get("name", []) if n.get("family")]
    return Marks(own=frozenset(own), names=tuple(names))
