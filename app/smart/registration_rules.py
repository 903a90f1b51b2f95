"""What a well-formed registration must not contain; each rule names the key that breaks it.

Not seen here: what only the EHR knows (`check --online`), and whether secrets and keys are there (`client_auth`).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.smart.ehr_mcp import mcp_problems
from app.smart.mcp_server import mcp_server_problems
from app.smart.policy import ANY_MODEL
from app.smart.registration import Registration
from app.smart.scopes import is_well_formed, parse_scopes

# scheme, host and port only: a wildcard, a path or a keyword here would let others frame the app.
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
PILOT = re.compile(
    r"(https?://[^\s]+/)?(Practitioner|PractitionerRole|Person|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}"
)
PROXY = re.compile(r"http://[A-Za-z0-9.-]+:\d{1,5}")
HOST = re.compile(r"[a-z0-9.-]+(:\d{1,5})?")
# One segment of letters, digits, hyphens and underscores: no dot, no slash, nothing encoded, nothing without end.
ANY_SEGMENT = "[A-Za-z0-9_-]{1,2048}"


def problem(registration: Registration, origin: str) -> str:
    """Return the first thing that is wrong, "" when nothing is. `origin` is where browsers reach this server."""
    return next(_problems(registration, origin), "")


def _problems(registration: Registration, origin: str) -> Iterator[str]:
    yield from _addresses(registration)
    yield from _pattern(registration)
    yield from _pins(registration)
    expected = f"{origin}/smart/{registration.slug}/callback"
    if registration.client.redirect_uri != expected:
        yield f"client.redirect_uri must be {expected}"
    yield from _client(registration)
    yield from _scopes(registration)
    yield from _site(registration)
    yield from _users(registration)
    yield from _restricted(registration)
    yield from _network(registration)
    yield from _models(registration)
    yield from mcp_problems(
        registration.mcp, api=registration.fhir.api, sandbox=registration.sandbox
    )
    yield from mcp_server_problems(
        registration.mcp_server, registration.users, registration.fhir.tenants,
        sandbox=registration.sandbox, standalone=registration.launch.standalone,
    )  # fmt: skip


def _addresses(registration: Registration) -> Iterator[str]:
    ancestors = registration.embed.frame_ancestors
    chart = [registration.bulk.chart_link] if registration.bulk and registration.bulk.chart_link else []  # fmt: skip
    addresses = [*registration.fhir.iss, *ancestors, *registration.pins.addresses().values(), *chart]  # fmt: skip
    if not registration.sandbox and any(not url.startswith("https://") for url in addresses):
        yield "http is for sandbox registrations only"
    for iss in registration.fhir.iss:
        if not _plain(iss):
            yield f"fhir.iss {iss} is not a plain base address"
    for ancestor in ancestors:
        if not ORIGIN.fullmatch(ancestor):
            yield f"embed.frame_ancestors {ancestor} is not an origin"


def _pattern(registration: Registration) -> Iterator[str]:
    pattern = registration.fhir.iss_pattern
    if not pattern:
        return
    if not registration.sandbox:
        yield "fhir.iss_pattern is for sandbox registrations only"
    if not _plain(pattern) or pattern.count("*") != 1 or "/*/" not in urlsplit(pattern).path:
        yield f"fhir.iss_pattern {pattern} is not a base address with one segment *"
    elif f"{urlsplit(pattern).scheme}://{urlsplit(pattern).netloc}" not in {
        f"{urlsplit(iss).scheme}://{urlsplit(iss).netloc}" for iss in registration.fhir.iss
    }:
        yield f"fhir.iss_pattern {pattern} is on another host than fhir.iss"


def fits(pattern: str, iss: str) -> bool:
    """Tell whether an address is of a pattern's form: `*` stands for one segment, all else is as written."""
    before, star, after = pattern.partition("*")
    form = f"{re.escape(before)}{ANY_SEGMENT}{re.escape(after)}"
    return bool(star) and re.fullmatch(form, iss) is not None


def _pins(registration: Registration) -> Iterator[str]:
    pins = registration.pins
    for host in pins.hosts:
        if not HOST.fullmatch(host):
            yield f"pins.hosts {host} is not a host"
    for name, address in pins.addresses().items():
        if not _plain(address, query=True):
            yield f"pins.{name} {address} is not an address"


