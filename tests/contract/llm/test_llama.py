"""The three adapters against llama.cpp's own server, where it is installed: what it writes is random, its protocols are not."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from app.llm import anthropic, openai_chat, openai_responses
from app.llm.config import Timeouts
from app.llm.errors import ModelCannotLookUp, ModelContextFull
from app.llm.hang_up import HangUp
from app.llm.port import Request, UserTurn
from tests.doubles.dialects import CHAT, REQUEST, RESPONSES, Wire, done_of, heard

SERVER = Path(__file__).parents[2] / "doubles/tiny_llama.py"
TIMES = Timeouts(connect_s=5, first_byte_s=30, between_bytes_s=30, total_s=60)
# The random model has 8,192 places and one token a byte; a real one may have many more.
RANDOM = "LLAMA_GGUF" not in os.environ
MODULES: dict[str, ModuleType] = {"responses": openai_responses, "chat": openai_chat, "anthropic": anthropic}  # fmt: skip

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="requirements-llama.txt is not installed"
)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("llama")
    with subprocess.Popen(
        [sys.executable, "-P", str(SERVER), str(folder)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        yield line.removeprefix("listening on ").strip()
        process.terminate()


def asking(text: str, most_tokens: int = 12) -> Request:
    turns = (UserTurn(text=text),)
    return Request(policy="P", tools=(), digest="D", turns=turns, most_tokens=most_tokens)


def test_an_answer_has_an_end_and_is_counted(llama: str, wire: Wire) -> None:
    done = done_of(heard(wire.model(llama, TIMES), asking("hello")))
    assert done.stop in ("length", "end")
    assert (done.usage.input_tokens > 0, 0 < done.usage.output_tokens <= 12) == (True, True)


@pytest.mark.skipif(not RANDOM, reason="how much a real model reads is not known here")
def test_a_full_context_has_its_kind(llama: str, wire: Wire) -> None:
    with pytest.raises(ModelContextFull):
        heard(wire.model(llama, TIMES), asking("x" * 9000))


@pytest.mark.skipif(not RANDOM, reason="a real model may end before")
def test_stop_ends_a_long_answer(llama: str, wire: Wire) -> None:
    """Its only slot is free again for the next call."""
    model, hang_up = wire.model(llama, TIMES), HangUp()
    stream = model.stream(asking("hello", 4000), hang_up)
    next(stream)
    hang_up.set()
    assert list(stream) == []
    assert done_of(heard(model, asking("hello"))).stop in ("length", "end")


@pytest.mark.skipif(not RANDOM, reason="a real model may call tools")
def test_a_model_that_calls_nothing_is_not_used(llama: str) -> None:
    with pytest.raises(ModelCannotLookUp):
        heard(CHAT.model(llama, TIMES, client="compatible"), replace(REQUEST, most_tokens=50))


@pytest.mark.parametrize("wire", [RESPONSES, CHAT], ids=["responses", "chat"])
def test_it_lists_its_model(llama: str, wire: Wire) -> None:
    (found,) = MODULES[wire.name].offered(wire.config(llama), "k")
    assert found.id
    assert found.context_tokens > 0
