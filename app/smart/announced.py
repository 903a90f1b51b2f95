"""Judge what an EHR announces about itself against a registration: pure rules, no network.

Source: SMART App Launch 2.2.0, Conformance; OpenID Connect Discovery 1.0, 4.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from app.smart.id_token import ALGORITHMS
from app.smart.registration import Registration
from app.smart.scopes import missing_scopes, parse_scopes

Level = Literal["fix", "look", "fine"]
Metadata = Mapping[str, Any]
ENDPOINTS = (
    "authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint", "introspection_endpoint",
)  # fmt: skip
NEEDED = ENDPOINTS[:3]
CAPABILITY = {
    "public": "client-public",
    "client_secret_basic": "client-confidential-symmetric",
    "client_secret_post": "client-confidential-symmetric",
    "private_key_jwt": "client-confidential-asymmetric",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence for IT; `fix` stops launches, `look` may, `fine` was checked and holds."""

    level: Level
    about: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """One issuer of a registration; `file` is what findings point to."""

    registration: Registration
    iss: str
    file: str


def fix(about: str, sentence: str) -> Finding:
    """Return what stops launches."""
    return Finding(level="fix", about=about, sentence=sentence)


def look(about: str, sentence: str) -> Finding:
    """Return what may stop launches, or could not be seen."""
    return Finding(level="look", about=about, sentence=sentence)


def fine(about: str, sentence: str) -> Finding:
    """Return what was checked and holds."""
    return Finding(level="fine", about=about, sentence=sentence)


def endpoints(at: Issuer, metadata: Metadata) -> Iterator[Finding]:
    """Every endpoint stands on a registered host; a token goes nowhere else."""
    hosts = set()
    for name in ENDPOINTS:
        address = metadata.get(name)
        if not isinstance(address, str) or not address:
            if name in NEEDED:
                yield fix(
                    "endpoints",
                    f"The SMART configuration names no {name}. Ask the EHR to publish it; without it no launch succeeds.",
                )
            continue
        parts = urlsplit(absolute(at, address))
        if f"{parts.scheme}://{parts.netloc}" in at.registration.origins():
            hosts.add(parts.netloc)
        else:
            yield _stranger(at, name, parts.scheme, parts.netloc)
    if hosts:
        yield fine(
            "endpoints",
            f"On registered hosts: {', '.join(sorted(hosts))}.",
        )


def _stranger(at: Issuer, name: str, scheme: str, host: str) -> Finding:
    if not host:
        sentence = f"{name} is not an address. Ask the EHR to correct its SMART configuration."
    elif scheme != "https" and not at.registration.sandbox:
        sentence = (
            f"{name} is a plain {scheme} address. Ask the EHR to announce it with https; "
            "nothing is sent there."
        )
    else:
        sentence = (
            f'{name} is on {host}, which is not registered. If the EHR confirms that this host is its own, add "{host}" '
            f"to pins.hosts ({at.file})."
        )
    return fix("endpoints", sentence)


def pins(at: Issuer, metadata: Metadata) -> Iterator[Finding]:
    """What is pinned is announced exactly so."""
    pinned = at.registration.pins.addresses()
    moved = False
    for name, expected in pinned.items():
        sent = metadata.get(name)
        announced = sent if isinstance(sent, str) else ""
        found = announced if name == "issuer" or not announced else absolute(at, announced)
        if found != expected:
            moved = True
            yield fix(
                "pins",
                f"The EHR announces {name} {found or '(none)'}, but pins.{name} ({at.file}) is {expected}. If the EHR confirms the "
                f"change, correct pins.{name}; if not, tell its security contact: no launch goes on meanwhile.",
            )
    if pinned and not moved:
        yield fine("pins", f"Pinned in {at.file}: {', '.join(pinned)}.")


def pkce(_at: Issuer, metadata: Metadata) -> Iterator[Finding]:
    """PKCE by S256 is offered."""
    offered = _list(metadata, "code_challenge_methods_supported")
    if "S256" in offered:
        yield fine("PKCE", "S256 is offered.")
    elif offered:
        yield fix(
            "PKCE",
            f"The EHR offers PKCE by {', '.join(offered)} only. Have S256 switched on at the EHR; Chartside sends nothing else.",
        )
    else:
        yield look(
            "PKCE",
            "The EHR does not say that it supports S256 (code_challenge_methods_supported). Chartside sends it always; ask the EHR whether it counts.",
        )


def grants(at: Issuer, metadata: Metadata) -> Iterator[Finding]:
    """The grants that this registration uses are offered."""
    offered = _list(metadata, "grant_types_supported")
    asked = {*at.registration.scopes.required, *at.registration.scopes.optional}
    needed: dict[str, tuple[Level, str]] = {
        "authorization_code": ("fix", "Have it switched on at the EHR; a launch needs it")
    }
    if asked & {"online_access", "offline_access"}:
        needed["refresh_token"] = (
            "look",
            "A launch will end with its first access token; have it switched on in the EHR's form",
        )
    if at.registration.backend:
        needed["client_credentials"] = (
            "fix",
            f"Have it switched on at the EHR, or take [backend] out ({at.file})",
        )
    if not offered:
        yield look(
            "grants", "The EHR does not say which grant types it supports (grant_types_supported)."
        )
        return
    missing = [name for name in needed if name not in offered]
    for name in missing:
        level, what = needed[name]
        yield Finding(
            level=level, about="grants", sentence=f"The EHR does not offer {name}. {what}."
        )
    if not missing:
        yield fine("grants", f"Offered: {', '.join(needed)}.")


