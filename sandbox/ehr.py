"""The EHR's own pages: patient list, chart with an app menu and the app's iframe, two frames, wire log.

They are ordinary EHR content for people and browser tests. No page shows a token or a code; a launch
value appears once, in the frame's address.
"""

from dataclasses import asdict
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.chart_page import Banner, banner, tables
from sandbox.clients import Client
from sandbox.launcher import launch_address
from sandbox.launcher_codec import LaunchValue
from sandbox.profiles import PROFILES, Profile
from sandbox.state import SandboxState
from sandbox.styles import STYLES
from sandbox.users import EhrUser

TABS = ("summary", "results", "notes")
WIDTHS = ("350", "400", "full")


def blueprint(state: SandboxState) -> Blueprint:
    """Return the pages."""
    routes = Blueprint("ehr", __name__)
    policy = _content_security_policy(state)

    @routes.get("/")
    def patients() -> str:
        return render_template("patients.html", rows=[_banner(state, pid) for pid in state.charts])

    @routes.get("/chart/<patient_id>")
    def chart(patient_id: str) -> str:
        user = _user(state, patient_id)
        app = _chosen_app(state)
        tab = request.args.get("tab", TABS[0])
        before = state.wire.count
        return render_template(
            "chart.html",
            banner=_banner(state, patient_id),
            users=state.users[patient_id],
            user=user,
            tabs=TABS,
            tab=tab,
            tables=tables(state.data_plane, patient_id, tab),
            # A client of Backend Services is nobody's to open.
            clients=[one for one in state.clients.values() if not one.system_scopes],
            app=app,
            widths=WIDTHS,
            width=_width(),
            wire_after=before,
            profiles=PROFILES.values(),
            profile=_profile(state, app),
            frame=_frame_url(state, patient_id, user, app) if app else None,
        )

    @routes.post("/chart/<patient_id>/launches")
    def launch(patient_id: str) -> Response:
        user = _user(state, patient_id)
        app = _chosen_app(state) or state.settings.clients[0]
        return jsonify({"url": _launch_url(state, patient_id, user, app)})

    @routes.get("/chart/<patient_id>/relaunch")
    def relaunch(patient_id: str) -> AnyResponse:
        user = _user(state, patient_id)
        app = _chosen_app(state) or state.settings.clients[0]
        return redirect(_launch_url(state, patient_id, user, app), 302)

    @routes.get("/two")
    def two() -> str:
        app = state.settings.clients[0]
        sides = [
            (_banner(state, pid), _launch_url(state, pid, _user(state, pid), app))
            for pid in (request.args.get("left", ""), request.args.get("right", ""))
        ]
        return render_template("two.html", sides=sides, app=app)

    @routes.get("/wire")
    def wire() -> str:
        return render_template("wire.html", exchanges=state.wire.entries()[::-1])

    @routes.get("/wire.json")
    def wire_json() -> Response:
        after = request.args.get("after", 0, type=int)
        found = [one for one in state.wire.entries() if one.number > after]
        return jsonify([asdict(one) | {"at": one.at.isoformat()} for one in found])

    @routes.get("/health")
    def health() -> Response:
        return jsonify({"charts": len(state.charts)})

    @routes.after_request
    def protect(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = policy
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    return routes


def _content_security_policy(state: SandboxState) -> str:
    apps = {client.launch_url.split("/", 3)[2] for client in state.clients.values()}
    frames = " ".join(["'self'", *sorted(apps)])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-src {frames}"
    )


def _banner(state: SandboxState, patient_id: str) -> Banner:
    if patient_id not in state.charts:
        abort(404)
    return banner(state.charts[patient_id], state.data_plane)


def _user(state: SandboxState, patient_id: str) -> EhrUser:
    """Return the signed-in user: the one that `?user=` names, else the chart's first clinician."""
    users = state.users.get(patient_id) or abort(404)
    asked = request.args.get("user")
    return next((user for user in users if user.reference == asked), users[0])


def _chosen_app(state: SandboxState) -> Client | None:
    asked = request.args.get("app", "").lower()
    return next((one for one in state.clients.values() if one.name.lower() == asked), None)


def _profile(state: SandboxState, client: Client | None) -> Profile:
    """Return how this EHR behaves: as `?profile=` says, else as the client's registration or the instance does."""
    asked = request.args.get("profile", "")
    default = (client.profile if client else "") or state.settings.profile
    return PROFILES.get(asked, PROFILES[default])


def _width() -> str:
    asked = request.args.get("width", "")
    return asked if asked in WIDTHS else "400"


def _more(state: SandboxState) -> dict[str, object]:
    """Return what else the launch says: the look that `?style=` names, what `?intent=` says the user wants."""
    style, intent = request.args.get("style", ""), request.args.get("intent", "")
    more: dict[str, object] = {"intent": intent} if intent else {}
    if style in STYLES:
        more["smart_style_url"] = f"{state.settings.ehr_origin}/smart-style/{style}.json"
    return more


def _frame_url(state: SandboxState, patient_id: str, user: EhrUser, client: Client) -> str:
    """Return what the frame opens: a launch, or with `?selftest=1` the app's own test of the frame."""
    if request.args.get("selftest") != "1":
        return _launch_url(state, patient_id, user, client)
    origin, _, path = client.launch_url.partition("/smart/")
    return f"{origin}/selftest/{path.partition('/')[0]}"


def _launch_url(state: SandboxState, patient_id: str, user: EhrUser, client: Client) -> str:
    address = _address(state, patient_id, user, client)
    state.wire.launched(address)
    return address


def _address(state: SandboxState, patient_id: str, user: EhrUser, client: Client) -> str:
    if client.at_launcher:
        value = LaunchValue(
            patient=patient_id, provider=user.reference.rpartition("/")[2], sim_ehr=True
        )
        return launch_address(f"{state.settings.ehr_origin}/v/r4", client.launch_url, value)
    # SMART App Launch 2.2.0, EHR launch: `iss` names the FHIR base, `launch` is opaque.
    launch = state.start(
        patient_id,
        user_reference=user.reference,
        client_id=client.client_id,
        profile=_profile(state, client).name,
        more=_more(state),
    )
    query = urlencode({"iss": state.settings.fhir_base, "launch": launch})
    return f"{client.launch_url}?{query}"
