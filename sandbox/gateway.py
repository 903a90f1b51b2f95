"""The FHIR R4 endpoint: every request needs a token, a scope for its type and verb, and its patient.

Reading only: `read`, `search-type` by GET, and `metadata`. It does not protect against an app that keeps
what it was allowed to read, and does not log who read what; it is a sandbox for invented charts.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from sandbox.body_faults import changed
from sandbox.capability import capability_statement
from sandbox.compartment import SHARED_TYPES, belongs, inside
from sandbox.data_plane import DataPlaneError, render
from sandbox.faults import Struck
from sandbox.ordinary_faults import refusal, truncated
from sandbox.profile_answers import refuse, shaped, shown
from sandbox.refusals import FhirRefusal
from sandbox.scopes import Permission, Verb, permission
from sandbox.state import SandboxState
from sandbox.tokens import AccessToken, SystemToken
from sandbox.wire import TOLD
from sandbox.wire_words import told

Resource = dict[str, Any]
Parameters = Sequence[tuple[str, str]]

FHIR_JSON = "application/fhir+json"


def blueprint(state: SandboxState) -> Blueprint:
    """Return the routes under `/fhir`."""
    routes = Blueprint("gateway", __name__)
    routes.before_request(partial(_by_backend_services, state))

    @routes.get("/fhir/metadata")
    def metadata() -> Response:
        answer = _fhir_response(capability_statement(state.settings))
        answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer

    @routes.get("/fhir/<resource_type>")
    def search(resource_type: str) -> Response:
        token, struck = _admit(state, resource_type)
        allowed = _permission(token, resource_type, "s")
        parameters = list(request.args.items(multi=True))
        launch, base = token.grant.launch, state.settings.fhir_base
        refuse(launch, state.data_plane, resource_type, parameters, base)
        body = _search(state, token, resource_type, parameters, allowed)
        return _answer(state, token, struck, body)

    @routes.get("/fhir/<resource_type>/<fhir_id>")
    def read(resource_type: str, fhir_id: str) -> Response:
        token, struck = _admit(state, resource_type)
        allowed = _permission(token, resource_type, "r")
        launch, base = token.grant.launch, state.settings.fhir_base
        refuse(launch, state.data_plane, resource_type, None, base)
        body = shown(state.data_plane.read(resource_type, fhir_id))
        if not belongs(body, token.grant.launch.patient_id):
            raise FhirRefusal(403, "forbidden", "the resource belongs to another patient")
        if not _in_categories(body, allowed):
            raise FhirRefusal(403, "forbidden", "the granted scope covers other categories only")
        if resource_type == "Binary" and not _wants_json():
            return Response(base64.b64decode(body["data"]), 200, content_type=body["contentType"])
        return _answer(state, token, struck, body)

    @routes.route("/fhir/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def unsupported(path: str) -> Response:
        _bearer(state)
        raise FhirRefusal(405, "not-supported", f"{request.method} {path} is not supported")

    @routes.errorhandler(FhirRefusal)
    def refused(error: FhirRefusal) -> Response:
        answer = _fhir_response(error.outcome, error.status)
        answer.headers.extend(error.headers)
        return answer

    @routes.errorhandler(DataPlaneError)
    def not_found(error: DataPlaneError) -> Response:
        return _fhir_response(error.outcome, error.status)

    return routes


def _by_backend_services(state: SandboxState) -> Response | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    token = state.system_tokens.find(value, state.now()) if scheme.lower() == "bearer" else None
    asked = request.view_args or {}
    if token is None or "resource_type" not in asked:
        return None
    return _unbounded(state, token, asked["resource_type"], asked.get("fhir_id", ""))


def _unbounded(
    state: SandboxState, token: SystemToken, resource_type: str, fhir_id: str
) -> Response:
    """Answer Backend Services: no user and no launch, so no patient's compartment bounds what is asked for."""
    scopes = tuple(scope.replace("system/", "user/", 1) for scope in token.scopes)
    if permission(scopes, resource_type, "r" if fhir_id else "s") is None:
        raise FhirRefusal(403, "forbidden", f"no system scope of {resource_type} was granted")
    if fhir_id:
        return _fhir_response(shown(state.data_plane.read(resource_type, fhir_id)))
    parameters = list(request.args.items(multi=True))
    bundle = state.data_plane.search(resource_type, parameters)
    links = _links(bundle, resource_type, parameters, state.settings.fhir_base)
    return _fhir_response(bundle | {"link": links})


def _admit(state: SandboxState, resource_type: str) -> tuple[AccessToken, Struck]:
    """Return the token and the faults of this request, after the delays and refusals they ask for."""
    token = _bearer(state)
    struck = state.faults.strike("fhir", resource_type, token.grant.launch.patient_id)
    if state.settings.latency_ms:
        state.settings.sleep(state.settings.latency_ms / 1000)
    if fault := refusal(struck, state.settings.sleep):
        headers = dict(fault.headers)
        if fault.status == 401:
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        raise FhirRefusal(fault.status, "transient", fault.text, headers)
    return token, struck


