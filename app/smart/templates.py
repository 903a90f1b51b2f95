"""Write a first registration for an EHR product, and name what is still to be filled in.

What stands here of a vendor was read in the vendor's public documentation. Every template says in its first lines whether
Chartside was run against that product (docs/verified.md). A value that only the site knows
is left empty or says FILL-IN. Such a file is a draft (`enabled = false`), which stops nothing; `check` names what it lacks.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from app.errors import ConfigurationError
from app.smart.registration import Registration
from app.smart.registry import read_toml

FILL_IN = "FILL-IN"
OPEN = "(not filled in yet)"
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
REQUIRED = ("launch", "openid", "fhirUser", "patient/Patient.r")
OPTIONAL = (
    "online_access", "patient/Encounter.rs", "patient/Condition.rs", "patient/AllergyIntolerance.rs",
    "patient/MedicationRequest.rs", "patient/MedicationDispense.rs", "patient/Observation.rs",
    "patient/DiagnosticReport.rs", "patient/ServiceRequest.rs", "patient/DocumentReference.rs", "patient/Binary.r",
    "patient/Flag.rs", "user/Practitioner.r",
    "patient/Appointment.rs", "patient/CarePlan.rs", "patient/CareTeam.rs", "patient/Communication.rs",
    "patient/Consent.rs", "patient/Coverage.rs", "patient/Device.rs", "patient/DeviceUseStatement.rs",
    "patient/EpisodeOfCare.rs", "patient/FamilyMemberHistory.rs", "patient/Goal.rs", "patient/ImagingStudy.rs",
    "patient/Immunization.rs", "patient/MedicationAdministration.rs", "patient/MedicationStatement.rs",
    "patient/NutritionOrder.rs", "patient/Procedure.rs", "patient/Provenance.rs", "patient/QuestionnaireResponse.rs",
    "patient/RelatedPerson.rs", "patient/Specimen.rs", "patient/Task.rs", "patient/Medication.r",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One EHR product.

    `verified` says where Chartside was run against it, "" for nowhere. `notes` are what IT must know before the
    vendor's form is filled in. `iss`, `iss_pattern` and `frame` are given only where they are the same for every site.
    """

    label: str
    notes: tuple[str, ...]
    verified: str = ""
    auth: Literal["public", "client_secret_basic", "private_key_jwt"] = "private_key_jwt"
    environment: Literal["production", "sandbox"] = "production"
    client_id: str = ""
    iss: str = ""
    iss_pattern: str = ""
    frame: str = ""


VENDORS: Mapping[str, Vendor] = {
    "epic": Vendor(
        label="Epic",
        notes=(
            "The record in Epic's form cannot be edited once it is marked ready for production: settle the redirect URI, the APIs and the JWKS URL first.",
            "Non-production and production have different client ids: make one file for each.",
            "One client id may serve many organizations: fhir.iss takes several addresses.",
            "Redirect URIs are https in production and have no fragment.",
            "What may be read follows from the APIs that are ticked in the form: tick one for every scope below.",
            "Each organization downloads the client record before its launches work.",
        ),
    ),
    "oracle": Vendor(
        label="Oracle Health",
        notes=(
            "Access tokens live 570 seconds: keep online_access, or a launch ends after nine minutes.",
            "The tenant is part of the path of fhir.iss; .well-known answers only below it.",
            "Each customer enables the app per domain and role; a change takes about 15 minutes to count.",
            "The app opens from the PowerChart table of contents and from MPages: test both, and list both frames.",
            "Only port 443 is reached, with a certificate that is publicly trusted.",
            "After launching for two patients, press As Of on the first: it must still show the first patient.",
        ),
    ),
    "athenahealth": Vendor(
        label="athenahealth",
        auth="client_secret_basic",
        notes=(
            "The developer portal gives a client id and a secret. If the EHR wants the secret in the body, set client_secret_post.",
            "The app runs in a sandboxed frame without clipboard permission; copying falls back to the browser's command.",
            "Its SMART configuration has left out code_challenge_methods_supported although S256 works.",
        ),
    ),
    "meditech": Vendor(
        label="MEDITECH",
        notes=(
            "No public documentation was found to base this on: it is a generic SMART App Launch registration.",
            "Ask MEDITECH which client authentication and which scope syntax (v1 `.read` or v2 `.rs`) your release has.",
        ),
    ),
    "medplum": Vendor(
        label="Medplum",
        notes=(
            "Make a ClientApplication: redirectUri, launchUri and jwksUri are the addresses of the sheet.",
            "$smart-launch opens the app with iss and launch.",
        ),
    ),
    "smarthealthit": Vendor(
        label="SMART launcher (smarthealthit.org)",
        verified="run on one machine, 27-Nov-2026",
        auth="public",
        environment="sandbox",
        client_id="chartside",
        iss="https://launch.smarthealthit.org/v/r4/fhir",
        iss_pattern="https://launch.smarthealthit.org/v/r4/sim/*/fhir",
        frame="https://launch.smarthealthit.org",
        notes=(
            "For invented patients only: it gives out charts without a token, and does not enforce scopes or single use of codes. It proves a launch, not security.",
            "It takes any client id. A production server refuses to start with this file enabled.",
            "It offers no revocation, so tokens live until they expire.",
            "A standalone launch comes from an address whose /sim/ segment holds its options: fhir.iss_pattern lets any segment stand there.",
            "A launcher of your own: write its host in fhir.iss, fhir.iss_pattern and embed.frame_ancestors.",
        ),
    ),
}  # fmt: skip

