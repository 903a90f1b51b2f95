"""The pretend EHR: the strict other party of every test and demonstration.

It is an authorization server (SMART App Launch 2.2.0, Backend Services included), a scope-enforcing FHIR R4 gateway and an EHR page
with an iframe, over invented charts. It shares no code with the copilot, so that a misread
specification cannot agree with itself. It answers this machine only, and holds no real patient.
"""

import os
from typing import TYPE_CHECKING

from flask import Flask, abort, request

from sandbox import (
    authorization,
    discovery,
    ehr,
    fault_switches,
    gateway,
    launcher_authorization,
    launcher_fhir,
    launcher_token,
    population_page,
    styles,
    token_endpoint,
)
from sandbox import launcher as public_launcher
from sandbox.bulk import doors as bulk_doors
from sandbox.launcher_tokens import Statements
from sandbox.settings import SandboxSettings
from sandbox.state import build
from sandbox.wire import logged

if TYPE_CHECKING:
    from sandbox.state import SandboxState

LOOPBACK = frozenset({"127.0.0.1", "::1"})


def create_app(settings: SandboxSettings | None = None) -> Flask:
    """Return the EHR as a WSGI application; its state is `app.extensions["sandbox"]`.

    The environment is read when `settings` is None. One process must serve it, since sessions
    live in memory; many threads may.

    Raises:
        SandboxConfigurationError: a setting or a chart is wrong.
    """
    state = build(settings or SandboxSettings.from_env(os.environ))
    app = Flask(__name__, template_folder="pages", static_folder="pages/static")
    app.extensions["sandbox"] = state
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for module in (
        discovery, authorization, token_endpoint, bulk_doors, gateway, fault_switches, styles, ehr, population_page,
    ):  # fmt: skip
        app.register_blueprint(module.blueprint(state))
    shared = public_launcher.Launcher(state=state, statements=Statements())
    for door in (public_launcher, launcher_authorization, launcher_token, launcher_fhir):
        app.register_blueprint(door.blueprint(shared))
    app.before_request(_refuse_other_machines)
    app.wsgi_app = logged(app.wsgi_app, state.wire)  # type: ignore[method-assign,assignment]  # Flask's own way
    return app


def sandbox_state(app: Flask) -> "SandboxState":
    """Return the state of a pretend EHR, for tests and benches."""
    state: SandboxState = app.extensions["sandbox"]
    return state


def _refuse_other_machines() -> None:
    # Whatever address a server was bound to: fault switches and launches are for this machine only.
    if request.remote_addr not in LOOPBACK:
        abort(403)
