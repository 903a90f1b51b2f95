"""What an EHR's answer means for the search or the read that asked for it: its page, its refusal, its redirect.

Every entry passes the patient guard; another person's data inside an entry is taken out; next links are followed
only under our own base; a total is believed only where it says that more exists. A Medication that came with a search
(`_include`) is kept apart, and given only where a record of this patient refers to it.

Source: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html
"""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

from app.boundary import Response
from app.errors import Redirected
from app.fhir.compartment import FHIR_ID, belongs, own_part, relative
from app.fhir.medicines import in_r4
from app.fhir.outcome import Notice, notices
from app.fhir.paging import is_next, may_be_cut, whole_number
from app.fhir.search_state import SearchState, failed, key, updated
from app.fhir.source import Completeness, Denied, Resource, Restricted

MOST_RESOURCES = 20_000
# RFC 9110 15.3: what is accepted (202), without content (204) or a part (206) is no answer to a read or a search.
ANSWERED = frozenset((200, 203))
# What a server says to a parameter, or a page size, that it does not take.
DECLINED = frozenset((400, 413, 422))


class Answers:
    """Reads answers into a `SearchState`, for one patient of the EHR at `base`; `allows` tells which addresses may be asked."""

    def __init__(self, patient_id: str, base: str, allows: Callable[[str], bool]) -> None:
        self._patient_id = patient_id
        self._base = base
        self._allows = allows

    def page(self, state: SearchState, bundle: Resource) -> None:
        """Read one page of a search into `state`, and where it goes on."""
        asked, state.next_url = state.next_url, ""
        state.pages += 1
        if bundle.get("resourceType") != "Bundle":
            told = [bundle] if bundle.get("resourceType") == "OperationOutcome" else []
            self.outcomes(state, told)
            if not (state.stop or state.expired or state.restrictions):
                # Whatever else it says: without a Bundle nothing was searched, so nothing was found to be none.
                state.stop = failed(state, "the EHR did not answer with a Bundle")
            return
        before = len(state.found)
        entries = listed(bundle.get("entry"))
        self._entries(state, entries)
        if (total := whole_number(bundle.get("total"))) is not None:
            state.total = max(total, state.total or 0)
        if state.cut:
            return
        sent = self._next_link(state, bundle)
        if not sent and state.pages == 1 and "total" not in bundle:
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
            elif found["resourceType"] == "Medication" and state.asks_medicines:
                self._include(state, found)
            elif found["resourceType"] != state.query.resource_type:
                state.unreadable += mode != "include"
            elif not isinstance(found.get("id"), str) or not FHIR_ID.fullmatch(found["id"]):
                state.unreadable += 1
            elif not belongs(found, self._patient_id, self._base):
                state.foreign += 1
            elif key(found) not in state.contradicted:
                self.take(state, found)
        self.outcomes(state, outcomes)

    def _include(self, state: SearchState, medicine: Resource) -> None:
        """Keep a Medication for its name; of one that comes in two forms nothing is kept, so that it is read by itself."""
        if not isinstance(medicine.get("id"), str) or not FHIR_ID.fullmatch(medicine["id"]):
            return
        own = own_part(medicine, self._patient_id, self._base)
        known = state.included.setdefault(key(own), own)
        if known != own:
            state.included[key(own)] = {"resourceType": "Medication", "id": own["id"]}

    def take(self, state: SearchState, found: Resource) -> None:
        """Keep a resource of this patient once, without what it holds of other people; what contradicts it is told."""
        found = in_r4(found)
        own = own_part(found, self._patient_id, self._base)
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

    def outcomes(self, state: SearchState, outcomes: list[Resource]) -> None:
        """Note what the EHR says of its own answer."""
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
        links = listed(bundle.get("link"))
        going_on = [x for x in links if isinstance(x, dict) and is_next(x)]
        if not going_on:
            return ""
        sent = going_on[0].get("url")
        if not isinstance(sent, str) or not sent:
            state.stop = failed(state, "the EHR has more pages and gives no address of them")
            return ""
        url = urljoin(self._base + "/", sent)
        inside = url.startswith((self._base + "/", self._base + "?"))
        if not inside or not self._allows(url):
            state.stop = failed(state, "the EHR pointed to an address that is not registered")
            return ""
        return url

    def version(self, state: SearchState, own: str, at: int, entry: Any) -> None:
        """Keep one version of this very resource; a deletion has none."""
        found = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(found, dict) or f"{found.get('resourceType')}/{found.get('id')}" != own:
            return
        if belongs(found, self._patient_id, self._base):
            state.found[f"{own}/{at}"] = own_part(found, self._patient_id, self._base)
        else:
            state.foreign += 1

    def refusal(self, state: SearchState, answer: Response) -> Completeness | None:
        """Return why an answer is none, by its status; None for a good one, or one whose page has expired."""
        kind, status = state.query.resource_type, answer.status
        if status in ANSWERED:
            return None
        told = told_of(answer.json)
        if glass := next((n for n in told if n.glass), None):
            return Restricted(why=glass.words, n=len(state.found))
        if status in (401, 403):
            return Denied(scope=scope_of(kind, "s"), http_status=status)
        state.declined = status in DECLINED and not state.found
        state.merged = state.merged or any(n.meaning == "merged" for n in told)
        if any(n.meaning == "expired" for n in told):
            state.expired = True
            return None
        if status == 404:
            return failed(state, "the EHR does not have this (404)")
        if status == 429:
            return failed(state, "the EHR is busy (429)")
        return failed(state, f"the EHR answered {status}")

    def redirected(self, state: SearchState, error: Redirected) -> None:
        """Understand a redirect without following it: a Patient that moved to another id was merged."""
        own = f"Patient/{self._patient_id}"
        try:
            there = relative(urljoin(self._base + "/", error.location), self._base)
        except ValueError:  # "http://["
            there = ""
        moved = state.query.resource_type == "Patient" and there.startswith("Patient/")
        if any(n.meaning == "merged" for n in told_of(error.body)) or (moved and there != own):
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
        "resourceType": "Binary", "id": fhir_id, "contentType": content_type(answer),
        "data": base64.b64encode(answer.body).decode(),
        **({"securityContext": {"reference": owner}} if owner else {}),
    }  # fmt: skip


def content_type(answer: Response) -> str:
    """Return the content type as sent, "" where none was."""
    return answer.headers.get("content-type", "")


def told_of(body: Any) -> tuple[Notice, ...]:
    """Return what a refusal's OperationOutcome means; nothing where there is none."""
    is_outcome = isinstance(body, dict) and body.get("resourceType") == "OperationOutcome"
    return notices([body]) if is_outcome else ()


def listed(sent: Any) -> list[Any]:
    """Return a list element; what is sent in another form counts as one thing that cannot be read."""
    return sent if isinstance(sent, list) else [] if sent is None else [sent]


def scope_of(kind: str, verb: str) -> str:
    """Name the scope that a read ("r") or a search of a type needs."""
    return f"patient/{kind}.{'r' if verb == 'r' else 'rs'}"
