"""OpenID Connect. Who the user is."""

from tests.rules.rule import Page, Rule

OIDC = "https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation"
OIDC_REFRESH = "https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse"

PAGE = Page(
    title="OpenID Connect",
    says="Who the user is.",
    rules={
        "oidc:id-token:signature": Rule(
            source=OIDC,
            text="Only asymmetric signatures by a discovered key are accepted; `none` and HMAC never.",
            strength="SHALL",
            numbers=(201,),
        ),
        "oidc:id-token:claims": Rule(
            source=OIDC,
            text="Issuer, audience, authorized party, expiry and nonce are checked.",
            strength="SHALL",
            numbers=(201,),
        ),
        "oidc:refresh:same-user": Rule(
            source=OIDC_REFRESH,
            text="An id_token of a refresh speaks of the same user; left-out claims say nothing against it.",
        ),
    },
)
