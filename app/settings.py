"""The whole configuration: one frozen value, built once from the environment and passed by hand."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from app.errors import ConfigurationError

KEY_BYTES = 32
VERSION = "0.1.0"


class Secret:
    """A value that never shows itself in a log, an error page or a debugger's `repr`."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the secret; call at the point of use only."""
        return self._value

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything configurable about one Chartside process."""

    environment: Literal["production", "development"]
    """`CHARTSIDE_ENVIRONMENT`. Development allows sandbox registrations and plain-http loopback origins."""
    origin: str
    """`CHARTSIDE_ORIGIN`: the address under which browsers reach this server, without a path."""
    secret_key: Secret
    """`CHARTSIDE_SECRET_KEY`: 32 bytes in URL-safe base64; seals sessions, tokens and conversations."""
    database_url: str
    """`CHARTSIDE_DATABASE_URL`: an SQLAlchemy URL; SQLite on one machine, PostgreSQL to scale out."""
    launch_config: Path
    """`CHARTSIDE_LAUNCH_CONFIG`: the folder with one TOML file per EHR registration."""
    frontend: Path
    """`CHARTSIDE_FRONTEND`: the folder of the built frontend."""
    models: Path | None = None
    """`CHARTSIDE_MODELS`: a TOML file with the language models; None: only those of the variables below."""
    mcp_origin: str = ""
    """`CHARTSIDE_MCP_ORIGIN`: the address under which MCP hosts reach the MCP server, without a path; "": there is none."""
    mcp_browser_origins: tuple[str, ...] = ()
    """`CHARTSIDE_MCP_BROWSER_ORIGINS`: origins of web pages that may call the MCP server, separated by commas."""
    mcp_token: Secret | None = None
    """`CHARTSIDE_MCP_TOKEN`: the token that the MCP server over stdio answers for."""
    mcp_token_file: Path | None = None
    """`CHARTSIDE_MCP_TOKEN_FILE`: a file that holds it, read again at every call, so that it can be renewed."""
    warehouse: Path = Path("run/warehouse")
    """`CHARTSIDE_WAREHOUSE`: the folder where bulk exports land and are made into stores. It holds PHI."""
    views: Path | None = None
    """`CHARTSIDE_VIEWS`: a folder with the site's own ViewDefinitions, beside those that ship."""
    variables: Mapping[str, Secret] = field(default_factory=dict)
    """Every variable that is not ours: providers' keys and addresses, and what a model's `key_env` names."""

    @property
    def mcp_url(self) -> str:
        """The MCP server's address, which its tokens name as their audience; "" where there is none."""
        return f"{self.mcp_origin}/mcp" if self.mcp_origin else ""

    @property
    def cohorts_url(self) -> str:
        """The address of the MCP server of analysts' hosts; "" where there is none."""
        return f"{self.mcp_origin}/cohorts" if self.mcp_origin else ""

    @staticmethod
    def from_env(environ: Mapping[str, str]) -> "Settings":
        """Read every `CHARTSIDE_…` variable.

        Raises:
            ConfigurationError: a variable is missing, unknown or wrong; the message names it.
        """
        _refuse_unknown(environ)
        return Settings(
            environment=_environment(environ.get("CHARTSIDE_ENVIRONMENT", "production")),
            origin=_origin(_required(environ, "CHARTSIDE_ORIGIN"), "CHARTSIDE_ORIGIN"),
            secret_key=_secret_key(_required(environ, "CHARTSIDE_SECRET_KEY")),
            database_url=environ.get("CHARTSIDE_DATABASE_URL", "sqlite:///run/chartside.db"),
            launch_config=Path(environ.get("CHARTSIDE_LAUNCH_CONFIG", "launch_config")),
            frontend=Path(environ.get("CHARTSIDE_FRONTEND") or _frontend()),
            models=_path(environ, "CHARTSIDE_MODELS"),
            mcp_origin=_mcp_origin(environ),
            mcp_browser_origins=_browser_origins(environ),
            mcp_token=_secret(environ, "CHARTSIDE_MCP_TOKEN"),
            mcp_token_file=_path(environ, "CHARTSIDE_MCP_TOKEN_FILE"),
            warehouse=Path(environ.get("CHARTSIDE_WAREHOUSE", "run/warehouse")),
            views=_path(environ, "CHARTSIDE_VIEWS"),
            variables={
                name: Secret(value.encode(errors="surrogateescape"))
                for name, value in environ.items()
                if value and not name.startswith(OURS)
            },
        )


OURS = "CHARTSIDE_"
# CHARTSIDE_THREADS, CHARTSIDE_PORT and CHARTSIDE_MCP_PORT are read by the Procfile.
KNOWN = frozenset(
    f"{OURS}{name}"
    for name in (
        "ENVIRONMENT", "ORIGIN", "SECRET_KEY", "DATABASE_URL", "LAUNCH_CONFIG", "FRONTEND", "MODELS", "WAREHOUSE", "VIEWS", "THREADS",
        "PORT", "MCP_ORIGIN", "MCP_BROWSER_ORIGINS", "MCP_TOKEN", "MCP_TOKEN_FILE", "MCP_PORT",
    )
)  # fmt: skip
# The providers' own names: what is set for their command lines works here.
PROVIDERS = frozenset((
    "ANTHROPIC_API_KEY", "ANTHROPIC_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL",
))  # fmt: skip


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    unknown = {name for name in environ if name.startswith(OURS)} - KNOWN
    if unknown:
        raise ConfigurationError(f"unknown variable {min(unknown)}")


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set")
    return value


def _environment(value: str) -> Literal["production", "development"]:
    if value == "production":
        return "production"
    if value == "development":
        return "development"
    raise ConfigurationError("CHARTSIDE_ENVIRONMENT must be production or development")


def _origin(value: str, name: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ConfigurationError(f"{name} must look like https://host[:port]")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _mcp_origin(environ: Mapping[str, str]) -> str:
    name = "CHARTSIDE_MCP_ORIGIN"
    if not (value := environ.get(name, "")):
        return ""
    origin = _origin(value, name)
    # Tokens travel there.
    if environ.get("CHARTSIDE_ENVIRONMENT") != "development" and not origin.startswith("https://"):
        raise ConfigurationError(f"{name} must be https in production")
    return origin


def _browser_origins(environ: Mapping[str, str]) -> tuple[str, ...]:
    name = "CHARTSIDE_MCP_BROWSER_ORIGINS"
    return tuple(
        _origin(one.strip(), name) for one in environ.get(name, "").split(",") if one.strip()
    )


def _frontend() -> Path:
    """Return the frontend that was built here, else the one that an installed wheel carries."""
    here, carried = Path("frontend/dist"), Path(__file__).parent / "dist"
    return carried if carried.is_dir() and not here.is_dir() else here


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _secret(environ: Mapping[str, str], name: str) -> Secret | None:
    return Secret(environ[name].strip().encode()) if environ.get(name) else None


def _secret_key(value: str) -> Secret:
    try:
        key = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError) as error:
        raise ConfigurationError("CHARTSIDE_SECRET_KEY is not URL-safe base64") from error
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"CHARTSIDE_SECRET_KEY must hold {KEY_BYTES} bytes")
    return Secret(key)
