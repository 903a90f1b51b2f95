"""Both parties and the EHR's MCP server, with a registration that reads the chart through it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.mcp.switches import Switches
from tests.asgi import TwoHosts
from tests.stack import ROOT, Stack, make_stack, registered

Make = Callable[..., Stack]
NO_API = ('iss = ["http://ehr.localhost:9000/fhir"]', 'iss = ["http://ehr.localhost:9000/fhir"]\napi = "off"')  # fmt: skip


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def make(tmp_path: Path, switches: Switches) -> Iterator[Make]:
    """Make a stack whose EHR has an MCP server of a shape; `api`: the FHIR API is read too."""
    made: list[Stack] = []

    def make(shape: str, *changes: tuple[str, str], api: bool = False, **more: Any) -> Stack:
        table = (ROOT / "sandbox" / "mcp" / "registrations" / f"{shape}.toml").read_text("utf-8")
        for old, new in changes:
            assert old in table, old
            table = table.replace(old, new)
        config = registered(tmp_path, *(() if api else (NO_API,)), more=table)
        made.append(make_stack(tmp_path, launch_config=config, mcp=switches, **more))
        return made[-1]

    yield make
    for stack in made:
        stack.transport.close()


def asked_of_fhir(stack: Stack) -> list[str]:
    """Return what Chartside itself asked of the EHR's FHIR API."""
    assert isinstance(stack.transport, TwoHosts)
    return stack.transport.asked_of_fhir()
