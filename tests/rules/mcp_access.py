"""How hosts outside the EHR get in: a context that they bring themselves (SHARP-on-MCP), or a sign-in (OAuth 2.1)."""

from tests.rules.rule import PRODUCT, Page, Rule

AUTH = "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization"
OAUTH = "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1"
SHARP = "https://docs.promptopinion.ai/fhir-context/mcp-fhir-context"

PAGE = Page(
    title="Model Context Protocol: hosts outside the EHR",
    says="Ways in beside the token of a launch: an EHR token that the host brings in headers (SHARP-on-MCP), a sign-in outside the EHR (OAuth 2.1), and service accounts.",
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
        "oauth:flow": Rule(
            source=f"{AUTH}#authorization-flow-steps",
            text="A host that knows the server's address only finds out the rest, signs its user in at the EHR, and gets a token for it.",
            strength="SHALL",
        ),
        "oauth:metadata": Rule(
            source="https://www.rfc-editor.org/rfc/rfc8414#section-2",
            text="The authorization server's metadata names its endpoints, S256 alone, and `iss` in its answers (RFC 9207).",
            strength="SHALL",
        ),
        "oauth:client": Rule(
            source=f"{AUTH}#client-registration-approaches",
            text="A client is registered here, or named by a document (CIMD) on a registered host; nobody registers itself (RFC 7591 is not offered).",
            strength="SHOULD",
        ),
        "oauth:documents": Rule(
            source="https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/",
            text="A client's document is fetched from a registered host only: no redirect, no private address, within limits; it must name itself.",
            strength="SHALL",
        ),
        "oauth:redirect": Rule(
            source=f"{OAUTH}#section-2.3.1",
            text="A redirect address is compared exactly, but for the port on this computer (RFC 8252 7.3); otherwise nothing is sent to it.",
            strength="SHALL",
        ),
        "oauth:pkce": Rule(
            source=f"{OAUTH}#section-7.5.2",
            text="PKCE always, S256 only; a code without its verifier ends its grant.",
            strength="SHALL",
        ),
        "oauth:resource": Rule(
            source="https://www.rfc-editor.org/rfc/rfc8707#section-2",
            text="`resource` must be this MCP server's address, exactly, and scopes some that it can give.",
            strength="SHALL",
        ),
        "oauth:code": Rule(
            source=f"{OAUTH}#section-4.1.3",
            text="A code lives a minute, counts once and for its client; a second use ends the tokens that it gave.",
            strength="SHALL",
        ),
        "oauth:refresh": Rule(
            source=f"{OAUTH}#section-4.3.1",
            text="A refresh token is replaced at each use and never widens; one that comes a second time ends the grant.",
            strength="SHALL",
        ),
        "oauth:revocation": Rule(
            source="https://www.rfc-editor.org/rfc/rfc7009#section-2",
            text="Revocation, the end of the launch and IT end the access at the next request; a revoked one ends its launch at the EHR.",
            strength="SHALL",
        ),
        "oauth:consent": Rule(
            source="https://modelcontextprotocol.io/specification/2026-07-28/basic/security_best_practices#confused-deputy-problem",
            text="The user who signed in is asked, in a page that nobody frames, by which application, for which patient, what and until when.",
            strength="SHALL",
        ),
        "oauth:user-ends": Rule(
            source=PRODUCT,
            text="The user who agreed can end it, in the browser in which they agreed; nobody else's browser shows or ends it.",
        ),
        "oauth:life": Rule(
            source=PRODUCT,
            text="A sign-in lives as long as its launch: its host's requests are use, silence and the absolute limit end it.",
        ),
        "oauth:patient": Rule(
            source=PRODUCT,
            text="One sign-in reads one patient, the one that was chosen at the EHR.",
        ),
        "service:proof": Rule(
            source="https://www.rfc-editor.org/rfc/rfc7523#section-3",
            text="A service proves itself by a signed assertion for this token endpoint: asymmetric, five minutes at most, each counting once.",
            strength="SHALL",
        ),
        "service:patient": Rule(
            source=PRODUCT,
            text="A service's token is for one patient of the list that the registration gives it, named where the token is asked for and nowhere else.",
        ),
        "service:store": Rule(
            source=PRODUCT,
            text="A service reads a listed patient from the store where the registration says so; the store is open to no other, and by no other door.",
        ),
        "service:listed": Rule(
            source=PRODUCT,
            text="At every use the registration must still list the service, its host and the patient, and IT have switched nothing off.",
        ),
        "oauth:kept": Rule(
            source=PRODUCT,
            text="Codes and refresh tokens are kept as digests, what was asked is sealed.",
        ),
    },
)
