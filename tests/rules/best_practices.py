"""SMART App Launch 2.2.0: what it recommends beyond its rules, and the parts that Chartside does not use."""

from tests.rules.rule import Page, smart

at = smart("best-practices")
brands = smart("brands")
state = smart("app-state")

PAGE = Page(
    title="SMART App Launch 2.2.0: best practices, brands, app state",
    says="What the specification recommends beyond its rules, and the parts of it that Chartside does not use.",
    rules={
        "smart:refresh:once": at(
            "best-practices-for-app-developers-include",
            "A refresh token is sent once, whatever else runs, fails or dies meanwhile.",
            strength="",
        ),
        "smart:brands": brands(
            "conformance-overview",
            "Brand bundles are cached by ETag, and what the SMART configuration links to counts more than a vendor's collection.",
            413, 414, 415, 416, 420, 425, 426, 435,
            applies_when="Only registered EHRs are offered; no brand bundle is read.",
        ),
        "smart:app-state": state(
            "app-state-interactions",
            "App state holds nothing that belongs in the chart, and is changed with `If-Match` only.",
            applies_when="Nothing is stored at the EHR as app state.",
        ),
    },
)  # fmt: skip
