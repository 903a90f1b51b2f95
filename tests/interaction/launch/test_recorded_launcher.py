"""The real SMART launcher, as it answered: a recorded exchange is replayed to the copilot, and held against the sandbox.

The recording was made on this machine with the shipped template, unchanged. It holds no secret: codes and tokens are
words, id_tokens are signed anew for each replay with a key of this test.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import orjson
import pytest
from joserfc import jws, jwt
from joserfc.jwk import RSAKey

from tests.interaction.launch.test_smart_launcher import BASE, LAUNCH_URI, ORIGIN, template
from tests.stack import APP, Browser, Stack, make_stack

Exchange = dict[str, Any]
RECORDING = Path(__file__).parent / "recordings" / "smart_launcher.json"
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0, "link": []}


@cache
def recorded() -> list[Exchange]:
    found: list[Exchange] = json.loads(RECORDING.read_text("utf-8"))["exchanges"]
    return found


def one(path: str, who: str = "copilot", at: int = 0) -> Exchange:
    return [e for e in recorded() if e["path"].endswith(path) and e["who"] == who][at]


class Replay:
    """The launcher as a WSGI application that knows only what was recorded; `forms` are what it was sent."""

    def __init__(self) -> None:
        [kid] = [key["kid"] for key in one("/keys")["body"]["keys"]]
        self.key = RSAKey.generate_key(2048, parameters={"kid": kid, "alg": "RS256"})
        self.nonce = ""
        self.forms: list[dict[str, str]] = []
        self.unknown: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"], sorted(parse_qsl(environ["QUERY_STRING"]))
        found = [
            e for e in recorded()
            if e["who"] == "copilot" and (e["method"], e["path"]) == (environ["REQUEST_METHOD"], path)
            and sorted(map(tuple, e["query"])) == query
        ]  # fmt: skip
        if path.endswith("/token"):
            size = int(environ["CONTENT_LENGTH"])
            self.forms.append(dict(parse_qsl(environ["wsgi.input"].read(size).decode())))
            found = [e for e in found if dict(e["form"])["grant_type"] == self.forms[-1]["grant_type"]]  # fmt: skip
        if not found:
            # A search that the copilot did not make when this was recorded finds nothing.
            self.unknown.append(f"{path}?{urlencode(query)}")
            start("200 OK", [("Content-Type", "application/fhir+json")])
            return [orjson.dumps(EMPTY)]
        start(f"{found[0]['status']} X", list(found[0]["headers"].items()))
        return [self._body(path, found[0]["body"])]

    def _body(self, path: str, body: Any) -> bytes:
        if path == "/keys":
            return orjson.dumps({"keys": [self.key.as_dict(private=False)]})
        if path.endswith("/token"):
            now = int(datetime.now(UTC).timestamp())
            claims = dict(body["id_token"]["claims"])
            claims |= {"iat": now, "exp": now + claims["exp"]}
            claims |= {"nonce": self.nonce} if "nonce" in claims else {}
            header = {**body["id_token"]["header"], "kid": self.key.kid}
            body = {**body, "id_token": jwt.encode(header, claims, self.key)}
        return body.encode() if isinstance(body, str) else orjson.dumps(body)


@pytest.fixture(autouse=True)
def _no_faults_left() -> None:
    """No test here sets a fault."""


@pytest.fixture
def replay() -> Replay:
    return Replay()


@pytest.fixture
def stack(tmp_path: Path, replay: Replay) -> Stack:
    return make_stack(tmp_path, launch_config=template(tmp_path), between=lambda _: replay)


def launched(stack: Stack, replay: Replay) -> tuple[Browser, dict[str, str], Any]:
    """Go through the recorded launch; return what the copilot asked the launcher to authorize, too."""
    browser = stack.browser()
    browser.slug = "launcher"
    start = one("/launcher", "browser")["headers"]["location"].removeprefix(APP)
    page = browser.begin(start.replace("iss=http%3A", "iss=https%3A"))
    asked = dict(parse_qsl(urlsplit(page["authorize"]).query))
    replay.nonce = asked["nonce"]
    back = dict(parse_qsl(urlsplit(one("/authorize", "browser")["headers"]["location"]).query))
    return browser, asked, browser.finish({**back, "state": asked["state"]})


def test_the_recorded_launch_opens_the_chart_again(stack: Stack, replay: Replay) -> None:
    _, asked, live = launched(stack, replay)
    then = dict(one("/authorize", "browser")["query"])
    fresh = {"state", "nonce", "code_challenge"}
    assert asked.keys() == then.keys()
    same = {name: value for name, value in then.items() if name not in fresh}
    assert {**asked, "scope": ""} == {**asked, **same, "scope": ""}
    context = stack.services.sessions.context(live.launch_id)
    assert (context.patient_id, context.encounter_id) == ("te-patient", "te-visit")
    assert context.user_reference == "Practitioner/te-doctor"
    banner = live.get("/card").get_json()["banner"]
    assert (banner["family"], banner["notice"]) == ("ZZTEST", "Test patient: not a real person.")
    said = "".join(e["delta"] for e in live.ask("What was the last potassium?") if e["type"] == "TEXT_MESSAGE_CONTENT")  # fmt: skip
    assert "Potassium 4.2 mmol/L" in said


def test_the_recorded_refresh_goes_on_although_its_id_token_names_no_audience(
    stack: Stack, replay: Replay
) -> None:
    _, _, live = launched(stack, replay)
    assert "aud" not in one("/token", at=1)["body"]["id_token"]["claims"]
    for _ in range(3):
        stack.clock.forward(minutes=19, seconds=50)
        assert live.get().status_code == 200
    sent, then = replay.forms, [dict(one("/token", at=at)["form"]) for at in (0, 1)]
    assert [form.keys() for form in sent] == [form.keys() for form in then]
    assert [form["client_id"] for form in sent] == ["chartside", "chartside"]
    assert sent[1]["refresh_token"] == "REFRESH"


def test_no_search_of_the_recording_has_become_unknown(stack: Stack, replay: Replay) -> None:
    """The patient and the key set are asked for as then; a search that is new since finds nothing and breaks nothing."""
    _, _, live = launched(stack, replay)
    live.get("/card")
    assert not [path for path in replay.unknown if "/auth/" in path or "Patient/" in path]
    assert live.get("/card").status_code == 200


# ---------------------------------------------------------------- the sandbox's imitation, held against it


@pytest.fixture(scope="module")
def imitation(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("imitation")
    return make_stack(folder, launch_config=template(folder), ehr_origin=ORIGIN)


@pytest.fixture(scope="module")
def answers(imitation: Stack) -> dict[str, Any]:
    """Ask the imitation what the recording asked, with the tokens that it gives."""
    ehr = imitation.ehr.test_client()
    query = {**dict(one("/authorize", "browser")["query"]), "code_challenge": "x" * 43}
    back = ehr.get(f"/v/r4/auth/authorize?{urlencode(query)}", base_url=ORIGIN)
    code = parse_qs(urlsplit(back.location).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": dict(query)["redirect_uri"]}  # fmt: skip
    del query["code_challenge"], query["code_challenge_method"]
    plain = ehr.get(f"/v/r4/auth/authorize?{urlencode(query)}", base_url=ORIGIN)
    form["code"] = parse_qs(urlsplit(plain.location).query)["code"][0]
    first = ehr.post("/v/r4/auth/token", data=form, base_url=ORIGIN)
    refresh = {"grant_type": "refresh_token", "refresh_token": first.get_json()["refresh_token"]}
    second = ehr.post("/v/r4/auth/token", data=refresh, base_url=ORIGIN)
    token = second.get_json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    return {
        "authorize": back,
        "token": first,
        "refresh": second,
        "again": ehr.post("/v/r4/auth/token", data=form, base_url=ORIGIN),
        "introspect": ehr.post("/v/r4/auth/introspect", data={"token": token}, base_url=ORIGIN, headers=bearer),
        "stranger": ehr.post("/v/r4/auth/introspect", data={"token": token}, base_url=ORIGIN),
        "revoke": ehr.post("/v/r4/auth/revoke", data={"token": token}, base_url=ORIGIN),
        "open": ehr.get("/v/r4/fhir/Patient/te-patient", base_url=ORIGIN),
        "other": ehr.get("/v/r4/fhir/Patient/in-patient", base_url=ORIGIN, headers=bearer),
        "made up": ehr.get("/v/r4/fhir/Patient/te-patient", base_url=ORIGIN, headers={"Authorization": "Bearer x"}),
    }  # fmt: skip


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(jws.extract_compact(token.encode()).payload)
    return found


@pytest.mark.parametrize("path", ["smart-configuration", "openid-configuration"])
def test_the_imitation_announces_what_the_launcher_announces(imitation: Stack, path: str) -> None:
    asked = imitation.ehr.test_client().get(f"/v/r4/fhir/.well-known/{path}", base_url=ORIGIN)
    who = "copilot" if path.startswith("smart") else "hand"
    assert asked.get_json() == one(path, who)["body"]


def test_the_imitations_launch_address_is_the_launchers(imitation: Stack) -> None:
    query = urlencode(dict(one("/launcher", "browser")["query"]))
    answer = imitation.ehr.test_client().get(f"/launcher?{query}", base_url=ORIGIN)
    then = one("/launcher", "browser")
    assert (answer.status_code, answer.location) == (302, then["headers"]["location"])
    assert LAUNCH_URI in answer.location
    assert BASE.removeprefix("https://") in answer.location.replace("%2F", "/")


def test_the_imitations_redirect_carries_the_same(answers: dict[str, Any]) -> None:
    then = urlsplit(one("/authorize", "browser")["headers"]["location"])
    now = urlsplit(answers["authorize"].location)
    assert (now.netloc, now.path) == (then.netloc, then.path)
    assert parse_qs(now.query).keys() == parse_qs(then.query).keys()


@pytest.mark.parametrize(("name", "at"), [("token", 0), ("refresh", 1)])
def test_the_imitations_token_responses_say_the_same(
    answers: dict[str, Any], name: str, at: int
) -> None:
    then, now = one("/token", at=at)["body"], answers[name].get_json()
    secret = {"access_token", "refresh_token", "id_token"}
    assert {k: v for k, v in now.items() if k not in secret} == {
        k: v for k, v in then.items() if k not in secret
    }
    assert now.keys() == then.keys()
    fresh = {"iat", "exp", "nonce"}
    said, was = claims(now["id_token"]), then["id_token"]["claims"]
    assert said.keys() == was.keys()
    assert {k: v for k, v in said.items() if k not in fresh} == {
        k: v for k, v in was.items() if k not in fresh
    }
    assert said["exp"] - said["iat"] == was["exp"]


def test_the_imitation_introspects_and_refuses_as_the_launcher_does(
    answers: dict[str, Any],
) -> None:
    now = answers
    then = one("/introspect", "hand")["body"]
    assert {**now["introspect"].get_json(), "exp": 0} == then
    statuses = {
        "again": one("/token", "hand"), "stranger": one("/introspect", "hand", 1), "revoke": one("/revoke", "hand"),
        "open": one("Patient/te-patient", "hand"), "other": one("Patient/in-patient", "hand"),
        "made up": one("Patient/te-patient", "hand", 1),
    }  # fmt: skip
    assert {name: now[name].status_code for name in statuses} == {
        name: exchange["status"] for name, exchange in statuses.items()
    }
    assert now["open"].get_json() == one("Patient/te-patient", "hand")["body"]


def test_the_recording_holds_no_secret() -> None:
    text = RECORDING.read_text("utf-8")
    # A JWT is three parts that begin so; the launch value is no secret.
    assert "eyJ" not in text
    assert {e["authorization"] for e in recorded()} <= {"", "Bearer ACCESS", "Bearer made-up"}
