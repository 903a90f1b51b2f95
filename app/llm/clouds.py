"""Addresses and credentials of the clouds that serve models; the vendors' SDKs do the signing.

A key given to Chartside is the only one that is used: variables and profiles that an SDK would pick up by itself are
passed over, except where a site chooses a cloud's own credentials by giving none.

Not protected here: with a cloud's own credentials, that cloud's library fetches tokens from its own hosts.
"""

import importlib
import importlib.util
import json
import os
from typing import Any

from app.errors import ConfigurationError
from app.llm.config import Client, ModelConfig

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


def needed(value: str, name: str, config: ModelConfig) -> str:
    """Return a value that a way to reach the model cannot do without.

    Raises:
        ConfigurationError: it is empty.
    """
    if not value:
        raise ConfigurationError(f"model {config.id}: {config.client} needs a {name}")
    return value


def need_package(name: str) -> None:
    """Check for an optional package.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ConfigurationError(
            f"the package {name.replace('google.auth', 'google-auth')} is missing:"
            " install requirements-clouds.txt"
        )


def refuse_stray_headers(variable: str) -> None:
    """Refuse a variable by which an SDK adds headers to every request: one may carry another key.

    Raises:
        ConfigurationError: it is set.
    """
    if os.environ.get(variable):
        raise ConfigurationError(f"{variable} is set: the models' headers come from Chartside only")


def anthropic_address(kind: Client, config: ModelConfig) -> str:
    """Return where a cloud serves Anthropic's models.

    Raises:
        ConfigurationError: it depends on a field that is empty.
    """
    match kind:
        case "anthropic":
            return "https://api.anthropic.com"
        case "bedrock":
            region = needed(config.region, "region", config)
            return f"https://bedrock-mantle.{region}.api.aws/anthropic"
        case "vertex":
            return f"{google_address(config)}/v1"
        case _:
            return needed("", "base_url", config)


def google_address(config: ModelConfig) -> str:
    """Return Vertex AI's host for a region, the global or a joined one."""
    region = needed(config.region, "region", config)
    named = {
        "global": "aiplatform",
        "us": "aiplatform.us.rep",
        "eu": "aiplatform.eu.rep",
    }
    return f"https://{named.get(region, f'{region}-aiplatform')}.googleapis.com"


def need_aws(secret: str, package: str) -> None:
    """Check for the package that signs with AWS's own credentials, where there is neither a key nor a bearer token.

    Raises:
        ConfigurationError: it is not installed.
    """
    if not secret and not os.environ.get("AWS_BEARER_TOKEN_BEDROCK"):
        need_package(package)


def google_keys(secret: str) -> dict[str, Any]:
    """Return Google credentials as arguments: a service account (JSON), an access token, or this machine's own.

    Raises:
        ConfigurationError: a package is missing, or the service account is not one.
    """
    if secret and not secret.lstrip().startswith("{"):
        return {"access_token": secret}
    need_package("google.auth")
    need_package("requests")
    return {"credentials": service_account(secret)} if secret else {}


def service_account(secret: str) -> Any:
    """Return the credentials of a service account.

    Raises:
        ConfigurationError: not a service account's JSON.
    """
    # Imported here, for the package is optional.
    google = importlib.import_module("google.oauth2.service_account")
    try:
        return google.Credentials.from_service_account_info(
            json.loads(secret), scopes=[CLOUD_PLATFORM]
        )
    except ValueError:
        # Google's message may quote the key.
        raise ConfigurationError("the secret is not a service account's JSON") from None
