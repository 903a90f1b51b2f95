"""Which models a process has: from the providers' variables, from the file, built once and late."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.errors import ConfigurationError
from app.llm.catalog import NO_MODEL, Catalog, load
from app.llm.config import ModelConfig, Offered
from app.llm.errors import ModelMissing, ModelNotAllowed, ModelUnreachable
from app.llm.no_llm import NoLanguageModel
from app.llm.synonyms import load as synonyms
from app.settings import Settings
from tests.unit.agent.scripted import Scripted, say
from tests.unit.test_configuration import GOOD

FILE = """
[[model]]
id = "site"
label = "Site model"
dialect = "responses"
client = "azure"
model = "gpt-5.5"
base_url = "https://models.example.org"
api_version = "2026-10-01"
data_handling = "BAA · US · not retained"
baa = true
key_env = "SITE_KEY"
"""


def catalog(variables: dict[str, str], file: Path | None = None) -> Catalog:
    more = {"CHARTSIDE_MODELS": str(file)} if file else {}
    return load(Settings.from_env({**GOOD, **variables, **more}), NoLanguageModel(synonyms()))


def toml(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text, "utf-8")
    return path


def test_without_a_variable_there_is_none_but_the_deterministic_assistant() -> None:
    found = catalog({})
    assert found.configs() == ()
    assert found.model(NO_MODEL).language_model is False
    assert found.config(NO_MODEL) is None
    with pytest.raises(ModelNotAllowed):
        found.model("anthropic")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ANTHROPIC_API_KEY": "k"}, [("anthropic", "anthropic", "claude-sonnet-5-5")]),
        ({"ANTHROPIC_API_KEY": "k", "ANTHROPIC_MODEL": "m"}, [("anthropic", "anthropic", "m")]),
        ({"OPENAI_API_KEY": "k"}, [("openai", "responses", "gpt-5.5")]),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"}, [("compatible", "chat", "")]),
        (
            {"OPENAI_BASE_URL": "https://x.example/v1", "OPENAI_API_KEY": "k", "OPENAI_MODEL": "m"},
            [("compatible", "chat", "m")],
        ),
        (
            {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"},
            [("anthropic", "anthropic", "claude-sonnet-5-5"), ("openai", "responses", "gpt-5.5")],
        ),
    ],
)
def test_the_providers_own_variables_are_enough(
    variables: dict[str, str], expected: list[tuple[str, str, str]]
) -> None:
    found = [(c.id, c.dialect, c.model) for c in catalog(variables).configs()]
    assert found == expected
    # A key says nothing of an agreement: no real chart goes there by itself.
    assert not any(c.baa for c in catalog(variables).configs())


@pytest.mark.parametrize("address", ["http://localhost:8080/v1", "https://gateway.example/v1"])
def test_an_address_never_says_that_nothing_leaves_the_site(address: str, tmp_path: Path) -> None:
    """A server on this machine may be a gateway to a cloud; only the file states where it ends."""
    (guessed,) = catalog({"OPENAI_BASE_URL": address}).configs()
    assert (guessed.local, guessed.data_handling) == (False, "BAA and retention not stated")
    stated = FILE.replace('api_version = "2026-10-01"', "local = true")
    assert "local = true" in stated
    (site,) = catalog({"SITE_KEY": "k"}, toml(tmp_path, stated)).configs()
    assert site.local is True


def test_the_file_names_models_and_its_keys_are_variables(tmp_path: Path) -> None:
    found = catalog({"SITE_KEY": "hidden-value"}, toml(tmp_path, FILE))
    (site,) = found.configs()
    assert (site.id, site.client, site.baa, site.api_version) == (
        "site",
        "azure",
        True,
        "2026-10-01",
    )
    assert "hidden-value" not in repr(vars(found))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (FILE.replace('client = "azure"', 'client = "azur"'), "client"),
        (FILE + "temperature = 1\n", "temperature"),
        (FILE.replace('model = "gpt-5.5"\n', ""), "model"),
        (FILE + FILE, "site stands twice"),
        (FILE.replace('id = "site"', 'id = "none"'), "none"),
        (FILE.replace('id = "site"', 'id = "*"'), "id"),
        (FILE.replace("https://models", "http://models"), "base_url"),
        (
            FILE.replace("https://models", "https://me:hidden@models"),
            "base_url or proxy of site holds",
        ),
        (FILE + 'proxy = "http://me:hidden@proxy:3128"\n', "base_url or proxy of site holds"),
        (FILE.replace("SITE_KEY", "OTHER_KEY"), "OTHER_KEY"),
        ("[models]\n", "models"),
        ("not toml", "models.toml"),
        (FILE.replace("baa = true", 'baa = "yes"'), "baa"),
    ],
)
def test_a_wrong_file_stops_the_start_and_names_the_key(
    tmp_path: Path, wrong: str, named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named.replace("*", r"\*")):
        catalog({"SITE_KEY": "k"}, toml(tmp_path, wrong))


def test_a_missing_file_and_a_wrong_address_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CHARTSIDE_MODELS"):
        catalog({}, tmp_path / "nowhere.toml")
    for address in (
        "models.example",
        "http://models.example/v1",
        "https://me:hidden@models.example/v1",
    ):
        with pytest.raises(ConfigurationError, match="OPENAI_BASE_URL"):
            catalog({"OPENAI_BASE_URL": address})


class Adapter:
    """Counts what it builds, and lists what a test says."""

    def __init__(self, offered: Callable[[], Sequence[Offered]] = tuple) -> None:
        self.built: list[ModelConfig] = []
        self.lists = 0
        self._offered = offered

    def build(self, config: ModelConfig, secret: str) -> Scripted:
        self.built.append(config)
        return Scripted(say(secret))

    def offered(self, config: ModelConfig, secret: str) -> Sequence[Offered]:
        self.lists += 1
        return self._offered()


def scripted(adapter: Adapter, model: str = "m", **more: Any) -> Catalog:
    config = ModelConfig(id="a", label="A", dialect="chat", client="compatible", model=model)
    no_model = NoLanguageModel(synonyms())
    return Catalog([(config, "s")], no_model, adapter=lambda _: adapter, **more)


def test_a_model_is_built_at_its_first_use_and_once() -> None:
    adapter = Adapter()
    found = scripted(adapter)
    assert (found.configs() != (), adapter.built) == (True, [])
    threads = [threading.Thread(target=found.model, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(adapter.built) == 1


def test_the_providers_list_is_asked_in_the_background_once_and_again_later() -> None:
    waiting: list[Callable[[], None]] = []
    now = [0.0]
    one = Offered(id="m", name="M", context_tokens=9, most_tokens=9, retires="2027-01-14")
    adapter = Adapter(lambda: (one,))
    found = scripted(adapter, spawn=waiting.append, clock=lambda: now[0])
    assert (found.offered("a"), found.offered("a"), len(waiting)) == (None, None, 1)
    waiting.pop()()
    assert found.offered("a") == one
    now[0] = 7 * 3600.0
    found.offered("a")
    assert (len(waiting), adapter.lists) == (1, 1)


def test_a_list_that_cannot_be_read_changes_nothing() -> None:
    def broken() -> Sequence[Offered]:
        raise ModelUnreachable("no route")

    found = scripted(Adapter(broken), spawn=lambda work: work())
    assert found.offered("a") is None
    assert found.model("a").language_model


def test_a_server_is_asked_which_model_it_serves() -> None:
    one = Offered(id="llama", name="", context_tokens=0, most_tokens=0, retires="")
    adapter = Adapter(lambda: (one,))
    found = scripted(adapter, model="")
    found.model("a")
    assert adapter.built[0].model == "llama"
    assert found.configs()[0].model == "llama"
    with pytest.raises(ModelMissing):
        scripted(Adapter(), model="").model("a")
