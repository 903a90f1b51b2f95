"""The public launcher's FHIR door: a proxy that wants no token, and checks only that one is its own."""

from typing import Any

from flask import Blueprint, Response, request

from sandbox.capability import capability_statement
from sandbox.data_plane import DataPlaneError, render
from sandbox.launcher import BASES, Launcher
from sandbox.wire import TOLD
from sandbox.wire_words import told

Resource = dict[str, Any]
FHIR_JSON = "application/fhir+json; charset=utf-8"


def blueprint(launcher: Launcher) -> Blueprint:
    """Return reads and searches below both bases; addresses in a body are rewritten to the base that was asked."""
    routes = Blueprint("launcher_fhir", __name__)
    state = launcher.state

    def metadata(sim: str = "") -> Response:
        return answer(sim, render(capability_statement(state.settings)))

    def search(resource_type: str, sim: str = "") -> Response:
        parameters = list(request.args.items(multi=True))
        return refusal() or found(sim, state.data_plane.search(resource_type, parameters))

    def read(resource_type: str, fhir_id: str, sim: str = "") -> Response:
        return refusal() or found(sim, state.data_plane.read(resource_type, fhir_id))

    def refusal() -> Response | None:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        if token and launcher.statements.open(token, state.now()) is None:
            return Response("Invalid token", 401, mimetype="text/plain")
        return None

    def found(sim: str, body: Resource) -> Response:
        request.environ[TOLD] = told(body)
        return answer(sim, render(body))

    def answer(sim: str, body: bytes, status: int = 200) -> Response:
        upstream, own = state.settings.fhir_base.encode(), f"{launcher.base(sim)}/fhir".encode()
        doors = (
            f"{state.settings.ehr_origin}/auth/".encode(),
            f"{launcher.base(sim)}/auth/".encode(),
        )
        body = body.replace(upstream, own).replace(*doors)
        return Response(body, status, content_type=FHIR_JSON)

    @routes.errorhandler(DataPlaneError)
    def refused(error: DataPlaneError) -> Response:
        return Response(render(error.outcome), error.status, content_type=FHIR_JSON)

    for base in BASES:
        routes.get(f"{base}/fhir/metadata")(metadata)
        routes.get(f"{base}/fhir/<resource_type>")(search)
        routes.get(f"{base}/fhir/<resource_type>/<fhir_id>")(read)
    return routes
