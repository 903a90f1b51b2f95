"""The pages of a sign-in for MCP hosts outside the EHR: the authorization endpoint and the consent page (`app.mcp.sign_in`).

Nothing of a chart, no token and no code stands in an address of ours or in a log; the code goes to the host's own redirect address.
"""

from datetime import timedelta
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from app.fhir.banner import official_name
from app.fhir.dates import day
from app.fhir.sections import SECTIONS
from app.launch_context import LaunchContext
from app.mcp.errors import OAuthRefused
from app.mcp.grants import Grant
from app.mcp.sign_in import Request
from app.smart.registration import Registration
from app.smart.scopes import parse_scopes
from app.tools.registry import readable
from app.web.assets import Frontend
from app.web.consent_page import COOKIE, STYLE, Consent, choice_page, consent_page, ended_page
from app.web.launch import going
from app.wiring import Services

OURS = "ehr"


def blueprint(services: Services, frontend: Frontend) -> Blueprint:
    """Return the pages; where no registration names a client there are none."""
    routes = Blueprint("sign_in", __name__)
    sign_in = services.sign_in

    @routes.before_request
    def _only_where_it_is_on() -> None:
        g.unframed = True
        if not sign_in.is_on:
            abort(404)

    @routes.get("/oauth/style.css")
    def style() -> Response:
        response = Response(STYLE, mimetype="text/css")
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response

    @routes.get("/oauth/authorize")
    def authorize() -> AnyResponse:
        wanted = sign_in.read(dict(request.args.lists()))
        try:
            return _to_the_ehr(services, frontend, wanted)
        except OAuthRefused as error:
            said = {"error": error.oauth_error, "error_description": error.said}
            state = wanted.parameters.get("state", "")
            return redirect(sign_in.back(wanted.redirect_uri, state, **said))

    @routes.get("/oauth/consent/<grant_id>")
    def asks(grant_id: str) -> AnyResponse:
        grant, context = sign_in.awaiting(grant_id, request.cookies.get(COOKIE, ""))
        try:
            scope = sign_in.scope(grant, context)
        except OAuthRefused as error:
            return redirect(sign_in.deny(grant, context, error.oauth_error))
        g.form_action = _origin(grant.asked.redirect_uri)
        asked = _consent(services, context, scope)
        return _html(consent_page(frontend.styles("src/main.tsx"), grant, asked))

    @routes.post("/oauth/consent/<grant_id>")
    def answers(grant_id: str) -> AnyResponse:
        return _answered(services, frontend, grant_id)

    return routes


def _to_the_ehr(services: Services, frontend: Frontend, wanted: Request) -> Response:
    sign_in = services.sign_in
    sign_in.check(wanted)
    found = _chosen(services, wanted)
    if found is None:
        return _html(_choices(services, frontend, wanted))
    sign_in.demand(found[0])
    begun = services.launcher.begin(*found, None)
    sign_in.begin(wanted, found[0], begun.state)
    return going(frontend, begun)


def _chosen(services: Services, wanted: Request) -> tuple[Registration, str] | None:
    """Return the EHR at which the user signs in, None where they have to choose."""
    choices = services.sign_in.choices(wanted)
    named = request.args.get(OURS)
    if named is not None:
        choices = [(item, iss) for item, iss in choices if f"{item.slug} {iss}" == named]
    if not choices:
        raise OAuthRefused("access_denied", "no EHR lets this application's users sign in")
    return choices[0] if len(choices) == 1 else None


def _choices(services: Services, frontend: Frontend, wanted: Request) -> str:
    rows = []
    for item, iss in services.sign_in.choices(wanted):
        query = urlencode({**wanted.parameters, OURS: f"{item.slug} {iss}"})
        rows.append((f"/oauth/authorize?{query}", f"{item.name} ({urlsplit(iss).netloc})"))
    name = next(iter(wanted.applications.values())).name
    return choice_page(frontend.styles("src/main.tsx"), name, rows)


def _consent(services: Services, context: LaunchContext, scope: str) -> Consent:
    patient = services.patient(context)
    name = official_name(patient)
    given = " ".join(str(one) for one in name.get("given") or [])
    registration = services.registry.get(context.registration)
    left = services.sessions.left(context.launch_id)
    ends = services.clock() + timedelta(seconds=left.absolute_s)
    return Consent(
        patient=f"{str(name.get('family') or '').upper()}, {given}".strip(", "),
        born=day(str(patient.get("birthDate") or "")) or "date not sent",
        user=services.user_name(context) or context.user_reference,
        reads=_reads(context, scope),
        until=ends.astimezone(ZoneInfo(context.time_zone)).strftime("%d-%b-%Y %H:%M"),
        idle_minutes=registration.session.idle_minutes if registration else 0,
        site=registration.site.name if registration else "",
    )


def _reads(context: LaunchContext, scope: str) -> tuple[str, ...]:
    """Return the parts of the chart that scopes open, in the words of the screen."""
    kinds = {grant.resource_type for grant in parse_scopes(scope)}
    words = [
        section.words for section in SECTIONS
        if kinds & {section.kind, "*"} and readable(context, section.kind)
    ]  # fmt: skip
    if kinds & {"Patient", "*"}:
        words.insert(0, "who the patient is")
    return tuple(dict.fromkeys(word[:1].upper() + word[1:] for word in words))


def _answered(services: Services, frontend: Frontend, grant_id: str) -> AnyResponse:
    # The cookie is strict; a browser that says from where the form was sent must say: from here.
    if request.headers.get("Origin", services.settings.origin) != services.settings.origin:
        raise OAuthRefused("access_denied", "the form of another page")
    try:
        grant, context = services.sign_in.awaiting(grant_id, request.cookies.get(COOKIE, ""))
        response = redirect(_decided(services, grant, context), 303)
    except OAuthRefused as error:
        # A person sent this form: they get a page.
        page = ended_page(frontend.styles("src/main.tsx"), error.public)
        return Response(page, status=error.status, mimetype="text/html")
    response.delete_cookie(COOKIE, path=f"/oauth/consent/{grant_id}", secure=True)
    return response


def _decided(services: Services, grant: Grant, context: LaunchContext) -> str:
    match request.form.get("decision"):
        case "allow":
            return services.sign_in.allow(grant, context)
        case "deny":
            return services.sign_in.deny(grant, context)
        case _:
            raise OAuthRefused("invalid_request", "no decision")


def _html(page: str) -> Response:
    return Response(page, mimetype="text/html")


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
