import pytest

from tests.unit.sandbox.parties import ALBA, BASE, BRUNO, CALLBACK, Ehr, answer_of


@pytest.mark.parametrize(
    "redirect_uri", [f"{CALLBACK}/", f"{CALLBACK}?a=b", "http://evil.example/callback", None]
)
def test_an_unregistered_redirect_address_gets_a_page_and_no_redirect(
    ehr: Ehr, redirect_uri: str | None
) -> None:
    response = ehr.authorize(redirect_uri=redirect_uri)
    assert (response.status_code, "Location" in response.headers) == (400, False)


def test_an_unknown_client_gets_a_page_and_no_redirect(ehr: Ehr) -> None:
    response = ehr.authorize(client_id="nobody")
    assert (response.status_code, "Location" in response.headers) == (400, False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"aud": f"{BASE}/"}, "invalid_request"),
        ({"aud": "http://evil.example/fhir"}, "invalid_request"),
        ({"launch": None}, "invalid_request"),
        ({"launch": "guessed"}, "invalid_request"),
        ({"scope": None}, "invalid_request"),
        ({"scope": "patient/*.rs"}, "invalid_scope"),
    ],
)
def test_a_wrong_authorization_request_is_refused_by_redirect_with_its_state(
    ehr: Ehr, changes: dict[str, str | None], error: str
) -> None:
    scope = changes.pop("scope", "launch patient/*.rs")
    answer = answer_of(ehr.authorize(**({"scope": scope} | changes)))  # type: ignore[arg-type]  # None leaves it out
    assert (answer["error"], answer["state"], "code" in answer) == (error, "s-1", False)


def test_a_request_without_state_is_refused(ehr: Ehr) -> None:
    answer = answer_of(ehr.authorize(state=None))
    assert (answer["error"], "code" in answer) == ("invalid_request", False)


def test_a_parameter_sent_twice_is_refused(ehr: Ehr) -> None:
    response = ehr.client.get(f"/auth/authorize?client_id=a&client_id=b&redirect_uri={CALLBACK}")
    assert response.status_code == 400


def test_a_launch_counts_once(ehr: Ehr) -> None:
    launch = ehr.state.start(ALBA)
    assert "code" in answer_of(ehr.authorize(launch=launch))
    assert answer_of(ehr.authorize(launch=launch))["error"] == "invalid_request"


def test_a_launch_expires(ehr: Ehr) -> None:
    launch = ehr.state.start(ALBA)
    ehr.clock.forward(300)
    assert answer_of(ehr.authorize(launch=launch))["error"] == "invalid_request"


def test_a_launch_of_another_client_is_refused_and_stays_good_for_its_own(ehr: Ehr) -> None:
    launch = ehr.state.start(BRUNO, client_id="other-app")
    assert answer_of(ehr.authorize(launch=launch))["error"] == "invalid_request"
    own = ehr.authorize(
        launch=launch, client_id="other-app", redirect_uri="http://other.localhost:9005/callback"
    )
    assert "code=" in own.location


def test_a_form_post_is_accepted(ehr: Ehr) -> None:
    query = {"client_id": "chartside-sandbox", "redirect_uri": CALLBACK, "state": "s-2"}
    answer = answer_of(ehr.client.post("/auth/authorize", data=query))
    assert (answer["error"], answer["state"]) == ("invalid_request", "s-2")


def test_every_launch_and_code_is_new(ehr: Ehr) -> None:
    assert len({ehr.state.start(ALBA) for _ in range(5)} | {ehr.code() for _ in range(5)}) == 10
