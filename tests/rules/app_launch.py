"""SMART App Launch 2.2.0: app launch. How an app is launched, asks for authorization, redeems the code, calls FHIR and refreshes."""

from tests.rules.rule import Page, Rule

SMART = "https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html"
PKCE = "https://www.rfc-editor.org/rfc/rfc7636"
RFC9207 = "https://www.rfc-editor.org/rfc/rfc9207"

PAGE = Page(
    title="SMART App Launch 2.2.0: app launch",
    says="How an app is launched, asks for authorization, redeems the code, calls FHIR and refreshes.",
    rules={
        "smart:launch:iss-registered": Rule(
            source=SMART,
            text="A launch from an `iss` that is not registered is refused without a request to it.",
        ),
        "smart:launch:iss-once": Rule(
            source=SMART, text="A launch with `iss` or `launch` missing or given twice is refused."
        ),
        "smart:launch:aud": Rule(
            source=SMART, text="`aud` is the FHIR base address, exactly as registered."
        ),
        "smart:launch:state-entropy": Rule(
            source=SMART, text="`state` has at least 122 bits and differs for every launch."
        ),
        "smart:launch:state-mismatch": Rule(
            source=SMART,
            text="A callback with an unknown `state`, or another registration's, is refused.",
        ),
        "smart:launch:state-bound": Rule(
            source=SMART, text="A callback from a browser that did not begin the launch is refused."
        ),
        "smart:launch:callback-once": Rule(
            source=SMART, text="A callback is answered once; replaying it redeems no code."
        ),
        "smart:launch:error": Rule(
            source=SMART,
            text="An authorization error ends the launch with a sentence; its description is never shown.",
        ),
        "smart:launch:pkce": Rule(
            source=PKCE,
            text="Every authorization request carries an S256 challenge whose verifier stays on the server.",
        ),
        "smart:launch:public-client": Rule(
            source=SMART,
            text="A public client sends `client_id` and no secret in the token request.",
        ),
        "smart:launch:token-form": Rule(
            source=SMART,
            text="A token response without Bearer token, scope or patient opens no session.",
        ),
        "smart:launch:mix-up": Rule(
            source=RFC9207,
            text="An `iss` in the authorization response must be the discovered issuer.",
        ),
        "smart:launch:post": Rule(
            source=SMART,
            text="The authorization request is posted where the registration asks for it, or where it is long and the EHR can.",
        ),
        "smart:launch:standalone": Rule(
            source=SMART,
            text="A standalone launch names no `launch`, asks for `launch/patient`, and is off unless registered.",
        ),
        "smart:launch:no-open-redirect": Rule(
            source=SMART,
            text="No parameter of a launch or callback makes the app send the browser elsewhere.",
        ),
        "smart:launch:token-not-in-cookies": Rule(
            source=SMART,
            text="No access token, refresh token, code verifier or client secret reaches the browser or a cookie.",
        ),
        "smart:scopes:minimum": Rule(
            source=SMART, text="Exactly the scopes of the registration are asked for."
        ),
        "smart:refresh:in-time": Rule(
            source=SMART,
            text="An access token is refreshed before it expires, and before a model is asked.",
        ),
        "smart:refresh:replace": Rule(
            source=SMART,
            text="A new refresh token replaces the old one before the new access token is used.",
        ),
        "smart:refresh:no-wider": Rule(
            source=SMART,
            text="A refresh asks for no other scope, and what it grants beyond the launch is not used.",
        ),
        "smart:refresh:narrower": Rule(
            source=SMART,
            text="Scopes that a refresh takes away are gone; a required one ends the launch.",
        ),
        "smart:refresh:refused": Rule(
            source=SMART,
            text="A refused refresh ends the launch; one that fails leaves the access token its life.",
        ),
        "smart:token:401": Rule(
            source=SMART, text="A 401 of the FHIR server causes one forced refresh, then the end."
        ),
    },
)
