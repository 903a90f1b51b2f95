"""SMART App Launch 2.2.0: scopes and launch context. What a scope grants, and what arrives with the access token."""

from tests.rules.rule import Page, Rule

SMART_SCOPES = "https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html"

PAGE = Page(
    title="SMART App Launch 2.2.0: scopes and launch context",
    says="What a scope grants, and what arrives with the access token.",
    rules={
        "smart:scopes:syntax": Rule(
            source=SMART_SCOPES,
            text="v1 and v2 scopes are understood; letters out of order grant nothing.",
        ),
        "smart:scopes:granted": Rule(
            source=SMART_SCOPES,
            text="What a launch may do follows from the granted scopes, not the requested ones.",
        ),
        "smart:scopes:granular": Rule(
            source=SMART_SCOPES,
            text="A search that `?param=value` gives in part or not at all is never read as none, and says what was granted.",
        ),
        "smart:context:intent": Rule(
            source=SMART_SCOPES, text="An unknown `intent` opens the default view."
        ),
        "smart:context:fhir-context": Rule(
            source=SMART_SCOPES,
            text="`fhirContext` items are relative references; a `role` that is left out is `launch`.",
        ),
        "smart:context:tenant": Rule(
            source=SMART_SCOPES,
            text="A launch of a tenant that the registration does not name is refused.",
        ),
    },
)
