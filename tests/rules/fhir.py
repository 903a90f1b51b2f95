"""FHIR R4. Reading and searching the chart."""

from tests.rules.rule import Page, Rule

FHIR_SEARCH = "https://hl7.org/fhir/R4/search.html"
FHIR_BUNDLE = "https://hl7.org/fhir/R4/bundle.html"

PAGE = Page(
    title="FHIR R4",
    says="Reading and searching the chart.",
    rules={
        "fhir:search:paging": Rule(
            source=FHIR_SEARCH,
            text="Next links are followed on the same base only, each once, within bounds.",
        ),
        "fhir:search:outcome": Rule(
            source=FHIR_BUNDLE,
            text="An OperationOutcome entry in a searchset makes the section incomplete.",
        ),
    },
)
