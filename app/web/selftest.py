"""`/selftest/<slug>`: a page that IT opens in the EHR's real frame, which says what the frame allows.

It belongs to no launch and holds nothing of a patient. Its two cookies hold nothing: only whether they come back counts.
"""

import msgspec
from flask import Blueprint, Response, abort, request

from app.web.assets import Frontend
from app.web.wire import CookiesSeen, SelftestPage
from app.wiring import Services

PARTITIONED, PLAIN = "__Secure-selftest-partitioned", "__Secure-selftest"
LIFE_S = 300


def blueprint(services: Services, frontend: Frontend) -> Blueprint:
    """Return the page of each enabled registration, framed by whom the registration names, and its cookie probe."""
    routes = Blueprint("selftest", __name__)

    @routes.get("/selftest/<slug>")
    def page(slug: str) -> Response:
        registration = services.registry.get(slug)
        if registration is None:
            abort(404)
        data = SelftestPage(page="selftest", slug=slug, name=registration.name)
        response = Response(frontend.page("src/selftest/selftest.ts", data), mimetype="text/html")
        for name, partitioned in ((PARTITIONED, True), (PLAIN, False)):
            response.set_cookie(
                name,
                "1",
                max_age=LIFE_S,
                path=f"/selftest/{slug}/",
                secure=True,
                httponly=True,
                samesite="None",
                partitioned=partitioned,
            )
        return response

    @routes.get("/selftest/<slug>/cookies")
    def cookies(slug: str) -> Response:
        if services.registry.get(slug) is None:
            abort(404)
        seen = CookiesSeen(
            partitioned=PARTITIONED in request.cookies, plain=PLAIN in request.cookies
        )
        return Response(msgspec.json.encode(seen), mimetype="application/json")

    return routes
