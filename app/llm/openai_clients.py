"""The ways to reach a model through OpenAI's SDK: OpenAI, Azure, Bedrock, Vertex, and servers that speak the same."""

from typing import Any

import openai
from openai import NOT_GIVEN
from openai.providers import bedrock, vertex

from app.errors import ConfigurationError
from app.llm import clouds
from app.llm.asking import listed
from app.llm.config import Client, ModelConfig, Offered
from app.llm.fields import Json, number, part
from app.llm.transport import http_client

ADDRESS = "https://api.openai.com/v1"
# Where servers say how much a model reads: vLLM, LM Studio and OpenRouter, Groq, llama.cpp.
CONTEXT = (
    ("max_model_len",), ("context_length",), ("context_window",), ("meta", "n_ctx"), ("meta", "n_ctx_train"),
)  # fmt: skip
# A server that asks for no key is still sent a header.
NO_KEY = "none"


def client(kind: Client, config: ModelConfig, secret: str) -> openai.OpenAI:
    """Return the vendor's client for one way to reach the model; nothing is sent.

    `secret` is an API key (OpenAI, Azure, Bedrock, compatible servers, where it may be empty) or as with Anthropic
    for Vertex; empty means the cloud's own credentials on this machine (Bedrock, Vertex).

    Raises:
        ConfigurationError: a field or a package is missing, or there is no such way.
    """
    clouds.refuse_stray_headers("OPENAI_CUSTOM_HEADERS")
    address = config.base_url or _address(kind, config)
    fixed: dict[str, Any] = {
        "http_client": http_client(address, config.proxy, config.ca_file), "max_retries": 0,
        "default_headers": {"Accept-Encoding": "identity"},
    }  # fmt: skip
    # Empty, not None: None would have the SDK read the environment.
    own: dict[str, Any] = {**fixed, "organization": "", "project": "", "admin_api_key": ""}
    match kind:
        case "openai":
            key = clouds.needed(secret, "key", config)
            return openai.OpenAI(api_key=key, base_url=address, **own)
        case "compatible":
            return openai.OpenAI(api_key=secret or NO_KEY, base_url=address, **own)
        case "azure":
            return _azure(config, secret, address, own)
        case "bedrock":
            clouds.need_aws(secret, "botocore")
            region = clouds.needed(config.region, "region", config)
            way = bedrock(region=region, base_url=address, api_key=secret or NOT_GIVEN)
            return openai.OpenAI(provider=way, **fixed)
        case "vertex":
            return openai.OpenAI(provider=_vertex(config, secret, address), **fixed)
        case "anthropic" | "foundry":
            raise ConfigurationError(f"model {config.id}: {kind} does not speak this dialect")


def _azure(config: ModelConfig, secret: str, address: str, own: dict[str, Any]) -> openai.OpenAI:
    """Return a client for a resource: with `api_version` its dated API, without the one that is OpenAI's own."""
    key = clouds.needed(secret, "key", config)
    if config.api_version:
        return openai.AzureOpenAI(
            azure_endpoint=address, api_version=config.api_version, api_key=key, **own
        )
    base = address.rstrip("/").removesuffix("/openai/v1")
    return openai.OpenAI(api_key=key, base_url=f"{base}/openai/v1", **own)


def _vertex(config: ModelConfig, secret: str, address: str) -> Any:
    google = clouds.google_keys(secret)
    token = google.get("access_token")
    ways = {"token_provider": lambda: token} if token else google
    return vertex(
        project=clouds.needed(config.project, "project", config),
        location=clouds.needed(config.region, "region", config),
        base_url=address,
        **ways,
    )


def _address(kind: Client, config: ModelConfig) -> str:
    match kind:
        case "openai":
            return ADDRESS
        case "bedrock":
            region = clouds.needed(config.region, "region", config)
            return f"https://bedrock-mantle.{region}.api.aws/openai/v1"
        case "vertex":
            project = clouds.needed(config.project, "project", config)
            place = f"projects/{project}/locations/{config.region}/endpoints/openapi"
            return f"{clouds.google_address(config)}/v1/{place}"
        case _:
            return clouds.needed("", "base_url", config)


def offered(config: ModelConfig, secret: str) -> tuple[Offered, ...]:
    """Return the provider's own list.

    Raises:
        ConfigurationError: see `client`.
        ModelFailed: and its kinds.
    """
    with client(config.client, config, secret) as sdk:
        return listed(lambda: [_offered(model.model_dump()) for model in sdk.models.list()])


def _offered(model: Json) -> Offered:
    size = next((n for path in CONTEXT if (n := number(model, *path))), 0)
    return Offered(
        id=str(model.get("id") or ""),
        name=str(model.get("name") or model.get("id") or ""),
        context_tokens=size,
        most_tokens=number(part(model, "top_provider"), "max_completion_tokens"),
        retires=str(model.get("shutdown_date") or "")[:10],
    )
