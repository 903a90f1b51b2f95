"""Write answers: stored text goes out as it came in, digits and all, inside bundles that say up to when it was read.

Source: https://hl7.org/fhir/R4/bundle.html, https://hl7.org/fhir/R4/http.html#versioning (ETag, Last-Modified)
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import orjson

from app.warehouse.facade.errors import FacadeRefused
from app.warehouse.store.record import Record

FHIR_JSON = "application/fhir+json"
# A header of our own: RFC 7089's Memento-Datetime promises that the same address will always give the same.
AS_OF = "X-Data-As-Of"
AS_OF_TAG = "urn:chartside:data-as-of"
SNAPSHOT_TAG = "urn:chartside:snapshot"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer, whole. `body` is bytes of `media_type`."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = FHIR_JSON
    records: tuple[str, ...] = ()
    kind: str = ""

    def unless(self, etag: str) -> "Answer":
        """Return 304 where the asker has this already (RFC 9110 13.1.2, weak comparison)."""
        own = self.headers.get("ETag", "")
        sent = [one.strip().removeprefix("W/") for one in etag.split(",")]
        if self.status != 200 or not own or own.removeprefix("W/") not in sent:
            return self
        return Answer(status=304, body=b"", headers=self.headers, media_type=self.media_type, kind=self.kind)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What is said beside the records: an issue of an OperationOutcome inside a searchset."""

    issue: str
    words: str
    severity: str = "warning"


def outcome(notices: Iterable[Notice]) -> dict[str, Any]:
    """Return an OperationOutcome."""
    issues = [{"severity": n.severity, "code": n.issue, "details": {"text": n.words}} for n in notices]  # fmt: skip
    return {"resourceType": "OperationOutcome", "issue": issues}


def refusal(error: FacadeRefused) -> Answer:
    """Return a refusal as FHIR says it."""
    said = Notice(issue=error.issue, words=error.words, severity="error")
    return Answer(status=error.http_status, body=orjson.dumps(outcome([said])))


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a searchset holds: matches, what came along, and what is to be said of it."""

    matches: Sequence[Record]
    along: Sequence[Record] = ()
    notices: Sequence[Notice] = ()
    total: int = 0
    links: Sequence[tuple[str, str]] = ()
    count_only: bool = False


def searchset(page: Page, *, base: str, as_of: str, number: int, text_of: Any) -> Answer:
    """Return a searchset; `text_of` gives a record's text as it may be given."""
    entries = [_entry(one, base, "match", text_of) for one in page.matches]
    entries += [_entry(one, base, "include", text_of) for one in page.along]
    if page.notices:
        entries.append({"resource": outcome(page.notices), "search": {"mode": "outcome"}})
    tags = [{"system": SNAPSHOT_TAG, "code": str(number)}]
    tags += [{"system": AS_OF_TAG, "code": as_of}] if as_of else []
    meta = {"tag": tags} | ({"lastUpdated": as_of} if as_of else {})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "meta": meta, "type": "searchset", "total": page.total}  # fmt: skip
    if page.links:
        bundle["link"] = [{"relation": relation, "url": url} for relation, url in page.links]
    if entries:
        bundle["entry"] = entries
    body = orjson.dumps(bundle)
    digest = hashlib.sha256(body).hexdigest()[:16]
    return Answer(
        status=200, body=body, headers=headers(f"{number}-{digest}", as_of, as_of),
        records=tuple(one.reference for one in (*page.matches, *page.along)),
    )  # fmt: skip


def single(record: Record, text: bytes, *, as_of: str, number: int) -> Answer:
    """Return one resource."""
    version = str(record.meta.get("versionId") or hashlib.sha256(text).hexdigest()[:16])
    changed = str(record.meta.get("lastUpdated") or "")
    return Answer(
        status=200, body=text, headers=headers(f"{number}-{version}", as_of, changed),
        records=(record.reference,), kind=record.resource_type,
    )  # fmt: skip


def headers(version: str, as_of: str, changed: str) -> dict[str, str]:
    """Return the headers of a good answer: which version, when it changed, and up to when it was read."""
    found = {"ETag": f'W/"{version}"', "Cache-Control": "private, no-cache"}
    if as_of:
        found[AS_OF] = as_of
    if http_date := _http_date(changed):
        found["Last-Modified"] = http_date
    return found


def _http_date(sent: str) -> str:
    try:
        at = datetime.fromisoformat(sent)
    except ValueError:
        return ""
    return format_datetime(at.astimezone(UTC), usegmt=True) if at.tzinfo else ""


def _entry(record: Record, base: str, mode: str, text_of: Any) -> dict[str, Any]:
    return {
        "fullUrl": f"{base}/{record.reference}", "resource": orjson.Fragment(text_of(record)),
        "search": {"mode": mode},
    }  # fmt: skip
