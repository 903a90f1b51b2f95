"""SMART App Launch 2.2.0: what a scope grants, and what arrives with the access token."""

from tests.rules.rule import Page, smart

at = smart("scopes-and-launch-context")

PAGE = Page(
    title="SMART App Launch 2.2.0: scopes and launch context",
    says="What a scope grants, and what arrives with the access token.",
    rules={
        "smart:scopes:syntax": at(
            "scopes-for-requesting-fhir-resources",
            "v1 and v2 scopes are understood; what has no known level, or letters out of order, grants nothing.",
            135, 137, 141, 143, 146,
        ),
        "smart:scopes:verbs": at(
            "scopes-for-requesting-fhir-resources",
            "Nothing is read without `r`, searched without `s`, created, updated or deleted without `c`, `u` or `d`.",
            120, 121, 122, 124, 125,
        ),
        "smart:scopes:granted": at(
            "wildcard-scopes",
            "What a launch may do follows from the granted scopes, not the requested ones.",
            147, strength="SHOULD",
        ),
        "smart:scopes:granular": at(
            "finer-grained-resource-constraints-using-search-parameters",
            "Scopes with `?param=value` may be asked for; a search that they give in part or not at all is never read as none.",
            132,
        ),
        "smart:scopes:shortest": at(
            "scope-equivalence",
            "Scopes are factored to their shortest form.",
            131, strength="SHOULD",
            applies_when="Scopes are asked for as the registration writes them, so that IT finds in the EHR's form what stands in the file.",
        ),
        "smart:context:asked": at(
            "scopes-for-requesting-context-data",
            "Context is asked for by `launch`, or by `launch/patient` and its like, beside the resource scopes.",
            150, 151, 152,
        ),
        "smart:context:hints": at(
            "scopes-for-requesting-context-data",
            "Other context is asked for as `launch/encounter` or another type in lower case, with at most one role each; anything else stops the start.",
            153, 155, 156, 157, 158, 162,
        ),
        "smart:context:patient": at(
            "launch-context-arrives-with-your-access_token",
            "A launch is about the patient of the token response, and about the encounter where one is named.",
            strength="",
        ),
        "smart:context:banner": at(
            "launch-context-arrives-with-your-access_token",
            "The patient's name stands on top whatever `need_patient_banner` says.",
            strength="",
        ),
        "smart:context:fhir-context": at(
            "fhircontext-exp",
            "`fhirContext` items are named by relative reference, canonical or identifier; a `role` that is left out is `launch`.",
            191,
        ),
        "smart:context:intent": at(
            "launch-intent", "An unknown `intent` opens the default view.", 193, strength="SHOULD"
        ),
        "smart:context:tenant": at(
            "launch-context-arrives-with-your-access_token",
            "A launch of a tenant that the registration does not name is refused.",
            strength="",
        ),
        "smart:context:style": at(
            "styling",
            "The EHR's colours and sizes (`smart_style_url`) are fetched by the server and each value is checked.",
            strength="",
        ),
        "oidc:id-token:fhir-user": at(
            "scopes-for-requesting-identity-data",
            "`fhirUser` is read relative or absolute under the FHIR base, as the address of the user's resource; a patient or relative is refused.",
            202,
        ),
        "smart:identity:no-max-age": at(
            "scopes-for-requesting-identity-data",
            "Neither `max_age` nor `auth_time` is asked for.",
            211,
        ),
        "smart:identity:steps": at(
            "steps-for-using-an-id-token",
            "The keys are the issuer's: from the SMART configuration, else from the issuer's OpenID configuration, which must name the same issuer.",
            218,
        ),
        "smart:scopes:refresh": at(
            "scopes-for-requesting-a-refresh-token",
            "`online_access` or `offline_access` is asked for as the registration says; without either a launch lives as long as its token.",
            215, 216,
        ),
        "smart:scopes:uri": at(
            "appendix-uri-representation-of-scopes",
            "Scopes written as URIs have the prefixes of the specification.",
            219, 220,
            applies_when="No exchange with an EHR writes scopes as URIs.",
        ),
    },
)  # fmt: skip
