"""SHARP-on-MCP, inbound: a host that brings an EHR's own access token and a patient, in the headers of each request.

Only for FHIR bases whose registration names such hosts (`[[mcp_server.sharp]]`), and only with a token that this base confirms, for this
patient and no other (`app.smart.presented`). A proof counts for a few seconds, so a token that the EHR ends counts no longer than
that. The token lies in this process's memory for as long as its host goes on asking, under a keyed hash; it goes to its own EHR and
nowhere else, and into no log, no audit and no store.

Not protected: who holds the token may use it here as at the EHR; that is what naming the host is about.

Source: SHARP-on-MCP (https://sharponmcp.com), `ai.promptopinion/fhir-context`
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from app.audit.log import AuditLog, Detail, Who
from app.errors import ChartsideError, SessionEnded
from app.launch_context import LaunchContext
from app.mcp.authorization import McpCaller, Presented
from app.mcp.errors import McpHostRefused, McpRefused, SharpRefused, SharpUnproved
from app.mcp.refusals import Refusals
from app.settings import Secret
from app.smart.errors import Unproved
from app.smart.mcp_server import Sharp
from app.smart.presented import Proved, TokenProver
from app.smart.registration import Registration
from app.smart.registry import Registry, canonical_iss
from app.smart.scopes import narrowed, parse_scopes
from app.smart.switches import Switches
from app.store.seal import opaque

EXTENSION, OLDER = "ai.promptopinion/fhir-context", "fhir_context_required"
SERVER = ("x-fhir-server-url", "x-fhir-server")
TOKEN = ("x-fhir-access-token", "x-access-token")
PATIENT = ("x-patient-id",)
# No launch id has a colon, so none of them can be taken for a launch's.
PREFIX = "sharp:"
PROOF_S, IDLE_S, REFUSAL_S = 5.0, 300.0, 5.0
HASH_CHARACTERS, MOST_KEPT, MOST_CHARACTERS = 24, 1_000, 8_192
WORDS: Mapping[str, str] = {
    "refused": "The EHR does not confirm the access token in X-FHIR-Access-Token.",
    "other_patient": "The access token in X-FHIR-Access-Token does not give the chart of the patient in X-Patient-ID.",
    "reaches_others": "The access token in X-FHIR-Access-Token reaches more than one patient's chart. Send one that is for this patient only.",
    "unknown": "The EHR does not tell which patient the access token in X-FHIR-Access-Token is for.",
    "user": "The user of the access token in X-FHIR-Access-Token may not use Chartside here. Ask the IT department.",
}


@dataclass(frozen=True, kw_only=True)
class FhirContext:
    """What three headers name."""

    base: str
    token: str = field(repr=False)
    patient_id: str


@dataclass(kw_only=True)
class _Kept:
    """A host's context that was proved, until `good_until`; `used_at` is its last request."""

    caller: McpCaller
    token: str = field(repr=False)
    good_until: float
    used_at: float


