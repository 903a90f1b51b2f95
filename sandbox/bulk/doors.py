"""The doors of Bulk Data: kick-off, status, files; and `/sandbox/bulk`, where traps are set and records changed."""

import base64
import gzip
import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request

from sandbox.bulk.jobs import Ask, File, Job, read_filters
from sandbox.bulk.traps import BulkTraps
from sandbox.data_plane import render
from sandbox.refusals import FhirRefusal
from sandbox.settings import SandboxConfigurationError
from sandbox.state import SandboxState
from sandbox.tokens import SystemToken

Parameters = Mapping[str, list[str]]
# Where files stand that are given without a token, or after a redirect: another origin of this machine.
FILES_HOST = "files.localhost"
WAIT_S = 1
PIECES_PER_S = 50
NDJSON_TYPE = "application/fhir+ndjson"
KNOWN = frozenset({
    "_outputFormat", "_since", "_until", "_type", "_typeFilter", "_elements", "patient", "organizeOutputBy",
    "allowPartialManifests", "includeAssociatedData",
})  # fmt: skip
NDJSON = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})


def blueprint(state: SandboxState) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("bulk", __name__)
    _kick_off_routes(routes, state)
    _job_routes(routes, state)
    routes.add_url_rule(
        "/sandbox/bulk", "switches", lambda: _switches(state), methods=["GET", "PUT"]
    )
    routes.add_url_rule(
        "/sandbox/bulk/changes", "changes", lambda: _changed(state), methods=["POST"]
    )
    routes.register_error_handler(FhirRefusal, _refused)
    return routes


def _kick_off_routes(routes: Blueprint, state: SandboxState) -> None:
    @routes.route("/fhir/$export", methods=["GET", "POST"])
    def system() -> Response:
        return _kick_off(state, None)

    @routes.route("/fhir/Patient/$export", methods=["GET", "POST"])
    def patients() -> Response:
        return _kick_off(state, _every_patient(state))

    @routes.route("/fhir/Group/<group_id>/$export", methods=["GET", "POST"])
    def group(group_id: str) -> Response:
        members = state.exports.population.members(group_id)
        if members is None:
            raise FhirRefusal(404, "not-found", f"there is no group {group_id}")
        return _kick_off(state, members)


def _job_routes(routes: Blueprint, state: SandboxState) -> None:
    jobs = state.exports.jobs

    @routes.get("/bulk/jobs/<job_id>")
    def status(job_id: str) -> Response:
        _token(state)
        return _status(state, _job(state, job_id))

    @routes.delete("/bulk/jobs/<job_id>")
    def drop(job_id: str) -> Response:
        _token(state)
        if not jobs.drop(job_id):
            raise FhirRefusal(404, "not-found", "there is no such export")
        return Response(status=202)

    @routes.get("/bulk/files/<job_id>/<name>")
    def file(job_id: str, name: str) -> Response:
        job = jobs.find(job_id)
        if job is None or name not in job.files:
            raise FhirRefusal(404, "not-found", "there is no such file")
        return _refused_file(state, job) or _sent(state, job, job.files[name])


def _switches(state: SandboxState) -> tuple[Response, int]:
    try:
        if request.method == "PUT":
            state.exports.set(BulkTraps.from_json(request.get_json()))
    except (SandboxConfigurationError, TypeError) as error:
        return jsonify({"error": str(error)}), 400
    return jsonify(asdict(state.exports.traps)), 200


def _changed(state: SandboxState) -> tuple[Response, int]:
    """Change the records: `put` is a list of resources, `delete` one of `Type/id`, all at one moment, which is told; `groups` has patients' ids by group."""
    body, at = request.get_json(), state.now()
    population = state.exports.population
    for resource in body.get("put", []):
        population.put(resource, at)
    for reference in body.get("delete", []):
        kind, _, fhir_id = reference.partition("/")
        population.delete(kind, fhir_id, at)
    for group_id, patients in body.get("groups", {}).items():
        population.group(group_id, patients)
    return jsonify({"at": at.isoformat(), "held": len(population)}), 200


def _refused(error: FhirRefusal) -> Response:
    answer = Response(render(error.outcome), error.status, content_type="application/fhir+json")
    answer.headers.extend(error.headers)
    return answer


def _every_patient(state: SandboxState) -> frozenset[str]:
    return frozenset(one.patient for one in state.exports.population.all() if one.patient)


def _token(state: SandboxState) -> SystemToken:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    found = state.system_tokens.find(value, state.now()) if scheme.lower() == "bearer" else None
    if found is None:
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise FhirRefusal(401, "login", "Invalid token", challenge)
    return found


def _job(state: SandboxState, job_id: str) -> Job:
    job = state.exports.jobs.find(job_id)
    if job is None or state.exports.strikes("lost_jobs"):
        raise FhirRefusal(404, "not-found", "there is no such export")
    return job


# ------------------------------------------------------------------ kick-off


