"""The copilot and the sandbox EHR in one process, joined by WSGI: no sockets, the real protocol.

`Browser` stands for a browser with the launch page's script: it keeps cookies, carries the bind secret, follows
the authorization redirect and posts the callback.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit
from wsgiref.types import WSGIApplication

import httpx2
from flask import Flask
from werkzeug.test import Client, TestResponse

from app.llm.catalog import Catalog
from app.settings import Secret, Settings
from app.web.application import make_app
from app.wiring import Services, build
from sandbox import create_app as create_ehr
from sandbox.assertions import Fetched
from sandbox.settings import SandboxSettings
from sandbox.state import SandboxState
from tests.asgi import TwoHosts, mcp_transport
from tests.databases import fresh

if TYPE_CHECKING:
    from sandbox.mcp.switches import Switches

ROOT = Path(__file__).resolve().parent.parent
APP, EHR = "http://app.localhost:9001", "http://ehr.localhost:9000"
MCP = "http://mcp.localhost:9003"
ISS = f"{EHR}/fhir"
MARLENA = "marlena"
# Changes that take the shipped registration's client of Backend Services out, and with it the key that a start needs.
WITHOUT_BACKEND = (
    ('[backend]\nid = "chartside-backend"\nalg = "ES384"\nscopes = ["system/*.rs"]\n', ""),
    (
        '[bulk]\ngroups = ["everyone"]\n'
        '# Who signs in at the sandbox\'s page "Population": one may count, the other may see which patients these are as well.\n'
        'analysts = ["Practitioner/quality-analyst", "Practitioner/care-manager"]\nlists = ["Practitioner/care-manager"]\n'
        'chart_link = "http://ehr.localhost:9000/chart/{patient}?app=chartside"\n',
        "",
    ),
)
# Tables of the shipped registration that tests write themselves.
OWN_TABLES = ("[backend]", "[pins]", "[bulk]")

__all__ = [
    "APP",
    "EHR",
    "ISS",
    "MCP",
    "WITHOUT_BACKEND",
    "Browser",
    "Clock",
    "Launched",
    "Stack",
    "make_stack",
    "registered",
]


@dataclass(kw_only=True)
class Clock:
    """Real time that a test may move."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **span: float) -> None:
        """Move on."""
        self.ahead += timedelta(**span)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Both parties."""

    app: Flask
    services: Services
    ehr: Flask
    state: SandboxState
    clock: Clock
    transport: httpx2.BaseTransport

    def browser(self) -> "Browser":
        """Return a new browser without cookies."""
        return Browser(stack=self, client=self.app.test_client())

    def fhir_requests(self) -> list[Any]:
        """Return every exchange at the FHIR endpoint so far."""
        return self.state.wire.entries("/fhir/")

    def patient(self, chart: str) -> str:
        """Return the patient id of a chart by its folder's name."""
        return patient_id(chart)


@dataclass(frozen=True, kw_only=True)
class Launched:
    """A live launch as its page sees it."""

    launch_id: str
    key: str
    client: Client

    def get(self, path: str = "", **headers: str) -> TestResponse:
        """GET below the launch's address."""
        return self.client.get(
            f"/api/launches/{self.launch_id}{path}", base_url=APP, headers=self._headers(headers)
        )

    def post(self, path: str, body: object = None) -> TestResponse:
        """POST JSON below the launch's address."""
        return self.client.post(
            f"/api/launches/{self.launch_id}{path}",
            base_url=APP,
            json=body,
            headers=self._headers({}),
        )

    def delete(self) -> TestResponse:
        """End the launch."""
        return self.client.delete(
            f"/api/launches/{self.launch_id}", base_url=APP, headers=self._headers({})
        )

    def put(self, path: str, body: object) -> TestResponse:
        """PUT JSON below the launch's address."""
        return self.client.put(
            f"/api/launches/{self.launch_id}{path}",
            base_url=APP,
            json=body,
            headers=self._headers({}),
        )

    def ask(
        self, question: str, turn_id: str = "turn-0001", *, model: str = ""
    ) -> list[dict[str, Any]]:
        """Ask, read the stream to its end, return its events; `model` answers this turn only."""
        props = {"model": model} if model else {}
        body = {
            "threadId": self.launch_id, "runId": turn_id, "state": {}, "tools": [], "context": [],
            "forwardedProps": props, "messages": [{"id": "1", "role": "user", "content": question}],
        }  # fmt: skip
        response = self.post("/turns", body)
        assert response.status_code == 200, response.text
        return list(events_of(response.text))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", **more}


