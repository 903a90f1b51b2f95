"""`FhirSource`: one patient's resources from a live FHIR R4 server, through the boundary.

Here is what is asked for, and how; what comes is judged by `Answers`. A refusal, an outcome entry, a cut answer or a
loop is told by the `Read`, never hidden. A search that a server declines for its page size or its `_include` is sent
again without them, once.

Source: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html
"""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote

from app.boundary import Boundary, Response, origin_of
from app.errors import (
    AnswerTooLarge,
    BoundaryRefused,
    EhrUnavailable,
    LimitReached,
    NotRead,
    Redirected,
)
from app.fhir.answers import (
    MOST_RESOURCES,
    Answers,
    as_binary,
    content_type,
    listed,
    scope_of,
)  # fmt: skip
from app.fhir.asking import Asking, Asks
from app.fhir.compartment import (
    FHIR_ID,
    LONG_REFERENCE,
    may_fetch,
    relative,
    shorten_references,
)  # fmt: skip
from app.fhir.granular import Granted, granted
from app.fhir.read_ahead import ReadAhead, later_pages
from app.fhir.search import construct, modest, with_medicines
from app.fhir.search_state import SearchState, as_read, failed, key
from app.fhir.shared_ehr import SharedEhr
from app.fhir.source import Denied, Failed, NotOffered, Query, Read, Resource
from app.launch_context import LaunchContext

MOST_PAGES = 60
MOST_VERSIONS = 10


