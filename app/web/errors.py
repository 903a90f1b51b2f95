"""Every error becomes one clear sentence: problem+json (RFC 9457) for the API, a page for a navigation.

Neither holds patient data, an address, or what the EHR sent. The reference ties it to the log line.
"""

import logging
import secrets
import traceback
from collections.abc import Iterable, Sequence

import msgspec
import orjson
from flask import Flask, Response, g, request, session
from werkzeug.exceptions import HTTPException

from app.audit.log import Who
from app.errors import ChartsideError, EhrBusy, EhrUnavailable, LaunchError, RoleMayNot, SwitchedOff
from app.llm.errors import ModelFailed
from app.smart.errors import DiscoveryFailed, UserRefused
from app.smart.registration import Registration
from app.smart.session import context_from
from app.web.assets import Frontend
from app.web.wire import ErrorPage, Problem
from app.wiring import Services

log = logging.getLogger("chartside.web")
# Crockford's base 32, without letters that are misread over the telephone.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def install(app: Flask, services: Services, frontend: Frontend) -> None:
    """Answer deliberate errors, HTTP errors and unexpected ones."""

    @app.errorhandler(ChartsideError)
    def _deliberate(error: ChartsideError) -> Response:
        reference = new_reference()
        log.warning(
            "request.refused", extra={"code": error.code, "reference": reference, "why": str(error)}
        )
        if isinstance(error, SwitchedOff) and "context" in session:
            who = Who.of(context_from(dict(session)))
            services.audit.record(
                "refusal", who, {"code": error.code, "count": 1, "what": str(error)}
            )
        elif isinstance(error, RoleMayNot):
            who = Who.of(context_from(dict(session)))
            services.audit.record("refusal", who, {"code": error.code, "count": 1})
        elif isinstance(error, LaunchError | SwitchedOff):
            # Only names that we know: the log cannot be filled with what a stranger writes.
            sent = g.get("slug") or (request.view_args or {}).get("slug", "")
            slug = sent if services.registry.get(sent) else ""
            detail = {"code": error.code, "reference": reference}
            user = error.user_reference if isinstance(error, UserRefused) else ""
            services.audit.record(
                "launch_refused", Who(registration=slug, user_reference=user[:256]), detail
            )
        retry = error.retry_after_s if isinstance(error, EhrBusy | ModelFailed) else None
        return answer(frontend, problem(services, error, reference, retry))

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        found = Problem(
            status=status,
            code=f"http.{status}",
            title=error.name,
            detail="This address does not exist, or does not accept this request."
            if status < 500
            else ChartsideError.public,
            reference=new_reference(),
            help_desk=help_desk(services),
        )
        return answer(frontend, found)

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> Response:
        reference = new_reference()
        log.error(
            "request.failed",
            extra={"error": type(error).__name__, "at": places(error), "reference": reference},
        )
        return answer(frontend, problem(services, ChartsideError(), reference, None))


def places(error: Exception) -> list[str]:
    """Return where an error passed. Its message may quote chart data, so only its type and these are logged."""
    return [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]


def new_reference() -> str:
    """Return a code that a clinician can read out: `7Q4K-31A8`."""
    letters = [secrets.choice(ALPHABET) for _ in range(8)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])


def problem(
    services: Services, error: ChartsideError, reference: str, retry_after_s: float | None
) -> Problem:
    """Return what an error tells the outside."""
    title, _, rest = error.public.partition(". ")
    # Where the EHR cannot be read, the site says in its own words what to do.
    downtime = _downtime(services) if isinstance(error, EhrUnavailable | DiscoveryFailed) else ""
    return Problem(
        status=error.status,
        code=error.code,
        title=title.rstrip(".") + ".",
        detail=" ".join(text for text in (rest, downtime) if text),
        reference=reference,
        help_desk=help_desk(services),
        retry_after_s=None if retry_after_s is None else int(retry_after_s),
    )


def help_desk(services: Services) -> str:
    """Return the help desk of the request's registration, or of all there are where it is the same."""
    return _only(item.site.help_desk for item in _registrations(services))


def _downtime(services: Services) -> str:
    return _only(item.site.downtime for item in _registrations(services))


def _only(texts: Iterable[str]) -> str:
    found = set(texts)
    return found.pop() if len(found) == 1 else ""


def _registrations(services: Services) -> Sequence[Registration]:
    """Return the registration that the address or the launch names, or every one."""
    slug = (request.view_args or {}).get("slug") or g.get("slug")
    if not slug and "context" in session:
        slug = session["context"]["registration"]
    registration = services.registry.get(slug) if slug else None
    return [registration] if registration else services.registry.all()


def answer(frontend: Frontend, found: Problem) -> Response:
    """Return a problem as JSON, or as a page when a person navigated here."""
    if request.method == "GET" and not request.path.startswith(("/api/", "/assets/", "/health")):
        page = ErrorPage(
            page="error",
            title=found.title,
            text=found.detail,
            code=found.code,
            reference=found.reference,
            help_desk=found.help_desk,
        )
        return Response(
            frontend.page("src/main.tsx", page), status=found.status, mimetype="text/html"
        )
    response = Response(
        orjson.dumps(msgspec.to_builtins(found)),
        status=found.status,
        mimetype="application/problem+json",
    )
    if found.retry_after_s is not None:
        response.headers["Retry-After"] = str(found.retry_after_s)
    return response
