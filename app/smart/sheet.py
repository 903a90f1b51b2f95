"""What health-system IT pastes into the EHR's form, and reviews: addresses, proof, scopes with reasons, data flow.

Made from the registration and the configured models alone. No secret and no name of a variable stands in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from app.smart.policy import ANY_MODEL, Coding, Models, Site
from app.smart.registration import Registration, Retention
from app.smart.scopes import parse_scopes
from app.smart.templates import VENDORS

LAUNCH_SCOPES = {
    "launch": "opens with the patient of the chart",
    "launch/patient": "asks for the patient when opened outside the chart",
    "launch/encounter": "asks for the visit when opened outside the chart",
    "openid": "proves who is signed in",
    "fhirUser": "names the clinician, for the audit log and to refuse patients",
    "profile": "names the clinician",
    "online_access": "outlives a short access token, while the clinician is signed in",
    "offline_access": "outlives a short access token; given up when the launch ends",
}
TYPES = {
    "Patient": "name, birth date, sex: the right patient in the panel's head",
    "Encounter": "since when something is new: the last visit",
    "Condition": "the problem list",
    "AllergyIntolerance": "allergies, and that there are none",
    "MedicationRequest": "what was ordered",
    "MedicationDispense": "what was dispensed",
    "Medication": "what an order's medication is",
    "Observation": "laboratory results and vital signs",
    "DiagnosticReport": "reports of laboratory and imaging",
    "ServiceRequest": "what is ordered and pending",
    "DocumentReference": "the list of notes",
    "Binary": "the text of notes",
    "Flag": "warnings, and that a patient wants no language model",
    "Procedure": "what was done",
    "Immunization": "vaccinations",
    "Appointment": "what is booked, kept and missed",
    "CarePlan": "care plans",
    "CareTeam": "who cares for the patient",
    "Communication": "messages about the patient",
    "Consent": "code status, directives and consents",
    "Coverage": "the insurance plan",
    "Device": "implanted devices",
    "DeviceUseStatement": "lines, drains and catheters, and since when",
    "EpisodeOfCare": "episodes of care",
    "FamilyMemberHistory": "family history",
    "Goal": "goals of care",
    "ImagingStudy": "which studies were made; no images",
    "MedicationAdministration": "which doses were given, held and refused",
    "MedicationStatement": "what the patient reports to take",
    "NutritionOrder": "diet and tube feeds",
    "Provenance": "who recorded or sent a record",
    "QuestionnaireResponse": "answers to questionnaires",
    "RelatedPerson": "whom to reach",
    "Specimen": "where a specimen was taken",
    "Task": "what is still to be done",
    "Practitioner": "the names of authors and of the clinician",
    "PractitionerRole": "in which role an author wrote",
    "Organization": "who sent a record",
    "Location": "where it happened",
}
AUTH = {
    "public": "public client, PKCE S256, no secret",
    "client_secret_basic": "client secret by HTTP Basic, and PKCE S256",
    "client_secret_post": "client secret in the body, and PKCE S256",
    "private_key_jwt": "signed assertion (private_key_jwt), and PKCE S256",
}
UNKNOWN = "asked for by this registration; Chartside has no use of its own for it"


class Model(Protocol):
    """What the sheet tells of a configured language model."""

    @property
    def id(self) -> str:
        """The id that registrations allow."""

    @property
    def client(self) -> str:
        """The way to its provider."""

    @property
    def base_url(self) -> str:
        """The address that is called; empty for the client's own."""

    @property
    def region(self) -> str:
        """The cloud's region."""

    @property
    def data_handling(self) -> str:
        """What was agreed on the data."""

    @property
    def baa(self) -> bool:
        """Whether an agreement covers patient data."""

    @property
    def local(self) -> bool:
        """Whether nothing leaves the site."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: what the form calls it, what to paste, and why."""

    label: str
    value: str
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """Lines under one heading."""

    heading: str
    rows: tuple[Row, ...]


def sheet(
    registration: Registration, origin: str, models: Models, configured: Iterable[Model]
) -> tuple[Section, ...]:
    """Return the sheet of a registration; `models` is its table as it stands now."""
    used = [one for one in configured if ANY_MODEL in models.allowed or one.id in models.allowed]
    vendor = VENDORS.get(registration.vendor)
    notes = tuple(Row(label="Note", value=note) for note in (vendor.notes if vendor else ()))
    own = (Section(heading=f"Before you fill in the form ({vendor.label})", rows=notes),) if vendor else ()  # fmt: skip
    return (
        Section(heading="Paste into the EHR's form", rows=_addresses(registration, origin)),
        *own,
        Section(heading="Scopes, each with its reason", rows=_scopes(registration)),
        Section(heading="FHIR types", rows=_types(registration)),
        Section(heading="Where data goes", rows=_flow(registration, models, used)),
        Section(heading="Hosts to open in the firewall", rows=_egress(registration, models, used)),
        Section(heading="Origins that may frame Chartside", rows=_frames(registration)),
    )


