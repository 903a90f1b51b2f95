"""What the wire log may show of an exchange: names always, values only where they open nothing.

The list says what is shown, not what is hidden, so that a value nobody thought of stays hidden. FHIR content is not
kept at all, only what an answer holds.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

Pairs = tuple[tuple[str, str], ...]

SHOWN = frozenset((
    "__clinical_time", "active", "aud", "authorization_endpoint", "capabilities", "client_assertion_type",
    "client_id", "code_challenge_method", "code_challenge_methods_supported", "encounter", "error",
    "error_description", "exp", "expires_in", "fhirContext", "fhirUser", "grant_type", "grant_types_supported",
    "intent", "introspection_endpoint", "iss", "issuer", "jwks_uri", "need_patient_banner", "patient", "redirect_uri",
    "response_type", "response_types_supported", "revocation_endpoint", "scope", "scopes_supported",
    "smart_style_url", "sub", "tenant", "token_endpoint", "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported", "token_type", "token_type_hint",
))  # fmt: skip
# In the query of a FHIR request everything is a search, except these.
NOT_IN_A_SEARCH = frozenset(("access_token", "code", "state", "token"))
LAUNCH_OPTIONS = re.compile(r"/sim/[^/]+/")
MOST_WORDS = 4_000


def kind_of(path: str) -> str:
    """Return what an exchange is for, by its address."""
    doors = {
        "smart-configuration": "discovery", "openid-configuration": "discovery", "authorize": "authorize",
        "choose": "authorize", "token": "token", "revoke": "revoke", "introspect": "introspect", "jwks": "keys",
        "keys": "keys",
    }  # fmt: skip
    last = path.rpartition("/")[2]
    if "/fhir" in path and ".well-known" not in path:
        return "fhir"
    return "style" if path.startswith("/smart-style") else doors.get(last, "other")


def shown_path(path: str) -> str:
    """Return an address without the options of a launch, which may hold a secret."""
    return LAUNCH_OPTIONS.sub("/sim/hidden/", path)


def shown_query(path: str, query: str) -> str:
    """Return a query with what may be shown of it."""
    pairs = parse_qsl(query, keep_blank_values=True)
    searched = kind_of(path) == "fhir"
    return urlencode([
        (name, value if (name not in NOT_IN_A_SEARCH if searched else name in SHOWN) else "hidden")
        for name, value in pairs
    ])  # fmt: skip


def shown_form(body: bytes) -> Pairs:
    """Return the fields of a form."""
    return _shown(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def shown_json(body: bytes) -> Pairs:
    """Return the members of a JSON object; of key sets, the keys' names only."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return (("body", "not JSON"),)
    if not isinstance(found, dict):
        return (("body", "not an object"),)
    if isinstance(found.get("keys"), list):
        return (("keys", ", ".join(str(key.get("kid", "?")) for key in found["keys"])),)
    return _shown((name, _words(value)) for name, value in found.items())


def shown_location(address: str) -> Pairs:
    """Return where a redirect leads, and what it carries."""
    parts = urlsplit(address)
    to = parts._replace(query="", fragment="").geturl()
    return (("redirects to", shown_path(to)), *_shown(parse_qsl(parts.query)))


def shown_authorization(header: str) -> Pairs:
    """Return how a request proves itself, without the proof."""
    return (("Authorization", f"{header.partition(' ')[0]} hidden"),) if header else ()


def told(bundle: Mapping[str, Any]) -> str:
    """Say what a FHIR answer holds: "Bundle: 45 of 412, message 4119"."""
    kind = bundle["resourceType"]
    if kind == "OperationOutcome":
        return f"OperationOutcome: {_numbers([bundle])}"
    if kind != "Bundle":
        return str(kind)
    resources = [one["resource"] for one in bundle.get("entry", [])]
    outcomes = [one for one in resources if one["resourceType"] == "OperationOutcome"]
    total = f" of {bundle['total']:,}" if "total" in bundle else ""
    more = any(link["relation"] == "next" for link in bundle.get("link", []))
    return "".join((
        f"Bundle: {len(resources) - len(outcomes):,}{total}",
        ", more on the next page" if more else "",
        f", message {_numbers(outcomes)}" if outcomes else "",
    ))  # fmt: skip


def _numbers(outcomes: Iterable[Mapping[str, Any]]) -> str:
    issues = [issue for one in outcomes for issue in one["issue"]]
    return ", ".join(
        str(issue.get("details", {}).get("coding", [{}])[0].get("code") or issue["code"])
        for issue in issues
    )


def _shown(pairs: Iterable[tuple[str, str]]) -> Pairs:
    return tuple(
        (name, value[:MOST_WORDS] if name in SHOWN else f"hidden, {len(value)} characters")
        for name, value in pairs
    )


def _words(value: object) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()
