"""How hosts outside the EHR get in: a context that they bring themselves (SHARP-on-MCP)."""

from tests.rules.rule import PRODUCT, Page, Rule

SHARP = "https://docs.promptopinion.ai/fhir-context/mcp-fhir-context"

PAGE = Page(
    title="Model Context Protocol: hosts outside the EHR",
    says="Ways in beside the token of a launch: an EHR token that the host brings in headers (SHARP-on-MCP).",
    rules={
        "mcp:sharp:headers": Rule(
            source=SHARP,
            text="The FHIR base, its token and the patient come in headers, by either of their names; what is missing or disagrees is named.",
            strength="SHALL",
        ),
        "mcp:sharp:announced": Rule(
            source=SHARP,
            text="The extension is announced with the scopes it needs, and in the older place, only where a registration takes such a context.",
            strength="SHALL",
        ),
        "mcp:sharp:registered": Rule(
            source=PRODUCT,
            text="Only a registered FHIR base is asked about a token, for hosts that its registration names; a token goes to no other server.",
        ),
        "mcp:sharp:proved": Rule(
            source="https://www.rfc-editor.org/rfc/rfc7662#section-2.2",
            text="A token counts once its own EHR says that it is active, for this patient, and gives the Patient with it; again every few seconds.",
        ),
        "mcp:sharp:patient": Rule(
            source=PRODUCT,
            text="A token for another patient, or one that reaches other patients, reads nothing.",
        ),
        "mcp:sharp:untold": Rule(
            source=PRODUCT,
            text="Where the EHR cannot tell whose token it is, it is refused unless the registration answers for it, with scopes of its own.",
        ),
        "mcp:sharp:kept": Rule(
            source=PRODUCT,
            text="The token stands in no store, log or audit; refusals are audited with their reason.",
        ),
    },
)
