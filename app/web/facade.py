"""`/fhir/{slug}/…`: the store as a read-only FHIR server, for an application with a launch's token for it.

Every answer and every refusal is FHIR: an error is an OperationOutcome. Source: https://hl7.org/fhir/R4/http.html
"""

import orjson
from flask import Blueprint, Response, request

from app.errors import ChartsideError
from app.mcp.authorization import Presented
from app.mcp.errors import McpBusy, McpRefused
from app.mcp.fhir_door import Asked
from app.warehouse.facade.bundle import FHIR_JSON, Answer, Notice, outcome, refusal
from app.warehouse.facade.errors import FacadeRefused
from app.wiring import Services

FORM = "application/x-www-form-urlencoded"
SCHEME = "Bearer "


def blueprint(services: Services) -> Blueprint:
    """Return the facade's addresses."""
    routes = Blueprint("facade", __name__)

    @routes.route("/fhir/<slug>/<path:path>", methods=["GET", "POST"])
    def ask(slug: str, path: str) -> Response:
        try:
            answer = services.fhir_door.answer(_asked(slug, path))
        except FacadeRefused as error:
            answer = refusal(error)
        except ChartsideError as error:
            return _refused(error)
        return _response(answer.unless(request.headers.get("If-None-Match", "")))

    return routes


def _asked(slug: str, path: str) -> Asked:
    """Return the request; what POST may be sent to is a search or a view.

    Raises:
        FacadeRefused: anything that would write (405).
    """
    params = list(request.args.items(multi=True))
    body = b""
    if request.method == "POST":
        if request.mimetype == FORM and path.endswith("/_search"):
            params += request.form.items(multi=True)
        elif path == "ViewDefinition/$run":
            body = request.get_data()
        else:
            raise FacadeRefused("this server is read-only", http_status=405, issue="not-supported")
    header = request.headers.get("Authorization", "")
    token = header.removeprefix(SCHEME) if header.startswith(SCHEME) else ""
    return Asked(slug=slug, path=path, params=params, body=body, presented=Presented(token=token))


def _response(answer: Answer) -> Response:
    return Response(answer.body, status=answer.status, headers=answer.headers, content_type=answer.media_type)  # fmt: skip


def _refused(error: ChartsideError) -> Response:
    """Return a refusal as FHIR and OAuth say it (RFC 6750 3)."""
    issue = {401: "login", 403: "forbidden", 404: "not-found", 429: "throttled"}.get(error.status, "exception")  # fmt: skip
    said = outcome([Notice(issue=issue, words=error.public, severity="error")])
    response = Response(orjson.dumps(said), status=error.status, content_type=FHIR_JSON)
    if isinstance(error, McpRefused):
        response.headers["WWW-Authenticate"] = f'Bearer error="{error.oauth}"'
    if isinstance(error, McpBusy):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response