class FhirSource:
    """A `ChartSource` over a live FHIR server. Thread-safe: of what it read it keeps nothing (see `Asking`).

    `token` returns the access token and raises `SessionEnded` when it is gone for good. `refused(token)` is told of a
    401, so that `token` gets a newer one, once; it raises `SessionEnded` when that one was refused as well. `asking` asks
    something else than the FHIR server for the same answers.
    """

    def __init__(
        self,
        boundary: Boundary,
        context: LaunchContext,
        token: Callable[[], str],
        *,
        refused: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        shared: SharedEhr | None = None,
        asking: Asks | None = None,
    ) -> None:
        self._boundary = boundary
        self._context = context
        self._base = context.iss.rstrip("/")
        self._shared = shared or SharedEhr(boundary, reads_statement=False)
        self._asking = asking or Asking(boundary, self._shared, token, refused=refused, sleep=sleep)
        self._answers = Answers(context.patient_id, self._base, boundary.allows)

    def read_patient(self) -> Read:
        """Return the launched Patient as a `Read` of one resource."""
        state = SearchState(query=Query(resource_type="Patient"))
        if not FHIR_ID.fullmatch(self._context.patient_id):
            state.stop = Failed(reason="the launch names no valid patient id")
        elif self._granted(state, "r"):
            self._one(state, f"Patient/{self._context.patient_id}")
        return as_read(state)

    def search(self, query: Query) -> Read:
        """Return the patient's resources for `query`, entries checked one by one."""
        state = SearchState(query=query, asks_medicines=self._gives_medicines(query))
        self._search(state)
        simple = modest(query)
        if state.declined and (simple != query or state.asks_medicines):
            again = SearchState(query=simple)
            self._search(again)
            read = as_read(again)
            return replace(read, requests=read.requests + state.requests)
        return as_read(state)

    def _search(self, state: SearchState) -> None:
        if self._offered(state) and self._granted_search(state):
            try:
                state.next_url = self._first_url(state)
            except BoundaryRefused as error:
                state.stop = Failed(reason=str(error))
            self._pages(state, state.query.pages or MOST_PAGES)

    def more(self, read: Read) -> Read:
        """Go on from `read.next_token` to the end, within limits, and return both parts together."""
        state = SearchState(
            query=read.query,
            found={key(r): r for r in read.resources},
            restrictions=dict.fromkeys(read.restrictions),
            remarks=dict.fromkeys(read.remarks),
            included={key(r): r for r in read.included},
            asks_medicines=read.asked_medicines,
            next_url=read.next_token,
            total=read.total,
            requests=read.requests,
            pages=1,
            foreign=read.dropped_foreign,
            unreadable=read.unreadable,
            stripped=read.stripped,
        )
        if state.next_url:
            self._pages(state, MOST_PAGES)
        return as_read(state)

    def fetch(self, reference: str) -> Read:
        """Return one resource that a resource of this patient refers to; of a file beside the FHIR server, its Binary."""
        own = may_fetch(reference, self._base)
        kind = own.partition("/")[0] or ("Binary" if self._is_file(reference) else "Resource")
        state = SearchState(query=Query(resource_type=kind))
        if kind == "Resource":
            state.stop = Failed(reason="a reference that is not read")
        elif not self._granted(state, "r"):
            pass
        elif own:
            self._one(state, own)
        else:
            self._file(state, reference)
        return as_read(state)

    def begin_turn(self) -> None:
        """Count the requests of a turn from here."""
        self._asking.begin_turn()

    def history(self, reference: str) -> Read:
        """Return the versions of one result of this patient, as many as the EHR keeps and gives (ten at most)."""
        own = relative(reference, self._base)
        kind = own.partition("/")[0]
        state = SearchState(query=Query(resource_type=kind or "Resource"))
        if kind != "Observation":
            state.stop = Failed(reason="a reference whose versions are not read")
        elif self._stated(
            state, lambda: self._asking.keeps_versions(self._base, kind)
        ) and self._granted(state, "r"):
            body = self._ask(state, f"{self._base}/{own}/_history?_count={MOST_VERSIONS}") or {}
            for at, entry in enumerate(listed(body.get("entry"))[:MOST_VERSIONS]):
                self._answers.version(state, own, at, entry)
        return as_read(state)

    # ------------------------------------------------------------ requests

    def _is_file(self, reference: str) -> bool:
        """Tell whether an attachment's address is a file on a registered host, and not a resource of the FHIR server.

        A resource goes by `Type/id`, where the patient guard sees what it is.
        """
        plain = re.sub(r"(?<!:)/{2,}", "/", unquote(reference)).lower()
        return not plain.startswith(self._base.lower()) and self._boundary.allows(reference)

    def _file(self, state: SearchState, url: str) -> None:
        """Keep a file as the Binary that it would be; the token goes only to the origin that it was made for."""
        bearer = origin_of(url) == origin_of(self._base)
        get = partial(self._asking.get, accept="*/*", bearer=bearer)
        answer = self._answered(state, url, get)
        if answer is not None:
            state.found[url] = as_binary(answer, "")

    def _offered(self, state: SearchState) -> bool:
        """Ask for no type that the EHR says it does not have; the first screen (one page) asks for nothing more."""
        query = state.query
        ask = query.pages is None and self._context.can(query.resource_type, "s")
        return self._stated(state, lambda: self._asking.offers(self._base, query, ask=ask))

    def _gives_medicines(self, query: Query) -> bool:
        """Tell whether the EHR says that it sends the Medications with what refers to them; the statement is not waited for."""
        given = self._context.can("Medication", "r")
        return given and self._asking.includes(self._base, query.resource_type, "medication")

    def _stated(self, state: SearchState, offered: Callable[[], bool | None]) -> bool:
        """Tell whether the EHR's statement allows a request; reading it may be one too many."""
        try:
            if offered() is False:
                state.stop = NotOffered(resource_type=state.query.resource_type)
        except (LimitReached, NotRead) as error:
            state.stop = failed(state, str(error))
        return state.stop is None

    def _granted(self, state: SearchState, verb: Any) -> bool:
        """Ask nothing that this launch was not granted: the refusal is known without a request."""
        kind = state.query.resource_type
        if self._context.can(kind, verb):
            return True
        state.stop = Denied(scope=scope_of(kind, verb), http_status=0)
        return False

    def _granted_search(self, state: SearchState) -> bool:
        """Ask for no search of which nothing is granted; one that is granted in part says so, whatever comes."""
        given = granted(self._context, state.query)
        if given.share == "none":
            state.stop = Denied(scope=_search_scope(state.query, given), http_status=0)
        elif given.share == "part":
            only = " or ".join(given.only)
            state.restrictions[f"the EHR granted only {only}"] = None
        return given.share != "none"

    def _one(self, state: SearchState, reference: str) -> None:
        body = self._ask(state, f"{self._base}/{reference}")
        if body is None:
            return
        kind, _, fhir_id = reference.partition("/")
        if body.get("resourceType") == "OperationOutcome":
            self._answers.outcomes(state, [body])
        elif body.get("resourceType") != kind or body.get("id") != fhir_id:
            state.foreign += 1
        else:
            self._answers.take(state, body)

    def _pages(self, state: SearchState, most_pages: int) -> None:
        """Follow the pages until the end, a limit or a stop; those that are sure to come are asked for at once."""
        most = state.query.most or MOST_RESOURCES
        with ReadAhead(self._asking.get) as ahead:
            for at in range(most_pages):
                if not state.next_url or state.stop or len(state.found) >= most:
                    break
                if state.pages == 1:
                    ahead.plan(self._later_pages(state, most_pages - at))
                body = self._ask(state, state.next_url, ahead)
                if body is not None:
                    self._answers.page(state, body)
                if state.expired:
                    ahead.forget()
                    self._start_again(state)
            state.requests += ahead.in_vain()

    def _later_pages(self, state: SearchState, most_pages: int) -> list[str]:
        """Return the addresses of the pages after the first, as far as they are known and will be read."""
        n = len(state.found) + state.foreign + state.unreadable
        most = state.query.most or MOST_RESOURCES
        found = later_pages(state.next_url, n=n, total=state.total, most=most)
        return [url for url in found if self._boundary.allows(url)][:most_pages]

    def _first_url(self, state: SearchState) -> str:
        address = f"{self._base}/{construct(state.query, self._context.patient_id)}"
        return with_medicines(address, state.query) if state.asks_medicines else address

    def _start_again(self, state: SearchState) -> None:
        """Search from the first page again, once: the EHR has forgotten its pages, and what was read stays read."""
        state.expired, state.next_url = False, ""
        if state.started_again:
            state.cut = True
            return
        state.started_again, state.known_pages = True, state.pages
        state.next_url = self._first_url(state)

    def _ask(self, state: SearchState, url: str, ahead: ReadAhead | None = None) -> Resource | None:
        """Send one request, unless it is under way; None means that `state.stop` says why there is no resource."""
        answer = self._answered(state, url, ahead.answer if ahead else self._asking.get)
        if answer is None:
            return None
        if isinstance(answer.json, dict):
            if LONG_REFERENCE.search(answer.body):
                shorten_references(answer.json, self._base)
            return answer.json
        if state.query.resource_type == "Binary" and "json" not in content_type(answer):
            # https://hl7.org/fhir/R4/binary.html#rest: a server may answer with the content itself.
            return as_binary(answer, url.rpartition("/")[2])
        state.stop = failed(state, "the EHR's answer was not complete FHIR JSON")
        return None

    def _answered(
        self, state: SearchState, url: str, get: Callable[..., Response]
    ) -> Response | None:
        """Get one answer by `get` (see `Asking.get`); None means that `state` says why there is no good one."""
        try:
            answer = get(url, lambda: _count(state))
        except Redirected as error:
            self._answers.redirected(state, error)
        except BoundaryRefused:
            state.stop = failed(state, "the EHR pointed to an address that is not registered")
        except (LimitReached, NotRead) as error:
            state.stop = failed(state, str(error))
        except EhrUnavailable as error:
            state.declined = isinstance(error, AnswerTooLarge) and not state.found
            state.stop = failed(state, f"the EHR did not answer ({error})")
        else:
            state.stop = self._answers.refusal(state, answer)
            return None if state.stop or state.expired else answer
        return None


def _count(state: SearchState) -> None:
    state.requests += 1


def _search_scope(query: Query, given: Granted) -> str:
    """Name the scope that is missing, with the category where other categories were granted."""
    category = dict(query.params).get("category", "")
    return scope_of(query.resource_type, "s") + (
        f"?category={category}" if given.only and category else ""
    )
