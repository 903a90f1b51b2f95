"""The ways to reach a model: built without a network, one origin each, and clear words where something is missing."""

import importlib.util
from dataclasses import replace
from types import ModuleType
from typing import Any

import httpx2
import pytest

from app.errors import ConfigurationError
from app.llm import anthropic, clouds, openai_chat, openai_clients, openai_responses
from app.llm.config import Client, Dialect, ModelConfig, Offered
from app.llm.errors import ModelFailed, ModelKeyRefused
from tests.doubles.dialects import (
    ANTHROPIC,
    CHAT,
    QUICK,
    RESPONSES,
    WIRES,
    Wire,
    heard,
    text_of,
)
from tests.doubles.provider import Provider, answers, refuses
from tests.doubles.provider import streams as sends
from tests.doubles.streams import SAID

MODULES: dict[Dialect, ModuleType] = {
    "anthropic": anthropic, "responses": openai_responses, "chat": openai_chat,
}  # fmt: skip
# dialect, client, fields, the address that is called
WAYS: tuple[tuple[Dialect, Client, dict[str, str], str], ...] = (
    ("anthropic", "anthropic", {}, "https://api.anthropic.com/"),
    ("anthropic", "foundry", {"base_url": "https://r.services.ai.azure.com/anthropic/"}, "https://r.services.ai.azure.com/anthropic/"),
    ("anthropic", "bedrock", {"region": "us-east-1"}, "https://bedrock-mantle.us-east-1.api.aws/anthropic/"),
    ("anthropic", "vertex", {"region": "us-east5", "project": "p"}, "https://us-east5-aiplatform.googleapis.com/v1/"),
    ("anthropic", "vertex", {"region": "eu", "project": "p"}, "https://aiplatform.eu.rep.googleapis.com/v1/"),
    ("responses", "openai", {}, "https://api.openai.com/v1/"),
    ("responses", "azure", {"base_url": "https://r.openai.azure.com"}, "https://r.openai.azure.com/openai/v1/"),
    ("responses", "azure", {"base_url": "https://r.openai.azure.com", "api_version": "2026-05-01"}, "https://r.openai.azure.com/openai/"),
    ("responses", "bedrock", {"region": "us-east-1"}, "https://bedrock-mantle.us-east-1.api.aws/openai/v1/"),
    ("responses", "vertex", {"region": "global", "project": "p"}, "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi/"),
    ("chat", "compatible", {"base_url": "http://127.0.0.1:8080/v1"}, "http://127.0.0.1:8080/v1/"),
)  # fmt: skip


def config(dialect: Dialect, client: Client, **fields: Any) -> ModelConfig:
    return ModelConfig(id="m", label="", dialect=dialect, client=client, model="m-1", **fields)


@pytest.mark.parametrize(("dialect", "client", "fields", "address"), WAYS, ids=[f"{d} {c} {n}" for n, (d, c, _, _) in enumerate(WAYS)])  # fmt: skip
def test_each_way_calls_its_own_address(
    dialect: Dialect,
    client: Client,
    fields: dict[str, str],
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "AWS_BEDROCK_BASE_URL", "ANTHROPIC_VERTEX_BASE_URL"):  # fmt: skip
        monkeypatch.setenv(name, "https://stray.invalid")
    made: Any = MODULES[dialect].build(config(dialect, client, **fields), "secret")
    try:
        assert str(made._sdk.base_url).rstrip("/") == address.rstrip("/")
        assert made._sdk.max_retries == 0
    finally:
        made.close()


def test_azure_takes_its_key_where_each_of_its_apis_wants_it() -> None:
    with Provider(refuses(401)) as provider:
        for version in ("", "2026-05-01"):
            azure = config("chat", "azure", base_url=provider.url, api_version=version)
            with pytest.raises(ModelKeyRefused):
                openai_clients.offered(azure, "a-key")
    new, dated = (a.headers for a in provider.asked)
    assert (new["authorization"], dated["api-key"]) == ("Bearer a-key", "a-key")


