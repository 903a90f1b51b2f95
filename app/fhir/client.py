"""`FhirSource`: one patient's resources from a live FHIR R4 server, through the boundary.

Every entry passes the patient guard; another person's data inside an entry is taken out; next links are followed
only under our own base; a total is believed only where it says that more exists. A refusal, an outcome entry, a cut
answer or a loop is told by the `Read`, never hidden.

Source: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html
"""

import base64
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote, urljoin

from app.boundary import Boundary, Response, origin_of
from app.errors import BoundaryRefused, EhrUnavailable, LimitReached, NotRead, Redirected
from app.fhir.asking import Asking, Asks
from app.fhir.compartment import (
    FHIR_ID,
    LONG_REFERENCE,
    belongs,
    may_fetch,
    own_part,
    relative,
    shorten_references,
)  # fmt: skip
from app.fhir.granular import Granted, granted
from app.fhir.medicines import in_r4
from app.fhir.outcome import Notice, notices
from app.fhir.paging import is_next, may_be_cut, whole_number
from app.fhir.read_ahead import ReadAhead, later_pages
from app.fhir.search import construct
from app.fhir.search_state import SearchState, as_read, failed, key, updated
from app.fhir.shared_ehr import SharedEhr
from app.fhir.source import (
    Completeness,
    Denied,
    Failed,
    NotOffered,
    Query,
    Read,
    Resource,
    Restricted,
)  # fmt: skip
from app.launch_context import LaunchContext

