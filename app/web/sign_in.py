"""The pages of a sign-in for MCP hosts outside the EHR: the authorization endpoint and the consent page (`app.mcp.sign_in`).

Nothing of a chart, no token and no code stands in an address of ours or in a log; the code goes to the host's own redirect address.
"""

from datetime import timedelta
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from app.errors import SessionEnded, SwitchedOff
from app.fhir.banner import mrn, official_name
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
from app.web.consent_page import (
    COOKIE,
    STYLE,
    Consent,
    access_page,
    choice_page,
    consent_page,
    ended_page,
)
from app.web.launch import going
from app.wiring import Services

OURS = "ehr"
ENDED = (
    "Access has ended",
    "The application can read nothing more with this sign-in. What it has read already, it keeps.",
)


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
        try:
            grant, context = sign_in.awaiting(grant_id, request.cookies.get(COOKIE, ""))
        except OAuthRefused:
            # Nothing is asked (any more): who agreed may be here to end it.
            return _html(_access(services, frontend, grant_id))
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
    registration = services.registry.get(context.registration)
    return Consent(
        family=str(name.get("family") or "").upper(),
        given=" ".join(str(one) for one in name.get("given") or []),
        born=day(str(patient.get("birthDate") or "")) or "date not sent",
        sex=str(patient.get("gender") or "not recorded").capitalize(),
        mrn=mrn(patient),
        user=services.user_name(context) or context.user_reference,
        reads=_reads(context, scope),
        until=_until(services, context.launch_id, context.time_zone),
        idle_minutes=registration.session.idle_minutes if registration else 0,
        site=registration.site.name if registration else "",
        help_desk=registration.site.help_desk if registration else "",
    )


def _until(services: Services, launch_id: str, time_zone: str) -> str:
    """Return when a launch ends at the latest, in the site's zone."""
    ends = services.clock() + timedelta(seconds=services.sessions.left(launch_id).absolute_s)
    return ends.astimezone(ZoneInfo(time_zone)).strftime("%d-%b-%Y %H:%M")


def _access(services: Services, frontend: Frontend, grant_id: str) -> str:
    grant = services.sign_in.agreed(grant_id, request.cookies.get(COOKIE, ""))
    styles = frontend.styles("src/main.tsx")
    if grant is None:
        return ended_page(styles, *ENDED)
    g.form_action = services.settings.origin
    zone = services.sessions.context(grant.launch_id).time_zone
    return access_page(styles, grant, _until(services, grant.launch_id, zone))


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
    if not _from_here(services.settings.origin):
        raise OAuthRefused("access_denied", "the form of another page")
    styles, secret = frontend.styles("src/main.tsx"), request.cookies.get(COOKIE, "")
    try:
        if request.form.get("decision") == "end":
            if grant := services.sign_in.agreed(grant_id, secret):
                services.sign_in.end(grant)
            return _kept(_html(ended_page(styles, *ENDED)), grant_id, "", 0)
        grant, context = services.sign_in.awaiting(grant_id, secret)
        return _decided(services, grant, context)
    except (OAuthRefused, SwitchedOff, SessionEnded) as error:
        # A person sent this form: they get a page.
        page = ended_page(styles, "This sign-in cannot go on", error.public)
        return Response(page, status=error.status, mimetype="text/html")


def _from_here(origin: str) -> bool:
    """Tell whether a form was sent by a page of ours, as the browser says it; the cookie is strict besides."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    return request.headers.get("Origin", origin) == origin


def _decided(services: Services, grant: Grant, context: LaunchContext) -> AnyResponse:
    match request.form.get("decision"):
        case "allow":
            left = services.sessions.left(context.launch_id)
            gone = redirect(services.sign_in.allow(grant, context), 303)
            # The same page, opened again, ends what was allowed.
            return _kept(gone, grant.grant_id, services.sign_in.user_secret(grant), int(left.absolute_s))  # fmt: skip
        case "deny":
            return _kept(redirect(services.sign_in.deny(grant, context), 303), grant.grant_id, "", 0)  # fmt: skip
        case _:
            raise OAuthRefused("invalid_request", "no decision")


def _kept(response: AnyResponse, grant_id: str, secret: str, life_s: int) -> AnyResponse:
    """Set what the browser of the user has for this grant; for 0 seconds: nothing any more."""
    response.set_cookie(
        COOKIE, secret, max_age=life_s, path=f"/oauth/consent/{grant_id}", secure=True, httponly=True, samesite="Strict"
    )  # fmt: skip
    return response


def _html(page: str) -> Response:
    return Response(page, mimetype="text/html")


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
