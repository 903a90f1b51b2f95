"""SMART App Launch 2.2.0: how a client proves itself to the token endpoint, by a secret or by a signed assertion."""

from tests.rules.rule import PRODUCT, Page, Rule, smart

REGISTERING = "registering-a-client-communicating-public-keys"
REGISTRATION, TOKEN = "registration", "token request"

at = smart("client-confidential-asymmetric")
symmetric = smart("client-confidential-symmetric")

PAGE = Page(
    title="SMART App Launch 2.2.0: client authentication",
    says="How a client proves itself to the token endpoint: by a secret, or by a signed assertion.",
    rules={
        "smart:client:symmetric": symmetric(
            "authentication-using-a-client_secret",
            "A client secret goes by HTTP Basic, or in the body where the registration says so; never for backend services.",
            66, 343, 345, inferno=TOKEN,
        ),
        "smart:client:fail-closed": Rule(
            source=PRODUCT,
            text="A client whose secret or key is missing stops the start by name.",
            strength="SHALL",
            numbers=(23, 290),
        ),
        "smart:client:jwks": at(
            REGISTERING,
            "The public keys are registered by the address of a key set, served by TLS without authentication, with Cache-Control, each key with kty and kid, bare, no private part.",
            22, 225, 291, 293, 294, 298, 299, 301, 302, 303, 313, 314, 315, inferno=REGISTRATION,
        ),
        "smart:client:private-keys": at(
            REGISTERING,
            "Private keys lie sealed in the database; one that was changed or moved does not open.",
            295,
        ),
        "smart:client:algorithms": at(
            REGISTERING,
            "RS384 and ES384 are both supported, and no other is used.",
            307, 308, 309, 312, inferno=TOKEN,
        ),
        "smart:client:key-rotation": at(
            REGISTERING,
            "A new key is published before it signs, and an old one stays published after.",
            strength="",
        ),
        "smart:client:key-set-by-hand": at(
            REGISTERING,
            "The key set may also be handed over at registration: it is printed, public parts only.",
            300, 304, strength="MAY",
        ),
        "smart:client:dynamic-registration": at(
            REGISTERING,
            "A client may be registered by the dynamic registration protocol.",
            292, strength="SHOULD",
            applies_when="A site's IT registers Chartside in the EHR's form, with the registration sheet.",
        ),
        "smart:client:asymmetric": at(
            "request",
            "An assertion has alg, kid and typ, iss = sub = client_id, aud = the token address, exp within 300 s, a jti of its own, and is made anew for every request, refreshes too.",
            317, 319, 320, 321, 322, 323, 327, 328, 329, 330, 331, 332, 333, 334, inferno=TOKEN,
        ),
        "smart:client:no-jku": at(
            "request",
            "An assertion carries no `jku`, so that none can differ from the registered address.",
            324, 325,
        ),
    },
)  # fmt: skip