def _plain(address: str, *, query: bool = False) -> bool:
    try:
        parts = urlsplit(address)
        named = parts.hostname and parts.username is None
    except ValueError:
        return False
    schemes = parts.scheme in ("http", "https")
    return bool(schemes and named and not parts.fragment and (query or not parts.query))


def _client(registration: Registration) -> Iterator[str]:
    client, backend = registration.client, registration.backend
    if client.auth.startswith("client_secret") != bool(client.secret_env):
        yield f"client.secret_env does not go with auth {client.auth}"
    if (client.auth == "private_key_jwt") != bool(client.alg):
        yield f"client.alg does not go with auth {client.auth}"
    if client.key and not client.alg:
        yield f"client.key does not go with auth {client.auth}"
    if backend and not all(scope.startswith("system/") for scope in backend.scopes):
        yield "backend.scopes may name system scopes only"
    if registration.bulk and not backend:
        yield "[bulk] needs the client of [backend]"
    for one in registration.mcp_server.service:
        if not backend:
            yield "mcp_server.service needs the client of [backend]"
        if (one.iss or len(registration.fhir.iss) > 1) and one.iss not in registration.fhir.iss:
            yield f"mcp_server.service {one.host}: iss must name one of fhir.iss"


def _scopes(registration: Registration) -> Iterator[str]:
    scopes = registration.scopes
    for key, listed in (
        ("scopes.required", scopes.required),
        ("scopes.optional", scopes.optional),
        ("backend.scopes", registration.backend.scopes if registration.backend else ()),
    ):
        for scope in listed:
            if not is_well_formed(scope):
                yield f"{key} {scope} is not a scope"
    # Without them the EHR proves nobody's identity, and no launch gets past that.
    for scope in ("openid", "fhirUser"):
        if scope not in scopes.required:
            yield f"scopes.required must name {scope}"


def _site(registration: Registration) -> Iterator[str]:
    try:
        ZoneInfo(registration.site.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"site.time_zone {registration.site.time_zone} is not an IANA time zone"


def _users(registration: Registration) -> Iterator[str]:
    users = registration.users
    for reference in users.pilot:
        if not PILOT.fullmatch(reference):
            yield f"users.pilot {reference} is not a user as the EHR names them, such as Practitioner/123"
    if not users.asks_the_ehr:
        return
    asked = " ".join((*registration.scopes.required, *registration.scopes.optional))
    able = {g.resource_type for g in parse_scopes(asked) if g.level == "user"}
    if not able & {"PractitionerRole", "Practitioner", "*"}:
        yield "users.roles cannot be read: ask for user/PractitionerRole.rs in [scopes]"


def _restricted(registration: Registration) -> Iterator[str]:
    seen = set()
    for label in registration.restricted.labels:
        if (label.system, label.code) in seen:
            yield f"restricted.labels names {label.code} of {label.system} twice"
        seen.add((label.system, label.code))
        if "model" in label.audience and "user" not in label.audience:
            yield f"restricted.labels {label.code}: what a model is told, its user reads: name user too"


def _network(registration: Registration) -> Iterator[str]:
    network = registration.network
    if network.proxy and not PROXY.fullmatch(network.proxy):
        yield f"network.proxy {network.proxy} is not http://host:port"
    if network.proxy_env and not network.proxy:
        yield "network.proxy_env does not go without network.proxy"
    if network.ca_file and not Path(network.ca_file).is_file():
        yield f"network.ca_file {network.ca_file} is not a file of this machine"
    for host in network.egress:
        if not HOST.fullmatch(host.lower()):
            yield f"network.egress {host} is not a host"
    mcp = [registration.mcp.origin] if registration.mcp else []
    mcp += ["://".join(urlsplit(one.jwks_url)[:2]) for one in registration.mcp_server.service if one.jwks_url]  # fmt: skip
    mcp += [f"https://{one.documents}" for one in registration.mcp_server.client if one.documents]
    for origin in (*sorted(registration.origins()), *mcp):
        if not network.allows(urlsplit(origin).netloc):
            yield f"network.egress does not name {urlsplit(origin).netloc}, which this registration calls"


def _models(registration: Registration) -> Iterator[str]:
    models = registration.models
    if ANY_MODEL in models.allowed:
        if not registration.sandbox:
            yield 'models.allowed "*" is for sandbox registrations only'
        return
    if models.default not in ("", "none", *models.allowed):
        yield f"models.default {models.default} is not in models.allowed"
    if unknown := set(models.phi_without_baa) - set(models.allowed):
        yield f"models.phi_without_baa {min(unknown)} is not in models.allowed"
