"""Which language models this process can use: from the providers' own variables, from a file, and always none.

Nothing of a vendor is loaded before a model is chosen; each is built once. Whether a launch may use one is decided
elsewhere (`app.agent.gate`). Secrets never stand in the file: `key_env` names the variable that holds one.
"""

import dataclasses
import importlib
import logging
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from app.errors import ChartsideError, ConfigurationError
from app.llm.config import Dialect, ModelConfig, Offered
from app.llm.errors import ModelFailed, ModelMissing, ModelNotAllowed
from app.llm.port import Model
from app.settings import PROVIDERS, Secret, Settings

NO_MODEL = "none"
ADAPTERS: Mapping[Dialect, str] = {
    "anthropic": "app.llm.anthropic",
    "responses": "app.llm.openai_responses",
    "chat": "app.llm.openai_chat",
}
LABELS: Mapping[str, str] = {"claude-sonnet-5-5": "Claude Sonnet 5.5", "gpt-5.5": "GPT-5.5"}
# Nothing is known of an account that a variable gives a key of.
UNKNOWN_TERMS = "BAA and retention not stated"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ASK_AGAIN_S, ASK_AGAIN_AFTER_FAILURE_S = 6 * 3600.0, 600.0
log = logging.getLogger("chartside.llm")


class Adapter(Protocol):
    """A module that speaks one dialect."""

    def build(self, config: ModelConfig, secret: str) -> Model:
        """Return the model."""

    def offered(self, config: ModelConfig, secret: str) -> Iterable[Offered]:
        """Return the provider's own list."""


def adapter(dialect: Dialect) -> Adapter:
    """Load the adapter of a dialect; its SDK comes with it, and costs seconds."""
    module: Any = importlib.import_module(ADAPTERS[dialect])
    loaded: Adapter = module
    return loaded


@dataclass(kw_only=True)
class _Slot:
    """One configured model and what is known of it so far."""

    config: ModelConfig
    secret: str = field(repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock)
    model: Model | None = None
    offered: tuple[Offered, ...] = ()
    ask_at_s: float = 0.0


