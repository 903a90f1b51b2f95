"""Build the Flask application: blueprints, session interface, headers and errors; nothing else."""

from flask import Flask

from app.web import (
    analyst,
    assets,
    chart,
    chat,
    errors,
    facade,
    health,
    jwks,
    launch,
    logs,
    mcp_token,
    model,
    oauth,
    register,
    resume,
    security,
    selftest,
    sign_in,
)
from app.web.session import LaunchSessionInterface
from app.wiring import Services

MOST_BODY_BYTES = 1_048_576


def make_app(services: Services) -> Flask:
    """Return the WSGI application over built services."""
    logs.install()
    app = Flask("chartside", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    app.session_interface = LaunchSessionInterface(app, services.sessions, services.rows)
    frontend = assets.Frontend(services.settings.frontend)
    app.register_blueprint(assets.blueprint(frontend))
    app.register_blueprint(launch.blueprint(services, frontend))
    app.register_blueprint(resume.blueprint(services, frontend))
    app.register_blueprint(chart.blueprint(services))
    app.register_blueprint(model.blueprint(services))
    app.register_blueprint(chat.blueprint(services))
    app.register_blueprint(mcp_token.blueprint(services))
    app.register_blueprint(oauth.blueprint(services))
    app.register_blueprint(sign_in.blueprint(services, frontend))
    app.register_blueprint(facade.blueprint(services))
    app.register_blueprint(analyst.blueprint(services, frontend))
    app.register_blueprint(health.blueprint())
    app.register_blueprint(jwks.blueprint(services))
    app.register_blueprint(register.blueprint(services))
    app.register_blueprint(selftest.blueprint(services, frontend))
    errors.install(app, services, frontend)
    security.install(app, services)
    app.extensions["chartside"] = services
    return app
