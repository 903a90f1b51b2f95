"""Our client of MCP servers under the suite: `python -m tests.conformance.client URL`, one scenario a run.

It is `app.mcp.client` over `app.boundary`, as a launch asks an EHR's server: tools listed once, then calls, each a conversation of its
own. The suite names the scenario in `MCP_CONFORMANCE_SCENARIO` and what to call in `MCP_CONFORMANCE_CONTEXT`.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from app.boundary import Boundary
from app.mcp.client import McpClient
from app.mcp.portal import Portal

GIVEN: dict[str, Any] = {"number": 5, "integer": 5, "boolean": True, "array": [], "object": {}}


def calls(tools: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the calls of a scenario: those that its context lists, else one of each tool with what its schema asks for."""
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    if listed := context.get("toolCalls"):
        yield from ((call["name"], call["arguments"]) for call in listed)
    elif os.environ.get("MCP_CONFORMANCE_SCENARIO") == "json-schema-ref-no-deref":
        return  # Its server answers no call: looking at the list must fetch nothing.
    elif os.environ.get("MCP_CONFORMANCE_SCENARIO") == "json-schema-2020-12-preservation":
        focal, echo = tools[0], tools[1]
        yield echo["name"], {"schema": focal["inputSchema"]}
    else:
        for tool in tools:
            fields = tool["inputSchema"].get("properties", {})
            yield (
                tool["name"],
                {n: GIVEN.get(f.get("type", ""), "words") for n, f in fields.items()},
            )


def main(url: str) -> None:
    """Act out one scenario."""
    parts = urlsplit(url)
    boundary = Boundary(frozenset((f"{parts.scheme}://{parts.netloc}",)), True)
    portal = Portal()
    client = McpClient(boundary, url, portal)
    try:
        for name, arguments in calls(client.list_tools({})):
            client.call(name, arguments, {})
    finally:
        portal.close()


if __name__ == "__main__":
    main(sys.argv[1])