def events_of(stream: str) -> Iterator[dict[str, Any]]:
    """Parse the events of a finished stream."""
    for line in stream.splitlines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


@dataclass(kw_only=True)
class Browser:
    """A browser that does what the launch and callback pages' scripts do."""

    stack: Stack
    client: Client
    binds: dict[str, str] = field(default_factory=dict)
    slug: str = "sandbox"

    def open(self, path: str) -> TestResponse:
        """Navigate to a page of the copilot."""
        return self.client.get(path, base_url=APP)

    def launch_page(self, chart: str = MARLENA, **options: Any) -> dict[str, Any]:
        """Start from the EHR's app menu; return the launch page's data."""
        launch = self.stack.state.start(self.stack.patient(chart), **options)
        query = urlencode({"iss": ISS, "launch": launch})
        return self.begin(f"/smart/sandbox/launch?{query}")

    def sign_in_page(self, user: str, slug: str = "sandbox") -> dict[str, Any]:
        """Start the analyst's page from the EHR, without a patient."""
        launch = self.stack.state.start_without_patient("chartside-sandbox", user)
        return self.begin(f"/smart/{slug}/analyst?{urlencode({'iss': ISS, 'launch': launch})}")

    def begin(self, path: str) -> dict[str, Any]:
        """Open an address that begins a launch; return the launch page's data and keep its bind secret."""
        response = self.open(path)
        assert response.status_code == 200, response.text
        data = page_data(response)
        self.binds[data["state"]] = data["bind"]
        return data

    def authorize(self, address: str, form: dict[str, str] | None = None) -> dict[str, str]:
        """Follow the authorization request at the EHR, or post its form; return the callback's parameters."""
        parts = urlsplit(address)
        response = self.stack.ehr.test_client().open(
            f"{parts.path}?{parts.query}",
            base_url=f"{parts.scheme}://{parts.netloc}",
            method="POST" if form else "GET",
            data=form or None,
        )
        assert response.status_code == 302, response.text
        assert response.location.startswith(f"{APP}/smart/{self.slug}/callback")
        return {
            name: values[0] for name, values in parse_qs(urlsplit(response.location).query).items()
        }

    def complete(self, parameters: dict[str, str], *, bind: str | None = None) -> TestResponse:
        """Post the callback as the callback page does."""
        known = self.binds.get(parameters.get("state", ""))
        body = {
            "slug": self.slug,
            "state": parameters.get("state", ""),
            "code": parameters.get("code"),
            "error": parameters.get("error"),
            "iss": parameters.get("iss"),
            "bind": bind or known,
        }
        return self.client.post("/api/launches/complete", base_url=APP, json=body)

    def launch(self, chart: str = MARLENA, **options: Any) -> Launched:
        """Launch to the end."""
        page = self.launch_page(chart, **options)
        return self.finish(self.authorize(page["authorize"]))

    def finish(self, parameters: dict[str, str]) -> Launched:
        """Complete a launch with the callback's parameters."""
        response = self.complete(parameters)
        assert response.status_code == 200, response.text
        body = response.get_json()
        return Launched(launch_id=body["launch_id"], key=body["key"], client=self.client)

    def resume(self, launch_id: str, site: str = "same-origin") -> TestResponse:
        """Do what a reloaded page does."""
        return self.client.post(
            f"/l/{launch_id}/resume", base_url=APP, headers={"Sec-Fetch-Site": site}
        )


def page_data(response: TestResponse) -> dict[str, Any]:
    """Return the JSON that a page carries."""
    start = response.text.index('id="page">') + len('id="page">')
    found: dict[str, Any] = json.loads(
        response.text[start : response.text.index("</script>", start)]
    )
    return found