# How each cloud is spoken to: the path and where the key stands.
CLOUDS: tuple[tuple[Dialect, Client, dict[str, str], str], ...] = (
    ("anthropic", "bedrock", {"region": "us-east-1"}, "/v1/messages"),
    ("anthropic", "vertex", {"region": "eu", "project": "p"}, "/projects/p/locations/eu/publishers/anthropic/models/m-1:streamRawPredict"),
    ("anthropic", "foundry", {}, "/v1/messages"),
    ("responses", "bedrock", {"region": "us-east-1"}, "/responses"),
    ("responses", "vertex", {"region": "eu", "project": "p"}, "/responses"),
    ("responses", "azure", {}, "/openai/v1/responses"),
    ("chat", "azure", {"api_version": "2026-05-01"}, "/openai/deployments/m-1/chat/completions?api-version=2026-05-01"),
    ("chat", "bedrock", {"region": "us-east-1"}, "/chat/completions"),
)  # fmt: skip


@pytest.mark.parametrize(("dialect", "client", "fields", "path"), CLOUDS, ids=[f"{d} {c}" for d, c, _, _ in CLOUDS])  # fmt: skip
def test_an_answer_comes_through_every_cloud(
    dialect: Dialect, client: Client, fields: dict[str, str], path: str
) -> None:
    wire = next(w for w in WIRES if w.name == dialect)
    with Provider(sends(wire.text())) as provider:
        one = config(dialect, client, base_url=provider.url, **fields)
        model = MODULES[dialect].build(one, "a-key", QUICK)
        try:
            assert text_of(heard(model)) == "".join(SAID)
        finally:
            model.close()
    asked = provider.asked[0]
    assert asked.path == path
    assert "a-key" in asked.headers.get("authorization", "") + asked.headers.get("api-key", "")


MISSING: tuple[tuple[Dialect, Client, dict[str, str], str, str], ...] = (
    ("anthropic", "anthropic", {}, "", "needs a key"),
    ("anthropic", "foundry", {}, "k", "needs a base_url"),
    ("anthropic", "bedrock", {}, "k", "needs a region"),
    ("anthropic", "vertex", {"region": "eu"}, "k", "needs a project"),
    ("anthropic", "compatible", {"base_url": "http://x"}, "k", "does not speak"),
    ("responses", "openai", {}, "", "needs a key"),
    ("responses", "foundry", {"base_url": "http://x"}, "k", "does not speak"),
    ("chat", "compatible", {}, "", "needs a base_url"),
    ("chat", "azure", {}, "k", "needs a base_url"),
    ("chat", "compatible", {"base_url": "file:///etc/passwd"}, "", "not an http"),
    ("chat", "compatible", {"base_url": "http://[::1"}, "", "not an address"),
)


