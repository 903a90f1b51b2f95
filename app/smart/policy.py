"""The tables of a registration that say what the site allows: who it is, who may use it, and which language models.

Values only. What is not named is not allowed; an unknown key is an error, so that a typing mistake never goes unnoticed.
"""

from typing import Annotated, Literal

import msgspec

from app.launch_context import Ability

Audience = Literal["user", "model", "mcp", "bulk"]
UserKind = Literal["Practitioner", "PractitionerRole", "Person", "Patient", "RelatedPerson"]
ANY_MODEL = "*"


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table."""


class Coding(Table, frozen=True, kw_only=True):
    """A code in its system; an entry without its system would match a stranger's code."""

    system: Annotated[str, msgspec.Meta(min_length=1)]
    code: Annotated[str, msgspec.Meta(min_length=1)]


Https = Annotated[str, msgspec.Meta(pattern=r"^(https://[^\s]+)?$")]


class Site(Table, frozen=True, kw_only=True):
    """`[site]`: the place, the clock on its walls, and whom its people call.

    `organisation` is who answers for it, where that is not `name`. `safety_contact` is for harm and near misses, `downtime`
    what clinicians are told to do when the EHR cannot be read. `privacy_url`, `terms_url`, `logo_url`: the site's own, for EHRs
    whose form asks for them; Chartside calls none of them. Chartside speaks English: `locale` says which.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    time_zone: str
    help_desk: Annotated[str, msgspec.Meta(min_length=1)]
    organisation: str = ""
    safety_contact: str = ""
    downtime: Annotated[str, msgspec.Meta(max_length=400)] = ""
    privacy_url: Https = ""
    terms_url: Https = ""
    logo_url: Https = ""
    locale: Annotated[str, msgspec.Meta(pattern=r"^en(-[A-Z]{2})?$")] = "en-US"


class Limited(Coding, frozen=True, kw_only=True):
    """A role (`system`, `code`) that may not do everything: `chat` (ask questions), `draft`, `write`."""

    without: Annotated[tuple[Ability, ...], msgspec.Meta(min_length=1)]


class Users(Table, frozen=True, kw_only=True):
    """`[users]`: who may open Chartside from this EHR; everybody of `kinds` unless `pilot` or `roles` say otherwise.

    `kinds` are types of `fhirUser`: patients and their relatives only where they are named. `pilot` names users, as the EHR
    does (`Practitioner/123`, with the FHIR base where several have it). `roles` and `limited` are codes of PractitionerRole or of
    a Practitioner's qualification; those whose `system` is `role_claim` are values of that claim of the id_token.
    """

    kinds: Annotated[tuple[UserKind, ...], msgspec.Meta(min_length=1)] = (
        "Practitioner",
        "PractitionerRole",
        "Person",
    )
    pilot: tuple[str, ...] = ()
    roles: tuple[Coding, ...] = ()
    limited: tuple[Limited, ...] = ()
    role_claim: str = ""

    @property
    def asks_the_ehr(self) -> bool:
        """Tell whether any rule is about a role that the id_token does not hold."""
        return any(role.system != self.role_claim for role in (*self.roles, *self.limited))


class Network(Table, frozen=True, kw_only=True):
    """`[network]`: how this site's network lets Chartside out. The environment's proxy variables do not count for EHRs.

    `proxy` is `http://host:port`, for every request to this EHR; `proxy_env` names the variable that holds its `user:password`.
    `ca_file` is a PEM file of authorities that are trusted beside the machine's own: a private one, or a proxy that looks into TLS.
    Where `egress` names hosts, nothing may be configured to go to another: no EHR, and no language model.
    """

    proxy: str = ""
    proxy_env: str = ""
    ca_file: str = ""
    egress: tuple[str, ...] = ()

    def allows(self, host: str) -> bool:
        """Tell whether data may go to a host (`host` or `host:port`, as it stands in an address)."""
        return not self.egress or host.lower() in {one.lower() for one in self.egress}


class Label(Coding, frozen=True, kw_only=True):
    """A security label, and who may have what carries it: `user`, `model`, `mcp`, `bulk`; nobody unless named."""

    audience: tuple[Audience, ...] = ()


class RestrictedData(Table, frozen=True, kw_only=True):
    """`[restricted]`: the site's labels, beside those that restrict everywhere (`app.fhir.labels`).

    A label of the site restricts; naming one that restricts everywhere, by its system, opens it for the audience.
    """

    labels: tuple[Label, ...] = ()


class Models(Table, frozen=True, kw_only=True):
    """`[models]`: the language models of this EHR's launches; without it there are none.

    `allowed` names them by id (`*`: all, sandbox only), `default` the one used first ("": the first allowed one).
    A model without an agreement (`baa`) that is not `local` reads no real chart unless `phi_without_baa` names it.
    A patient whose `meta.tag` or `meta.security`, or whose active Flag, carries a code of `opt_out` gets none.
    """

    allowed: tuple[str, ...] = ()
    default: str = ""
    phi_without_baa: tuple[str, ...] = ()
    opt_out: tuple[Coding, ...] = ()
