"""SMART App Launch 2.2.0: reading what an EHR publishes about itself."""

from tests.rules.rule import Page, smart

at = smart("conformance")

PAGE = Page(
    title="SMART App Launch 2.2.0: conformance",
    says="Reading what an EHR publishes about itself.",
    rules={
        "smart:conformance:json": at(
            "using-well-known",
            "The SMART configuration is read at the end of the FHIR base, by GET, and asked for as `application/json`.",
            29, 226, 227, 375,
        ),
        "smart:conformance:relative": at(
            "using-well-known",
            "Relative endpoint addresses resolve against the FHIR base.",
            379, strength="SHOULD",
        ),
        "smart:conformance:hosts": at(
            "using-well-known", "Endpoints outside the registered hosts are refused.", strength=""
        ),
    },
)  # fmt: skip
