"""The requests of one export: kick-off, status, the pages of the manifest, and the end.

A request is repeated where the server says that it may work later (429, a transient error, a broken connection), and
once with a new token where it says that the token is unknown. Everything else stops the export, with its own words.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from app.boundary import Boundary, Response
from app.errors import EhrUnavailable
from app.warehouse.bulk.errors import ExportFailed, ExportLost, ExportRefused
from app.warehouse.bulk.manifest import Manifest, read_manifest
from app.warehouse.bulk.request import ExportRequest
from app.warehouse.bulk.waiting import Waiting

MOST_TRIES = 8
MOST_PAGES = 10_000
# All of them are kept in memory and on the disk before the first is asked for.
MOST_FILES = 200_000
# EHRs make files of their operational database, at night.
PATIENCE_S = 24 * 3600.0
PREFER = "respond-async, separate-export-status"
STATUS_HEADER = "x-export-status"
FHIR_JSON = "application/fhir+json"
# FHIR R4 issue-type: what may go away by itself.
TRANSIENT = frozenset({"transient", "lock-error", "no-store", "timeout", "incomplete", "throttled"})


class BulkServer:
    """One EHR's export operation. `say` is told what goes on, in words without patient data."""

    def __init__(
        self,
        *,
        base: str,
        boundary: Boundary,
        token: Callable[[str], str],
        waiting: Waiting,
        say: Callable[[str], None],
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`token(refused)` returns a bearer token, a new one when `refused` is the one that is known.

        `patience_s` bounds the waits for one export in all.
        """
        self._base = base
        self._boundary = boundary
        self._token = token
        self._waiting = waiting
        self._say = say
        self._patience_s = patience_s

    def kick_off(self, request: ExportRequest) -> str:
        """Start an export; return its status address.

        Raises:
            ExportRefused: the server does not take the request.
            ExportFailed: it fails, or names no address.
        """
        headers = {"Accept": FHIR_JSON, "Prefer": PREFER}
        body = None
        if request.method == "POST":
            headers["Content-Type"] = FHIR_JSON
            body = orjson.dumps(request.body())
        answer = self._ask(request.method, request.url(self._base), headers, body)
        if answer.status not in (200, 202):
            refused = answer.status in (400, 405, 415, 422, 501)
            raise (ExportRefused if refused else ExportFailed)(
                f"the kick-off was answered {answer.status}: {said(answer)}"
            )
        location = answer.headers.get("content-location", "")
        if not self._boundary.allows(location):
            raise ExportFailed(
                "the kick-off was accepted without a status address of a registered host"
            )
        return location

    def wait(self, location: str) -> list[Manifest]:
        """Ask for the status until the export is done; return the manifest, all its pages.

        Raises:
            ExportLost: the server knows no such export (any more).
            ExportFailed: it failed there, or its manifest cannot be read.
        """
        polls = 0
        while True:
            answer = self._ask("GET", location, {"Accept": "application/json", "Prefer": PREFER})
            if answer.status in (404, 410):
                raise ExportLost(f"the status was answered {answer.status}: {said(answer)}")
            told = _job_status(answer)
            if told == 200:
                first = read_manifest(answer.json)
                return self._pages(location, first)
            if told != 202:
                raise ExportFailed(f"the export ended with {told}: {said(answer)}")
            if progress := answer.headers.get("x-progress", ""):
                self._say(f"waiting: {progress[:100]}")
            self._wait(answer, polls)
            polls += 1

    def end(self, location: str) -> bool:
        """Tell the server that its files are no longer needed; False when it does not take it."""
        try:
            answer = self._ask("DELETE", location, {"Accept": FHIR_JSON})
        except EhrUnavailable:
            return False
        return answer.status in (200, 202, 204, 404)

    def _pages(self, location: str, first: Manifest) -> list[Manifest]:
        pages, seen = [first], {location}
        while following := pages[-1].next():
            if following in seen or len(pages) >= MOST_PAGES:
                raise ExportFailed("the pages of the manifest lead back to one that was read")
            seen.add(following)
            answer = self._ask("GET", following, {"Accept": "application/json", "Prefer": PREFER})
            if _job_status(answer) == 202:
                # A page whose files are still being made.
                self._wait(answer, 0)
                seen.discard(following)
                continue
            if _job_status(answer) != 200:
                raise ExportFailed(
                    f"a page of the manifest was answered {answer.status}: {said(answer)}"
                )
            pages.append(read_manifest(answer.json))
            if sum(page.files for page in pages) > MOST_FILES:
                raise ExportFailed(f"the manifest names more than {MOST_FILES} files")
        return pages

    def _wait(self, answer: Response, polls: int) -> None:
        self._patience_s -= self._waiting.pause(answer.headers.get("retry-after", ""), polls)
        if self._patience_s < 0:
            raise ExportFailed(
                "the export is not done after all the time it was given; run it again to go on waiting"
            )

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Response:
        token, renewed = self._token(""), False
        for attempt in range(MOST_TRIES):
            try:
                answer = self._boundary.ask(method, url, bearer=token, headers=headers, body=body)
            except EhrUnavailable as error:
                # A kick-off whose answer was lost may have started an export: asking again starts another.
                if attempt + 1 == MOST_TRIES:
                    raise
                self._say(f"{error}; asking again")
                self._waiting.pause("", attempt)
                continue
            if answer.status == 401 and not renewed:
                token, renewed = self._token(token), True
                continue
            if not _may_work_later(answer):
                return answer
            self._say(f"the server answered {answer.status} and may do so later; asking again")
            self._waiting.pause(answer.headers.get("retry-after", ""), attempt)
        raise ExportFailed(
            f"the server answered {answer.status} {MOST_TRIES} times: {said(answer)}"
        )


def _job_status(answer: Response) -> int:
    """Return the job's status, which may stand in a header of an answer that is itself 200."""
    told = answer.headers.get(STATUS_HEADER, "")
    return int(told) if answer.status == 200 and told[:3].isdigit() and len(told) == 3 else answer.status  # fmt: skip


def _may_work_later(answer: Response) -> bool:
    if answer.status in (429, 503):
        return True
    return answer.status >= 500 and bool(TRANSIENT & set(_codes(answer.json)))


def _issues(sent: Any) -> list[Mapping[str, Any]]:
    issues = sent.get("issue") if isinstance(sent, dict) else None
    return [one for one in issues if isinstance(one, dict)] if isinstance(issues, list) else []


def _codes(sent: Any) -> list[str]:
    return [str(one.get("code")) for one in _issues(sent)]


def said(answer: Response) -> str:
    """Return what an error answer says, for an operator: the outcome's or the OAuth error's words."""
    found = answer.json
    if isinstance(found, dict) and isinstance(found.get("error"), str):
        return f"{found['error']} {found.get('error_description', '')}".strip()[:300]
    words = [str(one.get("diagnostics") or one.get("code") or "") for one in _issues(found)]
    return "; ".join(word for word in words if word)[:300] or "no words"