def as_text(title: str, sections: Sequence[Section]) -> str:
    """Return the sheet as plain text."""
    lines = [title, ""]
    for section in sections:
        lines += [section.heading, "-" * len(section.heading)]
        lines += [
            f"{row.label}: {row.value}" + (f"\n    {row.why}" if row.why else "")
            for row in section.rows
        ]
        lines.append("")
    return "\n".join(lines)


def model_host(model: Model) -> str:
    """Return the host that a model's requests go to."""
    if model.base_url:
        return urlsplit(model.base_url).netloc.rpartition("@")[2]
    google = {"global": "aiplatform", "us": "aiplatform.us.rep", "eu": "aiplatform.eu.rep"}
    match model.client:
        case "anthropic":
            return "api.anthropic.com"
        case "openai":
            return "api.openai.com"
        case "bedrock":
            return f"bedrock-mantle.{model.region}.api.aws"
        case "vertex":
            return f"{google.get(model.region, f'{model.region}-aiplatform')}.googleapis.com"
        case _:
            return f"not configured: base_url of {model.id} is empty"


def _addresses(registration: Registration, origin: str) -> tuple[Row, ...]:
    client, base = registration.client, f"{origin}/smart/{registration.slug}"
    rows = [
        Row(label="App name", value="Chartside"),
        Row(label="Organisation", value=registration.site.organisation or registration.site.name),
        Row(label="Launch URL", value=f"{base}/launch"),
        Row(label="Redirect URI", value=client.redirect_uri, why="exactly this, no wildcard"),
        Row(label="Client authentication", value=AUTH[client.auth]),
        Row(label="Client id", value=client.id, why="given by the EHR"),
        Row(label="FHIR version", value=f"R4 ({registration.fhir.version})"),
        *_users(registration),
        *_contacts(registration),
        *_own_pages(registration.site),
        *_lives(registration),
    ]
    if registration.launch.standalone:
        rows.append(Row(label="Standalone launch URL", value=f"{base}/standalone"))
    if registration.bulk and registration.bulk.analysts:
        why = "opened without a patient, with the scopes launch openid fhirUser; for the analysts of [bulk]"
        rows.append(
            Row(label="Launch URL of the population page", value=f"{base}/analyst", why=why)
        )
    if client.alg or registration.backend:
        used = {client.alg, registration.backend.alg if registration.backend else ""} - {""}
        rows.append(Row(label="JWKS URL", value=f"{origin}/.well-known/jwks.json"))
        rows.append(
            Row(
                label="Key set as text",
                value="python -m app.cli keys show (only where the form takes no URL: it must be pasted again after each rotation)",
            )
        )
        rows.append(Row(label="Signing algorithm", value=", ".join(sorted(used))))
    if registration.backend:
        rows.append(Row(label="Backend client id", value=registration.backend.id))
    return tuple(rows)


def _own_pages(site: Site) -> tuple[Row, ...]:
    asked = (
        ("Privacy policy URL", site.privacy_url, "site.privacy_url"),
        ("Terms of use URL", site.terms_url, "site.terms_url"),
        ("Logo URL", site.logo_url, "site.logo_url"),
    )
    return tuple(
        Row(label=label, value=sent or f"FILL-IN: the site's own, where the form asks ({key})")
        for label, sent, key in asked
    )


def _contacts(registration: Registration) -> tuple[Row, ...]:
    site = registration.site
    rows = [Row(label="Support contact", value=site.help_desk)]
    if site.safety_contact:
        rows.append(
            Row(label="Safety contact", value=site.safety_contact, why="harm and near misses")
        )
    return tuple(rows)


def _lives(registration: Registration) -> tuple[Row, ...]:
    limits = registration.session
    asked = {*registration.scopes.required, *registration.scopes.optional}
    kinds = sorted(asked & {"online_access", "offline_access"})
    refreshed = (
        f"refreshed by {' or '.join(kinds)}"
        if kinds
        else "not refreshed: a launch ends with its first one"
    )
    return (
        Row(
            label="Access tokens",
            value=refreshed,
            why="short ones serve; given back where the EHR offers revocation",
        ),
        Row(
            label="A launch ends",
            value=f"after {limits.idle_minutes} minutes without use, and after {limits.absolute_minutes} minutes in all",
        ),
        *_kept(registration.retention),
    )


def _kept(retention: Retention) -> tuple[Row, ...]:
    turns = f"kept sealed for {retention.turn_days} days after it" if retention.turn_days else "end with their launch"  # fmt: skip
    audit = f"kept for at least {retention.audit_days} days" if retention.audit_days else "kept for good"  # fmt: skip
    return (
        Row(label="Questions and answers", value=turns),
        Row(label="Audit", value=audit, why="who saw which patient, and what was read and sent"),
    )