def _bearer(state: SandboxState) -> AccessToken:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value:
        # RFC 6750 3.1: a request without a token gets a challenge without an error code.
        raise FhirRefusal(
            401, "login", "a bearer token is required", {"WWW-Authenticate": "Bearer"}
        )
    token = state.access_tokens.find(value, state.now())
    if token is None:
        challenge = 'Bearer error="invalid_token"'
        raise FhirRefusal(
            401, "login", "the token is unknown or has ended", {"WWW-Authenticate": challenge}
        )
    return token


def _permission(token: AccessToken, resource_type: str, verb: Verb) -> Permission:
    found = permission(token.scopes, resource_type, verb)
    if found is None:
        level = "user" if resource_type in SHARED_TYPES else "patient"
        scope = f"{level}/{resource_type}.{verb}"
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        raise FhirRefusal(
            403,
            "forbidden",
            f"the scope {scope} was not granted",
            {"WWW-Authenticate": challenge},
        )
    return found


def _search(
    state: SandboxState,
    token: AccessToken,
    resource_type: str,
    parameters: Parameters,
    allowed: Permission,
) -> Resource:
    base = state.settings.fhir_base
    patient_id = token.grant.launch.patient_id
    bounded = list(inside(resource_type, parameters, patient_id, base))
    if allowed.categories is not None:
        bounded.append(("category", ",".join(sorted(allowed.categories))))
    bundle = state.data_plane.search(resource_type, bounded)
    if permission(token.scopes, "Medication", "r") is None:
        bundle["entry"] = [e for e in bundle.get("entry", []) if not _is_included(e)]
    for entry in bundle.get("entry", []):
        if not belongs(entry["resource"], patient_id):
            raise AssertionError(f"a bounded search of {resource_type} found a stranger's record")
    links = {"link": _links(bundle, resource_type, parameters, base)}
    return shaped(token.grant.launch, resource_type, bundle | links, parameters)


def _links(
    bundle: Resource, resource_type: str, parameters: Parameters, base: str
) -> list[dict[str, str]]:
    """Return `self` as asked, and `next` as asked but further on, when there is more."""
    address = f"{base}/{resource_type}"
    links = [{"relation": "self", "url": f"{address}?{urlencode(parameters)}"}]
    if any(link["relation"] == "next" for link in bundle["link"]):
        asked = [(name, value) for name, value in parameters if name != "_offset"]
        matches = [entry for entry in bundle["entry"] if not _is_included(entry)]
        offset = int(dict(parameters).get("_offset", "0")) + len(matches)
        query = urlencode([*asked, ("_offset", str(offset))])
        links.append({"relation": "next", "url": f"{address}?{query}"})
    return links


def _is_included(entry: Resource) -> bool:
    """Tell whether an entry only came along (Bundle.entry.search.mode)."""
    return bool(entry.get("search", {}).get("mode") == "include")


def _in_categories(resource: Resource, allowed: Permission) -> bool:
    if allowed.categories is None:
        return True
    found = {
        token
        for concept in resource.get("category", [])
        for coding in concept.get("coding", [])
        for token in (coding.get("code"), f"{coding.get('system')}|{coding.get('code')}")
    }
    return not allowed.categories.isdisjoint(found)


def _wants_json() -> bool:
    # FHIR R4 Binary, serving Binary resources: an Accept that names no FHIR format gets the content.
    accept = request.headers.get("Accept", "")
    return not accept or "json" in accept or "*/*" in accept


def _answer(state: SandboxState, token: AccessToken, struck: Struck, body: Resource) -> Response:
    other = state.other_patient(token.grant.launch.patient_id)
    sent = changed(body, struck, state.data_plane, other)
    answer = _fhir_response(sent)
    answer.set_etag(_tag(sent), weak=True)
    if not struck.rules:
        answer.make_conditional(request)
    return truncated(answer) if struck.rule("truncated_json") else answer


def _tag(body: Resource) -> str:
    """Return what makes an answer the same: RFC 9110 8.8.1, a weak tag leaves out when a Bundle was made."""
    lasting = {
        name: value for name, value in body.items() if name not in ("id", "meta", "timestamp")
    }
    kept = lasting if body.get("resourceType") == "Bundle" else body
    return hashlib.sha256(render(kept)).hexdigest()[:32]


def _fhir_response(
    body: Resource, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    request.environ[TOLD] = told(body)
    answer = Response(render(body), status, content_type=FHIR_JSON, headers=dict(headers or {}))
    answer.headers["Cache-Control"] = "no-store"
    return answer
