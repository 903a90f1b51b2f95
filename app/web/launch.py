"""The launch pages (from the EHR, and standalone), the callback page and its POST.

Addresses carry a registration's slug, nothing secret.

The callback page acts only by POST, so that a link scanner or a prefetch cannot burn the code.
"""

from html import escape
from typing import Annotated
from urllib.parse import urlencode, urlsplit

import msgspec
from flask import Blueprint, Response, g, request

from app.audit.log import Detail, Who
from app.launch_context import LaunchContext
from app.smart.errors import LaunchExpired, StandaloneRefused, UnknownIssuer
from app.smart.launch import ANALYST, Begun, Callback
from app.smart.registration import Registration
from app.smart.session import digest
from app.web.assets import CallbackPage, Frontend
from app.web.consent_page import to_consent
from app.web.resume import completed, set_resume_cookie
from app.web.wire import LaunchCompleted, LaunchPage
from app.wiring import Services

BIND_COOKIE = "__Host-lb-"
PENDING_S = 600
MOST_BODY_BYTES = 16_384
Short = Annotated[str, msgspec.Meta(max_length=4096)]


class _Completion(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `POST /api/launches/complete`."""

    slug: Short
    state: Short
    code: Short | None = None
    error: Short | None = None
    iss: Short | None = None
    bind: Short | None = None


def blueprint(services: Services, frontend: Frontend) -> Blueprint:
    """Return the routes of a launch's beginning."""
    routes = Blueprint("launch", __name__)

    @routes.get("/smart/<slug>/launch")
    def launch(slug: str) -> Response:
        registration, iss = services.registry.by_iss(slug, request.args.getlist("iss"))
        services.switches.demand(slug)
        launches = request.args.getlist("launch")
        if len(launches) != 1 or not launches[0]:
            raise UnknownIssuer(f"{len(launches)} launch parameters")
        return going(frontend, services.launcher.begin(registration, iss, launches[0]))

    @routes.get("/smart/<slug>/standalone")
    def standalone(slug: str) -> Response:
        registration = _registration(services, slug)
        if not registration.launch.standalone:
            raise StandaloneRefused("launch.standalone is not set")
        services.switches.demand(slug, "standalone")
        # One EHR needs no choice; of several the address names one, as registered (`?iss=`).
        sent = request.args.getlist("iss") or list(registration.fhir.iss)
        if len(sent) != 1:
            return Response(_choices(registration), mimetype="text/html")
        _, iss = services.registry.by_iss(slug, sent)
        return going(frontend, services.launcher.begin(registration, iss, None))

    @routes.get("/smart/<slug>/callback")
    def callback(slug: str) -> Response:
        _registration(services, slug)
        return Response(
            frontend.page("src/main.tsx", CallbackPage(slug=slug)), mimetype="text/html"
        )

    @routes.post("/api/launches/complete")
    def complete() -> Response:
        return _complete(services, _body())

    return routes


def _complete(services: Services, body: _Completion) -> Response:
    """Redeem a code, and give the page the key of what it opened."""
    g.slug = body.slug  # a refusal is audited under its registration
    registration = _registration(services, body.slug)
    services.switches.demand(body.slug)
    cookie = _bind_cookie(body.state)
    came = Callback(
        slug=body.slug, state=body.state, code=body.code, error=body.error, iss=body.iss,
        binds=(body.bind, request.cookies.get(cookie)),
    )  # fmt: skip
    if body.state.startswith(ANALYST):
        return _signed_in(services, registration, came, cookie)
    new, context = services.launcher.complete(registration, came)
    services.audit.record("launch", Who.of(context), _audited(context))
    services.sessions.sweep()
    if signed := services.sign_in.launched(body.state, context):
        # Made for another application: no page of ours opens this launch, so nobody gets its key.
        response = to_consent(*signed)
    else:
        response = completed(LaunchCompleted(launch_id=new.launch_id, key=new.key))
    _drop(response, cookie)
    if not signed:
        set_resume_cookie(response, new, registration)
    return response


def _signed_in(
    services: Services, registration: Registration, came: Callback, cookie: str
) -> Response:
    """Open the session of an analyst: no launch, no patient, no token of the EHR."""
    services.cohorts.offers(registration.slug)
    key = services.cohorts.sign_in(registration, *services.launcher.identify(registration, came))
    response = completed(LaunchCompleted(launch_id="", key=key, analyst=registration.slug))
    _drop(response, cookie)
    return response


def _drop(response: Response, cookie: str) -> None:
    response.delete_cookie(cookie, secure=True, httponly=True, samesite="None", partitioned=True)


def going(frontend: Frontend, begun: Begun) -> Response:
    """Return the page that leaves the bind secret and goes to the EHR."""
    page = LaunchPage(
        page="launch",
        authorize=begun.authorize,
        state=begun.state,
        bind=begun.bind,
        form=dict(begun.form),
    )
    if begun.form:
        parts = urlsplit(begun.authorize)
        g.form_action = f"{parts.scheme}://{parts.netloc}"
    response = Response(frontend.page("src/launch.ts", page), mimetype="text/html")
    # One cookie per state, so that launches that cross each other do not meet.
    response.set_cookie(
        _bind_cookie(begun.state),
        begun.bind,
        max_age=PENDING_S,
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )
    return response


def _choices(registration: Registration) -> str:
    """Return a page that lists the registered EHRs; it needs no script."""
    rows = "".join(
        f'<li><a href="?{escape(urlencode({"iss": iss}))}">{escape(urlsplit(iss).netloc + urlsplit(iss).path)}</a></li>'
        for iss in registration.fhir.iss
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Chartside</title></head>'
        f"<body><main><h1>{escape(registration.name)}</h1><p>Choose the EHR to open Chartside for:</p>"
        f"<ul>{rows}</ul></main></body></html>"
    )


def _audited(context: LaunchContext) -> Detail:
    said: Detail = {
        "intent": context.intent,
        "tenant": context.tenant,
        "roles": list(context.roles),
        "without": list(context.without),
        # An identifier may be a number of the patient: that one stood there is enough.
        "fhir_context": [
            item.reference or item.canonical or "identifier" for item in context.fhir_context
        ],
    }
    return {"scope": context.scope, **{name: value for name, value in said.items() if value}}


def _registration(services: Services, slug: str) -> Registration:
    registration = services.registry.get(slug)
    if registration is None:
        raise UnknownIssuer("no such registration")
    return registration


def _body() -> _Completion:
    if (request.content_length or 0) > MOST_BODY_BYTES:
        raise LaunchExpired("body too large")
    try:
        return msgspec.json.decode(request.get_data(), type=_Completion)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise LaunchExpired("body does not have the required form") from error


def _bind_cookie(state: str) -> str:
    return BIND_COOKIE + digest(state)[:16]