def _users(registration: Registration) -> tuple[Row, ...]:
    users = registration.users
    rows = [
        Row(label="Users", value=", ".join(users.kinds), why="a launch by any other is refused")
    ]
    if users.pilot:
        rows.append(Row(label="Pilot", value=f"{len(users.pilot)} named users only"))
    if users.roles:
        rows.append(Row(label="Roles", value=", ".join(_code(role) for role in users.roles)))
    limits = (
        Row(label=f"Role {_code(limit)}", value=f"without: {', '.join(limit.without)}")
        for limit in users.limited
    )
    return (*rows, *limits)


def _code(role: Coding) -> str:
    return f"{role.system}|{role.code}"


def _scopes(registration: Registration) -> tuple[Row, ...]:
    scopes = registration.scopes
    asked = [*((scope, "required") for scope in scopes.required), *((scope, "optional") for scope in scopes.optional)]  # fmt: skip
    rows = [Row(label=kind, value=scope, why=_reason(scope)) for scope, kind in asked]
    backend = registration.backend.scopes if registration.backend else ()
    return (*rows, *(Row(label="backend", value=scope, why=_reason(scope)) for scope in backend))


def _reason(scope: str) -> str:
    if scope in LAUNCH_SCOPES:
        return LAUNCH_SCOPES[scope]
    grants = parse_scopes(scope)
    if not grants:
        return UNKNOWN
    reading = "reads: " if not grants[0].verbs & set("cud") else "more than reading is asked for: "
    if grants[0].resource_type == "*":
        return f"{reading}every type at once; ask for the types instead, where the EHR allows it"
    return reading + TYPES.get(grants[0].resource_type, UNKNOWN)


def _types(registration: Registration) -> tuple[Row, ...]:
    backend = registration.backend.scopes if registration.backend else ()
    scopes = [*registration.scopes.required, *registration.scopes.optional, *backend]
    found: dict[str, set[str]] = {}
    for grant in parse_scopes(" ".join(scopes)):
        found.setdefault(grant.resource_type, set()).update(grant.verbs)
    words = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}
    return tuple(
        Row(label=kind, value=", ".join(words[verb] for verb in "cruds" if verb in verbs))
        for kind, verbs in sorted(found.items())
    )


def _flow(registration: Registration, models: Models, used: Sequence[Model]) -> tuple[Row, ...]:
    bases = ", ".join(registration.fhir.iss)
    rows = [
        Row(label="From the EHR", value=bases, why="the launched patient's chart, to the server"),
        Row(label="Stays on the server", value="tokens, signing keys, the audit log"),
        Row(label="To the clinician's browser", value="the launched patient's chart and the answers"),
        Row(label="Held back from all of them", value="what the EHR labels restricted", why="confidentiality R and V, and the known codes of sensitive data, unless a label below says otherwise"),
    ]  # fmt: skip
    rows += [
        Row(label=f"Labelled {_code(one)}", value=f"to: {', '.join(one.audience) or 'nobody'}")
        for one in registration.restricted.labels
    ]
    rows += [
        Row(label=f"To {model_host(one)}", value=_sent(registration, models, one)) for one in used
    ]
    if not used:
        rows.append(
            Row(
                label="To language models",
                value="nothing: no configured model is allowed for this EHR",
            )
        )
    return tuple(rows)


def _may_read(registration: Registration, models: Models, model: Model) -> bool:
    covered = model.baa or model.local or model.id in models.phi_without_baa
    lets_out = registration.network.allows(model_host(model))
    return lets_out and (registration.sandbox or covered)


def _sent(registration: Registration, models: Models, model: Model) -> str:
    if not registration.network.allows(model_host(model)):
        return f"nothing: [network] egress does not name this host; model {model.id}"
    if not _may_read(registration, models, model):
        return f"nothing: model {model.id} has no agreement for patient data (baa) and is not local"
    terms = model.data_handling or "terms not stated"
    return (
        f"the questions and what was read from the chart to answer them; model {model.id}; {terms}"
    )


def _egress(registration: Registration, models: Models, used: Sequence[Model]) -> tuple[Row, ...]:
    ehr = [
        Row(label="EHR", value=origin)
        for origin in sorted(registration.origins())
        if urlsplit(origin).netloc  # a draft may not name it yet
    ]
    reading = [one for one in used if _may_read(registration, models, one)]
    hosts = dict.fromkeys(map(model_host, reading))
    clouds = {"bedrock", "vertex"} & {one.client for one in reading}
    why = (
        "and, with the cloud's own credentials, the hosts where that cloud gives tokens"
        if clouds
        else ""
    )
    proxy = registration.network.proxy
    through = (
        (Row(label="Proxy", value=proxy, why="every request to the EHR goes through it"),)
        if proxy
        else ()
    )
    return (*ehr, *through, *(Row(label="Language model", value=host, why=why) for host in hosts))


def _frames(registration: Registration) -> tuple[Row, ...]:
    return tuple(Row(label="Origin", value=one) for one in registration.embed.frame_ancestors)
