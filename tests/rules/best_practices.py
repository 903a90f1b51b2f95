"""SMART App Launch 2.2.0: best practices. What the specification recommends beyond its rules."""

from tests.rules.rule import Page, Rule

SMART_PRACTICES = "https://hl7.org/fhir/smart-app-launch/STU2.2/best-practices.html"

PAGE = Page(
    title="SMART App Launch 2.2.0: best practices",
    says="What the specification recommends beyond its rules.",
    rules={
        "smart:refresh:once": Rule(
            source=SMART_PRACTICES,
            text="A refresh token is sent once, whatever else runs, fails or dies meanwhile.",
        ),
    },
)
