"""SMART App Launch 2.2.0, token introspection, and revocation: asking whether a token counts, and taking it back."""

from tests.rules.rule import Page, Rule, smart

RFC7009 = "https://www.rfc-editor.org/rfc/rfc7009"

at = smart("token-introspection")

PAGE = Page(
    title="SMART App Launch 2.2.0: token introspection; revocation",
    says="Asking whether a token counts, and taking it back.",
    rules={
        "smart:introspection": at(
            "token-introspection",
            "A resume asks by POST whether the token still counts, where the registration says so: as the client, or with the token where the client is public.",
            270,
        ),
        "smart:revocation": Rule(
            source=RFC7009,
            text="The end of a launch revokes both tokens where the EHR can; a failure keeps nobody waiting.",
        ),
    },
)  # fmt: skip
