"""`[users]`: who opens Chartside here, through the real launch; what a rule needs and nobody tells is refused."""

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx2
import pytest

from app.boundary import Boundary
from app.errors import ConfigurationError
from app.smart.admission import Admission
from app.smart.id_token import User
from app.smart.registry import load_registry
from app.smart.scopes import parse_scopes
from tests.interaction.model.models import provider
from tests.stack import APP, Stack, make_stack, registered

NURSE = {"coding": [{"system": "urn:roles", "code": "nurse"}]}
DOCTOR = {"coding": [{"system": "urn:roles", "code": "doctor"}]}
SCOPE = ('"user/Practitioner.r",', '"user/Practitioner.r", "user/PractitionerRole.rs",')


def role(concept: object, of: str = "", **more: object) -> dict[str, Any]:
    return {"resourceType": "PractitionerRole", "id": "r1", "practitioner": {"reference": of}, "code": [concept], **more}  # fmt: skip


def with_roles(
    roles: Callable[[str], list[dict[str, Any]]], status: str = "200 OK", **more: object
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Return an EHR that knows roles; `roles(user)` are entries of the answer to a search for a user's roles."""

    def wrap(ehr: WSGIApplication) -> WSGIApplication:
        def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            if environ["PATH_INFO"] != "/fhir/PractitionerRole":
                return ehr(environ, start)
            user = environ["QUERY_STRING"].partition("practitioner=")[2].partition("&")[0]
            found = roles(user.replace("%2F", "/"))
            bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in found], **more}  # fmt: skip
            start(status, [("Content-Type", "application/fhir+json")])
            return [json.dumps(bundle).encode()]

        return app

    return wrap


def open_with(
    tmp_path: Path, users: str, *, roles: list[object] | None = None, **more: Any
) -> tuple[Stack, Any]:
    """Launch with a `[users]` table at an EHR where the user has these roles; return the last answer."""
    wrap = with_roles(lambda user: [role(one, user) for one in roles or []])
    config = registered(tmp_path, SCOPE, more=f"[users]\n{users}")
    stack = make_stack(tmp_path, launch_config=config, **{"between": wrap, **more})
    browser = stack.browser()
    return stack, browser.complete(browser.authorize(browser.launch_page()["authorize"]))


def audited(stack: Stack, kind: str) -> dict[str, Any]:
    (event,) = [event for event in stack.services.audit.events() if event.kind == kind]
    return dict(json.loads(event.detail))


def test_a_pilot_list_opens_for_those_on_it_and_audits_the_others(tmp_path: Path) -> None:
    stack, refused = open_with(tmp_path, 'pilot = ["Practitioner/somebody-else"]')
    body = refused.get_json()
    assert (refused.status_code, body["code"]) == (403, "launch.not_in_pilot")
    assert body["title"].startswith("Chartside is open to a first group of people here")
    assert audited(stack, "launch_refused")["code"] == "launch.not_in_pilot"
    (event,) = [e for e in stack.services.audit.events() if e.kind == "launch_refused"]
    user = event.who.user_reference
    assert user.startswith("Practitioner/")
    # Nothing that could still be used is left at the EHR.
    stack.services.smart.revoker.wait()
    revoked = [e for e in stack.state.wire.entries("/auth/") if e.path.endswith("revoke")]
    assert len(revoked) == 2
    other = tmp_path / "listed"
    other.mkdir()
    assert open_with(other, f'pilot = ["http://ehr.localhost:9000/fhir/{user}"]')[1].status_code == 200  # fmt: skip


def test_a_role_of_the_list_opens_and_is_known_to_the_audit(tmp_path: Path) -> None:
    rule = 'roles = [{ system = "urn:roles", code = "doctor" }]'
    stack, opened = open_with(tmp_path, rule, roles=[NURSE, DOCTOR])
    assert opened.status_code == 200
    assert "urn:roles|doctor" in audited(stack, "launch")["roles"]


@pytest.mark.parametrize(
    ("roles", "more", "code"),
    [
        ([NURSE], {}, "launch.role_refused"),
        ([], {}, "launch.role_refused"),
        ([{"coding": [{"code": "doctor"}]}], {}, "launch.role_refused"),
        (["not a concept"], {}, "launch.role_refused"),
        ([DOCTOR], {"between": with_roles(lambda _: [role(DOCTOR, "Practitioner/x")])}, "launch.role_refused"),
        ([DOCTOR], {"between": with_roles(lambda user: [role(DOCTOR, user, active=False)])}, "launch.role_refused"),
        ([DOCTOR], {"between": with_roles(lambda user: [role(DOCTOR, user, period={"start": "2019", "end": "2024-06"})])}, "launch.role_refused"),
    ],
)  # fmt: skip
def test_no_role_of_the_list_and_it_does_not_open(
    tmp_path: Path, roles: list[object], more: dict[str, Any], code: str
) -> None:
    rule = 'roles = [{ system = "urn:roles", code = "doctor" }]'
    _, refused = open_with(tmp_path, rule, roles=roles, **more)
    assert (refused.status_code, refused.get_json()["code"]) == (403, code)


