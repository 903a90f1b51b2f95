"""A compatible server is tried before its first answer: what does not call tools is not used."""

import threading

import pytest

from app.llm.errors import ModelCannotLookUp, ModelFailed
from app.llm.hang_up import HangUp
from app.llm.port import Model
from tests.doubles.dialects import CHAT, REQUEST, done_of, heard
from tests.doubles.provider import Provider, refuses, stalls_before_headers
from tests.doubles.provider import streams as sends

CALLS = CHAT.tools([("c", "report_ready", '{"ready": true}')])
NO_TOOLS = {"error": {"message": "registry/tiny:1b does not support tools", "type": "api_error"}}


def compatible(url: str) -> Model:
    return CHAT.model(url, client="compatible")


def test_a_server_that_calls_tools_is_tried_once() -> None:
    with Provider(sends(CALLS), sends(CHAT.text())) as provider:
        model = compatible(provider.url)
        assert [done_of(heard(model)).stop for _ in range(3)] == ["end"] * 3
    first, *others = (a.body for a in provider.asked)
    assert ([t["function"]["name"] for t in first["tools"]], len(others)) == (["report_ready"], 3)
    assert "potassium" not in str(first)


def test_a_model_that_writes_instead_of_calling_is_not_used() -> None:
    """Nothing of the chart is ever sent to it, and it is not tried again."""
    with Provider(sends(CHAT.text(pieces=("report_ready(true)",)))) as provider:
        model = compatible(provider.url)
        for _ in range(3):
            with pytest.raises(ModelCannotLookUp):
                heard(model)
    assert len(provider.asked) == 2
    assert "Diabetes" not in str([a.body for a in provider.asked])


def test_one_slip_is_forgiven() -> None:
    with Provider(sends(CHAT.text()), sends(CALLS), sends(CHAT.text())) as provider:
        assert done_of(heard(compatible(provider.url))).stop == "end"


def test_a_server_that_refuses_tools_is_not_used() -> None:
    with Provider(refuses(400, NO_TOOLS)) as provider:
        model = compatible(provider.url)
        for _ in range(2):
            with pytest.raises(ModelCannotLookUp):
                heard(model)
    assert len(provider.asked) == 1


def test_what_says_nothing_about_tools_is_not_remembered() -> None:
    """Unreachable, cut, a wrong key: the next question tries again."""
    with Provider(refuses(401), sends(CALLS[:2]), sends(CALLS), sends(CHAT.text())) as provider:
        model = compatible(provider.url)
        codes = []
        for _ in range(2):
            with pytest.raises(ModelFailed) as raised:
                heard(model)
            codes.append(raised.value.code)
        assert codes == ["model.key_refused", "model.cut"]
        assert done_of(heard(model)).stop == "end"


def test_the_other_name_of_the_bound_is_tried() -> None:
    """Some gateways pass on to models that refuse `max_tokens`."""
    unsupported = {"error": {"code": "unsupported_parameter", "param": "max_tokens", "message": "use another"}}  # fmt: skip
    with Provider(refuses(400, unsupported), sends(CALLS), sends(CHAT.text())) as provider:
        heard(compatible(provider.url))
    fields = [[k for k in a.body if k.startswith("max_")] for a in provider.asked]
    assert fields == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]


def test_many_first_questions_make_one_trial() -> None:
    with Provider(sends(CALLS), sends(CHAT.text())) as provider:
        model = compatible(provider.url)
        stops: list[str] = []
        threads = [
            threading.Thread(target=lambda: stops.append(done_of(heard(model)).stop))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert (stops, len(provider.asked)) == (["end"] * 6, 7)


def test_stop_ends_a_trial_and_the_wait_for_one() -> None:
    with Provider(stalls_before_headers) as provider:
        model = compatible(provider.url)
        stops = [HangUp(), HangUp()]
        heards: list[int] = []
        threads = [
            threading.Thread(
                target=lambda stop=stop: heards.append(len(heard(model, hang_up=stop)))
            )
            for stop in stops
        ]
        threads[0].start()
        assert provider.waiting.wait(10)
        threads[1].start()
        for stop, thread in zip(reversed(stops), reversed(threads), strict=True):
            stop.set()
            thread.join(5)
            assert not thread.is_alive()
        assert (heards, len(provider.asked)) == ([0, 0], 1)


def test_warming_tries_the_server_ahead() -> None:
    with Provider(sends(CALLS), sends(CHAT.text())) as provider:
        model = compatible(provider.url)
        model.warm(REQUEST)
        assert len(provider.asked) == 1
        heard(model)
    assert len(provider.asked) == 2
