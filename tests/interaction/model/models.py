"""Language models that a test scripts, given to the real stack through its catalogue."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app import wiring
from app.llm.catalog import Catalog
from app.llm.config import ModelConfig, Offered
from app.llm.hang_up import HangUp
from app.llm.no_llm import NoLanguageModel
from app.llm.port import Done, ModelEvent, Native, Request, TextDelta, ToolTurn, Usage, UserTurn
from app.llm.synonyms import load
from app.web.application import make_app
from tests.stack import ROOT, Launched, Stack
from tests.unit.agent.scripted import look

Play = Callable[[Request], Iterable[ModelEvent]]


@dataclass(kw_only=True)
class Scripted:
    """Plays what a test says, and keeps what it was sent."""

    config: ModelConfig
    play: Play
    requests: list[Request] = field(default_factory=list)
    warmed: list[Request] = field(default_factory=list)

    language_model = together = True

    @property
    def name(self) -> str:
        return self.config.label

    @property
    def version(self) -> str:
        return self.config.model

    @property
    def key(self) -> str:
        return f"scripted:{self.config.model}"

    def stream(self, request: Request, hang_up: HangUp) -> Iterator[ModelEvent]:
        self.requests.append(request)
        yield from self.play(request)

    def warm(self, request: Request) -> None:
        self.warmed.append(request)


def config(model_id: str, **more: object) -> ModelConfig:
    given: dict[str, object] = {
        "id": model_id, "label": f"Model {model_id}", "dialect": "chat", "client": "compatible",
        "model": f"{model_id}-1", "data_handling": "BAA · US · not retained", "baa": True, **more,
    }  # fmt: skip
    return ModelConfig(**given)  # type: ignore[arg-type]  # a test's own values


def answer(request: Request) -> Iterator[ModelEvent]:
    """Look allergies up, then say one sentence that cites nothing, with blocks of its own."""
    if not isinstance(request.turns[-1], ToolTurn):
        yield from look("chart_section", '{"section": "allergies"}')
        return
    question = next(t.text for t in reversed(request.turns) if isinstance(t, UserTurn))
    yield TextDelta(text=f"Answer to {question}")
    blocks = [{"type": "text", "text": f"Answer to {question}"}]
    usage = Usage(input_tokens=900, output_tokens=12, cached_tokens=800)
    yield Done(stop="end", usage=usage, native=Native(key="scripted:a-1", blocks=blocks))


@dataclass(kw_only=True)
class Provider:
    """All scripted models of a test, by id, and the catalogue that offers them."""

    models: dict[str, Scripted]
    offered: Sequence[Offered] = ()

    @property
    def catalog(self) -> Catalog:
        return Catalog(
            [(model.config, "secret") for model in self.models.values()],
            NoLanguageModel(load()),
            adapter=lambda _: _Adapter(self),
            spawn=lambda work: work(),
        )

    @property
    def asked(self) -> int:
        """How often any of them was called, warming included."""
        return sum(len(m.requests) + len(m.warmed) for m in self.models.values())


@dataclass(frozen=True)
class _Adapter:
    provider: Provider

    def build(self, config: ModelConfig, secret: str) -> Scripted:
        assert secret == "secret"
        return self.provider.models[config.id]

    def offered(self, config: ModelConfig, secret: str) -> Sequence[Offered]:
        return self.provider.offered


def provider(*ids: str, play: Play = answer, **more: object) -> Provider:
    """Return a provider of models with these ids."""
    return Provider(models={i: Scripted(config=config(i, **more), play=play) for i in ids})


def launch_config(folder: Path, models: str) -> Path:
    """Return a folder with the sandbox's registration and another `[models]` table."""
    target = folder / "launch_config"
    target.mkdir(exist_ok=True)
    text = (ROOT / "launch_config" / "sandbox.toml").read_text("utf-8")
    head = text[: text.index("[models]")]
    (target / "sandbox.toml").write_text(head + models, "utf-8")
    return target


def details(stack: Stack, launched: Launched, kind: str) -> list[dict[str, Any]]:
    events = stack.services.audit.events(launched.launch_id)
    return [json.loads(event.detail) for event in events if event.kind == kind]


def answered(events: list[dict[str, Any]]) -> str:
    found = [e["value"] for e in events if e.get("name") == "chartside.answered"]
    return str(found[-1]["model"])


def failed(events: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [e["value"] for e in events if e.get("name") == "chartside.failed"]
    return dict(found)


def restarted(stack: Stack, models: Provider) -> Stack:
    """Return the stack with a new process over the same database."""
    services = wiring.build(
        stack.services.settings,
        transport=stack.transport,
        clock=stack.clock,
        catalog=models.catalog,
    )
    return Stack(
        app=make_app(services), services=services, ehr=stack.ehr, state=stack.state, clock=stack.clock,
        transport=stack.transport,
    )  # fmt: skip


def follow(launched: Launched, stack: Stack) -> Launched:
    """Return a launch as its page sees it after a restart."""
    return Launched(launch_id=launched.launch_id, key=launched.key, client=stack.app.test_client())
