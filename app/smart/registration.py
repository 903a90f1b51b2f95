"""One EHR's registration, from one TOML file: where it is, who Chartside is there, and who may frame it.

Values only; `app.smart.registration_rules` says what a well-formed one must not contain, `app.smart.policy` holds what the
site allows. Secrets never stand in these files.
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from app.smart.ehr_mcp import Mcp
from app.smart.mcp_server import McpServer
from app.smart.policy import Models, Network, RestrictedData, Site, Table, Users

UserReference = Annotated[
    str, msgspec.Meta(pattern=r"^(Practitioner|PractitionerRole|Person)/[A-Za-z0-9\-.]{1,64}$")
]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Fhir(Table, frozen=True, kw_only=True):
    """`[fhir]`: the FHIR bases of this EHR, exactly as it sends them in `iss`.

    Where `tenants` are named, a launch of any other `tenant` is refused. `iss_pattern` is for a sandbox whose addresses hold
    the options of a launch: an address of one of the hosts of `iss`, in which one whole segment is `*`. With `api = "off"` the
    chart is read through the EHR's MCP server (`[mcp]`) only; the launch itself still goes by `iss`.
    """

    iss: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    iss_pattern: str = ""
    version: Literal["4.0.1"] = "4.0.1"
    tenants: tuple[str, ...] = ()
    api: Literal["on", "off"] = "on"


class Client(Table, frozen=True, kw_only=True):
    """`[client]`: who Chartside is to this EHR, and how it proves it; PKCE always.

    `secret_env` names the environment variable that holds a client secret. `alg` is for `private_key_jwt`; `key` is
    the kid to sign with ("": whichever key of the ring signs at present).
    """

    id: Annotated[str, msgspec.Meta(min_length=1)]
    auth: Literal["public", "client_secret_basic", "client_secret_post", "private_key_jwt"]
    redirect_uri: str
    alg: Literal["", "RS384", "ES384"] = ""
    key: str = ""
    secret_env: str = ""


class Backend(Table, frozen=True, kw_only=True):
    """`[backend]`: the client of SMART Backend Services, which acts for no user; always `private_key_jwt`."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    alg: Literal["RS384", "ES384"]
    scopes: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    key: str = ""


class Bulk(Table, frozen=True, kw_only=True):
    """`[bulk]`: what is exported from this EHR into the own store, by the client of `[backend]`.

    `level` is where an export without a group begins; `groups` are those that may be named. `types` () are those of US Core.
    `filters` are searches such as `Condition?category=problem-list-item`. `incremental`: the EHR heeds `_since`; a whole export is made all the
    same after `full_every_days`. `most_gb` bounds what one export takes on the disk; `memory_gb` what the database takes while a
    snapshot is made; the files of the last `keep_exports` stay, though no snapshot needs them. File hosts beside those of `iss` stand in `[pins] hosts`.
    `chart = "store"`: a launch reads its chart from the store where the EHR would show its user the same; `facade = "on"`: the store
    answers FHIR requests of the applications that `[mcp_server] hosts` names, for the patient of a launch.

    `analysts` are the users (`Practitioner/123`, as `fhirUser` names them) who may ask for counts of many patients; `lists` those who
    may also see which patients these are; nobody unless named. `chart_link` is the EHR's own address of a chart, with `{patient}`.
    """

    level: Literal["system", "patient", "group"] = "system"
    groups: tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\-.]{1,64}$")], ...] = ()
    types: tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Za-z]{1,63}$")], ...] = ()
    filters: tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Za-z]{1,63}\?.+$")], ...] = ()
    incremental: bool = True
    full_every_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] = 30
    method: Literal["GET", "POST"] = "GET"
    partial_manifests: bool = True
    parallel: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    most_hours: Annotated[int, msgspec.Meta(ge=1, le=240)] = 24
    most_gb: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 500
    memory_gb: Annotated[int, msgspec.Meta(ge=2, le=10_000)] = 4
    keep_exports: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 2
    chart: Literal["off", "store"] = "off"
    facade: Literal["off", "on"] = "off"
    analysts: tuple[UserReference, ...] = ()
    lists: tuple[UserReference, ...] = ()
    chart_link: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^\s]+\{patient\}[^\s]*)?$")] = ""


