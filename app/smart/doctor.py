"""Check a registration's file, ask its EHR what can be known without a token, and say what to change and where.

Nothing is sent but GET requests for public documents, by the same guarded client and to the same hosts as a launch.
Not seen from here: whether the EHR's form holds our addresses, whether the client id and its secret are right, which
scopes are granted to whom, and which page frames Chartside. A first launch shows these.

Source: SMART App Launch 2.2.0, Conformance; OpenID Connect Discovery 1.0, 4.
"""

import ssl
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from app.boundary import Boundary, Response
from app.errors import BoundaryRefused, ChartsideError, ConfigurationError
from app.smart.announced import (
    Finding,
    Issuer,
    Metadata,
    absolute,
    client_type,
    endpoints,
    fine,
    fix,
    grants,
    look,
    openid,
    pins,
    pkce,
    scopes,
)
from app.smart.discovery import Discovery
from app.smart.errors import DiscoveryFailed
from app.smart.id_token import LEEWAY_S
from app.smart.registration import Registration
from app.smart.registry import Registry, is_draft, load_registration
from app.smart.templates import HINTS, unfilled

LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True, kw_only=True)
class _Visit(Issuer):
    """An issuer that is asked."""

    boundary: Boundary
    clock: Callable[[], datetime]

    def get(self, url: str, what: str) -> Response | Finding:
        """Return a document's answer, or why there is none."""
        try:
            return self.boundary.get(url)
        except BoundaryRefused as error:
            return fix(what, self._refused(url, what, error))
        except ChartsideError as error:
            return fix(what, self._unreached(url, what, error))

    def _refused(self, url: str, what: str, error: BoundaryRefused) -> str:
        if "redirect" not in str(error):
            correct = f"Correct fhir.iss ({self.file})" if what == "discovery" else "Ask the EHR to correct it"  # fmt: skip
            return f"{url} was not asked: {error}. {correct}."
        where = f"into fhir.iss ({self.file})" if what == "discovery" else "into its configuration"
        return (
            f"{url} answers with {error}, which Chartside never follows. "
            f"{'Put' if what == 'discovery' else 'Have the EHR put'} the address that it leads to {where}."
        )

    def _unreached(self, url: str, what: str, error: ChartsideError) -> str:
        host = urlsplit(url).netloc
        if _is_about_tls(error):
            return (
                f"The certificate of {host} is not trusted by this machine. Have the EHR send its whole chain, "
                f"or name the authority that signed it in network.ca_file ({self.file}): a proxy that looks into TLS has one of its own."
            )
        correct = f", or correct fhir.iss ({self.file})" if what == "discovery" else ""
        if proxy := self.registration.network.proxy:
            return (
                f"{url} gives nothing through {proxy}: {error}. Have the proxy let this machine reach {host}, correct "
                f"network.proxy or network.proxy_env ({self.file}){correct}."
            )
        return (
            f"{url} gives nothing: {error}. Open {host} in the firewall of this machine, name the site's proxy in network.proxy "
            f"({self.file}){correct}."
        )


def read_file(
    path: Path,
    *,
    origin: str,
    production: bool,
    variables: Container[str],
    kids: Callable[[], Container[str]],
) -> tuple[Registration | None, list[Finding]]:
    """Return a registration, None if its file is wrong, and what the file alone shows.

    `variables` are the names of those that are set, `kids` gives the keys of the ring, asked only where one is named.
    """
    try:
        waiting = unfilled(path.read_text("utf-8"))
        if waiting:
            return None, [fix(key, f"Fill in {key} ({path.name}): {HINTS[key]}.") for key in waiting]  # fmt: skip
        registration = load_registration(path, origin=origin)
    except (ConfigurationError, UnicodeDecodeError, OSError) as error:
        named = str(error).removeprefix(f"{path.name}: ")
        return None, [fix("file", f"{path.name}: {named}. Correct this key.")]
    found = [*_start(registration, path.name, production), *_beside(registration, path, origin)]
    found += _proof(registration, path.name, variables, kids)
    return registration, found or [fine("file", f"{path.name} holds what a registration needs.")]


def _start(registration: Registration, file: str, production: bool) -> Iterator[Finding]:
    if production and registration.sandbox and registration.enabled:
        yield fix("environment", f"This is a sandbox registration, and a production server does not start with one. Set enabled = false ({file}).")  # fmt: skip
    if not registration.enabled:
        yield look("enabled", f"The registration is switched off. Set enabled = true ({file}) and restart when it is ready.")  # fmt: skip


