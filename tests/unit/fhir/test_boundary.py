"""The only way out: what is refused before a socket, and what is refused of an answer."""

import contextlib
import gzip
import logging
import ssl
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.boundary import Boundary, Response, origin_of, pretty_fhir, read_fhir
from app.errors import BoundaryRefused, EhrBusy, EhrRefused, EhrUnavailable
from tests.requirements import requirement
from tests.unit.fhir.ehr import Ehr

HERE = frozenset(("https://ehr.test",))


def boundary(ehr: Ehr, **more: Any) -> Boundary:
    return Boundary(HERE, False, httpx2.WSGITransport(app=ehr), **more)


@requirement("attack-42")
@pytest.mark.parametrize(
    "url",
    [
        "http://ehr.test/fhir", "https://ehr.test:8443/fhir", "https://evil.test/fhir", "ftp://ehr.test/",
        "https://ehr.test@evil.test/", "https://user:pw@ehr.test/", "https://ehr.test\\@evil.test/",
        "https://ehr.test/fhir/../admin", "https://ehr.test/fhir/%2e%2e/admin", "https://ehr.test/%2E%2E/x",
        "https://ehr.test/a%2fb", "https://ehr.test./fhir", "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/", "https://ehr.test.evil.test/", "file:///etc/passwd", "//ehr.test/x", "",
        "https://ehr.test/\nHost: evil", "https://ehr.test /", "https://еhr.test/fhir", "https://ehr.test:99999/",
    ],
)  # fmt: skip
def test_an_address_outside_the_registration_is_refused_without_a_request(url: str) -> None:
    ehr = Ehr(lambda *_: (200, {}))
    with pytest.raises(BoundaryRefused):
        boundary(ehr).get_json(url, bearer="secret")
    assert ehr.asked == []


def test_a_metadata_address_is_refused_even_if_it_is_registered() -> None:
    for origin in (
        "https://169.254.169.254",
        "http://[fd00:ec2::254]",
        "https://127.0.0.1",
        "http://0.0.0.0",
    ):
        guarded = Boundary(
            frozenset((origin,)), False, httpx2.WSGITransport(app=Ehr(lambda *_: (200, {})))
        )
        with pytest.raises(BoundaryRefused):
            guarded.get(f"{origin}/")


def test_an_ordinary_address_is_one_origin_in_any_spelling() -> None:
    assert {
        origin_of(u)
        for u in ("https://EHR.test/x", "https://ehr.test:443/y?z=..", "HTTPS://ehr.test")
    } == {"https://ehr.test"}


@given(st.text(max_size=60))
def test_no_text_makes_the_check_fail_otherwise_than_by_refusing(text: str) -> None:
    with contextlib.suppress(BoundaryRefused):
        assert origin_of(text).startswith(("http://", "https://"))


@requirement("smart:protect:tls")
@pytest.mark.parametrize("proxy", [None, "http://proxy.example:3128"])
def test_every_connection_is_tls_1_2_or_later_to_the_server_that_its_certificate_names(
    proxy: str | None,
) -> None:
    # No public door: what stands here is what every connection is made with.
    transport: Any = Boundary(HERE, proxy=proxy)._client._transport
    context: ssl.SSLContext = transport._pool._ssl_context
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@requirement("smart:fhir:foreign-reference", "attack-43")
def test_a_redirect_is_refused_and_the_token_stays() -> None:
    ehr = Ehr(lambda *_: (302, ""), Location="https://evil.test/")
    with pytest.raises(BoundaryRefused):
        boundary(ehr).get_json("https://ehr.test/fhir/Patient/1", bearer="secret")
    assert len(ehr.asked) == 1


def test_numbers_keep_the_digits_that_were_sent() -> None:
    body = b'{"a":5.0,"b":1.10,"c":0.000,"d":7,"e":6.242396412967025}'
    found = boundary(Ehr(lambda *_: (200, body))).get_json("https://ehr.test/fhir/x").json
    assert found == {
        "a": Decimal("5.0"),
        "b": Decimal("1.10"),
        "c": Decimal("0.000"),
        "d": 7,
        "e": Decimal("6.242396412967025"),
    }
    assert [str(found[k]) for k in "abc"] == ["5.0", "1.10", "0.000"]
    assert pretty_fhir({"a": found["a"], "b": found["b"]}) == '{\n  "a": 5.0,\n  "b": 1.10\n}'


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_any_decimal_survives(number: Decimal) -> None:
    assert read_fhir(f'{{"v":{number}}}'.encode())["v"] == number


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"a":', b"\xff\xfe", b'{"a":1}x', b"[" * 100_000]
)
def test_a_body_that_is_not_json_is_none(body: bytes) -> None:
    assert boundary(Ehr(lambda *_: (200, body))).get_json("https://ehr.test/fhir/x").json is None


