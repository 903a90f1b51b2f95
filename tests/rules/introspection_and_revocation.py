"""SMART App Launch 2.2.0: token introspection; revocation. Asking whether a token counts, and taking it back."""

from tests.rules.rule import Page, Rule

RFC7009 = "https://www.rfc-editor.org/rfc/rfc7009"
SMART_INTROSPECTION = "https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html"

PAGE = Page(
    title="SMART App Launch 2.2.0: token introspection; revocation",
    says="Asking whether a token counts, and taking it back.",
    rules={
        "smart:revocation": Rule(
            source=RFC7009,
            text="The end of a launch revokes both tokens where the EHR can; a failure keeps nobody waiting.",
        ),
        "smart:introspection": Rule(
            source=SMART_INTROSPECTION,
            text="A resume asks whether the token still counts where the registration says so.",
        ),
    },
)
