"""SMART App Launch 2.2.0: tokens without a user."""

from tests.rules.rule import Page, smart

TOKEN = "token request"

at = smart("backend-services")

PAGE = Page(
    title="SMART App Launch 2.2.0: backend services",
    says="Tokens without a user.",
    rules={
        "smart:backend": at(
            "issue-access-token",
            "A backend token is kept until it expires, then asked for again; there is no refresh.",
            263, strength="SHOULD", inferno=TOKEN,
        ),
        "smart:backend:request": at(
            "request-1",
            "It is asked for by POST of a form with `grant_type=client_credentials`, a scope and an assertion made anew, and nothing else.",
            229, 233, 234, 235, 236, 237, 238, inferno=TOKEN,
        ),
        "smart:backend:scopes": at(
            "scopes",
            "Only `system/` scopes may be registered; what was granted counts.",
            239, 242, strength="SHOULD",
        ),
        "smart:backend:bearer": at(
            "request-2",
            "FHIR requests of a backend carry its token as Bearer and follow no reference to another server.",
            264, 267, 268,
            applies_when="Nothing is read without a user yet: bulk export comes later. Launches prove the same of their tokens.",
        ),
    },
)  # fmt: skip