class SharpContexts:
    """Verifies, and gives the boundary the tokens of those that were verified. Thread-safe."""

    def __init__(
        self,
        *,
        prover: TokenProver,
        registry: Registry,
        switches: Switches,
        audit: AuditLog,
        refusals: Refusals,
        key: Secret,
        clock: Callable[[], datetime],
        on_end: Callable[[str], object] = lambda _: None,
    ) -> None:
        """`on_end(launch_id)` is told of every context that is forgotten."""
        self._prover = prover
        self._registry = registry
        self._switches = switches
        self._audit = audit
        self._refusals = refusals
        self._key = key
        self._clock = clock
        self._on_end = on_end
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._unproved: OrderedDict[str, tuple[Callable[[], McpRefused], float]] = OrderedDict()

    def scopes(self) -> tuple[str, ...]:
        """Return what hosts may send tokens for, () where no registration takes any; for announcing it."""
        entries = [one for item in self._registry.all() for one in item.mcp_server.sharp]
        most = [scope for one in entries for scope in (one.scopes or ("patient/*.rs",))]
        return tuple(dict.fromkeys(("patient/Patient.r", *most))) if entries else ()

    def verify(self, presented: Presented) -> McpCaller | None:
        """Return who a host acts for by its headers; None where it sent none of them.

        Raises:
            McpRefused: they are not complete, not of this site, or the EHR does not confirm them.
            SwitchedOff: IT has switched it off.
        """
        try:
            context = _context(presented)
        except McpRefused as error:
            self._refusals.record(Who(), error.code, str(error))
            raise
        if context is None:
            return None
        try:
            return self._verify(context)
        except ChartsideError as error:
            self._refusals.record(self._who(context), error.code, str(error))
            raise

    def owns(self, launch_id: str) -> bool:
        """Tell whether a context is one of these."""
        return launch_id.startswith(PREFIX)

    def lives(self, launch_id: str) -> bool:
        """Tell whether a context is kept."""
        with self._lock:
            return launch_id in self._kept

    def sweep(self) -> None:
        """Forget the contexts, and their tokens, that no host has asked for in a while."""
        now = self._clock().timestamp()
        with self._lock:
            idle = [name for name, kept in self._kept.items() if now - kept.used_at >= IDLE_S]
        for launch_id in idle:
            self.forget(launch_id)

    def bearer(self, launch_id: str) -> str:
        """Return the token of a context, for the boundary only.

        Raises:
            SessionEnded: it is not kept any more.
        """
        with self._lock:
            kept = self._kept.get(launch_id)
        if kept is None:
            raise SessionEnded("no such FHIR context")
        return kept.token

    def refused(self, launch_id: str, _: str) -> None:
        """Note that the EHR answered 401: there is no newer token here.

        Raises:
            SessionEnded: always.
        """
        self.forget(launch_id)
        raise SessionEnded("the EHR does not take the token any more")

    def forget(self, launch_id: str) -> None:
        """Forget a context and its token."""
        with self._lock:
            self._kept.pop(launch_id, None)
        self._on_end(launch_id)

    def _verify(self, context: FhirContext) -> McpCaller:
        registration, iss = self._registered(context.base)
        self._switches.demand(registration.slug, "mcp")
        name = f"{iss} {context.patient_id} {context.token}"
        launch_id = PREFIX + opaque(self._key, "sharp", name)[:HASH_CHARACTERS]
        now = self._clock().timestamp()
        if kept := self._still_good(launch_id, now):
            return kept.caller
        return self._prove(registration, iss, context, launch_id)

    def _still_good(self, launch_id: str, now: float) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(launch_id)
            if kept is not None and now < kept.good_until:
                kept.used_at = now
                return kept
            make, until = self._unproved.get(launch_id, (None, 0.0))
        if make is not None and now < until:
            raise make()
        return None

    def _prove(
        self, registration: Registration, iss: str, context: FhirContext, launch_id: str
    ) -> McpCaller:
        try:
            proved = self._prover.prove(registration, iss, context.token, context.patient_id)
            entry = _entry(registration, proved)
        except (Unproved, McpHostRefused) as error:
            raise self._remembered(launch_id, error) from error
        made = self._caller(registration, iss, context.patient_id, launch_id, proved, entry)
        now = self._clock().timestamp()
        ends = min(now + PROOF_S, proved.expires_at or now + PROOF_S)
        with self._lock:
            before = self._kept.get(launch_id)
            # What was read is kept while nothing about the token has changed.
            same = before is not None and before.caller.context.scope == made.context.scope
            caller = before.caller if before is not None and same else made
            self._kept[launch_id] = _Kept(
                caller=caller, token=context.token, good_until=ends, used_at=now
            )
            self._kept.move_to_end(launch_id)
            gone = [next(iter(self._kept))] if len(self._kept) > MOST_KEPT else []
        for one in gone:
            self.forget(one)
        if before is None:
            self._note(caller, proved)
        return caller

    def _remembered(self, launch_id: str, error: Unproved | McpHostRefused) -> McpRefused:
        """Return a refusal, and give the same for a few seconds without asking the EHR again."""
        make = _refusal(error)
        until = self._clock().timestamp() + REFUSAL_S
        with self._lock:
            known = self._kept.pop(launch_id, None) is not None
            self._unproved[launch_id] = (make, until)
            self._unproved.move_to_end(launch_id)
            while len(self._unproved) > MOST_KEPT:
                self._unproved.popitem(last=False)
        if known:
            self._on_end(launch_id)
        return make()

    def _caller(
        self,
        registration: Registration,
        iss: str,
        patient_id: str,
        launch_id: str,
        proved: Proved,
        entry: Sharp,
    ) -> McpCaller:
        most = " ".join(entry.scopes)
        given = (narrowed(most, proved.scope) if most else proved.scope) if proved.told else most
        scope = " ".join(one for one in given.split() if one.startswith("patient/"))
        context = LaunchContext(
            launch_id=launch_id, registration=registration.slug, iss=iss, tenant="", patient_id=patient_id,
            encounter_id=None, user_reference=proved.user_reference, user_name="", client_id=proved.client_id,
            scope=scope, grants=parse_scopes(scope), need_patient_banner=True,
            time_zone=registration.site.time_zone, launched_at=self._clock(),
            roles=proved.admitted.roles, without=proved.admitted.without,
        )  # fmt: skip
        token_id = launch_id.removeprefix(PREFIX)[:16]
        return McpCaller(
            context=context, whole=context, host=entry.host, kind="sharp", token_id=token_id
        )

    def _note(self, caller: McpCaller, proved: Proved) -> None:
        detail: Detail = {
            "act": "context", "way": "sharp", "host": caller.host, "token": caller.token_id,
            "client": proved.client_id, "scope": caller.context.scope, "introspected": proved.told,
            "records": [f"Patient/{caller.context.patient_id}"],
        }  # fmt: skip
        self._audit.record("mcp", Who.of(caller.context), detail)

    def _registered(self, base: str) -> tuple[Registration, str]:
        known = canonical_iss(base)
        for item in self._registry.all():
            for iss in item.fhir.iss:
                if item.mcp_server.sharp and canonical_iss(iss) == known:
                    return item, iss
        raise SharpRefused(
            "a FHIR base that takes no context",
            "Chartside takes no access token for the FHIR server in X-FHIR-Server-URL. Ask the IT department.",
        )

    def _who(self, context: FhirContext) -> Who:
        """Name what is known of a refused request: a patient only where the base is one of ours."""
        try:
            registration, iss = self._registered(context.base)
        except SharpRefused:
            return Who()
        return Who(registration=registration.slug, patient=f"{iss}/Patient/{context.patient_id}")


