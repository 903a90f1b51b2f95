"""Chartside: a clinical copilot that an EHR launches."""

import os
from typing import TYPE_CHECKING

from app.settings import Settings

if TYPE_CHECKING:
    from flask import Flask


def create_app(settings: Settings | None = None) -> "Flask":
    """Return the WSGI application; the environment is read when no settings are given."""
    # Importing any part of `app` must not load Flask, so the edge is imported when it is built.
    from app.web.application import make_app  # noqa: PLC0415
    from app.wiring import build  # noqa: PLC0415

    services = build(settings or Settings.from_env(os.environ))
    services.sweep_every_minute()
    services.watch_switches()
    return make_app(services)