def test_roles_that_nobody_tells_open_nothing(tmp_path: Path) -> None:
    """Neither the roles nor the user's own resource can be read."""

    def silent(ehr: WSGIApplication) -> WSGIApplication:
        def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            if not environ["PATH_INFO"].startswith("/fhir/Practitioner"):
                return ehr(environ, start)
            start("403 Forbidden", [])
            return [b""]

        return app

    rule = 'roles = [{ system = "urn:roles", code = "doctor" }]'
    _, refused = open_with(tmp_path, rule, between=silent)
    assert refused.get_json()["code"] == "launch.role_unread"


@pytest.mark.parametrize(("roles", "may"), [([NURSE], False), ([DOCTOR], True), (None, False)])
def test_a_limited_role_reads_the_card_and_asks_nothing(
    tmp_path: Path, roles: list[object] | None, may: bool
) -> None:
    rule = 'limited = [{ system = "urn:roles", code = "nurse", without = ["chat", "draft"] }]'
    config = registered(tmp_path, SCOPE, more=f"[users]\n{rule}")
    status = "500 Oops" if roles is None else "200 OK"
    wrap = with_roles(lambda user: [role(one, user) for one in roles or []], status)
    models = provider("a")
    stack = make_stack(tmp_path, launch_config=config, between=wrap, catalog=models.catalog)
    launched = stack.browser().launch()
    assert launched.get("/card").status_code == 200
    for thread in [one for one in threading.enumerate() if one.name == "warm"]:
        thread.join()
    # Who asks nothing needs no model to be told of the chart ahead.
    assert len(models.models["a"].warmed) == may
    question = {"runId": "turn-0001", "messages": [{"role": "user", "content": "Any allergies?"}]}
    asked = launched.post("/turns", question)
    # Roles that cannot be read may be a limited one.
    if not may:
        assert (asked.status_code, asked.get_json()["code"]) == (403, "turn.role")
        assert (
            asked.get_json()["title"] == "Your role does not ask Chartside questions at this site."
        )
        refusals = [e for e in stack.services.audit.events() if e.kind == "refusal"]
        assert [json.loads(e.detail)["code"] for e in refusals] == ["turn.role"]
    else:
        assert asked.status_code == 200


NEXT = [{"relation": "next", "url": "http://ehr.localhost:9000/fhir/PractitionerRole?page=2"}]


@pytest.mark.parametrize("more", [{"link": NEXT}, {"resourceType": "OperationOutcome"}])
def test_roles_that_were_not_read_to_their_end_may_hold_a_limited_one(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    rule = 'limited = [{ system = "urn:roles", code = "nurse", without = ["chat"] }]'
    between = with_roles(lambda user: [role(DOCTOR, user)], **more)
    stack, opened = open_with(tmp_path, rule, between=between)
    assert opened.status_code == 200
    assert audited(stack, "launch")["without"] == ["chat"]


@pytest.mark.parametrize(
    ("granted", "without"),
    [("user/PractitionerRole.rs user/Practitioner.r", ()), ("user/PractitionerRole.rs", ("chat",)), ("user/Practitioner.r", ("chat",))],
)  # fmt: skip
def test_roles_or_qualifications_that_were_not_granted_may_hold_a_limited_one(
    tmp_path: Path, granted: str, without: tuple[str, ...]
) -> None:
    rule = 'limited = [{ system = "urn:roles", code = "nurse", without = ["chat"] }]'
    config = registered(tmp_path, SCOPE, more=f"[users]\n{rule}")
    known = load_registry(config, origin=APP, production=False).get("sandbox")
    assert known is not None
    user = User(reference="Practitioner/1", subject="1", name="")

    def ehr(request: httpx2.Request) -> httpx2.Response:
        entry = [{"resource": role(DOCTOR, user.reference)}]
        found = {"resourceType": "Bundle", "entry": entry}
        alone = {"resourceType": "Practitioner", "id": "1"}
        return httpx2.Response(200, json=found if request.url.query else alone)

    boundary = Boundary(known.origins(), True, httpx2.MockTransport(ehr))
    admitted = Admission(lambda _: boundary).admit(
        known, known.fhir.iss[0], user, "token", parse_scopes(granted)
    )
    assert (admitted.roles, admitted.without) == (
        ("urn:roles|doctor",) if "Role" in granted else (),
        without,
    )


def test_a_registration_for_patients_opens_for_patients_only(tmp_path: Path) -> None:
    _, refused = open_with(tmp_path, 'kinds = ["Patient"]')
    assert refused.get_json()["code"] == "launch.user_refused"


@pytest.mark.parametrize(
    ("users", "said"),
    [
        ('kinds = ["Robot"]', "Robot"),
        ("kinds = []", "kinds"),
        ('pilot = ["osei"]', "users.pilot osei is not a user"),
        ('limited = [{ system = "s", code = "c", without = ["fly"] }]', "fly"),
        (
            'roles = [{ system = "s", code = "c" }]',
            "users.roles cannot be read: ask for user/Practi",
        ),
    ],
)
def test_a_wrong_rule_stops_the_start_and_names_the_key(
    tmp_path: Path, users: str, said: str
) -> None:
    config = registered(tmp_path, ('"user/Practitioner.r",', ""), more=f"[users]\n{users}")
    with pytest.raises(ConfigurationError, match=said):
        load_registry(config, origin=APP, production=False)
