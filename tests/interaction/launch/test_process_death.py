"""Real processes at one database: they refresh once, and one that dies leaves a whole vault and a way on.

A child is forked from the test and gets a copilot of its own on the same database, as another worker has it. Its EHR
is a copy too, so a child tells by its pipe what it sent.
"""

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from sqlalchemy import event

from app import wiring
from app.smart import tokens as vault_module
from app.smart.token_endpoint import TokenEndpoint
from app.smart.tokens import TokenVault
from app.store.tokens import TokenRows
from app.wiring import Services
from tests.databases import ran
from tests.requirements import requirement
from tests.stack import Browser, Launched, Stack, events_of, make_stack
from tests.tape import Tape

LIFE_S = 570
KILLED = 9


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack of its own, whose EHR gives tokens of 570 seconds."""
    return make_stack(tmp_path, access_token_lifetime_s=LIFE_S)


@pytest.fixture(autouse=True)
def _no_faults_left() -> None:
    """Each test here has its own stack, so nothing is left for another."""


class Child:
    """A forked process that does `work` on its own copilot and tells what came of it, or dies."""

    def __init__(self, stack: Stack, work: Callable[[Services, Tape], object]) -> None:
        self._told, tell = os.pipe()
        with warnings.catch_warnings():
            # From Python 3.12 on, a fork beside threads is warned of; nothing here holds a lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            self._live(stack, work, tell)
        os.close(tell)

    def _live(self, stack: Stack, work: Callable[[Services, Tape], object], tell: int) -> None:
        tape = Tape()
        try:
            transport = httpx2.WSGITransport(app=tape.between(stack.ehr.wsgi_app))
            services = wiring.build(stack.services.settings, transport=transport, clock=stack.clock)
            found = work(services, tape)
            os.write(tell, msgspec.json.encode([found, len(tape.at("/auth/token"))]))
        finally:
            os._exit(1)

    def end(self) -> tuple[int, Any, int]:
        """Return the exit status, what the work gave, and how many token requests were sent."""
        with os.fdopen(self._told, "rb") as told:
            sent = told.read()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        found, requests = msgspec.json.decode(sent) if sent else (None, 0)
        return status, found, requests


def bearer(services: Services, launched: Launched) -> str:
    return services.sessions.bearer(launched.launch_id)


@requirement("attack-24", "smart:refresh:once")
def test_several_processes_refresh_once_and_all_get_the_new_token(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    first = bearer(stack.services, launched)
    stack.clock.forward(seconds=LIFE_S)
    wait, go = os.pipe()

    def refresh(services: Services, _: Tape) -> str:
        os.close(go)
        os.read(wait, 1)  # until the parent opens the gate, by closing its end
        return bearer(services, launched)

    children = [Child(stack, refresh) for _ in range(4)]
    os.close(go)
    ended = [child.end() for child in children]
    tokens = {token for _, token, _ in ended}
    assert len(tokens) == 1
    assert tokens != {first}
    assert sum(requests for _, _, requests in ended) == 1
    assert bearer(stack.services, launched) in tokens


def _dies(*_: object, **__: object) -> None:
    os._exit(KILLED)


def _die_before_the_commit(services: Services, launched: Launched) -> None:
    """Die when the new tokens are written and not yet committed: the last moment at which they can be lost."""
    keep = TokenRows.keep

    def kept(rows: TokenRows, *given: Any, **values: Any) -> bool:
        event.listen(rows._engine, "commit", _dies)
        return keep(rows, *given, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TokenRows, "keep", kept)
        bearer(services, launched)


def _die_at(owner: type, name: str) -> Callable[[Services, Launched], None]:
    def die(services: Services, launched: Launched) -> None:
        with pytest.MonkeyPatch.context() as patch:
            # The death of a process at a line has no public door.
            patch.setattr(owner, name, _dies)
            bearer(services, launched)

    return die


DEATHS: dict[str, Callable[[Services, Launched], None]] = {
    "before the request": _die_at(TokenEndpoint, "ask"),
    "after the answer": _die_at(TokenVault, "_take"),
    "before the commit": _die_before_the_commit,
}


@requirement("smart:refresh:once")
@pytest.mark.parametrize("moment", DEATHS)
def test_a_process_that_is_killed_in_a_refresh_leaves_the_old_token_and_then_words(
    stack: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    launched = browser.launch()
    first = bearer(stack.services, launched)
    held = stack.services.smart.vault.held(launched.launch_id)
    before = len(stack.state.wire.entries("/auth/token"))
    stack.clock.forward(seconds=LIFE_S - 30)
    assert Child(stack, lambda services, _: DEATHS[moment](services, launched)).end()[0] == KILLED
    monkeypatch.setattr(vault_module, "MOST_POLLS", 2)
    # The row is whole: what lay there before, and a claim.
    assert stack.services.smart.vault.held(launched.launch_id) == held
    assert bearer(stack.services, launched) == first
    assert launched.get("/card").status_code == 200
    stack.clock.forward(seconds=100)
    said = _refused_turn(launched)
    assert said == ["session.ended", "Open Chartside again from the chart in the EHR."]
    assert len(stack.state.wire.entries("/auth/token")) == before
    [end] = [e for e in stack.services.audit.events(launched.launch_id) if e.kind == "end"]
    assert end.detail == '{"by":"refresh_lost"}'
    assert _tokens_in(stack) == []
    # The chart opens again, and nothing of the first launch is in its way.
    assert browser.launch().get("/card").status_code == 200


def test_a_process_that_is_killed_after_the_commit_has_kept_the_new_token_whole(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    held = stack.services.smart.vault.held(launched.launch_id)
    stack.clock.forward(seconds=LIFE_S)

    def refresh_and_die(services: Services, _: Tape) -> None:
        bearer(services, launched)
        os._exit(KILLED)

    assert Child(stack, refresh_and_die).end()[0] == KILLED
    after = stack.services.smart.vault.held(launched.launch_id)
    assert held is not None
    assert after is not None
    assert bearer(stack.services, launched) == after.access_token
    assert replace(after, access_token=held.access_token, refresh_token=held.refresh_token) == held
    assert held.refresh_token != after.refresh_token


def _refused_turn(launched: Launched) -> list[str]:
    """Ask; return the code and the last sentence of what the page is told, however it is told."""
    body = {"runId": "turn-0001", "messages": [{"role": "user", "content": "Any urine albumin?"}]}
    response = launched.post("/turns", body)
    if response.status_code == 401:
        said = response.get_json()
        return [said["code"], said["detail"]]
    [error] = [one for one in events_of(response.text) if one["type"] == "RUN_ERROR"]
    return [error["code"], "Open" + error["message"].partition("Open")[2]]


def _tokens_in(stack: Stack) -> list[tuple[str]]:
    return ran(stack.services.settings.database_url, "SELECT launch_id FROM token")
