"""Tell a load balancer that the process answers; nothing about patients, versions or the EHR."""

from flask import Blueprint, Response


def blueprint() -> Blueprint:
    """Serve `/health`."""
    health = Blueprint("health", __name__)

    @health.get("/health")
    def alive() -> Response:
        return Response("ok\n", mimetype="text/plain")

    return health
