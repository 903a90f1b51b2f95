"""`[mcp]`: the EHR's own MCP server, as a source of the chart, and which of its tools IT approved.

Values and their rules only; `app.mcp` asks. Not seen here: whether a tool is still what was approved.
"""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from app.smart.policy import Table

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
ResourceType = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Za-z]+$")]
# How a tool is asked and what it gives: FHIR by a path, by type and parameters, by type and id; one type's resources in a
# form of its own; or words.
Adapter = Literal["fhir_request", "search", "read", "resources", "statement"]
# `auto`: 2026-07-28, else what the server knows. Some of 2025 end when they are asked for anything newer.
Protocol = Literal["auto", "2025"]
MOST_STATEMENTS = 5
# What a site may answer for where a tool says nothing: tools that are asked as FHIR's own read and search.
ANSWERED_FOR = ("search", "read", "resources")


class McpTool(Table, frozen=True, kw_only=True):
    """`[mcp.tools.NAME]`: one approved tool.

    `sha256` is of its name, title, description, schemas and annotations, as `mcp-tools` prints it. `resource_type` is what
    a tool of one type gives, `categories` the Observations it has; `arguments` names its arguments where they are not
    called as usual (`patient`, `cursor`, `type`, `params`, `id`, `path`, `method`). `reads_only`: the site answers for it that
    a tool which says nothing about that changes nothing; of one that says that it may, nobody can.
    """

    sha256: Sha256
    adapter: Adapter
    resource_type: Annotated[str, msgspec.Meta(pattern=r"^([A-Z][A-Za-z]+)?$")] = ""
    categories: tuple[str, ...] = ()
    arguments: dict[str, str] = msgspec.field(default_factory=dict)
    reads_only: bool = False


class Mcp(Table, frozen=True, kw_only=True):
    """`[mcp]`: where the EHR's MCP server is, what it is called on the screen, and who Chartside is there.

    `mode`: `smart_token` sends it the launch's FHIR access token as bearer, `sharp` sends SHARP-on-MCP's headers (FHIR
    server, that token, patient), `none` sends neither. Only tools that stand in `tools` are ever called. `governs` names
    types that this EHR gives by MCP under rules of its own: they are asked for although no FHIR scope was granted. `protocol` "2025": it is
    asked for no newer revision.
    """

    url: str
    mode: Literal["smart_token", "sharp", "none"]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)] = "the EHR's MCP server"
    governs: tuple[ResourceType, ...] = ()
    protocol: Protocol = "auto"
    tools: dict[str, McpTool] = msgspec.field(default_factory=dict)

    @property
    def origin(self) -> str:
        """The only origin that its requests go to."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def mcp_problems(mcp: Mcp | None, *, api: str, sandbox: bool) -> Iterator[str]:
    """Yield what is wrong with the table; `api` is `[fhir] api`."""
    if mcp is None:
        if api == "off":
            yield "fhir.api off does not go without [mcp]: nothing would be read"
        return
    if not _is_address(mcp.url):
        yield f"mcp.url {mcp.url} is not an address"
    elif not sandbox and not mcp.url.startswith("https://"):
        yield "http is for sandbox registrations only"
    for name, tool in mcp.tools.items():
        if tool.adapter in ("resources", "statement") and not tool.resource_type:
            yield f"mcp.tools.{name}.resource_type: say which type it gives"
        if tool.categories and tool.resource_type != "Observation":
            yield f"mcp.tools.{name}.categories are for Observation only"
        if tool.reads_only and tool.adapter not in ANSWERED_FOR:
            yield f"mcp.tools.{name}.reads_only is for the adapters {', '.join(ANSWERED_FOR)}"
    said = [name for name, tool in mcp.tools.items() if tool.adapter == "statement"]
    if len(said) > MOST_STATEMENTS:
        yield f"mcp.tools: at most {MOST_STATEMENTS} tools that answer in words"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.username is None
    except ValueError:
        return False
    plain = not parts.fragment and not parts.query and not any(c <= " " for c in url)
    return bool(parts.scheme in ("http", "https") and named and plain)
