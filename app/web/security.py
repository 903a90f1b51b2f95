"""Headers of every response: who may frame it, and that nothing foreign runs, loads or is kept.

`frame-ancestors` comes from the registration that the address belongs to. An address that names none gets every
registered origin: such a page holds no patient data, and the clinician must be able to read why it stopped.
"""

import re
from collections.abc import Iterable

from flask import Flask, Response, g, request

from app.wiring import Services

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors "
)

# As we make them; anything else in an address does not go into a header.
LAUNCH_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def install(app: Flask, services: Services) -> None:
    """Set the headers on every response, errors included."""

    @app.after_request
    def _protect(response: Response) -> Response:
        # A page that asks for consent is never framed: nobody shall be led to press its button unseen.
        framed = response.mimetype == "text/html" and "unframed" not in g
        framers = _framers(services) if framed else ()
        policy = POLICY + (" ".join(framers) or "'none'")
        if "form_action" in g:
            # One page posts a form: the launch that goes on to the EHR, which sends the browser back to us.
            policy = policy.replace("form-action 'none'", f"form-action 'self' {g.form_action}")
        response.headers["Content-Security-Policy"] = policy
        # A page that gives no referrer at all sends its form with the origin "null".
        response.headers["Referrer-Policy"] = "same-origin" if "unframed" in g else "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Permissions-Policy"] = (
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        if services.settings.origin.startswith("https:"):
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        launch_id = (request.view_args or {}).get("launch_id")
        if launch_id is not None and LAUNCH_ID.fullmatch(launch_id):
            # The page drops any answer whose launch is not its own.
            response.headers["X-Launch-Id"] = launch_id
        return response


def _framers(services: Services) -> Iterable[str]:
    arguments = request.view_args or {}
    registration = None
    if "slug" in arguments:
        registration = services.registry.get(arguments["slug"])
    elif "launch_id" in arguments:
        row = services.rows.launch(arguments["launch_id"])
        registration = services.registry.get(row.registration) if row else None
    if registration is not None:
        return registration.embed.frame_ancestors
    return services.registry.frame_ancestors()
