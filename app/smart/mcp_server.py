"""`[mcp_server]`: which MCP hosts get this EHR's charts, and by which ways in.

Values and their rules only; `app.mcp` lets in. Naming a host says that the site has an agreement with who runs its model.
"""

import re
from collections.abc import Iterator
from typing import Annotated

import msgspec

from app.smart.policy import Table, Users
from app.smart.scopes import parse_scopes

ANY_HOST = "*"
REDIRECT = re.compile(
    r"(https://[^/?#@\s]+|http://(127\.0\.0\.1|\[::1\]|localhost)(:\d{1,5})?)(/[^#\s]*)?"
)
HostId = Annotated[str, msgspec.Meta(pattern=r"^(\*|[a-z0-9][a-z0-9-]{0,62})$")]
Named = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
FhirId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class Sharp(Table, frozen=True, kw_only=True):
    """`[[mcp_server.sharp]]`: a host that brings an EHR token of its own, in the headers of SHARP-on-MCP.

    `clients` are the EHR's client ids of the host, as its introspection names them. `scopes` is the most that is used of a token
    (`patient/` only; (): all that it has). Where the EHR offers no introspection nobody can tell whose token it is, for which
    patient and with which scopes: it is refused, unless `unintrospected` says that the site answers for this host's tokens.
    """

    host: Named
    clients: tuple[Text, ...] = ()
    scopes: tuple[Text, ...] = ()
    unintrospected: bool = False


class HostClient(Table, frozen=True, kw_only=True):
    """`[[mcp_server.client]]`: an application outside the EHR whose user may sign in for it (standalone launch).

    It has an `id` and `redirect_uris` that are agreed here, or it names itself by the address of a document (CIMD) on the host
    `documents`. `name` is what the user is asked about.
    """

    host: Named
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""
    redirect_uris: tuple[Text, ...] = ()
    documents: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9.-]+\.[a-z][a-z0-9-]*)?$")] = ""


class Service(Table, frozen=True, kw_only=True):
    """`[[mcp_server.service]]`: a program without a user that reads the charts of `patients`, ids at this EHR, by a token for each.

    It proves itself with a key of `jwks` (public keys) or of `jwks_url`. `scopes` (`patient/`) is the most that it reads; the charts
    are read with the client of `[backend]`. `iss` says at which FHIR base, where there are several.
    """

    host: Named
    client_id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    patients: Annotated[tuple[FhirId, ...], msgspec.Meta(min_length=1, max_length=1_000)]
    scopes: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    jwks: tuple[dict[str, str], ...] = ()
    jwks_url: str = ""
    iss: str = ""


class McpServer(Table, frozen=True, kw_only=True):
    """`[mcp_server]`: which MCP hosts a launched user may give this chart to, by id; none unless named.

    `hosts` (`*`: any, sandbox only) stand in tokens and in the audit; naming one says that the site has an agreement with who
    runs its model. `token_minutes` is how long a token lives, `calls_per_minute` how much one launch may ask. `sharp` are hosts that
    bring an EHR token of their own, `client` those whose user signs in outside the EHR, `service` programs
    without a user.
    """

    hosts: tuple[HostId, ...] = ()
    token_minutes: Annotated[int, msgspec.Meta(ge=1, le=15)] = 15
    calls_per_minute: Annotated[int, msgspec.Meta(ge=1, le=600)] = 60
    sharp: tuple[Sharp, ...] = ()
    client: tuple[HostClient, ...] = ()
    service: tuple[Service, ...] = ()

    def allows(self, host: str) -> bool:
        """Tell whether a host may read charts of this EHR."""
        return host in self.hosts or ANY_HOST in self.hosts


def mcp_server_problems(
    server: McpServer, users: Users, tenants: tuple[str, ...], *, sandbox: bool, standalone: bool
) -> Iterator[str]:
    """Yield what is wrong with the table."""
    if ANY_HOST in server.hosts and not sandbox:
        yield 'mcp_server.hosts "*" is for sandbox registrations only'
    yield from _sharp(server, users, tenants)
    yield from _clients(server, standalone=standalone)
    yield from _services(server)


def _clients(server: McpServer, *, standalone: bool) -> Iterator[str]:
    if server.client and not standalone:
        yield "mcp_server.client needs launch.standalone"
    for one in server.client:
        if not server.allows(one.host):
            yield f"mcp_server.client: mcp_server.hosts does not name {one.host}"
        if bool(one.id) == bool(one.documents) or bool(one.id) != bool(one.redirect_uris):
            yield f"mcp_server.client {one.host}: give id and redirect_uris, or documents"
        for address in one.redirect_uris:
            if not REDIRECT.fullmatch(address):
                yield f"mcp_server.client {one.host}: {address} is not https, or http to this computer"


def _services(server: McpServer) -> Iterator[str]:
    names = [one.client_id for one in server.service]
    if len(names) != len(set(names)):
        yield "mcp_server.service names a client twice"
    for one in server.service:
        if not server.allows(one.host):
            yield f"mcp_server.service: mcp_server.hosts does not name {one.host}"
        grants = [grant for scope in one.scopes for grant in parse_scopes(scope)]
        if len(grants) != len(one.scopes) or any(g.level != "patient" or g.verbs & set("cud") for g in grants):  # fmt: skip
            yield f"mcp_server.service {one.host}: scopes may name patient scopes that read only"
        if bool(one.jwks) == bool(one.jwks_url) or any("d" in key or key.get("kty") == "oct" for key in one.jwks):  # fmt: skip
            yield f"mcp_server.service {one.host}: give public keys in jwks, or jwks_url"
        if one.jwks_url and not one.jwks_url.startswith("https://"):
            yield f"mcp_server.service {one.host}: jwks_url is not https"


def _sharp(server: McpServer, users: Users, tenants: tuple[str, ...]) -> Iterator[str]:
    if server.sharp and tenants:
        yield "mcp_server.sharp does not go with fhir.tenants: no header names a tenant"
    clients = [client for one in server.sharp for client in one.clients]
    if len(clients) != len(set(clients)):
        yield "mcp_server.sharp names a client twice"
    if sum(one.unintrospected for one in server.sharp) > 1:
        yield "mcp_server.sharp: without introspection no two hosts can be told apart"
    for one in server.sharp:
        if not server.allows(one.host):
            yield f"mcp_server.sharp: mcp_server.hosts does not name {one.host}"
        yield from _sharp_rules(one, users)


def _sharp_rules(one: Sharp, users: Users) -> Iterator[str]:
    grants = [grant for scope in one.scopes for grant in parse_scopes(scope)]
    if len(grants) != len(one.scopes) or any(grant.level != "patient" for grant in grants):
        yield f"mcp_server.sharp {one.host}: scopes may name patient scopes only"
    if not one.unintrospected:
        if not one.clients:
            yield f"mcp_server.sharp {one.host}: name its clients"
        return
    if not one.scopes:
        yield f"mcp_server.sharp {one.host}: unintrospected needs scopes, since nobody tells them"
    if users.pilot or users.roles or users.limited:
        yield f"mcp_server.sharp {one.host}: unintrospected does not go with rules about [users]"
