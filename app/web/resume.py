"""The page of a live launch, how long it lives, its resume after a reload, its parking when it is left, and its end.

The resume cookie is HttpOnly, partitioned, and scoped to one launch's page, so that no other launch ever sends it.
"""

import msgspec
from flask import Blueprint, Response, request

from app.audit.log import Who
from app.errors import SessionEnded
from app.launch_context import LaunchContext
from app.smart.registration import Registration
from app.smart.session import NewLaunch, TimeLeft
from app.web.assets import Frontend, SessionPage
from app.web.session import current_launch
from app.web.wire import LaunchCompleted, LaunchLife
from app.wiring import Services

RESUME_COOKIE = "__Secure-lr"


def blueprint(services: Services, frontend: Frontend) -> Blueprint:
    """Return the routes of a launch's page."""
    routes = Blueprint("resume", __name__)

    @routes.get("/l/<launch_id>/")
    def page(launch_id: str) -> Response:
        data = SessionPage(launch_id=launch_id)
        return Response(frontend.page("src/main.tsx", data), mimetype="text/html")

    @routes.post("/l/<launch_id>/resume")
    def resume(launch_id: str) -> Response:
        # The resume cookie is the one credential that a browser sends by itself, so only our own page may use it.
        if request.headers.get("Sec-Fetch-Site") != "same-origin":
            raise SessionEnded("resume from another site")
        key, context = _resumed(services, launch_id)
        services.audit.record("resume", Who.of(context), {})
        return completed(LaunchCompleted(launch_id=launch_id, key=key))

    @routes.post("/api/launches/<launch_id>/park")
    def park(launch_id: str) -> Response:
        # Sent as the page goes (`fetch` with `keepalive`): a page that comes back uses its launch and ends the parking.
        current_launch(launch_id, even_off=True)
        services.sessions.park(launch_id)
        return Response(status=204)

    @routes.get("/api/launches/<launch_id>/life")
    def life(launch_id: str) -> Response:
        current_launch(launch_id)
        return time_left(services.sessions.left(launch_id))

    @routes.post("/api/launches/<launch_id>/life")
    def extend(launch_id: str) -> Response:
        current_launch(launch_id)
        return time_left(services.sessions.extend(launch_id))

    @routes.delete("/api/launches/<launch_id>")
    def end(launch_id: str) -> Response:
        current_launch(launch_id, even_off=True)
        services.sessions.end(launch_id, "user")
        response = Response(status=204)
        response.delete_cookie(
            RESUME_COOKIE,
            path=f"/l/{launch_id}/",
            secure=True,
            httponly=True,
            samesite="None",
            partitioned=True,
        )
        return response

    return routes


def _resumed(services: Services, launch_id: str) -> tuple[str, LaunchContext]:
    row = services.rows.launch(launch_id)
    if row is not None:
        services.switches.demand(row.registration)
    try:
        return services.sessions.resume(launch_id, request.cookies.get(RESUME_COOKIE))
    except SessionEnded:
        # Only of launches that exist, so that a stranger's guesses do not fill the log.
        if row is not None:
            who = Who(launch_id=launch_id, registration=row.registration)
            services.audit.record("refusal", who, {"code": "resume"})
        raise


def set_resume_cookie(response: Response, new: NewLaunch, registration: Registration) -> None:
    """Give the browser what it resumes this launch with."""
    # The path makes it this launch's alone: measured, no other launch's page ever sends it.
    response.set_cookie(
        RESUME_COOKIE,
        new.resume,
        max_age=60 * registration.session.absolute_minutes,
        path=f"/l/{new.launch_id}/",
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )


def completed(value: LaunchCompleted) -> Response:
    """Return the launch id and its key."""
    return Response(msgspec.json.encode(value), mimetype="application/json")


def time_left(left: TimeLeft) -> Response:
    """Return how long the launch lives."""
    life = LaunchLife(idle_s=left.idle_s, absolute_s=left.absolute_s, warn_s=left.warn_s)
    return Response(msgspec.json.encode(life), mimetype="application/json")