MOST_PAGES, MOST_RESOURCES = 60, 20_000
MOST_VERSIONS = 10
# RFC 9110 15.3: what is accepted (202), without content (204) or a part (206) is no answer to a read or a search.
ANSWERED = frozenset((200, 203))


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
        state = SearchState(query=query)
        if self._offered(state) and self._granted_search(state):
            try:
                state.next_url = self._first_url(query)
            except BoundaryRefused as error:
                state.stop = Failed(reason=str(error))
            self._pages(state, query.pages or MOST_PAGES)
        return as_read(state)

    def more(self, read: Read) -> Read:
        """Go on from `read.next_token` to the end, within limits, and return both parts together."""
        state = SearchState(
            query=read.query,
            found={key(r): r for r in read.resources},
            restrictions=dict.fromkeys(read.restrictions),
            remarks=dict.fromkeys(read.remarks),
            next_url=read.next_token,
            total=read.total,
            requests=read.requests,
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
            for at, entry in enumerate(_listed(body.get("entry"))[:MOST_VERSIONS]):
                self._version(state, own, at, entry)
        return as_read(state)

    def _version(self, state: SearchState, own: str, at: int, entry: Any) -> None:
        """Keep one version of this very resource; a deletion has none."""
        found = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(found, dict) or f"{found.get('resourceType')}/{found.get('id')}" != own:
            return
        if belongs(found, self._context.patient_id, self._base):
            state.found[f"{own}/{at}"] = own_part(found, self._context.patient_id, self._base)
        else:
            state.foreign += 1

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
        state.stop = Denied(scope=_scope(kind, verb), http_status=0)
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
            self._outcomes(state, [body])
        elif body.get("resourceType") != kind or body.get("id") != fhir_id:
            state.foreign += 1
        else:
            self._take(state, body)

    def _pages(self, state: SearchState, most_pages: int) -> None:
        """Follow the pages until the end, a limit or a stop; those that are sure to come are asked for at once."""
        most = state.query.most or MOST_RESOURCES
        with ReadAhead(self._asking.get) as ahead:
            for at in range(most_pages):
                if not state.next_url or state.stop or len(state.found) >= most:
                    break
                if state.requests == 1:
                    ahead.plan(self._later_pages(state, most_pages - at))
                body = self._ask(state, state.next_url, ahead)
                if body is not None:
                    self._page(state, body)
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

    def _first_url(self, query: Query) -> str:
        return f"{self._base}/{construct(query, self._context.patient_id)}"

    def _start_again(self, state: SearchState) -> None:
        """Search from the first page again, once: the EHR has forgotten its pages, and what was read stays read."""
        state.expired, state.next_url = False, ""
        if state.started_again:
            state.cut = True
            return
        state.started_again, state.known_pages = True, state.requests
        state.next_url = self._first_url(state.query)

    def _page(self, state: SearchState, bundle: Resource) -> None:
        asked, state.next_url = state.next_url, ""
        if bundle.get("resourceType") != "Bundle":
            told = [bundle] if bundle.get("resourceType") == "OperationOutcome" else []
            self._outcomes(state, told)
            if not (state.stop or state.expired or state.restrictions):
                # Whatever else it says: without a Bundle nothing was searched, so nothing was found to be none.
                state.stop = failed(state, "the EHR did not answer with a Bundle")
            return
        before = len(state.found)
        entries = _listed(bundle.get("entry"))
        self._entries(state, entries)
        if (total := whole_number(bundle.get("total"))) is not None:
            state.total = max(total, state.total or 0)
        if state.cut:
            return
        sent = self._next_link(state, bundle)
        if not sent and state.requests == 1 and "total" not in bundle:
            sent_of_it = len(state.found) + state.foreign + state.unreadable
            state.cut = may_be_cut(sent_of_it, state.query)
        nothing_new = bool(sent and len(state.found) == before and entries)
        if nothing_new and state.known_pages:
            # A page that was read before the search was started again.
            state.known_pages, nothing_new = state.known_pages - 1, False
        if sent == asked or nothing_new:
            state.stop = failed(state, "the EHR's pages go round in a loop")
        elif not state.stop:
            state.next_url = sent

    def _entries(self, state: SearchState, entries: list[Any]) -> None:
        outcomes = []
        for at, entry in enumerate(entries):
            if len(state.found) >= MOST_RESOURCES:
                # What stands behind the bound is not even looked at, so the rest of the search is not asked for.
                state.cut, state.total = (
                    True,
                    max(state.total or 0, len(state.found) + len(entries) - at),
                )
                break
            found = entry.get("resource") if isinstance(entry, dict) else None
            search = entry.get("search") if isinstance(entry, dict) else None
            mode = search.get("mode") if isinstance(search, dict) else ""
            if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
                state.unreadable += 1
            elif mode == "outcome" or found["resourceType"] == "OperationOutcome":
                outcomes.append(found)
            elif found["resourceType"] != state.query.resource_type:
                state.unreadable += mode != "include"
            elif not isinstance(found.get("id"), str) or not FHIR_ID.fullmatch(found["id"]):
                state.unreadable += 1
            elif not belongs(found, self._context.patient_id, self._base):
                state.foreign += 1
            elif key(found) not in state.contradicted:
                self._take(state, found)
        self._outcomes(state, outcomes)

    def _take(self, state: SearchState, found: Resource) -> None:
        """Keep a resource of this patient once, without what it holds of other people; what contradicts it is told."""
        found = in_r4(found)
        own = own_part(found, self._context.patient_id, self._base)
        known = state.found.setdefault(key(found), own)
        if known is own:
            state.stripped += own is not found
        elif known != own:
            self._twice(state, known, own)

    def _twice(self, state: SearchState, known: Resource, again: Resource) -> None:
        """Keep the newer of two versions (a record may change between pages); of others none can be believed."""
        before, now = updated(known), updated(again)
        if before == now:
            state.found.pop(key(known))
            state.contradicted.add(key(known))
            state.unreadable += 1
        elif before < now:
            state.found[key(known)] = again

    def _outcomes(self, state: SearchState, outcomes: list[Resource]) -> None:
        for notice in notices(outcomes):
            match notice.meaning:
                case "restricted":
                    state.restrictions[notice.words] = None
                case "quiet":
                    state.remarks[notice.words] = None
                case "expired":
                    state.expired = True
                case _:
                    state.merged = state.merged or notice.meaning == "merged"
                    state.stop = failed(state, notice.words)

    def _next_link(self, state: SearchState, bundle: Resource) -> str:
        """Return the next page's address, empty at the end; anything outside our base stops the search."""
        links = _listed(bundle.get("link"))
        going_on = [x for x in links if isinstance(x, dict) and is_next(x)]
        if not going_on:
            return ""
        sent = going_on[0].get("url")
        if not isinstance(sent, str) or not sent:
            state.stop = failed(state, "the EHR has more pages and gives no address of them")
            return ""
        url = urljoin(self._base + "/", sent)
        inside = url.startswith((self._base + "/", self._base + "?"))
        if not inside or not self._boundary.allows(url):
            state.stop = failed(state, "the EHR pointed to an address that is not registered")
            return ""
        return url

    def _ask(self, state: SearchState, url: str, ahead: ReadAhead | None = None) -> Resource | None:
        """Send one request, unless it is under way; None means that `state.stop` says why there is no resource."""
        answer = self._answered(state, url, ahead.answer if ahead else self._asking.get)
        if answer is None:
            return None
        if isinstance(answer.json, dict):
            if LONG_REFERENCE.search(answer.body):
                shorten_references(answer.json, self._base)
            return answer.json
        if state.query.resource_type == "Binary" and "json" not in _type(answer):
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
            self._redirected(state, error)
        except BoundaryRefused:
            state.stop = failed(state, "the EHR pointed to an address that is not registered")
        except (LimitReached, NotRead) as error:
            state.stop = failed(state, str(error))
        except EhrUnavailable as error:
            state.stop = failed(state, f"the EHR did not answer ({error})")
        else:
            state.stop = self._refusal(state, answer)
            return None if state.stop or state.expired else answer
        return None

    def _refusal(self, state: SearchState, answer: Response) -> Completeness | None:
        kind, status = state.query.resource_type, answer.status
        if status in ANSWERED:
            return None
        told = _told(answer.json)
        if glass := next((n for n in told if n.glass), None):
            return Restricted(why=glass.words, n=len(state.found))
        if status in (401, 403):
            return Denied(scope=_scope(kind, "s"), http_status=status)
        state.merged = state.merged or any(n.meaning == "merged" for n in told)
        if any(n.meaning == "expired" for n in told):
            state.expired = True
            return None
        if status == 404:
            return failed(state, "the EHR does not have this (404)")
        if status == 429:
            return failed(state, "the EHR is busy (429)")
        return failed(state, f"the EHR answered {status}")

    def _redirected(self, state: SearchState, error: Redirected) -> None:
        """Understand a redirect without following it: a Patient that moved to another id was merged."""
        own = f"Patient/{self._context.patient_id}"
        try:
            there = relative(urljoin(self._base + "/", error.location), self._base)
        except ValueError:  # "http://["
            there = ""
        moved = state.query.resource_type == "Patient" and there.startswith("Patient/")
        if any(n.meaning == "merged" for n in _told(error.body)) or (moved and there != own):
            state.merged = True
            state.stop = failed(state, "this record was merged into another")
        else:
            state.stop = failed(state, "the EHR pointed to an address that is not registered")


def as_binary(answer: Response, fhir_id: str) -> Resource:
    """Return content that came as itself as a Binary, with whose it is as its header says.

    Source: https://hl7.org/fhir/R4/binary.html#security
    """
    owner = answer.headers.get("x-security-context", "")
    return {
        "resourceType": "Binary", "id": fhir_id, "contentType": _type(answer),
        "data": base64.b64encode(answer.body).decode(),
        **({"securityContext": {"reference": owner}} if owner else {}),
    }  # fmt: skip


def _type(answer: Response) -> str:
    return answer.headers.get("content-type", "")


def _told(body: Any) -> tuple[Notice, ...]:
    """Return what a refusal's OperationOutcome means; nothing where there is none."""
    is_outcome = isinstance(body, dict) and body.get("resourceType") == "OperationOutcome"
    return notices([body]) if is_outcome else ()


def _listed(sent: Any) -> list[Any]:
    """Return a list element; what is sent in another form counts as one thing that cannot be read."""
    return sent if isinstance(sent, list) else [] if sent is None else [sent]


def _count(state: SearchState) -> None:
    state.requests += 1


def _scope(kind: str, verb: str) -> str:
    return f"patient/{kind}.{'r' if verb == 'r' else 'rs'}"


def _search_scope(query: Query, given: Granted) -> str:
    """Name the scope that is missing, with the category where other categories were granted."""
    category = dict(query.params).get("category", "")
    return _scope(query.resource_type, "s") + (
        f"?category={category}" if given.only and category else ""
    )