def _kick_off(state: SandboxState, patients: frozenset[str] | None) -> Response:
    exports = state.exports
    if exports.strikes("unknown_tokens"):
        raise FhirRefusal(401, "login", "Invalid token")
    token = _token(state)
    if exports.strikes("busy_kick_offs"):
        headers = _retry_after(state, WAIT_S)
        raise FhirRefusal(429, "throttled", "too many exports at once", headers)
    if "respond-async" not in request.headers.get("Prefer", ""):
        raise FhirRefusal(400, "invalid", "Prefer: respond-async is required")
    given = _parameters(frozenset(exports.traps.ignores))
    if exports.traps.no_patients and given.get("patient"):
        raise FhirRefusal(400, "not-supported", "the parameter patient is not supported")
    job = exports.jobs.start(_ask(token, given, patients), exports.population, exports.traps)
    answer = Response(status=202)
    if not exports.traps.no_location:
        answer.headers["Content-Location"] = f"{_origin()}/bulk/jobs/{job.job_id}"
    return answer


def _parameters(ignored: frozenset[str]) -> Parameters:
    found: dict[str, list[str]] = {}
    if request.method == "POST":
        sent = request.get_json(force=True).get("parameter", [])
        pairs = [(one["name"], _value(one)) for one in sent]
    else:
        pairs = list(request.args.items(multi=True))
    for name, value in pairs:
        if name not in KNOWN:
            raise FhirRefusal(400, "not-supported", f"the parameter {name} is not supported")
        if name not in ignored:
            found.setdefault(name, []).append(value)
    return found


def _value(parameter: Mapping[str, Any]) -> str:
    [value] = [value for name, value in parameter.items() if name.startswith("value")]
    if isinstance(value, dict):
        return str(value["reference"])
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ask(token: SystemToken, given: Parameters, patients: frozenset[str] | None) -> Ask:
    if not set(given.get("_outputFormat", [])) <= NDJSON:
        raise FhirRefusal(400, "not-supported", "only ndjson is exported")
    named = ",".join(given.get("_type", []))
    types = _granted(token, frozenset(named.split(",")) if named else None)
    filters = [text for value in given.get("_typeFilter", []) for text in _split(value)]
    chosen = frozenset(one.removeprefix("Patient/") for one in given.get("patient", []))
    if chosen and patients is not None and not chosen <= patients:
        raise FhirRefusal(400, "invalid", "a patient is not of this group")
    return Ask(
        url=request.url,
        client_id=token.client_id,
        types=types,
        filters=read_filters(filters),
        patients=chosen or patients,
        since=_moment(given, "_since"),
        until=_moment(given, "_until"),
        elements=tuple(name for value in given.get("_elements", []) for name in value.split(",")),
        by_patient=given.get("organizeOutputBy") == ["Patient"],
        paged=given.get("allowPartialManifests") == ["true"],
    )


def _granted(token: SystemToken, types: frozenset[str] | None) -> frozenset[str] | None:
    allowed = {
        scope.removeprefix("system/").partition(".")[0]
        for scope in token.scopes
        if scope.startswith("system/") and "r" in scope.partition(".")[2]
    }
    if "*" in allowed:
        return types
    if types is not None and not types <= allowed:
        missing = ", ".join(f"system/{kind}.rs" for kind in sorted(types - allowed))
        raise FhirRefusal(403, "forbidden", f"the scope {missing} was not granted")
    return types or frozenset(allowed)


def _split(value: str) -> list[str]:
    """Split at commas that part searches, which begin with a type; others are within one."""
    parts: list[str] = []
    for piece in value.split(","):
        if "?" in piece or not parts:
            parts.append(piece)
        else:
            parts[-1] += f",{piece}"
    return parts


def _moment(given: Parameters, name: str) -> datetime | None:
    values = given.get(name)
    if not values:
        return None
    try:
        found = datetime.fromisoformat(values[0])
    except ValueError as error:
        raise FhirRefusal(400, "value", f"{name} is not an instant") from error
    if found.tzinfo is None:
        raise FhirRefusal(400, "value", f"{name} has no zone")
    return found


def _status(state: SandboxState, job: Job) -> Response:
    if state.exports.strikes("busy_polls"):
        raise FhirRefusal(429, "throttled", "too many questions", _retry_after(state, WAIT_S))
    if job.transient_left:
        job.transient_left -= 1
        raise FhirRefusal(500, "transient", "the status cannot be told now")
    if job.traps.generation_fails:
        return _told(job, 500, "the export failed while files were made")
    if job.polls_left:
        job.polls_left -= 1
        waiting = _told(job, 202, "")
        waiting.headers["X-Progress"] = f"{job.polls_left} more"
        waiting.headers.extend(_retry_after(state, WAIT_S))
        return waiting
    answer = _told(job, 200, "")
    answer.data = render(_manifest(job))
    answer.content_type = "application/json"
    answer.headers["Expires"] = format_datetime(state.now() + timedelta(hours=1), usegmt=True)
    return answer


def _told(job: Job, status: int, why: str) -> Response:
    """Answer with a job's status, or with 200 and the status in a header where that was asked for."""
    if why:
        body = {"resourceType": "OperationOutcome", "issue": [
            {"severity": "fatal", "code": "exception", "diagnostics": why},
        ]}  # fmt: skip
        answer = Response(render(body), status, content_type="application/fhir+json")
    else:
        answer = Response(status=status)
    if job.traps.separate_status and "separate-export-status" in request.headers.get("Prefer", ""):
        answer.status_code = 200
        answer.headers["X-Export-Status"] = str(status)
    return answer


