"""When Chartside itself fails: nothing of a patient in a log, no launch locked out, nothing kept of an ended one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from traceback import format_exception
from typing import Any

import httpx2
import pytest
from werkzeug.test import EnvironBuilder

from app import wiring
from app.errors import SessionEnded
from app.settings import Secret
from app.smart.user_name import practitioner_name
from app.web.application import make_app
from tests.databases import ran
from tests.stack import APP, WITHOUT_BACKEND, Browser, Launched, Stack, make_stack, registered

MARKED = "marked-chart-text"


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack of its own: these tests break it."""
    return make_stack(tmp_path)


@pytest.fixture(autouse=True)
def _no_faults_left() -> None:
    """Each test here has its own stack, so nothing is left for another."""


def _rows(stack: Stack, statement: str, **values: object) -> list[tuple[Any, ...]]:
    return ran(stack.services.settings.database_url, statement, **values)


def _failing(*_: object, **__: object) -> None:
    raise RuntimeError(MARKED)


@pytest.mark.parametrize("broken", ["audit", "conversations"])
def test_a_turn_that_cannot_be_recorded_ends_with_an_error_and_leaks_nothing(
    stack: Stack,
    browser: Browser,
    broken: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    launched = browser.launch()
    launched.get("/card")
    name = "record" if broken == "audit" else "add_turn"
    monkeypatch.setattr(getattr(stack.services, broken), name, _failing)
    events = launched.ask("Any allergies?")
    assert (events[-1]["type"], events[-1]["code"]) == ("RUN_ERROR", "internal")
    assert "RUN_FINISHED" not in {event["type"] for event in events}
    assert MARKED not in "".join(capfd.readouterr())
    monkeypatch.undo()
    assert launched.ask("Any allergies?", "turn-0002")[-1]["type"] == "RUN_FINISHED"


def test_a_database_error_does_not_quote_what_was_written(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    stack.services.conversations.add_turn(launched.launch_id, "marked-turn", {})
    with pytest.raises(Exception, match=r"(?i)unique") as caught:
        stack.services.conversations.add_turn(launched.launch_id, "marked-turn", {})
    traced = "".join(format_exception(caught.value))
    assert launched.launch_id not in traced
    assert "marked-turn" not in traced.replace('"marked-turn"', "")  # the line of this test


def test_an_answer_that_nobody_began_to_read_does_not_block_the_launch(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    body = {"runId": "turn-0001", "messages": [{"role": "user", "content": "Any allergies?"}]}
    address = f"/api/launches/{launched.launch_id}/turns"
    headers = [("Authorization", f"Bearer {launched.key}")]
    request = EnvironBuilder(
        path=address, base_url=APP, method="POST", json=body, headers=headers
    ).get_environ()
    stack.app.wsgi_app(request, lambda *_: lambda _: None).close()  # type: ignore[attr-defined]
    assert launched.ask("Any allergies?", "turn-0002")[-1]["type"] == "RUN_FINISHED"


def test_nothing_is_kept_of_a_launch_that_ended_while_its_turn_was_being_kept(
    stack: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = browser.launch()
    launched.get("/card")
    add_turn = stack.services.conversations.add_turn

    def ended_meanwhile(*given: Any) -> None:
        assert launched.delete().status_code == 204
        add_turn(*given)

    monkeypatch.setattr(stack.services.conversations, "add_turn", ended_meanwhile)
    launched.ask("Any allergies?")
    assert _rows(stack, "SELECT launch_id FROM turn UNION SELECT launch_id FROM ledger") == []
    assert launched.launch_id not in stack.services.charts._kept


def test_launches_sealed_with_an_earlier_secret_key_do_not_stop_new_ones(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, launch_config=registered(tmp_path, *WITHOUT_BACKEND))
    old = stack.browser().launch()
    _rows(stack, "UPDATE launch SET last_used_at = 0")
    services = wiring.build(
        replace(stack.services.settings, secret_key=Secret(b"n" * 32)),
        transport=httpx2.WSGITransport(app=stack.ehr),
    )
    after = replace(stack, app=make_app(services), services=services)
    assert after.browser().launch().get().status_code == 200
    assert services.rows.launch(old.launch_id) is None


def test_a_changed_session_proves_nothing(stack: Stack, browser: Browser) -> None:
    launched = browser.launch()
    _rows(stack, "UPDATE session SET sealed = :zeros", zeros=bytes(64))
    assert launched.get().status_code == 401


def test_a_chart_in_use_stays_the_only_one_of_its_launch(
    stack: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.agent.charts.MOST_CHARTS", 1)
    launched = browser.launch()
    launched.get("/card")
    charts = stack.services.charts
    in_use = charts._kept[launched.launch_id]
    stack.browser().launch().get("/card")
    n = in_use.sources.number("P4")
    charts.keep(in_use.context)
    assert charts.get(in_use.context).sources.get(n) == "P4"


def test_numbers_given_to_the_values_of_a_series_outlive_a_restart(
    stack: Stack, browser: Browser
) -> None:
    launched = browser.launch()
    launched.get("/card")
    chart = next(iter(stack.services.charts._kept.values()))
    launched.get(f"/sources/{chart.sources.number('L1')}")
    kept = stack.services.conversations.ledger(launched.launch_id)
    assert kept == chart.export()


def test_what_was_read_is_audited_even_if_the_token_ends_meanwhile(
    stack: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = browser.launch()
    bearer: Callable[[str], str] = stack.services.sessions.bearer
    left = iter(range(6))

    def ends(launch_id: str) -> str:
        if next(left, None) is None:
            raise SessionEnded("expired")
        return bearer(launch_id)

    monkeypatch.setattr(stack.services.sessions, "bearer", ends)
    assert launched.get("/card").status_code == 401
    kinds = [event.kind for event in stack.services.audit.events(launched.launch_id)]
    assert kinds == ["launch", *["read"] * 6]


def test_a_refused_callback_is_audited_under_its_registration_and_a_stranger_writes_nothing(
    stack: Stack, browser: Browser
) -> None:
    browser.complete({"state": "unknown", "code": "x"})
    browser.open(f"/smart/{'stranger' * 500}/launch")
    refused = [event.who.registration for event in stack.services.audit.events()]
    assert refused == ["sandbox", ""]


@pytest.mark.parametrize("launch_id", ["a%0d%0aX-Other:1", "%e2%82%ac"])
def test_what_is_not_a_launch_id_goes_into_no_header(browser: Browser, launch_id: str) -> None:
    response = browser.open(f"/l/{launch_id}/")
    assert (response.status_code, "X-Launch-Id" in response.headers) == (200, False)


@pytest.mark.parametrize("address", ["/api/launches/complete", "/api/launches/{}/turns"])
def test_a_deeply_nested_body_is_refused_like_any_other_wrong_one(
    stack: Stack, browser: Browser, address: str
) -> None:
    launched: Launched = browser.launch()
    body = b'{"x":' + b"[" * 7_000 + b"]" * 7_000 + b"}"
    response = browser.client.post(
        address.format(launched.launch_id),
        base_url=APP,
        data=body,
        headers={"Authorization": f"Bearer {launched.key}"},
    )
    assert response.status_code in (400, 409)


def test_a_name_in_an_unusual_form_is_no_failure() -> None:
    resource = {"name": [{"family": "Osei", "given": None, "suffix": None}]}
    assert practitioner_name(resource) == "Osei"
