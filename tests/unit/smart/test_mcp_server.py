"""`[mcp_server]`: what a table of hosts must not say."""

import msgspec
import pytest

from app.smart.mcp_server import McpServer, mcp_server_problems
from app.smart.policy import Users

CLIENT = {"host": "desk", "name": "Desk", "id": "desk-app", "redirect_uris": ["http://127.0.0.1/cb"]}  # fmt: skip
SHARP = {"host": "desk", "clients": ["desk-at-ehr"]}
UNTOLD = {"host": "desk", "unintrospected": True, "scopes": ["patient/*.rs"]}
SERVICE = {
    "host": "desk", "client_id": "night", "patients": ["1"], "scopes": ["patient/Patient.r"], "jwks_url": "https://night.example/jwks",
}  # fmt: skip
ROLE = {"roles": [{"system": "s", "code": "c"}]}


def problems(
    table: dict[str, object],
    *,
    users: dict[str, object] | None = None,
    tenants: tuple[str, ...] = (),
    standalone: bool = True,
) -> list[str]:
    server = msgspec.convert({"hosts": ["desk"], **table}, McpServer)
    given = msgspec.convert(users or {}, Users)
    return list(mcp_server_problems(server, given, tenants, sandbox=False, standalone=standalone))


@pytest.mark.parametrize("table", [{}, {"client": [CLIENT]}, {"sharp": [SHARP]}, {"sharp": [SHARP, UNTOLD]}, {"service": [SERVICE]}])  # fmt: skip
def test_what_holds_says_nothing(table: dict[str, object]) -> None:
    assert problems(table) == []


@pytest.mark.parametrize(
    ("table", "more", "said"),
    [
        ({"hosts": ["*"]}, {}, "sandbox"),
        ({"hosts": [], "client": [CLIENT]}, {}, "does not name desk"),
        ({"client": [CLIENT]}, {"standalone": False}, "needs launch.standalone"),
        ({"client": [{**CLIENT, "documents": "apps.example"}]}, {}, "or documents"),
        ({"client": [{**CLIENT, "redirect_uris": []}]}, {}, "or documents"),
        ({"client": [{**CLIENT, "redirect_uris": ["http://desk.example/cb"]}]}, {}, "is not https"),
        ({"hosts": [], "service": [SERVICE]}, {}, "does not name desk"),
        ({"service": [SERVICE, SERVICE]}, {}, "a client twice"),
        ({"service": [{**SERVICE, "scopes": ["system/*.rs"]}]}, {}, "that read only"),
        ({"service": [{**SERVICE, "scopes": ["patient/*.cruds"]}]}, {}, "that read only"),
        ({"service": [{**SERVICE, "jwks_url": "http://night.example/jwks"}]}, {}, "not https"),
        ({"service": [{**SERVICE, "jwks_url": ""}]}, {}, "give public keys"),
        (
            {"service": [{**SERVICE, "jwks_url": "", "jwks": [{"kty": "EC", "d": "x"}]}]},
            {},
            "give public keys",
        ),
        ({"hosts": [], "sharp": [SHARP]}, {}, "does not name desk"),
        ({"sharp": [SHARP, SHARP]}, {}, "a client twice"),
        ({"sharp": [SHARP]}, {"tenants": ("a",)}, "fhir.tenants"),
        ({"sharp": [{"host": "desk"}]}, {}, "name its clients"),
        ({"sharp": [{**SHARP, "scopes": ["user/*.rs"]}]}, {}, "patient scopes only"),
        ({"sharp": [UNTOLD, UNTOLD]}, {}, "no two hosts"),
        ({"sharp": [{**UNTOLD, "scopes": []}]}, {}, "needs scopes"),
        ({"sharp": [UNTOLD]}, {"users": ROLE}, "rules about [users]"),
    ],
)
def test_what_does_not_hold_is_named(
    table: dict[str, object], more: dict[str, object], said: str
) -> None:
    found = problems(table, **more)  # type: ignore[arg-type]  # the cases above
    assert [one for one in found if said in one], found