def _context(presented: Presented) -> FhirContext | None:
    """Return what the headers name, None where there are none of them.

    Raises:
        SharpRefused: some are missing, two disagree, or there is a token of ours beside them.
    """
    base, token, patient_id = (_one(presented, names) for names in (SERVER, TOKEN, PATIENT))
    if not (base or token or patient_id):
        return None
    if presented.token:
        # Of two proofs one would be ignored, and the host believe the other patient's chart before it.
        raise SharpRefused(
            "two proofs",
            "Send either an access token of Chartside's or the X-FHIR headers, not both.",
        )
    named = {"X-FHIR-Server-URL": base, "X-FHIR-Access-Token": token, "X-Patient-ID": patient_id}
    if missing := [name for name, value in named.items() if not value]:
        raise SharpRefused("headers missing", f"The header {' and '.join(missing)} is missing.")
    if max(map(len, named.values())) > MOST_CHARACTERS or len(patient_id) > 64:
        raise SharpRefused("headers too long", "The X-FHIR headers are too long.")
    return FhirContext(base=base, token=token, patient_id=patient_id)


def _one(presented: Presented, names: tuple[str, ...]) -> str:
    """Return a header by either of its names.

    Raises:
        SharpRefused: both are there, and differ.
    """
    sent = {presented.headers[name].strip() for name in names if presented.headers.get(name)}
    if len(sent) > 1:
        raise SharpRefused(
            "headers that disagree", f"Two headers name different things: {' and '.join(names)}."
        )
    return next(iter(sent), "")


def _entry(registration: Registration, proved: Proved) -> Sharp:
    """Return which registered host a token belongs to.

    Raises:
        McpHostRefused: to none.
    """
    for one in registration.mcp_server.sharp:
        of_client = one.unintrospected if not proved.told else proved.client_id in one.clients
        if of_client and registration.mcp_server.allows(one.host):
            return one
    if not proved.told:
        raise Unproved("unknown", "the EHR offers no introspection")
    raise McpHostRefused("[[mcp_server.sharp]] names no such client")


def _refusal(error: Unproved | McpHostRefused) -> Callable[[], McpRefused]:
    if isinstance(error, Unproved):
        return partial(SharpUnproved, str(error), WORDS[error.why])
    return partial(McpHostRefused, str(error))
