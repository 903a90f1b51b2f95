"""Which model answers: what a launch may choose, and that nothing a page sends goes round it."""

import os
from pathlib import Path

import pytest

from app.llm.config import Offered
from app.web import chat
from tests.interaction.model.models import (
    Provider,
    answered,
    details,
    failed,
    follow,
    launch_config,
    provider,
    restarted,
)
from tests.requirements import requirement
from tests.stack import Launched, Stack, make_stack


def test_a_launch_is_offered_the_sites_models_and_always_none(stack: Stack) -> None:
    launched = stack.browser().launch()
    launched.get("/card")
    found = launched.get("/model").get_json()
    assert found["current"] == "a"
    assert [(c["id"], c["language_model"], c["why_not"]) for c in found["choices"]] == [
        ("a", True, ""),
        ("b", True, ""),
        ("none", False, ""),
    ]
    assert found["choices"][0]["data_handling"] == "BAA · US · not retained"
    assert launched.get().get_json()["model"] == {
        "name": "Model a",
        "language_model": True,
        "data_handling": "BAA · US · not retained",
    }


def test_every_answer_names_its_model_and_where_the_text_went(stack: Stack) -> None:
    launched = stack.browser().launch()
    launched.get("/card")
    feet = [
        e["value"] for e in launched.ask("Any allergies?") if e.get("name") == "chartside.answered"
    ]
    assert [(f["model"], f["data_handling"]) for f in feet] == [
        ("Model a (a-1)", "BAA · US · not retained")
    ]
    assert feet[0]["provenance"] == "Chart read 20-Nov-2026 08:42."
    none = launched.ask("Any allergies?", "turn-0002", model="none")
    (foot,) = [e["value"] for e in none if e.get("name") == "chartside.answered"]
    assert (foot["model"], foot["data_handling"]) == ("", "")
    assert "General knowledge" not in foot["provenance"]


def test_every_answer_without_a_model_says_why(stack: Stack) -> None:
    launched = stack.browser().launch()
    launched.get("/card")

    def why(turn_id: str, model: str = "") -> str:
        events = launched.ask("Any allergies?", turn_id, model=model)
        (foot,) = [e["value"] for e in events if e.get("name") == "chartside.answered"]
        return str(foot["why_no_model"])

    assert why("turn-0001") == ""
    assert why("turn-0002", "none") == "You asked for rows without one."
    assert launched.get("/model").get_json()["why_none"] == ""
    assert launched.put("/model", {"id": "none"}).get_json()["why_none"] == (
        "None was chosen in the menu."
    )
    assert why("turn-0003") == "None was chosen in the menu."


def test_a_choice_is_remembered_audited_and_survives_a_restart(
    stack: Stack, models: Provider
) -> None:
    launched = stack.browser().launch()
    launched.get("/card")
    assert launched.put("/model", {"id": "b"}).get_json()["current"] == "b"
    assert answered(launched.ask("Any allergies?")) == "Model b (b-1)"
    assert details(stack, launched, "model") == [{"model": "b", "before": "a"}]
    after = restarted(stack, models)
    again = follow(launched, after)
    assert again.get("/model").get_json()["current"] == "b"
    assert answered(again.ask("Any allergies?", "turn-0002")) == "Model b (b-1)"


def test_one_turn_may_be_answered_by_another_model_or_by_none(
    stack: Stack, models: Provider
) -> None:
    launched = stack.browser().launch()
    launched.get("/card")
    assert answered(launched.ask("Any allergies?", "turn-0001", model="b")) == "Model b (b-1)"
    before = len(models.models["a"].requests)
    assert answered(launched.ask("Any allergies?", "turn-0002", model="none")) == ""
    assert len(models.models["a"].requests) == before
    assert answered(launched.ask("Any allergies?", "turn-0003")) == "Model a (a-1)"
    assert launched.get("/model").get_json()["current"] == "a"


@requirement("attack-67")
@pytest.mark.parametrize("forged", ["c", "", "*", "../b", "b\x00", "x" * 5000])
def test_a_forged_choice_is_refused_and_audited(
    stack: Stack, models: Provider, forged: str
) -> None:
    launched = stack.browser().launch()
    launched.get("/card")
    refused = launched.put("/model", {"id": forged})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "model.not_allowed")
    assert launched.get("/model").get_json()["current"] == "a"
    assert details(stack, launched, "refusal")[-1] == {
        "code": "model.not_allowed",
        "count": 1,
        "model": "unknown",
    }


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"id": 7}', b"{" * 500])
def test_a_body_without_a_model_is_refused(stack: Stack, body: bytes) -> None:
    launched = stack.browser().launch()
    refused = launched.client.put(
        f"/api/launches/{launched.launch_id}/model",
        base_url="http://app.localhost:9001",
        data=body,
        headers={"Authorization": f"Bearer {launched.key}"},
    )
    assert refused.status_code == 403


