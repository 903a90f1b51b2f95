"""Both parties and the EHR's MCP server, with a registration that reads the chart through it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.mcp.switches import Switches
from tests.asgi import TwoHosts
from tests.mcp_ehr import mcp_only
from tests.stack import Stack, make_stack

Make = Callable[..., Stack]


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def make(tmp_path: Path, switches: Switches) -> Iterator[Make]:
    """Make a stack whose EHR has an MCP server of a shape; `api`: the FHIR API is read too."""
    made: list[Stack] = []

    def make(shape: str, *changes: tuple[str, str], api: bool = False, **more: Any) -> Stack:
        config = mcp_only(tmp_path, shape, *changes, api=api)
        made.append(make_stack(tmp_path, launch_config=config, mcp=switches, **more))
        return made[-1]

    yield make
    for stack in made:
        stack.transport.close()


def asked_of_fhir(stack: Stack) -> list[str]:
    """Return what Chartside itself asked of the EHR's FHIR API."""
    assert isinstance(stack.transport, TwoHosts)
    return stack.transport.asked_of_fhir()
