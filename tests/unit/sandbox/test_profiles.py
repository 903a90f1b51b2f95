"""Vendor profiles at the EHR's own door: each differs from the strict one exactly as its data says."""

from pathlib import Path
from typing import Any

import pytest
from joserfc import jws

from sandbox import create_app, sandbox_state
from sandbox.faults import DOORS
from sandbox.profiles import PROFILES
from sandbox.settings import SandboxConfigurationError, SandboxSettings
from tests.unit.sandbox.parties import ALBA, BASE, BRUNO, Ehr


def codes(bundle: dict[str, Any]) -> list[str]:
    """Return the numbers of a searchset's messages, or its refusal's."""
    resources = [one["resource"] for one in bundle.get("entry", [])]
    outcomes = [one for one in [bundle, *resources] if one["resourceType"] == "OperationOutcome"]
    return [
        issue["details"]["coding"][0]["code"] if "details" in issue else issue["code"]
        for one in outcomes
        for issue in one["issue"]
    ]


def asked(ehr: Ehr, profile: str, path: str) -> tuple[int, dict[str, Any]]:
    token = ehr.tokens(launch=ehr.state.start(ALBA, profile=profile))["access_token"]
    answer = ehr.fhir(path, token)
    body: dict[str, Any] = answer.get_json()
    return answer.status_code, body


@pytest.mark.parametrize(
    ("profile", "path", "said"),
    [
        ("strict", f"AllergyIntolerance?patient={ALBA}", []),
        ("epic-like", f"AllergyIntolerance?patient={ALBA}", ["4119"]),
        ("epic-like", f"DocumentReference?patient={ALBA}", ["4119", "59204"]),
        ("oracle-like", f"AllergyIntolerance?patient={ALBA}", []),
    ],
)
def test_a_search_is_told_what_the_profile_says(
    ehr: Ehr, profile: str, path: str, said: list[str]
) -> None:
    status, body = asked(ehr, profile, path)
    modes = [one["search"]["mode"] for one in body.get("entry", [])]
    assert (status, codes(body)) == (200, said)
    assert modes.count("outcome") == len(said)


@pytest.mark.parametrize(
    ("profile", "answered"),
    [("strict", (200, [])), ("epic-like", (400, ["59108"])), ("oracle-like", (200, []))],
)
def test_observations_without_a_category_are_refused_by_one(
    ehr: Ehr, profile: str, answered: tuple[int, list[str]]
) -> None:
    status, body = asked(ehr, profile, f"Observation?patient={ALBA}")
    assert (status, codes(body)) == answered


def test_the_second_page_of_a_search_has_expired_at_one(ehr: Ehr) -> None:
    first = f"Observation?patient={ALBA}&category=laboratory&_count=10"
    status, body = asked(ehr, "epic-like", first)
    [further] = [one["url"] for one in body["link"] if one["relation"] == "next"]
    assert (status, body["total"]) == (200, 45)
    status, body = asked(ehr, "epic-like", further.removeprefix(f"{BASE}/"))
    assert (status, codes(body)) == (400, ["4113"])


def test_allergies_that_nobody_asked_about_are_a_resource_at_one_and_an_empty_list_at_another(
    ehr: Ehr, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The small charts here all have an allergy: its patient is asked for under another's launch.
    monkeypatch.setattr(ehr.state.data_plane, "search", lambda *_: {
        "resourceType": "Bundle", "type": "searchset", "total": 0, "link": [],
    })  # fmt: skip
    path = f"AllergyIntolerance?patient={ALBA}"
    found = {name: asked(ehr, name, path)[1].get("entry", []) for name in PROFILES}
    [stated, remark] = found["epic-like"]
    assert stated["resource"]["code"]["coding"][0]["code"] == "1631000175102"
    assert remark["search"] == {"mode": "outcome"}
    assert found["oracle-like"] == []


def test_tokens_live_as_long_as_the_profile_says(ehr: Ehr) -> None:
    lives = {
        name: ehr.tokens(launch=ehr.state.start(ALBA, profile=name))["expires_in"]
        for name in PROFILES
    }
    assert (lives["strict"], lives["oracle-like"]) == (3600, 570)
    tokens = ehr.tokens(launch=ehr.state.start(ALBA, profile="oracle-like"))
    ehr.clock.forward(570)
    assert ehr.fhir(f"Patient/{ALBA}", tokens["access_token"]).status_code == 401


def test_a_profile_belongs_to_the_launch_the_client_or_the_instance(sandbox_folder: Path) -> None:
    settings = SandboxSettings(
        data_folder=sandbox_folder / "run",
        chart_folders=(sandbox_folder / ALBA, sandbox_folder / BRUNO),
        profile="oracle-like",
    )
    state = sandbox_state(create_app(settings))
    client = settings.clients[0].client_id
    assert state.context(ALBA, client).profile.name == "oracle-like"
    assert state.context(ALBA, client, profile="epic-like").profile.name == "epic-like"
    state.data_plane.close()


def test_the_page_offers_every_profile_and_launches_with_the_chosen_one(ehr: Ehr) -> None:
    page = ehr.client.get(f"/chart/{ALBA}?app=chartside&profile=oracle-like").text
    assert [f'value="{name}"' in page for name in PROFILES] == [True] * len(PROFILES)
    assert 'value="oracle-like" selected' in page
    assert ">As Of</button>" in page
    relaunch = ehr.client.post(f"/chart/{ALBA}/launches?profile=oracle-like").get_json()["url"]
    launch = ehr.state.launches.peek(relaunch.rpartition("launch=")[2])
    assert launch is not None
    assert launch.profile.name == "oracle-like"


def test_an_unknown_profile_is_named_at_start() -> None:
    with pytest.raises(SandboxConfigurationError, match="SANDBOX_PROFILE must be one of strict"):
        SandboxSettings.from_env({"SANDBOX_PROFILE": "cerner"})


def test_a_user_is_named_as_the_profile_names_it(ehr: Ehr) -> None:
    tokens = ehr.tokens("launch openid fhirUser", launch=ehr.state.start(ALBA, profile="epic-like"))
    claims = jws.extract_compact(tokens["id_token"].encode()).payload
    assert f'"fhirUser":"{BASE}/Practitioner/osei"'.encode() in claims.replace(b" ", b"")


def test_every_profile_and_every_fault_is_described() -> None:
    page = Path("docs/sandbox.md").read_text("utf-8")
    assert [name for name in (*PROFILES, *DOORS) if f"`{name}`" not in page] == []
