"""SMART App Launch 2.2.0: how an app is launched, asks for authorization, redeems the code, calls FHIR and refreshes."""

from tests.rules.rule import Page, Rule, smart

RFC9207 = "https://www.rfc-editor.org/rfc/rfc9207"
REGISTRATION, AUTHORIZATION, TOKEN = "registration", "authorization request", "token request"

at = smart("app-launch")

PAGE = Page(
    title="SMART App Launch 2.2.0: app launch",
    says="How an app is launched, asks for authorization, redeems the code, calls FHIR and refreshes.",
    rules={
        # ---------------------------------------------------------------- app protection
        "smart:protect:tls": at(
            "app-protection",
            "Secrets, codes and tokens go to registered hosts only, by TLS 1.2 or later, the certificate checked.",
            1, 230, 232, 318,
        ),
        "smart:launch:state-entropy": at(
            "app-protection",
            "`state` stands in every authorization request, has at least 122 bits and differs for every launch.",
            2, 3, 40, inferno=AUTHORIZATION,
        ),
        "smart:launch:state-mismatch": at(
            "response-4",
            "A callback with an unknown `state`, or another registration's, is refused.",
            4, 39, 60,
        ),
        "smart:launch:state-bound": at(
            "response-4",
            "A callback from a browser that did not begin the launch is refused.",
            61,
        ),
        "smart:protect:no-code": at(
            "app-protection",
            "Nothing that comes from outside is run: no script but our own files, no inline script, Trusted Types.",
            5,
        ),
        "smart:launch:no-open-redirect": at(
            "app-protection",
            "No parameter of a launch or callback makes the app send the browser elsewhere.",
            6,
        ),
        "smart:launch:token-not-in-cookies": at(
            "app-protection",
            "No access token, refresh token, code verifier or client secret reaches the browser or a cookie.",
            7,
        ),
        "smart:protect:token-storage": at(
            "response-5",
            "Tokens lie in Chartside's own database only, sealed; none stands in a log, a file or a plain row.",
            8, 9, 90, strength="SHOULD",
        ),
        "smart:protect:no-embedded-secret": at(
            "support-for-public-and-confidential-apps",
            "No secret is part of what is installed or of a registration file; it comes from the environment.",
            10, strength="SHOULD",
        ),
        "smart:launch:pkce": at(
            "considerations-for-pkce-support",
            "Every authorization request carries an S256 challenge, whose verifier stays on the server and redeems the code.",
            13, 44, 45, 70, inferno=f"{AUTHORIZATION}, {TOKEN}",
        ),
        # ---------------------------------------------------------------- registration and launch
        "smart:launch:fixed-addresses": at(
            "request",
            "Launch and redirect addresses are fixed and whole, and `https` outside the sandbox; a registration with another redirect URI stops the start.",
            20, 21, inferno=REGISTRATION,
        ),
        "smart:launch:iss-registered": at(
            "request-2",
            "A launch from an `iss` that is not registered is refused without a request to it.",
            strength="",
        ),
        "smart:launch:iss-once": at(
            "request-2",
            "A launch with `iss` or `launch` missing or given twice is refused.",
            strength="",
        ),
        "smart:launch:standalone": at(
            "step-2-launch-standalone",
            "A standalone launch names no `launch`, asks for `launch/patient`, and is off unless registered.",
            36, 166,
        ),
        # ---------------------------------------------------------------- authorization request
        "smart:authorize:response-type": at(
            "request-4", "`response_type` is `code`.", 32, inferno=AUTHORIZATION
        ),
        "smart:authorize:client-id": at(
            "request-4", "`client_id` is the registered one.", 33, inferno=AUTHORIZATION
        ),
        "smart:authorize:redirect-uri": at(
            "request-4",
            "`redirect_uri` is the registered one, and the same in the token request.",
            34, 69, inferno=f"{AUTHORIZATION}, {TOKEN}",
        ),
        "smart:authorize:launch": at(
            "request-4",
            "`launch` is what the EHR sent, exactly.",
            35, 161, inferno=AUTHORIZATION,
        ),
        "smart:authorize:scope": at(
            "request-4", "`scope` names what the app needs.", 37, inferno=AUTHORIZATION
        ),
        "smart:launch:aud": at(
            "request-4",
            "`aud` is the FHIR base address, exactly as registered; `resource` is not sent beside it.",
            41, 42, 43, inferno=AUTHORIZATION,
        ),
        "smart:scopes:minimum": at(
            "request-4",
            "Exactly the scopes of the registration are asked for, and no template asks for a wildcard.",
            46, 148, strength="SHOULD",
        ),
        "smart:authorize:identity": at(
            "request-4",
            "`openid` and `fhirUser` are asked for, since the user must be known; a registration without them stops the start.",
            47, 195, 196,
        ),
        "smart:authorize:serialization": at(
            "request-4",
            "By GET the parameters stand in the query, by POST in a form, each once.",
            50, 51, 52,
        ),
        "smart:launch:post": at(
            "request-4",
            "The authorization request is posted where the registration asks for it, or where it is long and the EHR can.",
            133, strength="SHOULD",
        ),
        # ---------------------------------------------------------------- callback
        "smart:launch:callback-once": at(
            "response-4", "A callback is answered once; replaying it redeems no code.", strength=""
        ),
        "smart:launch:error": at(
            "response-4",
            "An authorization error ends the launch with a sentence; its description is never shown.",
            strength="",
        ),
        "smart:launch:mix-up": Rule(
            source=RFC9207,
            text="An `iss` in the authorization response must be the discovered issuer.",
        ),
        # ---------------------------------------------------------------- token request
        "smart:token:request": at(
            "request-5",
            "A code is redeemed by POST of a form with `grant_type=authorization_code`, the code, the redirect URI and the verifier, and nothing else but the client's proof.",
            62, 67, 68, inferno=TOKEN,
        ),
        "smart:launch:public-client": at(
            "request-5",
            "A public client sends `client_id` and no secret in the token request.",
            12, 63, 71, inferno=TOKEN,
        ),
        "smart:client:one-way": at(
            "request-5",
            "A confidential client proves itself in its registered way only; `client_id` stands in the body of public clients only.",
            64, 72, inferno=TOKEN,
        ),
        "smart:client:preferred": at(
            "determining-the-appropriate-app-type",
            "A template asks for an asymmetric client wherever the EHR takes one; a public client is for EHRs that take no other.",
            11, 65, strength="SHOULD",
        ),
        "smart:launch:token-form": at(
            "response-5",
            "A token response without Bearer token, scope or patient opens no session.",
            strength="",
        ),
        # ---------------------------------------------------------------- FHIR requests
        "smart:fhir:bearer": at(
            "request-6",
            "Every FHIR request carries the launch's own access token as Bearer, in the header only.",
            93, inferno="token use",
        ),
        "smart:fhir:foreign-reference": at(
            "response-6",
            "A reference to another server is not followed, and the token is never sent there.",
            97, 98, strength="SHOULD",
        ),
        "smart:token:401": at(
            "response-6",
            "A 401 of the FHIR server causes one forced refresh, then the end.",
            strength="",
        ),
        # ---------------------------------------------------------------- refresh
        "smart:refresh:request": at(
            "request-7",
            "A refresh is a POST of `grant_type=refresh_token` and the refresh token, with the client's proof made anew.",
            105, 106, inferno=TOKEN,
        ),
        "smart:refresh:in-time": at(
            "refresh-access-token",
            "An access token is refreshed before it expires, and before a model is asked.",
            strength="",
        ),
        "smart:refresh:replace": at(
            "response-7",
            "A new refresh token replaces the old one before the new access token is used.",
            117, strength="SHOULD",
        ),
        "smart:refresh:no-wider": at(
            "request-7",
            "A refresh asks for no other scope, and what it grants beyond the launch is not used.",
            107, 108,
        ),
        "smart:refresh:narrower": at(
            "response-7",
            "Scopes that a refresh takes away are gone; a required one ends the launch.",
            strength="",
        ),
        "smart:refresh:refused": at(
            "response-7",
            "A refused refresh ends the launch; one that fails leaves the access token its life.",
            strength="",
        ),
    },
)  # fmt: skip
