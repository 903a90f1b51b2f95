"""SMART App Launch 2.2.0: backend services. Tokens without a user."""

from tests.rules.rule import Page, Rule

SMART_BACKEND = "https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html"

PAGE = Page(
    title="SMART App Launch 2.2.0: backend services",
    says="Tokens without a user.",
    rules={
        "smart:backend": Rule(
            source=SMART_BACKEND,
            text="Backend tokens come by client_credentials with an assertion, are kept until they expire, then asked for again.",
        ),
    },
)