def patient_id(chart: str) -> str:
    """Return the patient id of a chart by its folder's name."""
    manifest = json.loads((ROOT / "sandbox" / "charts" / chart / "manifest.json").read_text())
    return str(manifest["patient"])


def make_stack(
    folder: Path,
    *,
    catalog: Catalog | None = None,
    launch_config: Path = ROOT / "launch_config",
    between: Callable[[WSGIApplication], WSGIApplication] = lambda ehr: ehr,
    variables: Mapping[str, str] = MappingProxyType({}),
    warehouse: Path | None = None,
    mcp: "Switches | httpx2.BaseTransport | None" = None,
    **ehr: Any,
) -> Stack:
    """Return both parties with a fresh database; the EHR's prepared charts are shared between runs.

    `catalog` are the language models, none if not given; `between` stands between the parties and may change answers;
    `variables` are the copilot's secrets. `mcp` are the switches of the EHR's MCP server, or the way to another at hosts `mcp.*`; without them there is none. Both parties live in the same time, and the EHR reads the copilot's key set.
    """
    clock = Clock()
    app: list[Flask] = []

    def fetch(url: str) -> Fetched:
        answer = app[0].test_client().get(urlsplit(url).path, base_url=APP)
        return Fetched(body=answer.get_json(), cache_control=answer.headers["Cache-Control"])

    ehr_app = create_ehr(
        SandboxSettings(
            app_launch_url=f"{APP}/smart/sandbox/launch",
            data_folder=ROOT / "run" / "sandbox",
            **{"ehr_origin": EHR, "clock": clock, "fetch": fetch, **ehr},
        )
    )
    settings = Settings(
        environment="development",
        origin=APP,
        secret_key=Secret(b"s" * 32),
        database_url=fresh(folder),
        launch_config=launch_config,
        frontend=pretend_build(folder),
        mcp_origin=MCP,
        warehouse=warehouse or folder / "warehouse",
        variables={name: Secret(value.encode()) for name, value in variables.items()},
    )
    transport: httpx2.BaseTransport = httpx2.WSGITransport(app=between(ehr_app))
    if isinstance(mcp, httpx2.BaseTransport):
        transport = TwoHosts(transport, mcp)
    elif mcp is not None:
        own = mcp_transport(ehr_app, ehr_app.extensions["sandbox"].settings, mcp)
        transport = TwoHosts(transport, own)
    services = build(settings, transport=transport, clock=clock, catalog=catalog)
    app.append(make_app(services))
    return Stack(
        app=app[0],
        services=services,
        ehr=ehr_app,
        state=ehr_app.extensions["sandbox"],
        clock=clock,
        transport=transport,
    )


def registered(folder: Path, *changes: tuple[str, str], more: str = "") -> Path:
    """Write the sandbox's registration with changes and return its folder."""
    text = (ROOT / "launch_config" / "sandbox.toml").read_text("utf-8")
    # A table that a test writes takes the place of the shipped one.
    for name in re.findall(r"^\[(\w+)\]$", more + "".join(new for _, new in changes), re.MULTILINE):
        text = (
            re.sub(rf"^\[{name}\]\n(.+\n)*\n", "", text, flags=re.MULTILINE)
            if f"[{name}]" in OWN_TABLES
            else text
        )
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    config = folder / "launch_config"
    config.mkdir()
    (config / "sandbox.toml").write_text(f"{text}\n{more}\n", "utf-8")
    return config


def pretend_build(folder: Path) -> Path:
    """Write a manifest as Vite does; these tests read pages, they do not run scripts."""
    build_folder = folder / "dist"
    (build_folder / ".vite").mkdir(parents=True, exist_ok=True)
    (build_folder / "assets").mkdir(exist_ok=True)
    (build_folder / "assets" / "main-1.js").write_text("export {};\n")
    manifest = {
        "src/main.tsx": {"file": "assets/main-1.js", "css": ["assets/main-1.css"]},
        "src/launch.ts": {"file": "assets/launch-1.js"},
        "src/selftest/selftest.ts": {
            "file": "assets/selftest-1.js",
            "css": ["assets/selftest-1.css"],
        },
    }
    (build_folder / ".vite" / "manifest.json").write_text(json.dumps(manifest))
    return build_folder