@requirement("attack-67")
def test_a_forged_model_of_one_turn_is_refused_like_any_other(
    stack: Stack, models: Provider
) -> None:
    launched = stack.browser().launch()
    launched.get("/card")
    events = launched.ask("Any allergies?", model="c")
    assert [e["type"] for e in events] == ["RUN_STARTED", "CUSTOM", "RUN_ERROR"]
    assert (events[-1]["code"], failed(events)["ways"]) == (
        "model.not_allowed",
        ["other_model", "no_model"],
    )
    assert sum(len(m.requests) for m in models.models.values()) == 0
    # The refused question is kept in the conversation, so that it can be asked again.
    assert launched.get().get_json()["conversation"][0]["question"] == "Any allergies?"


@requirement("attack-67")
def test_without_a_models_table_no_language_model_is_ever_called(tmp_path: Path) -> None:
    models = provider("a")
    stack = make_stack(tmp_path, catalog=models.catalog, launch_config=launch_config(tmp_path, ""))
    launched = stack.browser().launch()
    launched.get("/card")
    found = launched.get("/model").get_json()
    assert [c["id"] for c in found["choices"]] == ["none"]
    assert found["why_none"] == "This site has set up no language model here."
    assert answered(launched.ask("Any allergies?")) == ""
    assert failed(launched.ask("Any allergies?", "turn-0002", model="a"))["ways"] == ["no_model"]
    assert models.asked == 0


def test_a_model_that_the_site_switches_off_is_not_used_at_the_next_turn(tmp_path: Path) -> None:
    models = provider("a", "b")
    folder = launch_config(tmp_path, '[models]\nallowed = ["a", "b"]\ndefault = "b"\n')
    stack = make_stack(tmp_path, catalog=models.catalog, launch_config=folder)
    launched = stack.browser().launch()
    launched.get("/card")
    assert answered(launched.ask("Any allergies?")) == "Model b (b-1)"
    launch_config(tmp_path, '[models]\nallowed = ["a"]\n')
    os.utime(folder / "sandbox.toml", (1, 1))
    before = len(models.models["b"].requests)
    events = launched.ask("Any allergies?", "turn-0002")
    assert (events[-1]["code"], failed(events)["ways"]) == (
        "model.not_allowed",
        ["other_model", "no_model"],
    )
    assert len(models.models["b"].requests) == before
    found = launched.get("/model").get_json()
    assert found["current"] == "b"
    assert {c["id"]: c["why_not"] for c in found["choices"]}["b"].startswith("This site does not")
    (folder / "sandbox.toml").write_text("not toml")
    assert launched.ask("Any allergies?", "turn-0003", model="a")[-1]["code"] == "model.not_allowed"


def test_the_providers_list_tells_when_a_model_retires(stack: Stack, models: Provider) -> None:
    models.offered = [
        Offered(id="a-1", name="A", context_tokens=0, most_tokens=512, retires="2027-01-14")
    ]
    launched = stack.browser().launch()
    launched.get("/card")
    choices = launched.get("/model").get_json()["choices"]
    assert [c["retires"] for c in choices] == ["14-Jan-2027", "", ""]
    launched.ask("Any allergies?")
    assert {r.most_tokens for r in models.models["a"].requests} == {512}


def test_a_key_on_another_launchs_address_is_audited_under_its_own_launch(stack: Stack) -> None:
    marlena, other = stack.browser().launch("marlena"), stack.browser().launch("typical")
    crossed = Launched(launch_id=other.launch_id, key=marlena.key, client=marlena.client)
    assert crossed.get("/model").status_code == 404
    assert crossed.put("/model", {"id": "b"}).status_code == 404
    assert details(stack, other, "refusal") == []
    found = details(stack, marlena, "refusal")
    assert found == [{"code": "session.other_launch", "count": 1}] * 2
    assert other.get("/model").get_json()["current"] == "a"


def test_a_further_turn_waits_for_no_thread_and_writes_nothing_that_is_kept(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is at hand is looked at where it is; what IT switched off is still asked for with every turn."""
    launched = stack.browser().launch()
    launched.ask("Any allergies?", "turn-0001")
    launched.ask("Any allergies?", "turn-0002")
    seen: list[str] = []

    def note(place: object, name: str) -> None:
        real = getattr(place, name)

        def noted(*given: object, **more: object) -> object:
            seen.append(name)
            return real(*given, **more)

        monkeypatch.setattr(place, name, noted)  # only notes

    note(chat, "aside")
    note(stack.services.conversations, "keep_ledger")
    note(stack.services.switches._rows, "all")
    launched.ask("Any allergies?", "turn-0003")
    assert seen == ["all", "all"]


def test_a_turn_asks_the_store_once_what_its_launch_has_chosen(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question is a wait for the interpreter: with hundreds of turns they are what a new one waits for."""
    launched = stack.browser().launch()
    launched.ask("Any allergies?", "turn-0001")
    asked: list[str] = []
    choice = stack.services.conversations.model_choice

    def counted(launch_id: str) -> str:
        asked.append(launch_id)
        return choice(launch_id)

    monkeypatch.setattr(stack.services.conversations, "model_choice", counted)  # only counts
    assert answered(launched.ask("Any allergies?", "turn-0002")) == "Model a (a-1)"
    assert asked == [launched.launch_id]