class Quirks(Table, frozen=True, kw_only=True):
    """`[quirks]`: what this EHR needs beside the standard.

    `client_id_in_body`: also where the client is confidential. `authorize_post`: always, else only for a long request
    to an EHR that announces `authorize-post`.
    """

    client_id_in_body: bool = False
    authorize_post: bool = False


class Limits(Table, frozen=True, kw_only=True):
    """`[limits]`: how many requests all launches make to this EHR at once, and how many one launch, and one question, make."""

    connections: Annotated[int, msgspec.Meta(ge=1, le=256)] = 24
    requests_per_launch: Annotated[int, msgspec.Meta(ge=20, le=10_000)] = 600
    requests_per_turn: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 120


class Launch(Table, frozen=True, kw_only=True):
    """`[launch]`: whether Chartside may also be started outside the EHR, which then asks for the patient."""

    standalone: bool = False


class Scopes(Table, frozen=True, kw_only=True):
    """`[scopes]`: what is asked for; without a required one the launch is refused."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


class Pins(Table, frozen=True, kw_only=True):
    """`[pins]`: what the EHR's SMART configuration is held to.

    `hosts` (`host` or `host:port`) are those that it may point to besides the hosts of `iss`. Where an address is given, the
    EHR must name exactly this one, or no launch goes on; its host need not be repeated in `hosts`.
    """

    hosts: tuple[str, ...] = ()
    issuer: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    jwks_uri: str = ""

    def addresses(self) -> dict[str, str]:
        """Return the pinned addresses by the names that a SMART configuration gives them."""
        named = {
            "issuer": self.issuer,
            "authorization_endpoint": self.authorization_endpoint,
            "token_endpoint": self.token_endpoint,
            "jwks_uri": self.jwks_uri,
        }
        return {name: address for name, address in named.items() if address}


class Embed(Table, frozen=True, kw_only=True):
    """`[embed]`: every origin that may frame Chartside, outer ones included."""

    frame_ancestors: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Session(Table, frozen=True, kw_only=True):
    """`[session]`: minutes without use, minutes parked by a page that was left, and minutes in all: then a launch ends.

    `introspect_on_resume`: ask the EHR whether the token still counts when a page is loaded again.
    """

    idle_minutes: Annotated[int, msgspec.Meta(ge=1, le=120)] = 30
    parked_minutes: Annotated[int, msgspec.Meta(ge=1, le=120)] = 5
    absolute_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 480
    introspect_on_resume: bool = False


class Retention(Table, frozen=True, kw_only=True):
    """`[retention]`: how many days the turns of an ended launch are kept, and rows of the audit.

    `turn_days` 0: turns end with their launch. `audit_days` 0: no row is ever removed; the audit is one chain, so the longest
    time of all registrations counts.
    """

    turn_days: Annotated[int, msgspec.Meta(ge=0, le=3660)] = 0
    audit_days: Annotated[int, msgspec.Meta(ge=0, le=36_600)] = 0


class Registration(Table, frozen=True, kw_only=True):
    """One EHR, from one file."""

    schema: Literal[1]
    slug: Slug
    name: str
    vendor: str
    environment: Literal["production", "sandbox"]
    enabled: bool
    fhir: Fhir
    client: Client
    scopes: Scopes
    embed: Embed
    site: Site
    pins: Pins = Pins()
    session: Session = Session()
    limits: Limits = Limits()
    launch: Launch = Launch()
    quirks: Quirks = Quirks()
    backend: Backend | None = None
    bulk: Bulk | None = None
    models: Models = Models()
    users: Users = Users()
    restricted: RestrictedData = RestrictedData()
    network: Network = Network()
    retention: Retention = Retention()
    mcp_server: McpServer = McpServer()
    mcp: Mcp | None = None

    @property
    def sandbox(self) -> bool:
        """Tell whether this is the pretend EHR: loopback hosts and a chart's own time are allowed."""
        return self.environment == "sandbox"

    def origins(self) -> frozenset[str]:
        """Return every origin that Chartside may call for this registration."""
        # The issuer is a name that id_tokens carry; nothing of it is called.
        endpoints = [url for name, url in self.pins.addresses().items() if name != "issuer"]
        bases = [urlsplit(url) for url in (*self.fhir.iss, *endpoints)]
        scheme = "http" if self.sandbox else "https"
        pinned = [f"{scheme}://{host}" for host in self.pins.hosts]
        return frozenset([*(f"{base.scheme}://{base.netloc}" for base in bases), *pinned])