def _manifest(job: Job) -> dict[str, Any]:
    page, most = int(request.args.get("page", "0")), job.traps.per_manifest
    paged = bool(most and job.ask.paged)
    output = job.output[page * most : (page + 1) * most] if paged else job.output
    last = not paged or (page + 1) * most >= len(job.output)
    manifest: dict[str, Any] = {
        "transactionTime": job.transaction_time.isoformat(timespec="milliseconds"),
        "request": job.ask.url,
        "requiresAccessToken": not job.traps.open_files,
        "output": [_item(job, file) for file in output],
        "error": [_item(job, file) for file in job.errors] if last else [],
    }
    if job.ask.by_patient:
        manifest["outputOrganizedBy"] = "Patient"
    if job.deleted and last:
        manifest["deleted"] = [_item(job, file) for file in job.deleted]
    if not last or job.traps.loop:
        following = 0 if last else page + 1
        link = f"{_origin()}/bulk/jobs/{job.job_id}?page={following}"
        manifest["link"] = [{"relation": "next", "url": link}]
    return manifest


def _item(job: Job, file: File) -> dict[str, Any]:
    origin = _origin(FILES_HOST if job.traps.open_files else "")
    item: dict[str, Any] = {
        "type": file.kind, "url": f"{origin}/bulk/files/{job.job_id}/{file.name}"
    }  # fmt: skip
    if not job.traps.no_counts:
        item["count"] = file.count + int(job.traps.wrong_counts)
    return item


def _origin(host: str = "") -> str:
    own = urlsplit(request.host_url)
    port = f":{own.port}" if own.port else ""
    return f"{own.scheme}://{host}{port}" if host else f"{own.scheme}://{own.netloc}"


def _retry_after(state: SandboxState, seconds: int) -> dict[str, str]:
    at = state.now() + timedelta(seconds=seconds)
    match state.exports.traps.retry_after:
        case "seconds":
            written = str(seconds)
        case "http_date":
            written = format_datetime(at.astimezone(UTC), usegmt=True)
        case "epoch_s":
            written = str(int(at.timestamp()))
        case "epoch_ms":
            written = str(int(at.timestamp() * 1000))
        case "nonsense":
            written = "soon"
        case "negative":
            written = "-5"
        case "absent":
            return {}
    return {"Retry-After": written}


def _refused_file(state: SandboxState, job: Job) -> Response | None:
    """Answer what is not the file: a redirect, a refusal."""
    exports = state.exports
    open_host = urlsplit(request.host_url).hostname == FILES_HOST
    if open_host:
        # RFC 6749 10.3: a bearer value is for the server that it was issued for.
        if "Authorization" in request.headers:
            exports.leaked_tokens += 1
            raise FhirRefusal(400, "invalid", "this host takes no token")
        return None
    if job.traps.open_files:
        raise FhirRefusal(404, "not-found", "the files stand elsewhere")
    _token(state)
    if exports.strikes("tokens_end"):
        raise FhirRefusal(401, "login", "the token has ended")
    if exports.strikes("expired_files"):
        raise FhirRefusal(410, "deleted", "the file has expired")
    if job.traps.redirects:
        location = f"{_origin(FILES_HOST)}{request.path}"
        return Response(status=307, headers={"Location": location})
    return None


def _sent(state: SandboxState, job: Job, file: File) -> Response:
    body = _broken(file.body) if job.traps.strange_lines else file.body
    if state.exports.strikes("cut_files"):
        # An iterator, because the length of a whole body would be corrected.
        half = iter([body[: len(body) // 2]])
        return Response(half, content_type=NDJSON_TYPE, headers={"Content-Length": str(len(body))})
    answer = Response(body, content_type=NDJSON_TYPE)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        answer.data = gzip.compress(body, 3) if job.traps.strange_lines else file.zipped
        answer.headers["Content-Encoding"] = "gzip"
    if job.traps.checksum:
        told = answer.data if job.traps.checksum == "right" else b"other"
        # RFC 9530 3.1: of the representation, which includes its content coding.
        digest = base64.b64encode(hashlib.sha256(told).digest()).decode()
        answer.headers["Repr-Digest"] = f"sha-256=:{digest}:"
    if job.traps.bytes_per_s:
        whole = answer.data
        answer.response = _paced(whole, job.traps.bytes_per_s)
        answer.headers["Content-Length"] = str(len(whole))
    return answer


def _paced(body: bytes, bytes_per_s: int) -> Iterator[bytes]:
    step = max(1, bytes_per_s // PIECES_PER_S)
    for start in range(0, len(body), step):
        piece = body[start : start + step]
        time.sleep(len(piece) / bytes_per_s)
        yield piece


def _broken(body: bytes) -> bytes:
    """Cut the last line short, so that it is no JSON."""
    return body[:-9] + b"\n"
