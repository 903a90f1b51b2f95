"""Model Context Protocol 2026-07-28: what an MCP server for one launched chart has to keep to."""

from tests.rules.rule import PRODUCT, Page, Rule

SPEC = "https://modelcontextprotocol.io/specification/2026-07-28/"
AUTH = f"{SPEC}basic/authorization"

PAGE = Page(
    title="Model Context Protocol: the server",
    says="Chartside as an MCP server (2026-07-28, and hosts of 2025): authorization, transports, and what the product asks beyond them.",
    rules={
        "mcp:auth:audience": Rule(
            source=f"{AUTH}#token-audience-binding-and-validation",
            text="A token counts only where its audience is this server's address, exactly.",
            strength="SHALL",
        ),
        "mcp:auth:validation": Rule(
            source=f"{AUTH}#token-handling",
            text="A token is verified at every request: signature, algorithm, issuer, times.",
            strength="SHALL",
        ),
        "mcp:auth:no-passthrough": Rule(
            source=f"{AUTH}#access-token-privilege-restriction",
            text="The EHR's token is never given to a host, and a host's token never to the EHR.",
            strength="SHALL",
        ),
        "mcp:auth:launch": Rule(
            source=PRODUCT,
            text="A token reaches its own launch's patient only, and nothing once the launch has ended or IT has switched it off.",
        ),
        "mcp:auth:hosts": Rule(
            source=PRODUCT,
            text="Only hosts that the registration names get a token, for no more than its launch's scopes.",
        ),
    },
)