def _beside(registration: Registration, path: Path, origin: str) -> Iterator[Finding]:
    """Look at the folder's other files: one server reads them all."""
    for other in sorted(path.parent.glob("*.toml")):
        try:
            if other.name == path.name or is_draft(other):
                continue
            Registry([registration, load_registration(other, origin=origin)])
        except ConfigurationError as error:
            named = str(error).removeprefix(f"{other.name}: ")
            yield fix("folder", f"{other.name}: {named}. The server does not start until this is corrected.")  # fmt: skip


def _proof(
    registration: Registration,
    file: str,
    variables: Container[str],
    kids: Callable[[], Container[str]],
) -> Iterator[Finding]:
    secret = registration.client.secret_env
    if secret and secret not in variables:
        yield fix("client.secret_env", f"{secret} is not set. Set it where the server runs, or correct client.secret_env ({file}).")  # fmt: skip
    for name, signer in (("client", registration.client), ("backend", registration.backend)):
        if signer and signer.key and signer.key not in kids():
            yield fix(f"{name}.key", f"{signer.key} is no key of this server (python -m app.cli keys list). Correct {name}.key ({file}), or leave it out.")  # fmt: skip


def examine(
    registration: Registration, boundary: Boundary, *, file: str, clock: Callable[[], datetime]
) -> list[Finding]:
    """Return what was found at every issuer of a registration, in the order in which a launch would meet it."""
    found = [*_redirect(registration, file), *_our_keys(registration, file)]
    found += [*_framing(registration, file), *_proxy(registration, file)]
    for iss in registration.fhir.iss:
        visit = _Visit(registration=registration, iss=iss, file=file, boundary=boundary, clock=clock)  # fmt: skip
        found += _issuer(visit)
    return found


def _issuer(visit: _Visit) -> Iterator[Finding]:
    url = f"{visit.iss.rstrip('/')}/.well-known/smart-configuration"
    answer = visit.get(url, "discovery")
    if isinstance(answer, Finding):
        yield answer
        return
    yield _tls(visit)
    yield _clock(visit, answer)
    if problem := _unreadable(visit, url, answer):
        yield fix("discovery", problem)
        return
    yield fine("discovery", f"{url} answers with JSON.")
    metadata, elsewhere = _with_openid(visit, answer.json)
    yield from elsewhere
    found = [
        finding
        for check in (endpoints, pins, pkce, grants, client_type, scopes, _keys, _identity)
        for finding in check(visit, metadata)
    ]
    yield from found
    if not any(one.level == "fix" for one in found):
        yield from _as_a_launch(visit)


def _with_openid(visit: _Visit, metadata: Metadata) -> tuple[Metadata, list[Finding]]:
    """Add issuer and key set from the issuer's OpenID configuration, as a launch does where they are left out."""
    missing = [name for name in ("issuer", "jwks_uri") if not isinstance(metadata.get(name), str)]
    issuer = metadata.get("issuer", visit.iss)
    url = f"{str(issuer).rstrip('/')}/.well-known/openid-configuration"
    if not missing or not visit.boundary.allows(url):
        return metadata, []
    answer = visit.get(url, "id_token")
    document = None if isinstance(answer, Finding) else answer.json
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        return metadata, []
    said = f"The SMART configuration names no {' and no '.join(missing)}; {url} does, and is read instead. Ask the EHR to publish it in both."
    return {**metadata, **{name: document.get(name) for name in missing}}, [look("id_token", said)]


def _unreadable(visit: _Visit, url: str, answer: Response) -> str:
    where = f"Correct fhir.iss ({visit.file}): the FHIR base address, as the EHR sends it in iss"
    if answer.status != 200:
        return f"{url} answers HTTP {answer.status}. {where}."
    if not isinstance(answer.json, dict):
        kind = answer.headers.get("content-type", "no content type").partition(";")[0]
        return f"{url} answers with {kind}, not with a JSON object. {where}, or ask the EHR to publish its SMART configuration there."
    return ""


def _tls(visit: _Visit) -> Finding:
    host = urlsplit(visit.iss).netloc
    if visit.iss.startswith("https://"):
        return fine("TLS", f"The certificate of {host} is trusted here.")
    return look(
        "TLS",
        f"{host} is asked by plain http, which a sandbox may. Production: https in fhir.iss ({visit.file}).",
    )


def _clock(visit: _Visit, answer: Response) -> Finding:
    try:
        sent = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return look("clock", "The EHR sends no Date: its clock could not be compared.")
    off_s = round((sent.replace(tzinfo=sent.tzinfo or UTC) - visit.clock()).total_seconds())
    if abs(off_s) <= LEEWAY_S:
        return fine("clock", f"The clocks differ by {abs(off_s)} s.")
    way = "ahead of" if off_s > 0 else "behind"
    return fix(
        "clock",
        f"The EHR's clock is {abs(off_s)} s {way} this machine's; more than {LEEWAY_S} s make it refuse our "
        "assertions and us its id_tokens. Set this machine's clock by NTP; if it is right, tell the EHR.",
    )


