"""A language model in a real browser: cited and checked while it streams, chosen in the menu, failing with ways on."""

import json
import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.doubles import streams
from tests.doubles.provider import STREAM_HEAD, Connection, Provider, refuses
from tests.e2e.conftest import NewContext, Servers, panel, started
from tests.e2e.test_main_job import ask, axe

pytestmark = pytest.mark.e2e
OVERLOADED = refuses(529, {"type": "error", "error": {"type": "overloaded_error"}})


def writes(connection: Connection) -> None:
    """Cite the potassium of the overview: once truly, once with a wrong value; and what nobody gave."""
    body = connection.provider.asked[-1].body or {}
    if not body.get("stream"):
        return refuses(404)(connection)
    row = re.search(r"(L\d+) Potassium", json.dumps(body))
    assert row
    true, wrong = (
        "Potassium was 5.6 mmol/L on 19-Nov-2026",
        "Potassium was 4.9 mmol/L on 14-Oct-2026",
    )
    prose = (
        f"{true} [{row[1]}a]. {wrong} [{row[1]}b]. Spironolactone raises potassium (General knowledge). "
        f"She fell twice [L99a].\n\n[show {row[1]}]\n"
    )  # fmt: skip
    pieces = tuple(re.findall(r".{1,9}", prose, re.DOTALL))
    return connection.send(STREAM_HEAD + b"".join(streams.anthropic_text(pieces=pieces)))


@pytest.fixture(scope="module")
def with_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Both servers with two models behind doubles: the first writes, the second is overloaded."""
    folder = tmp_path_factory.mktemp("models")
    with Provider(writes) as writer, Provider(OVERLOADED) as busy:
        models = folder / "models.toml"
        models.write_text(
            "".join(
                f'[[model]]\nid = "{name}"\nlabel = "{label}"\ndialect = "anthropic"\nclient = "anthropic"\n'
                f'model = "{name}-1"\nbase_url = "{provider.url}"\nlocal = true\nkey_env = "DOUBLE_KEY"\n'
                'data_handling = "this machine · not retained"\n'
                for name, label, provider in (("writer", "Writer", writer), ("busy", "Busy", busy))
            )
        )
        environ = {**os.environ, "CHARTSIDE_MODELS": str(models), "DOUBLE_KEY": "none"}
        with started(folder, environ) as servers:
            yield servers


def choose(page: Page, name: str) -> None:
    panel(page).get_by_role("button", name="Menu").first.click()
    row = panel(page).locator(".picker button.model", has_text=name)
    row.click()
    expect(row).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")


def test_an_answer_is_checked_while_it_streams(
    with_models: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    page.goto(f"{with_models.chart('marlena')}&width=full")
    expect(panel(page).locator(".card")).to_be_visible()
    ask(page, "What is the potassium?")
    answer = panel(page).locator("article.turn")
    expect(answer.locator(".prov")).to_contain_text("Writer (writer-1)")
    expect(answer.locator(".prov")).to_contain_text("this machine · not retained")
    expect(answer).to_contain_text(
        "1 of 3 statements does not match its source, and 1 has no source"
    )
    expect(answer).to_contain_text("General knowledge")
    expect(answer).to_contain_text("No source")
    assert "L99a" not in answer.inner_text()
    assert "[show" not in answer.inner_text()
    expect(answer.locator("figure svg:visible").first).to_be_visible()
    assert axe(page, with_models) == []


def test_a_model_is_chosen_in_the_menu_and_remembered(
    with_models: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    page.goto(with_models.chart("marlena"))
    expect(panel(page).locator(".card")).to_be_visible()
    choose(page, "No language model")
    ask(page, "What was the last potassium?")
    expect(panel(page).locator("article.turn")).to_contain_text("No language model.")
    assert with_models.app in page.frames[-1].url
    page.frames[-1].evaluate("location.reload()")
    panel(page).get_by_role("button", name="Menu").first.click()
    kept = panel(page).locator(".picker button[aria-pressed=true]")
    expect(kept).to_contain_text("No language model")


def test_a_failing_model_loses_nothing_and_shows_ways_on(
    with_models: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    page.goto(with_models.chart("marlena"))
    expect(panel(page).locator(".card")).to_be_visible()
    choose(page, "Busy")
    ask(page, "What was the last potassium?")
    failure = panel(page).locator(".failure")
    expect(failure).to_contain_text("The language model is overloaded.")
    assert axe(page, with_models) == []
    expect(failure.get_by_role("button", name="Ask Writer instead")).to_be_visible()
    failure.get_by_role("button", name="Show chart rows without a model").click()
    answers = panel(page).locator("article.turn")
    expect(answers.last).to_contain_text("No language model.")
    expect(answers.last).to_contain_text("5.6")
