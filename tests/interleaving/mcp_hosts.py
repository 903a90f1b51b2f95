"""Hosts of several patients that ask at once, by every way in; every answer is searched for what is not its patient's.

A launch's host has a token of ours (whole or narrow), one whose user signed in outside the EHR another, a service one for a listed
patient, and another application's host the EHR's own token in headers. Launches end and begin for other patients meanwhile. Tokens of ended
launches, tokens put together from two, contexts and arguments with another patient's id, assertions that come again, patients
on no list and handles that another chart issued are tried again and again: refused, and each refusal of a token audited.
"""

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2

from tests.interaction.mcp import services, sign_in
from tests.interaction.mcp.audit import refusals
from tests.interaction.mcp.contexts import TAKES, ehr_token, headers_of, sharp_stack
from tests.interaction.mcp.hosts import served, token_of
from tests.interaction.mcp.services import BACKEND
from tests.interaction.mcp.signing_in import DESK, STANDALONE
from tests.stack import ROOT, Stack

CHARTS = ("child", "newborn", "typical", "marlena")
# What the service may read.
LISTED = ("child", "typical")
HOSTS = ("ward-copilot", "pharmacy-helper")
AT_ONCE = 8
WAYS = ("launch", "narrow", "sign_in", "service", "sharp")
# A service's token lives for five minutes.
FRESH_S = 200
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
    """One host with its proof; `end` ends what it stands on, None where nothing does."""

    chart: str
    way: str
    headers: Mapping[str, str] = field(repr=False)
    made_at: datetime
    end: Callable[[], object] | None = None

    @property
    def token(self) -> str:
        """Its token of ours, "" for one that brings the EHR's."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


@dataclass(kw_only=True)
class Tally:
    """What was found."""

    calls: int = 0
    answers: int = 0
    refused: int = 0
    launches: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    must_audit: int = 0
    leaks: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Hosts:
    """A seeded series of calls by hosts over one stack."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.draw = random.Random(seed)  # a series that can be had again
        often = ('hosts = ["*"]', 'hosts = ["*"]\ncalls_per_minute = 600')
        tables = f"{STANDALONE}\n{BACKEND}\n{TAKES}\n{DESK}\n{services.table(*LISTED)}"
        self.stack: Stack = sharp_stack(folder, tables, often)
        self.marks = {chart: _marks(chart) for chart in CHARTS}
        self.tally = Tally()
        self.live = [self._new(way) for way in WAYS * 2]
        self.ended: list[Host] = []

    def run(self, calls: int) -> Tally:
        """Make so many calls, several at once, and return what was found."""
        before = self._audited()
        anyio.run(self._run, calls)
        if (found := self._audited() - before) != self.tally.must_audit:
            self.tally.wrong.append(f"{found} of {self.tally.must_audit} refusals were audited")
        return self.tally

    def _audited(self) -> int:
        return refusals(self.stack, "mcp.refused", "mcp.ended", "mcp.oauth")

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
        if self.draw.random() < 0.15:
            self._replace(self.draw.randrange(len(self.live)))
        old = self.stack.clock() - timedelta(seconds=FRESH_S)
        for place, host in enumerate(self.live):
            if host.made_at < old:
                self._replace(place)
        if self.draw.random() < 0.05:
            self._ask_for_tokens()
        if self.draw.random() < 0.3:
            # Past what a proof counts, and sometimes past what a minute allows.
            self.stack.clock.ahead += timedelta(seconds=self.draw.choice((1, 4, 6)))

    def _replace(self, place: int) -> None:
        gone = self.live[place]
        if gone.end is not None:
            gone.end()
            self.ended = [*self.ended[-8:], gone]
        self.live[place] = self._new(gone.way)

    def _new(self, way: str) -> Host:
        chart = self.draw.choice(LISTED if way == "service" else CHARTS)
        self.tally.launches += 1
        self.tally.ways[way] += 1
        end: Callable[[], object] | None = None
        if way == "sharp":
            headers = headers_of(self.stack, ehr_token(self.stack, chart), chart)
        elif way == "sign_in":
            given = sign_in.tokens_of(self.stack, chart, scope="")
            headers = {"Authorization": f"Bearer {given['access_token']}"}
            end = partial(sign_in.revoked, self.stack, given[self.draw.choice(("refresh_token", "access_token"))])  # fmt: skip
        elif way == "service":
            headers = {"Authorization": f"Bearer {services.token_of(self.stack, chart)}"}
        else:
            launched = self.stack.browser().launch(chart)
            more = {"scope": NARROW} if way == "narrow" else {}
            token = token_of(launched, host=self.draw.choice(HOSTS), **more)
            headers, end = {"Authorization": f"Bearer {token}"}, launched.delete
        return Host(chart=chart, way=way, headers=headers, made_at=self.stack.clock(), end=end)

    def _ask_for_tokens(self) -> None:
        """Ask for a token of a patient who is on no list, and with an assertion that was used before."""
        unlisted = services.asked(
            self.stack, self.draw.choice([c for c in CHARTS if c not in LISTED])
        )
        signed = services.assertion(self.stack)
        first, again = (services.asked(self.stack, LISTED[0], signed) for _ in range(2))
        self.tally.refused += 2
        self.tally.must_audit += 2
        if (unlisted.status_code, first.status_code, again.status_code) != (400, 200, 401):
            self.tally.wrong.append("a token was given, or not")

    async def _one(self, http: httpx2.AsyncClient) -> None:
        host, kind = self.draw.choice(self.live), self.draw.random()
        other = self.draw.choice([one for one in self.live if one is not host])
        if kind < 0.06 and self.ended:
            await self._must_refuse(http, self.draw.choice(self.ended).headers, "an ended launch")
        elif kind < 0.14 and not host.token:
            foreign = {**host.headers, "X-Patient-ID": self.stack.patient(_another(self.draw, host.chart))}  # fmt: skip
            await self._must_refuse(http, foreign, "another patient's id", audited=False)
        elif kind < 0.10 and other.token:
            await self._must_refuse(
                http, _put_together(host.token, other.token), "two tokens as one"
            )
        elif kind < 0.14:
            await self._names_another(http, host)
        else:
            await self._read(http, host)

    async def _names_another(self, http: httpx2.AsyncClient, host: Host) -> None:
        """Call with an argument that names another patient: an error of the tool, and nothing told."""
        other = self.stack.patient(_another(self.draw, host.chart))
        named = {
            "section": "problems",
            self.draw.choice(("patient", "patient_id", "subject")): other,
        }
        asked = self._calling(
            "tools/call", {"name": "chart_section", "arguments": named}, host.headers
        )
        said = _said((await http.post("/mcp", **asked)).text)
        self.tally.refused += 1
        if '"isError": true' not in said:
            self.tally.wrong.append("an argument named another patient")
        self._search(host, said.replace(other, ""))

    async def _must_refuse(
        self,
        http: httpx2.AsyncClient,
        headers: Mapping[str, str],
        what: str,
        *,
        audited: bool = True,
    ) -> None:
        """Ask with a proof that does not hold; a context's refusal is kept for seconds and then written down once."""
        answer = await http.post("/mcp", **self._request(headers))
        self.tally.refused += 1
        self.tally.must_audit += audited
        if answer.status_code not in (401, 403):
            self.tally.wrong.append(f"{what} was answered {answer.status_code}")
        for chart, marks in self.marks.items():
            if any(name in answer.text for name in marks.names):
                self.tally.leaks.append(f"a refusal names {chart}")

    async def _read(self, http: httpx2.AsyncClient, host: Host) -> None:
        answer = await http.post("/mcp", **self._request(host.headers))
        scope = answer.status_code == 403 and "mcp.scope" in answer.text
        # Two hosts of a service share what one patient's chart may be asked.
        if scope or (answer.status_code == 429 and host.way == "service"):
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
        return self._calling(method, params, headers)

    def _calling(
        self, method: str, params: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
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


def _another(draw: random.Random, chart: str) -> str:
    return draw.choice([one for one in CHARTS if one != chart])


def _put_together(one: str, other: str) -> dict[str, str]:
    """Return what one token says with the other's signature; a host without a token of ours has none."""
    header, said, _ = other.split(".")
    return {"Authorization": f"Bearer {header}.{said}.{one.rpartition('.')[2]}"}


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