@requirement("attack-48")
def test_more_bytes_than_the_cap_are_not_read() -> None:
    with pytest.raises(EhrUnavailable, match="more than 1000 bytes"):
        boundary(Ehr(lambda *_: (200, b"x" * 1001)), byte_cap=1000).get("https://ehr.test/x")


@requirement("attack-48")
def test_a_gzip_bomb_is_cut_at_the_cap() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    ehr = Ehr(lambda *_: (200, bomb), **{"Content-Encoding": "gzip"})
    with pytest.raises(EhrUnavailable, match="bytes"):
        boundary(ehr, byte_cap=1_000_000).get_json("https://ehr.test/fhir/x")


@requirement("attack-48")
def test_a_stack_of_encodings_is_refused() -> None:
    ehr = Ehr(lambda *_: (200, b"x"), **{"Content-Encoding": "gzip, gzip"})
    with pytest.raises(EhrUnavailable, match="encoding"):
        boundary(ehr).get("https://ehr.test/x")


def test_error_statuses_become_typed_errors() -> None:
    def at(status: int, **headers: str) -> Any:
        return boundary(Ehr(lambda *_: (status, {}), **headers)).get_json("https://ehr.test/fhir/x")

    with pytest.raises(EhrRefused) as refused:
        at(403).check("patient/X.rs")
    assert (refused.value.http_status, refused.value.scope) == (403, "patient/X.rs")
    with pytest.raises(EhrBusy) as busy:
        at(429, **{"Retry-After": "7"}).check()
    assert busy.value.retry_after_s == 7
    with pytest.raises(EhrUnavailable):
        at(500).check()
    assert at(200).check().status == 200


def test_a_time_out_is_unavailable_not_empty() -> None:
    def slow(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("slow", request=request)

    with pytest.raises(EhrUnavailable, match="in time"):
        Boundary(HERE, False, httpx2.MockTransport(slow)).get_json("https://ehr.test/fhir/x")


def test_nothing_is_logged_of_a_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    boundary(Ehr(lambda *_: (200, {}))).get_json(
        "https://ehr.test/fhir/Observation?patient=p1", bearer="secret"
    )
    assert [
        r.getMessage()
        for r in caplog.records
        if "p1" in r.getMessage() or "secret" in r.getMessage()
    ] == []


def test_a_cookie_of_one_answer_does_not_go_with_the_next_request() -> None:
    sent: list[str | None] = []

    def remember(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.headers.get("cookie"))
        return httpx2.Response(200, json={}, headers={"Set-Cookie": "session=one; Path=/"})

    guarded = Boundary(HERE, False, httpx2.MockTransport(remember))
    guarded.get_json("https://ehr.test/fhir/a")
    guarded.get_json("https://ehr.test/fhir/b")
    assert sent == [None, None]


def test_localhost_names_need_a_sandbox_registration() -> None:
    ehr = Ehr(lambda *_: (200, {}))
    origin = frozenset(("http://ehr.localhost:9000",))
    with pytest.raises(BoundaryRefused):
        Boundary(origin, False, httpx2.WSGITransport(app=ehr)).get("http://ehr.localhost:9000/")
    assert (
        Boundary(origin, True, httpx2.WSGITransport(app=ehr))
        .get("http://ehr.localhost:9000/")
        .status
        == 200
    )


def test_a_wait_of_any_number_of_digits_is_a_time() -> None:
    waits = [
        Response(
            status=429, headers={"retry-after": sent}, body=b"", json=None, size_bytes=0
        ).retry_after_s
        for sent in ("9" * 400, "2", "0", "-1", "soon")
    ]
    assert waits == [86_400.0 * 365, 2.0, 0.0, None, None]
