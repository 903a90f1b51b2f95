"""Chartside: a clinical copilot that an EHR launches."""

import os
from typing import TYPE_CHECKING

from app.errors import ConfigurationError
from app.settings import VERSION, Settings

if TYPE_CHECKING:
    from flask import Flask
    from starlette.types import ASGIApp


def create_app(settings: Settings | None = None) -> "Flask":
    """Return the WSGI application; the environment is read when no settings are given."""
    # Importing any part of `app` must not load Flask, so the edge is imported when it is built.
    from app.web.application import make_app  # noqa: PLC0415
    from app.wiring import build  # noqa: PLC0415

    services = build(settings or Settings.from_env(os.environ))
    services.sweep_every_minute()
    services.watch_switches()
    return make_app(services)


def create_mcp(settings: Settings | None = None) -> "ASGIApp":
    """Return the ASGI application of the MCP server; the environment is read when no settings are given.

    Raises:
        ConfigurationError: `CHARTSIDE_MCP_ORIGIN` is not set.
    """
    # The SDK costs a second of start-up, and no other process needs it.
    from app.mcp.bridge import Bridge  # noqa: PLC0415
    from app.mcp.http import Served, make_app  # noqa: PLC0415
    from app.web import logs  # noqa: PLC0415
    from app.wiring import build  # noqa: PLC0415

    given = settings or Settings.from_env(os.environ)
    if not given.mcp_origin:
        raise ConfigurationError("CHARTSIDE_MCP_ORIGIN is not set")
    logs.install()
    services = build(given)
    services.forget_ended()
    served = Served(
        origin=given.mcp_origin, authorization_servers=(given.origin,),
        browser_origins=given.mcp_browser_origins, version=VERSION,
        sharp_scopes=services.sharp.scopes(),
    )  # fmt: skip
    return make_app(services.mcp, served, Bridge(), services.cohort_hosts)