class Catalog:
    """The models of one process, in the order in which they are offered. Thread-safe."""

    def __init__(
        self,
        configured: Iterable[tuple[ModelConfig, str]],
        no_model: Model,
        *,
        adapter: Callable[[Dialect], Adapter] = adapter,
        spawn: Callable[[Callable[[], None]], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`configured` pairs a model with its secret; `spawn` runs what asks a provider, in a thread of its own."""
        self._slots = {
            config.id: _Slot(config=config, secret=secret) for config, secret in configured
        }
        self._no_model = no_model
        self._adapter = adapter
        self._spawn = spawn or _in_background
        self._clock = clock

    def configs(self) -> tuple[ModelConfig, ...]:
        """Return every language model."""
        return tuple(self._known(slot) for slot in self._slots.values())

    def config(self, model_id: str) -> ModelConfig | None:
        """Return a language model, None for "none" and for an id that is not configured."""
        slot = self._slots.get(model_id)
        return self._known(slot) if slot else None

    def model(self, model_id: str) -> Model:
        """Return what answers; built at its first use.

        Raises:
            ModelNotAllowed: no such model is configured.
            ModelFailed: it is not configured as its client needs, or the server did not say which model it serves.
        """
        if model_id == NO_MODEL:
            return self._no_model
        slot = self._slots.get(model_id)
        if slot is None:
            raise ModelNotAllowed("no such model is configured")
        with slot.lock:
            if slot.model is None:
                try:
                    speaks = self._adapter(slot.config.dialect)
                    slot.model = speaks.build(self._named(slot), slot.secret)
                except ConfigurationError as error:
                    raise ModelFailed(f"{model_id} is not configured: {error}") from error
            return slot.model

    def offered(self, model_id: str) -> Offered | None:
        """Return what the provider's own list said of a model; None while that is not known. Never waits."""
        slot = self._slots.get(model_id)
        if slot is None:
            return None
        if self._clock() >= slot.ask_at_s:
            slot.ask_at_s = self._clock() + ASK_AGAIN_AFTER_FAILURE_S
            self._spawn(lambda: self._ask(slot))
        name = self._known(slot).model
        return next((one for one in slot.offered if one.id == name), None)

    def _ask(self, slot: _Slot) -> None:
        """Ask a provider for its list. It is only told with the models: a failure changes nothing."""
        try:
            speaks = self._adapter(slot.config.dialect)
            slot.offered = tuple(speaks.offered(slot.config, slot.secret))
            slot.ask_at_s = self._clock() + ASK_AGAIN_S
        except ChartsideError as error:
            log.info("models.not_listed", extra={"model": slot.config.id, "code": error.code})

    def _named(self, slot: _Slot) -> ModelConfig:
        """Return the configuration with the model's name; a compatible server is asked for it when none is given."""
        if not slot.config.model and not slot.offered:
            slot.offered = tuple(
                self._adapter(slot.config.dialect).offered(slot.config, slot.secret)
            )
        known = self._known(slot)
        if not known.model:
            raise ModelMissing("the server lists no model")
        return known

    @staticmethod
    def _known(slot: _Slot) -> ModelConfig:
        """Return the configuration with what it leaves to the server: the model's name, and a label for it."""
        config, first = slot.config, next(iter(slot.offered), None)
        if first and not config.model:
            config = replace(config, model=first.id, label=config.label or first.name or first.id)
        return config if config.label else replace(config, label="Model of this site's server")


def load(settings: Settings, no_model: Model) -> Catalog:
    """Return the catalogue of a process.

    Raises:
        ConfigurationError: the file is wrong, or a variable that a model needs is not set; the message names it.
    """
    variables = settings.variables
    found = [*_from_file(settings.models, variables), *_from_variables(variables)]
    known: dict[str, tuple[ModelConfig, str]] = {}
    for config, secret in found:
        if config.id in known:
            raise ConfigurationError(f"model id {config.id} stands twice")
        known[config.id] = (config, secret)
    return Catalog(known.values(), no_model)


# ---------------------------------------------------------------- the providers' own variables


def _from_variables(variables: Mapping[str, Secret]) -> list[tuple[ModelConfig, str]]:
    given = {name: _text(variables, name) for name in PROVIDERS if name in variables}
    found: list[tuple[ModelConfig, str]] = []
    if key := given.get("ANTHROPIC_API_KEY"):
        name = given.get("ANTHROPIC_MODEL", "claude-sonnet-5-5")
        found.append((_of_variable("anthropic", "anthropic", "anthropic", name), key))
    if address := given.get("OPENAI_BASE_URL"):
        found.append((_compatible(address, given), given.get("OPENAI_API_KEY", "")))
    elif key := given.get("OPENAI_API_KEY"):
        name = given.get("OPENAI_MODEL", "gpt-5.5")
        found.append((_of_variable("openai", "responses", "openai", name), key))
    return found


def _of_variable(
    model_id: str, dialect: Dialect, client: "Any", name: str, **more: Any
) -> ModelConfig:
    more.setdefault("data_handling", UNKNOWN_TERMS)
    more.setdefault("label", LABELS.get(name, name))
    return ModelConfig(id=model_id, dialect=dialect, client=client, model=name, **more)


def _compatible(address: str, given: Mapping[str, str]) -> ModelConfig:
    """Describe a server that speaks OpenAI's chat dialect.

    One on this machine may be a gateway to anywhere: that nothing leaves the site is stated in the file, never guessed.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ConfigurationError("OPENAI_BASE_URL must look like http://host[:port]/v1")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ConfigurationError("OPENAI_BASE_URL must be https, except on this machine")
    name = given.get("OPENAI_MODEL", "")
    return _of_variable(
        "compatible", "chat", "compatible", name,
        label=LABELS.get(name, name), base_url=address,
    )  # fmt: skip


# ---------------------------------------------------------------- the file

# Made from `ModelConfig`, so that a field is never described twice; an unknown key is an error.
_TABLE: type[msgspec.Struct] = msgspec.defstruct(
    "model",
    [
        (f.name, f.type) if f.default is dataclasses.MISSING else (f.name, f.type, f.default)
        for f in dataclasses.fields(ModelConfig)
    ],
    forbid_unknown_fields=True,
    frozen=True,
    kw_only=True,
)


def _from_file(path: Path | None, variables: Mapping[str, Secret]) -> list[tuple[ModelConfig, str]]:
    if path is None:
        return []
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
        if unknown := raw.keys() - {"model"}:
            raise ConfigurationError(f"{path.name}: unknown key {min(unknown)}")
        tables: Sequence[Any] = msgspec.convert(raw.get("model", []), list[_TABLE])  # type: ignore[valid-type]  # made above
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"CHARTSIDE_MODELS, {path.name}: {error}") from error
    configs = [ModelConfig(**msgspec.structs.asdict(table)) for table in tables]
    return [(config, _secret(path, config, variables)) for config in configs]


def _secret(path: Path, config: ModelConfig, variables: Mapping[str, Secret]) -> str:
    """Check one table, and return its key."""
    if config.id in ("", NO_MODEL, "*") or len(config.id) > 64:
        raise ConfigurationError(f"{path.name}: id {config.id!r} cannot be used")
    if not config.label:
        raise ConfigurationError(f"{path.name}: label of {config.id} is empty")
    if config.base_url.startswith("http:") and not config.local:
        raise ConfigurationError(f"{path.name}: base_url of {config.id} must be https or local")
    # It is shown to IT, at /register too: only `key_env` may lead to a secret.
    if "@" in config.base_url or "@" in config.proxy:
        raise ConfigurationError(f"{path.name}: base_url or proxy of {config.id} holds a user name")
    if not config.key_env:
        return ""
    if config.key_env not in variables:
        raise ConfigurationError(f"{config.key_env} is not set (key_env of {config.id})")
    return _text(variables, config.key_env)


def _text(variables: Mapping[str, Secret], name: str) -> str:
    return variables[name].reveal().decode(errors="surrogateescape").strip()


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="models", daemon=True).start()