def _keys(visit: _Visit, metadata: Metadata) -> Iterator[Finding]:
    address = metadata.get("jwks_uri")
    url = absolute(visit, address) if isinstance(address, str) and address else ""
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}" not in visit.registration.origins():
        return  # said already, with the endpoints
    answer = visit.get(url, "keys")
    if isinstance(answer, Finding):
        yield answer
        return
    keys = answer.json.get("keys") if isinstance(answer.json, dict) else None
    if answer.status != 200 or not isinstance(keys, list) or not keys:
        yield fix(
            "keys",
            f"{url} answers HTTP {answer.status} without a key set. Ask the EHR to publish the keys that sign its id_tokens there (jwks_uri).",
        )
        return
    yield fine("keys", f"{url} holds {len(keys)} {'key' if len(keys) == 1 else 'keys'}.")


def _identity(visit: _Visit, metadata: Metadata) -> Iterator[Finding]:
    issuer = metadata.get("issuer")
    if not isinstance(issuer, str) or not issuer:
        yield fix(
            "id_token",
            "The SMART configuration names no issuer. Ask the EHR to publish it: without it nobody's id_token can be checked, and every launch is refused.",
        )
        return
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    if not visit.boundary.allows(url):
        yield look(
            "id_token",
            f"id_tokens must name {issuer}, whose host is not registered: its own configuration was not read. Keys come from jwks_uri.",
        )
        return
    answer = visit.get(url, "id_token")
    if isinstance(answer, Finding) or answer.status != 200 or not isinstance(answer.json, dict):
        yield look(
            "id_token",
            f"{url} cannot be read. Chartside does not need it; id_tokens must name {issuer}.",
        )
        return
    yield from openid(issuer, metadata, answer.json)


def _as_a_launch(visit: _Visit) -> Iterator[Finding]:
    """Read the configuration as a launch does, so that nothing it refuses is called fine."""
    discovery = Discovery(lambda _registration: visit.boundary, lambda: 0.0)
    try:
        discovery.configuration(visit.registration, visit.iss)
    except DiscoveryFailed as error:
        yield fix(
            "discovery",
            f"A launch would stop here: {error}. Ask the EHR to correct its SMART configuration.",
        )


def _redirect(registration: Registration, file: str) -> Iterator[Finding]:
    address = registration.client.redirect_uri
    parts = urlsplit(address)
    host = parts.hostname or ""
    here = host in LOOPBACK or host.endswith(".localhost")
    if not registration.sandbox and (parts.scheme != "https" or here):
        yield fix(
            "redirect",
            f"{address} is not an https address that clinicians' browsers reach. Change CHARTSIDE_ORIGIN, then client.redirect_uri ({file}) and the EHR's form.",
        )
        return
    yield fine("redirect", f"The EHR's form must hold exactly {address}.")


def _our_keys(registration: Registration, file: str) -> Iterator[Finding]:
    """Where this EHR must read our keys; whether it can is not seen from here."""
    if not registration.client.alg and not registration.backend:
        return
    parts = urlsplit(registration.client.redirect_uri)
    url = f"{parts.scheme}://{parts.netloc}/.well-known/jwks.json"
    if not registration.sandbox and (parts.scheme != "https" or parts.hostname in LOOPBACK):
        yield fix("JWKS", f"The EHR reads our keys at {url}, which is not an https address that it reaches. Change CHARTSIDE_ORIGIN, then client.redirect_uri ({file}) and the EHR's form.")  # fmt: skip
        return
    yield fine("JWKS", f"The EHR's form must hold {url}, and the EHR must reach it: its first launch shows whether it does.")  # fmt: skip


def _proxy(registration: Registration, file: str) -> Iterator[Finding]:
    if registration.network.proxy:
        yield fine("proxy", f"The EHR is asked through {registration.network.proxy} (network.proxy, {file}).")  # fmt: skip


def _framing(registration: Registration, file: str) -> Iterator[Finding]:
    origins = registration.embed.frame_ancestors
    api = {f"{urlsplit(iss).scheme}://{urlsplit(iss).netloc}" for iss in registration.fhir.iss}
    if set(origins) <= api and not registration.sandbox:
        yield look(
            "framing",
            f"Only the FHIR server may frame Chartside ({', '.join(origins)}). Clinicians mostly work at another address: add its origin to embed.frame_ancestors ({file}).",
        )
        return
    yield fine(
        "framing",
        f"May frame Chartside: {', '.join(origins)}. If the panel stays empty, the browser's console names the origin that is missing in embed.frame_ancestors ({file}).",
    )


def _is_about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError) or "certificate verify failed" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False
