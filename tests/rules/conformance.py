"""SMART App Launch 2.2.0: conformance. Reading what an EHR publishes about itself."""

from tests.rules.rule import Page, Rule

SMART_CONFORMANCE = "https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html"

PAGE = Page(
    title="SMART App Launch 2.2.0: conformance",
    says="Reading what an EHR publishes about itself.",
    rules={
        "smart:conformance:hosts": Rule(
            source=SMART_CONFORMANCE,
            text="Endpoints outside the registered hosts are refused; relative ones resolve against the base.",
        ),
        "smart:conformance:json": Rule(
            source=SMART_CONFORMANCE,
            text="The SMART configuration is asked for as `application/json`.",
        ),
    },
)