def client_type(at: Issuer, metadata: Metadata) -> Iterator[Finding]:
    """This kind of client may ask for tokens, with this algorithm."""
    client = at.registration.client
    methods = _list(metadata, "token_endpoint_auth_methods_supported")
    capabilities = _list(metadata, "capabilities")
    said = CAPABILITY[client.auth] in capabilities or client.auth in methods
    if not said and client.auth != "public" and (methods or capabilities):
        yield fix(
            "client",
            f"The EHR does not offer {client.auth} (it offers {', '.join(methods) or 'nothing by name'}). Change client.auth ({at.file}) and the client type in the EHR's form.",
        )
    elif said:
        yield fine("client", f"{client.auth} is offered.")
    else:
        yield look(
            "client",
            f"The EHR does not say that it takes a client of type {client.auth}. Choose that type in the EHR's form.",
        )
    algorithms = _list(metadata, "token_endpoint_auth_signing_alg_values_supported")
    signers = {"client.alg": client.alg}
    if at.registration.backend:
        signers["backend.alg"] = at.registration.backend.alg
    for key, alg in signers.items():
        if alg and algorithms and alg not in algorithms:
            yield fix(
                "client",
                f"The EHR does not take {alg} (it takes {', '.join(algorithms)}). Change {key} ({at.file}).",
            )


def scopes(at: Issuer, metadata: Metadata) -> Iterator[Finding]:
    """Compare what is asked with what is listed.

    Never more than `look`: SMART App Launch 2.2.0 lets a server support scopes that it does not list.
    """
    wanted = at.registration.scopes
    listed, capabilities = _list(metadata, "scopes_supported"), _list(metadata, "capabilities")
    version_1_only = "permission-v1" in capabilities and "permission-v2" not in capabilities
    # v1 writes .read, .write or .*; every other ending is v2's.
    newer = [
        one for one in (*wanted.required, *wanted.optional)
        if parse_scopes(one) and one.rpartition(".")[2] not in ("read", "write", "*")
    ]  # fmt: skip
    if version_1_only and newer:
        yield fix(
            "scopes",
            f"The EHR reads scopes of version 1 only. Write .read for .r and .rs in scopes.required and scopes.optional ({at.file}).",
        )
        return
    if not listed:
        yield look(
            "scopes",
            "The EHR does not list its scopes (scopes_supported): a launch shows what is granted.",
        )
        return
    for key, all_of_it in (
        ("scopes.required", wanted.required),
        ("scopes.optional", wanted.optional),
    ):
        for scope in (one for one in all_of_it if not _is_listed(one, listed)):
            effect = (
                "the launch is refused"
                if key == "scopes.required"
                else "that part of the chart is not read"
            )
            yield look(
                "scopes",
                f"The EHR does not list {scope}. Allow it in the EHR's form, or take it out of {key} ({at.file}); if it is not granted, {effect}.",
            )
    if all(_is_listed(one, listed) for one in (*wanted.required, *wanted.optional)):
        yield fine("scopes", "Every scope that is asked for is listed.")


def _is_listed(scope: str, listed: list[str]) -> bool:
    if parse_scopes(scope):
        return not missing_scopes([scope], " ".join(listed))
    return scope in listed


def openid(issuer: str, metadata: Metadata, document: Metadata) -> Iterator[Finding]:
    """The OpenID configuration names the same issuer and keys, and an algorithm that is taken."""
    if document.get("issuer") != issuer:
        yield fix(
            "id_token",
            f"The SMART configuration names the issuer {issuer}, the OpenID configuration {document.get('issuer')}. Ask the EHR to publish one: an id_token that names the other is refused.",
        )
        return
    if document.get("jwks_uri") != metadata.get("jwks_uri"):
        yield look(
            "id_token",
            "The SMART and the OpenID configuration name different key sets (jwks_uri). Ask the EHR which one signs id_tokens; Chartside reads the first.",
        )
    algorithms = _list(document, "id_token_signing_alg_values_supported")
    if algorithms and not set(algorithms) & set(ALGORITHMS):
        yield fix(
            "id_token",
            f"The EHR signs id_tokens by {', '.join(algorithms)} only. Have it sign by one of {', '.join(ALGORITHMS)}.",
        )
        return
    yield fine("id_token", f"The issuer is {issuer}.")


def absolute(at: Issuer, address: str) -> str:
    """Return an announced address whole, "" if it is none. Relative ones belong to the FHIR base, as at a launch."""
    try:
        return urlsplit(urljoin(at.iss.rstrip("/") + "/", address)).geturl()
    except ValueError:
        return ""


def _list(metadata: Metadata, name: str) -> list[str]:
    found = metadata.get(name)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