@pytest.mark.parametrize(("dialect", "client", "fields", "secret", "words"), MISSING, ids=range(len(MISSING)))  # fmt: skip
def test_what_is_missing_is_named(
    dialect: Dialect, client: Client, fields: dict[str, str], secret: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        MODULES[dialect].build(config(dialect, client, **fields), secret)


PACKAGES: tuple[tuple[Dialect, Client, dict[str, str], str], ...] = (
    ("anthropic", "bedrock", {"region": "us-east-1"}, "boto3"),
    ("responses", "bedrock", {"region": "us-east-1"}, "botocore"),
    ("anthropic", "vertex", {"region": "eu", "project": "p"}, "google-auth"),
    ("responses", "vertex", {"region": "eu", "project": "p"}, "google-auth"),
)


@pytest.mark.parametrize(("dialect", "client", "fields", "package"), PACKAGES, ids=[f"{d} {c}" for d, c, _, _ in PACKAGES])  # fmt: skip
def test_a_missing_package_is_named(
    dialect: Dialect,
    client: Client,
    fields: dict[str, str],
    package: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cloud's own credentials need what only some sites install."""
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    # Absent also where a developer has installed it.
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=f"package {package} is missing"):
        MODULES[dialect].build(config(dialect, client, **fields), "")


@pytest.mark.parametrize("wire", [ANTHROPIC, CHAT], ids=["anthropic", "openai"])
def test_headers_from_the_environment_are_refused(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = {"anthropic": "ANTHROPIC_CUSTOM_HEADERS"}.get(wire.name, "OPENAI_CUSTOM_HEADERS")
    monkeypatch.setenv(name, "Authorization: Bearer stray")
    with pytest.raises(ConfigurationError, match=name):
        wire.model("http://127.0.0.1:9")


def test_a_client_reaches_its_own_origin_only() -> None:
    with Provider(answers({})) as provider:
        made: Any = CHAT.model("http://127.0.0.1:9")
        with pytest.raises(ModelFailed, match="origin"):
            made._sdk._client.send(httpx2.Request("GET", provider.url))
        assert provider.asked == []


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="proxy"):
        CHAT.model("https://127.0.0.1:9")


def test_a_secret_that_is_no_service_account_is_refused_without_quoting_it(monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    class Credentials:
        @staticmethod
        def from_service_account_info(*_: object, **__: object) -> None:
            raise ValueError("the key SECRET")

    module = ModuleType("google")
    module.Credentials = Credentials  # type: ignore[attr-defined]
    # The package is optional.
    monkeypatch.setattr(clouds.importlib, "import_module", lambda _: module)  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError) as raised:
        clouds.service_account('{"private_key": "SECRET"}')
    assert "SECRET" not in str(raised.value)


def test_anthropics_own_list_says_when_a_model_retires() -> None:
    listed = {
        "data": [
            {
                "id": "m-2", "type": "model", "display_name": "Model 2", "created_at": "2026-01-01T00:00:00Z",
                "lifecycle": "active", "max_input_tokens": 200_000, "max_tokens": 64_000,
                "retires_at": "2027-11-30T00:00:00Z",
            },
            {"id": "m-1", "type": "model", "display_name": "", "created_at": "2026-01-01T00:00:00Z", "lifecycle": "active"},
        ],
        "has_more": False, "first_id": "m-2", "last_id": "m-1",
    }  # fmt: skip
    with Provider(answers(listed)) as provider:
        found = anthropic.offered(ANTHROPIC.config(provider.url), "k")
    assert found == (
        Offered(id="m-2", name="Model 2", context_tokens=200_000, most_tokens=64_000, retires="2027-11-30"),
        Offered(id="m-1", name="m-1", context_tokens=0, most_tokens=0, retires=""),
    )  # fmt: skip
    assert anthropic.offered(config("anthropic", "bedrock", region="us-east-1"), "k") == ()


@pytest.mark.parametrize("wire", [RESPONSES, CHAT], ids=["responses", "chat"])
def test_openais_list_says_what_the_server_says(wire: Wire) -> None:
    listed = {
        "object": "list",
        "data": [
            {"id": "a", "object": "model", "created": 1, "owned_by": "x", "shutdown_date": "2026-12-11"},
            {"id": "b", "object": "model", "created": 1, "owned_by": "vllm", "max_model_len": 8192},
            {"id": "c", "object": "model", "created": 1, "owned_by": "llamacpp", "meta": {"n_ctx_train": 4096}},
        ],
    }  # fmt: skip
    with Provider(answers(listed)) as provider:
        found = MODULES[wire.name].offered(wire.config(provider.url), "k")
    assert [replace(o, name="") for o in found] == [
        Offered(id="a", name="", context_tokens=0, most_tokens=0, retires="2026-12-11"),
        Offered(id="b", name="", context_tokens=8192, most_tokens=0, retires=""),
        Offered(id="c", name="", context_tokens=4096, most_tokens=0, retires=""),
    ]


def test_a_list_that_cannot_be_read_is_a_failure(wire: Wire) -> None:
    with Provider(refuses(401), answers([1]), answers({"data": 7})) as provider:
        for _ in range(3):
            with pytest.raises(ModelFailed):
                MODULES[wire.name].offered(wire.config(provider.url), "k")