# What only the site knows: where it is to be had.
HINTS: Mapping[str, str] = {
    "name": "what people call this EHR",
    "fhir.iss": "the FHIR R4 base address, exactly as the EHR sends it in iss",
    "client.id": "the client id that the EHR gives you when you register the app",
    "client.secret_env": "the name of the environment variable that holds the client secret",
    "embed.frame_ancestors": "every origin that frames Chartside, such as https://ehr.example.org",
    "site.name": "the organisation",
    "site.time_zone": "the clock on the site's walls, an IANA name such as America/Chicago",
    "site.help_desk": "the telephone number that clinicians are told to call",
}


def template(vendor: str, slug: str, origin: str) -> str:
    """Return a registration to be filled in.

    Raises:
        ConfigurationError: `slug` cannot stand in an address.
    """
    if not SLUG.fullmatch(slug):
        raise ConfigurationError(f"{slug}: a name has lower case letters, digits and hyphens only")
    facts = VENDORS[vendor]
    marked = (
        f"verified: {facts.verified}"
        if facts.verified
        else "unverified: never run against this EHR"
    )
    head = [
        "#:schema ./registration.schema.json",
        f"# {facts.label}. {marked}.",
        *(f"# - {note}" for note in facts.notes),
        f"# Fill in what is empty or says {FILL_IN}, then: python -m app.cli check {slug}",
    ]  # fmt: skip
    return "\n".join([*head, *_main(vendor, slug), *_parts(facts, f"{origin}/smart/{slug}")]) + "\n"


def _main(vendor: str, slug: str) -> list[str]:
    return [
        "schema = 1",
        f'slug = "{slug}"',
        f'name = "{FILL_IN}"  # {HINTS["name"]}',
        f'vendor = "{vendor}"',
        f'environment = "{VENDORS[vendor].environment}"',
        "enabled = false  # a draft stops nothing; true when `check` finds nothing to fix",
        "",
    ]


def _parts(facts: Vendor, address: str) -> list[str]:
    iss = json.dumps([facts.iss] if facts.iss else [])
    frame = json.dumps([facts.frame] if facts.frame else [])
    return [
        "[fhir]",
        f"iss = {iss}  # {HINTS['fhir.iss']}",
        *([f"iss_pattern = {json.dumps(facts.iss_pattern)}"] if facts.iss_pattern else []),
        "",
        "[client]",
        f"id = {json.dumps(facts.client_id)}  # {HINTS['client.id']}",
        *_auth(facts),
        f'redirect_uri = "{address}/callback"',
        "",
        "[scopes]",
        f"required = {json.dumps(REQUIRED)}",
        "optional = [",
        *(f'  "{scope}",' for scope in OPTIONAL),
        "]",
        "",
        "[pins]",
        "hosts = []  # hosts besides those of fhir.iss that the EHR signs in at; `check --online` names them",
        "",
        "[embed]",
        f"frame_ancestors = {frame}  # {HINTS['embed.frame_ancestors']}",
        "",
        "[site]",
        *(f'{key} = "{FILL_IN}"  # {HINTS[f"site.{key}"]}' for key in ("name", "time_zone", "help_desk")),
    ]  # fmt: skip


def _auth(facts: Vendor) -> list[str]:
    lines = {
        "private_key_jwt": ['alg = "ES384"  # or RS384, where the EHR wants it'],
        "client_secret_basic": [f'secret_env = ""  # {HINTS["client.secret_env"]}'],
        "public": [],
    }
    return [f'auth = "{facts.auth}"', *lines[facts.auth]]


def unfilled(text: str) -> list[str]:
    """Return the keys of a registration that still wait for the site's own value.

    Raises:
        ConfigurationError: it is not TOML.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(str(error)) from error
    found = [key for key in HINTS if (value := _at(raw, key)) is not None and _is_open(value)]
    secret = str(_at(raw, "client.auth")).startswith("client_secret")
    return [key for key in found if secret or key != "client.secret_env"]


def provisional(path: Path) -> Registration:
    """Return a draft with words in place of what only the EHR or the site knows, for its sheet: the form is filled in first.

    Nothing may be launched with it.

    Raises:
        ConfigurationError: it is not a registration, whatever is filled in.
    """
    raw = read_toml(path)
    for key in HINTS:
        value = _at(raw, key)
        if value is not None and _is_open(value):
            table = _at(raw, key.rpartition(".")[0]) if "." in key else raw
            table[key.rpartition(".")[2]] = [OPEN] if isinstance(value, list) else OPEN
    try:
        return msgspec.convert(raw, Registration)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path.name}: {error}") from error


def write(path: Path, text: str) -> None:
    """Write a new registration; one that exists is never overwritten.

    Raises:
        ConfigurationError: the file exists, or its folder does not.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} exists and was left as it is") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def _at(raw: Any, key: str) -> Any:
    for part in key.split("."):
        raw = raw.get(part) if isinstance(raw, dict) else None
    return raw


def _is_open(value: object) -> bool:
    return value in ("", []) or FILL_IN in str(value)
