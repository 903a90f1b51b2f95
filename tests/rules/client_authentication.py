"""SMART App Launch 2.2.0: client authentication. How a client proves itself to the token endpoint: public, by a secret, by a signed assertion."""

from tests.rules.rule import PRODUCT, Page, Rule

SMART = "https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html"
SMART_SYMMETRIC = "https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-symmetric.html"
SMART_ASYMMETRIC = (
    "https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html"
)

PAGE = Page(
    title="SMART App Launch 2.2.0: client authentication",
    says="How a client proves itself to the token endpoint: public, by a secret, by a signed assertion.",
    rules={
        "smart:client:one-way": Rule(
            source=SMART,
            text="A client proves itself in its registered way only; `client_id` stands in the body of public clients only.",
        ),
        "smart:client:symmetric": Rule(
            source=SMART_SYMMETRIC,
            text="A client secret goes by HTTP Basic, or in the body where the registration says so.",
        ),
        "smart:client:asymmetric": Rule(
            source=SMART_ASYMMETRIC,
            text="An assertion has alg, kid and typ, iss = sub = client_id, aud = the token address, exp within 300 s, and a jti of its own.",
        ),
        "smart:client:algorithms": Rule(
            source=SMART_ASYMMETRIC, text="RS384 and ES384 are both supported."
        ),
        "smart:client:jwks": Rule(
            source=SMART_ASYMMETRIC,
            text="The key set is served without authentication, with Cache-Control, each key with kty and kid, no private part.",
        ),
        "smart:client:key-rotation": Rule(
            source=SMART_ASYMMETRIC,
            text="A new key is published before it signs, and an old one stays published after.",
        ),
        "smart:client:fail-closed": Rule(
            source=PRODUCT, text="A client whose secret or key is missing stops the start by name."
        ),
    },
)
