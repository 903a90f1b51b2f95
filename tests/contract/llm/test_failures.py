"""Every refusal of a provider has its own kind, is tried again only where that may help, and quotes nothing."""

import logging
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.llm import errors
from app.llm.asking import RETRIES
from app.llm.config import Timeouts
from app.llm.errors import ModelFailed
from app.llm.hang_up import HangUp
from app.llm.port import Done, Request, UserTurn
from app.llm.refusals import retry_after_s
from tests.doubles.dialects import REQUEST, WIRES, Wire, done_of, heard, text_of
from tests.doubles.provider import Provider, answers, breaks_off, refuses
from tests.doubles.provider import streams as sends

SECRET = "SECRET potassium"
STATUSES = {
    400: "model.request_refused", 401: "model.key_refused", 402: "model.forbidden", 403: "model.forbidden",
    404: "model.missing", 413: "model.context_full", 418: "model.failed", 422: "model.request_refused",
    504: "model.slow",
}  # fmt: skip
# Answered at once again and again: the third attempt is the last.
TRANSIENT = {429: "model.busy", 500: "model.failed", 502: "model.failed", 503: "model.overloaded", 529: "model.overloaded"}  # fmt: skip
CONTEXT = (
    {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 220000 tokens > 200000 maximum"}},
    {"error": {"code": "context_length_exceeded", "type": "invalid_request_error", "message": SECRET}},
    {"error": {"message": "This model's maximum context length is 8192 tokens.", "type": "BadRequestError", "code": 400}},
    {"error": {"code": 400, "type": "exceed_context_size_error", "message": "the request exceeds the available context size"}},
    {"message": "Input is too long for requested model."},
    {"error": "input length exceeds the context length"},
)  # fmt: skip


def failure(wire: Wire, url: str, **more: Timeouts) -> ModelFailed:
    with pytest.raises(ModelFailed) as raised:
        heard(wire.model(url, **more))
    return raised.value


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    # The waits between attempts are a constant of the module; what is tested is that they are made.
    monkeypatch.setattr("app.llm.asking.FIRST_WAIT_S", 0.01)


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_has_its_kind_and_is_not_tried_again(wire: Wire, status: int) -> None:
    with Provider(refuses(status, {"error": {"message": SECRET, "type": "x"}})) as provider:
        error = failure(wire, provider.url)
    assert (error.code, error.provider_status) == (STATUSES[status], status)
    assert len(provider.asked) == 1


@pytest.mark.parametrize("status", TRANSIENT)
def test_what_may_pass_is_tried_twice_more(wire: Wire, status: int) -> None:
    with Provider(refuses(status)) as provider:
        assert failure(wire, provider.url).code == TRANSIENT[status]
    assert len(provider.asked) == 1 + RETRIES


def test_an_answer_after_a_refusal_is_the_answer(wire: Wire) -> None:
    with Provider(
        refuses(429, headers={"Retry-After": "0"}), breaks_off, sends(wire.text())
    ) as provider:
        assert done_of(heard(wire.model(provider.url))).stop == "end"
    assert len(provider.asked) == 3


def test_nothing_is_tried_again_once_the_answer_has_begun(wire: Wire) -> None:
    with Provider(sends(wire.text()[:4]), sends(wire.text())) as provider:
        assert failure(wire, provider.url).code == "model.cut"
    assert len(provider.asked) == 1


def test_a_long_wait_is_for_the_clinician_to_decide(wire: Wire) -> None:
    with Provider(refuses(429, headers={"Retry-After": "30"})) as provider:
        error = failure(wire, provider.url)
    assert (error.code, error.retry_after_s, len(provider.asked)) == ("model.busy", 30, 1)


def test_retry_after_may_be_a_date_or_nonsense() -> None:
    """RFC 9110 10.2.3: seconds or an HTTP date."""
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 60 < (retry_after_s({"retry-after": at}) or 0) <= 90
    past = {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert (retry_after_s(past), retry_after_s({"retry-after": "-3"})) == (0, 0)
    assert [retry_after_s({"retry-after": t}) for t in ("", "soon", "nan")] == [None] * 3
    assert retry_after_s({}) is None
    assert retry_after_s({"retry-after": "inf"}) == 86_400


@pytest.mark.parametrize("body", CONTEXT, ids=range(len(CONTEXT)))
def test_a_full_context_is_known_by_every_wording(wire: Wire, body: dict[str, object]) -> None:
    with Provider(refuses(400, body)) as provider:
        assert failure(wire, provider.url).code == "model.context_full"


@pytest.mark.parametrize("code", ["content_filter", "invalid_prompt"])
def test_refused_content_is_an_answer_of_its_own_kind(wire: Wire, code: str) -> None:
    with Provider(refuses(400, {"error": {"code": code, "message": SECRET}})) as provider:
        assert heard(wire.model(provider.url)) == [Done(stop="refusal")]


def test_an_account_without_credit_is_not_busy(wire: Wire) -> None:
    body = {
        "error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": SECRET}
    }
    with Provider(refuses(429, body)) as provider:
        assert failure(wire, provider.url).code == "model.forbidden"
    assert len(provider.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": []}', b"\xff", b"null"])
def test_a_refusal_may_say_nothing_that_can_be_read(wire: Wire, body: bytes) -> None:
    with Provider(refuses(400, body)) as provider:
        assert failure(wire, provider.url).code == "model.request_refused"


EVENTS = [(wire, name) for wire in WIRES for name in wire.error_events]
CODES = {
    "overloaded": "model.overloaded",
    "failed": "model.failed",
    "busy": "model.busy",
    "context": "model.context_full",
}


@pytest.mark.parametrize(("wire", "name"), EVENTS, ids=[f"{w.name}: {n}" for w, n in EVENTS])
def test_an_error_inside_a_stream_has_its_kind(wire: Wire, name: str) -> None:
    with Provider(sends([*wire.text()[:5], wire.error_events[name]])) as provider:
        error = failure(wire, provider.url)
    assert (error.code, "SECRET" in str(error)) == (CODES[name], False)


def test_a_redirect_is_not_followed(wire: Wire) -> None:
    """The conversation and the key would go to a host that is not configured."""
    with Provider(sends(wire.text())) as other:
        with Provider(refuses(307, headers={"Location": f"{other.url}{wire.path}"})) as provider:
            assert failure(wire, provider.url).code == "model.failed"
        assert other.asked == []


def test_no_server_is_unreachable(wire: Wire) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert failure(wire, f"http://127.0.0.1:{port}").code == "model.unreachable"


def test_a_name_that_does_not_resolve_is_unreachable(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    # A question to DNS would leave this machine.
    monkeypatch.setattr("app.llm.connections.socket.getaddrinfo", unknown)
    assert failure(wire, "http://model.invalid").code == "model.unreachable"


def test_a_name_that_is_never_resolved_is_unreachable(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def resolver(*_: object, **__: object) -> list[object]:
        over.wait(10)
        return []

    monkeypatch.setattr("app.llm.connections.socket.getaddrinfo", resolver)
    times = Timeouts(connect_s=0.1, total_s=10)
    assert failure(wire, "http://model.invalid", timeouts=times).code == "model.unreachable"
    over.set()


def test_a_server_that_does_not_accept_is_unreachable(wire: Wire) -> None:
    """Its queue is full, so that packets are dropped: the connection is neither opened nor refused."""
    times = Timeouts(connect_s=0.1, total_s=10)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        queue = [socket.socket() for _ in range(3)]
        for waiting in queue:
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert failure(wire, url, timeouts=times).code == "model.unreachable"
        for waiting in queue:
            waiting.close()


def test_stop_ends_the_wait_before_another_attempt(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.llm.asking.FIRST_WAIT_S", 4.0)
    hang_up = HangUp()
    with Provider(refuses(503)) as provider:
        threading.Timer(0.2, hang_up.set).start()
        begun = time.monotonic()
        assert heard(wire.model(provider.url), hang_up=hang_up) == []
    assert time.monotonic() - begun < 3


def test_nothing_of_a_conversation_reaches_a_message_or_a_log(
    wire: Wire, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not even with an SDK's own switch for logging requests."""
    caplog.set_level(logging.DEBUG)
    request = Request(
        policy="SECRET", tools=REQUEST.tools, digest="SECRET", turns=(UserTurn(text="SECRET"),)
    )
    echo = {"error": {"message": "SECRET", "code": "SECRET"}}
    with Provider(
        sends(wire.text(pieces=("SECRET",))), refuses(400, echo), sends(wire.text()[:3])
    ) as provider:
        model = wire.model(provider.url)
        assert text_of(heard(model, request)) == "SECRET"
        for _ in range(2):
            with pytest.raises(ModelFailed) as raised:
                heard(model, request)
            assert "SECRET" not in str(raised.value) + str(raised.value.__cause__ or "")
    assert "SECRET" not in caplog.text + "".join(capfd.readouterr())


def test_every_kind_of_failure_stands_in_the_tree() -> None:
    named = {cls.__name__ for cls in ModelFailed.__subclasses__()}
    assert all(name in (errors.__doc__ or "") for name in named)


def test_warming_never_raises(wire: Wire) -> None:
    with Provider(refuses(500), refuses(401), breaks_off, answers(b"<html>")) as provider:
        model = wire.model(provider.url)
        for _ in range(4):
            model.warm(REQUEST)
    wire.model("http://127.0.0.1:9").warm(REQUEST)
