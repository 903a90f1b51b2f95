"""`/.well-known/jwks.json`: the public keys by which EHRs know Chartside's signatures."""

import orjson
from flask import Blueprint, Response

from app.smart.keys import CACHE_S
from app.wiring import Services


def blueprint(services: Services) -> Blueprint:
    """Return the key set, for anybody, to be cached no longer than a new key waits before it signs."""
    routes = Blueprint("jwks", __name__)

    @routes.get("/.well-known/jwks.json")
    def jwks() -> Response:
        # SMART App Launch 2.2.0, registering a client: no authentication, and a Cache-Control header.
        response = Response(
            orjson.dumps(services.smart.keyring.published()), mimetype="application/json"
        )
        response.headers["Cache-Control"] = f"public, max-age={CACHE_S}"
        return response

    return routes
