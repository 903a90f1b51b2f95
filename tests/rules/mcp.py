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
        "mcp:auth:metadata": Rule(
            source=f"{AUTH}#authorization-server-discovery",
            text="Protected resource metadata (RFC 9728) says who gives out tokens; a 401 names it in WWW-Authenticate.",
            strength="SHALL",
        ),
        "mcp:auth:step-up": Rule(
            source=f"{AUTH}#scope-challenge-handling",
            text="A call for which another token of the launch would do is answered 403 insufficient_scope with that scope.",
            strength="SHOULD",
        ),
        "mcp:transport:origin": Rule(
            source=f"{SPEC}basic/transports/streamable-http#security-warning",
            text="A request with a foreign Origin or Host is refused before anything else (DNS rebinding).",
            strength="SHALL",
        ),
        "mcp:transport:eras": Rule(
            source=f"{SPEC}basic/versioning",
            text="Hosts of 2026-07-28 and of 2025 get the same from the same address; nothing is kept between requests.",
            strength="SHALL",
        ),
        "mcp:transport:stdio": Rule(
            source=f"{SPEC}basic/transports/stdio",
            text="Over stdio nothing but protocol messages stands on standard output, and the token counts as over HTTP.",
            strength="SHALL",
        ),
        "mcp:tools:list": Rule(
            source=f"{SPEC}server/tools#listing-tools",
            text="Tools are those of the registry that the scopes give something to read: flat arguments, schemas, read-only hints.",
            strength="SHALL",
        ),
        "mcp:tools:result": Rule(
            source=f"{SPEC}server/tools#structured-content",
            text="A result has text and the same facts as fields: handle, record, how far each section was read, data as of.",
            strength="SHALL",
        ),
        "mcp:tools:error": Rule(
            source=f"{SPEC}server/tools#error-handling",
            text="What a tool cannot do is a result with isError that says why, and names the missing scope.",
            strength="SHOULD",
        ),
        "mcp:tools:negative": Rule(
            source=PRODUCT,
            text="“None” comes with the search that found none: what, how many, how far.",
        ),
        "mcp:resources": Rule(
            source=f"{SPEC}server/resources",
            text="The launch card, the overview and each fact by its handle are resources; an unknown one is an error.",
            strength="SHALL",
        ),
        "mcp:prompts": Rule(
            source=f"{SPEC}server/prompts",
            text="Jobs are prompts; arguments are checked, and completed where what they may be is known.",
            strength="SHALL",
        ),
        "mcp:progress": Rule(
            source=f"{SPEC}basic/patterns/progress",
            text="A host that asks for progress is told of a long read, each time with a greater number.",
            strength="SHALL",
        ),
        "mcp:bounds": Rule(
            source=f"{SPEC}server/tools#security-considerations",
            text="Calls are limited per launch (429 with Retry-After), and answers are bounded; what does not fit is counted.",
            strength="SHALL",
        ),
        "mcp:audit": Rule(
            source=PRODUCT,
            text="Every call, list, resource, prompt and refusal is audited with the host's name, without values.",
        ),
        "mcp:patient": Rule(
            source=PRODUCT,
            text="No argument, handle or token of a host reaches another patient, whatever the host or the EHR sends.",
        ),
        "mcp:handles": Rule(
            source=PRODUCT,
            text="A handle that another chart of the launch issued (before a restart, for another token) is refused, and is never another fact.",
        ),
        "mcp:restricted": Rule(
            source=PRODUCT,
            text="Data labelled restricted goes to a host only where the registration opens its label for user and mcp; it is counted.",
        ),
        "mcp:opt-out": Rule(
            source=PRODUCT,
            text="The chart of a patient who asked that no AI be used goes to no host, nor does one whose wish cannot be read.",
        ),
    },
)
