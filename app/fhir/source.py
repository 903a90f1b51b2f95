"""`ChartSource`: where a chart comes from (live FHIR, the EHR's MCP server, the bulk store), and how far it was read.

Every read says how complete it is; only `Complete` allows saying "none".
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

Resource = dict[str, Any]
# How `Read.via` begins for what came from the own store; the moment follows up to which it was exported.
STORED = "the store, data as of"


@dataclass(frozen=True, kw_only=True)
class Complete:
    """Read to its end: `n` resources, as this user may see them."""

    n: int
    kind: Literal["complete"] = "complete"


@dataclass(frozen=True, kw_only=True)
class Truncated:
    """Stopped before the end: `n` read of `total` (None: the EHR did not say)."""

    n: int
    total: int | None
    kind: Literal["truncated"] = "truncated"


@dataclass(frozen=True, kw_only=True)
class Denied:
    """Refused (401, 403, or not granted). `scope` names what is missing; `http_status` 0: never asked."""

    scope: str
    http_status: int
    kind: Literal["denied"] = "denied"


@dataclass(frozen=True, kw_only=True)
class Restricted:
    """The EHR says that more exists than it shows (break-the-glass, sub-type not returned). `n` were shown."""

    why: str
    n: int
    kind: Literal["restricted"] = "restricted"


@dataclass(frozen=True, kw_only=True)
class Failed:
    """Not read: time-out, 5xx, 429, not FHIR. `reason` holds no patient data. `n` were read before."""

    reason: str
    n: int = 0
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, kw_only=True)
class NotOffered:
    """Never asked: the EHR's CapabilityStatement says that it has no search of this type. It says nothing of "none"."""

    resource_type: str
    kind: Literal["not_offered"] = "not_offered"


Completeness = Complete | Truncated | Denied | Restricted | Failed | NotOffered


@dataclass(frozen=True, kw_only=True)
class Query:
    """One search of a resource type; the patient is added by the source and cannot be given here.

    `most`: stop after this many resources (pages are bounded too); None: to the end, within the source's limits.
    `pages`: stop after this many requests, whatever they gave (the first read asks for one page each).
    """

    resource_type: str
    params: tuple[tuple[str, str], ...] = ()
    most: int | None = None
    pages: int | None = None


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a query gave. `next_token` is opaque: `ChartSource.more` goes on from it; empty at the end.

    `dropped_foreign` counts entries of another patient that were refused; `total` is Bundle.total as sent.
    `restrictions` are the EHR's own words that more exists than it shows; `unreadable` counts skipped entries;
    `stripped` counts resources that held another person's data, which was taken out. `remarks` are what the EHR says
    of the record as a whole without holding anything back. `via` names what was asked where that was not the EHR's FHIR API.
    `included` are the Medications that these resources refer to, where the EHR sent them along (`asked_medicines`).
    """

    query: Query
    resources: tuple[Resource, ...]
    completeness: Completeness
    total: int | None = None
    next_token: str = ""
    requests: int = 1
    dropped_foreign: int = 0
    unreadable: int = 0
    stripped: int = 0
    restrictions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    merged: bool = False
    via: str = ""
    included: tuple[Resource, ...] = ()
    asked_medicines: bool = False


class ChartSource(Protocol):
    """A source of one patient's resources. Never raises for a refusal or a failure: the `Read` says it.

    Raises only `SessionEnded` (the token is gone for good) and `BoundaryRefused` is turned into `Failed`.
    """

    def begin_turn(self) -> None:
        """A person asks something new: limits of a turn count from here."""

    def read_patient(self) -> Read:
        """Return the launched Patient as a `Read` of one resource."""

    def search(self, query: Query) -> Read:
        """Return the patient's resources for `query`, entries checked one by one."""

    def more(self, read: Read) -> Read:
        """Go on from `read.next_token` to the end, within limits, and return both parts together."""

    def fetch(self, reference: str) -> Read:
        """Return one resource that a resource of this patient refers to (a note's Binary, a Practitioner)."""

    def history(self, reference: str) -> Read:
        """Return the versions of one result of this patient, as many as the EHR keeps and gives (ten at most)."""
