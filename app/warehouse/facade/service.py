"""`Facade`: answers FHIR requests about one patient from the current snapshot."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import tzinfo

from app.fhir.compartment import relative
from app.store.seal import Seal
from app.warehouse.facade import cursor as cursors
from app.warehouse.facade import everything
from app.warehouse.facade.bundle import Answer, Notice, Page, refusal, searchset, single
from app.warehouse.facade.capability import statement
from app.warehouse.facade.cursor import Cursor
from app.warehouse.facade.errors import FacadeRefused, not_found, unsupported
from app.warehouse.facade.match import values_of
from app.warehouse.facade.parameters import BY_TYPE, SHARED, TABLE
from app.warehouse.facade.reach import Reach, Screened
from app.warehouse.facade.records import Found, Own, is_own, own, text_of, unfiled
from app.warehouse.facade.search import Params, Search, demand_id, understand
from app.warehouse.facade.views import run_view
from app.warehouse.store.reading import OpenSnapshot, Snapshots
from app.warehouse.store.record import Record

READ_TYPES = frozenset((*TABLE, *SHARED, "Binary"))


class Facade:
    """A data set as a FHIR server. Thread-safe. `base` is where its links point, `zone` the site's."""

    def __init__(self, snapshots: Snapshots, *, base: str, zone: tzinfo, seal: Seal) -> None:
        self._snapshots = snapshots
        self._base = base.rstrip("/")
        self._zone = zone
        self._seal = seal
        self._found = Found()

    def answer(self, path: str, params: Params, reach: Reach, *, body: bytes = b"") -> Answer:
        """Answer one request; `path` is what follows the base, `params` both of address and form. Never raises a refusal."""
        try:
            return self._answer(path.strip("/"), params, reach, body)
        except FacadeRefused as error:
            return refusal(error)

    def opened(self) -> OpenSnapshot:
        """Return the current snapshot.

        Raises:
            FacadeRefused: nothing was exported yet (503).
        """
        found = self._snapshots.current()
        if found is None:
            raise FacadeRefused("nothing was exported yet", http_status=503, issue="transient")
        return found

    def _answer(self, path: str, params: Params, reach: Reach, body: bytes) -> Answer:
        opened = self.opened()
        match path.split("/"):
            case ["metadata"]:
                return statement(self._base, opened.snapshot)
            case [kind] if "_page" in dict(params):
                return self._page(kind, params, reach)
            case ["Patient", fhir_id, "$everything"]:
                return self._everything(opened, path, fhir_id, params, reach)
            case ["ViewDefinition", "$run"]:
                return run_view(opened, reach, params, body)
            case [kind]:
                return self._search(opened, kind, params, reach)
            case [kind, "_search"]:
                return self._search(opened, kind, params, reach)
            case [kind, fhir_id]:
                return self._read(opened, kind, fhir_id, params, reach)
            case _:
                raise unsupported("this address")

    # ------------------------------------------------------------ read

    def _read(self, opened: OpenSnapshot, kind: str, fhir_id: str, params: Params, reach: Reach) -> Answer:  # fmt: skip
        demand_id(fhir_id)
        if kind not in READ_TYPES:
            raise unsupported(f"{kind[:40]}")
        if wrong := [name for name, _ in params if name != "_format"]:
            raise unsupported(f"{wrong[0][:80]} at a read")
        _demand(reach, kind, "r")
        found = opened.record("" if kind in SHARED else reach.patient, kind, fhir_id)
        if found is None or not is_own(found, reach.patient, opened.snapshot.base):
            raise not_found(f"{kind}/{fhir_id}")
        screened = reach.screen(opened, kind, [found])
        if not screened.kept:
            words = "; ".join(one.words for one in screened.notices) or "this record is not given"
            raise FacadeRefused(words, http_status=403, issue="suppressed")
        snapshot = opened.snapshot
        text = text_of(found, reach.patient, snapshot.base)
        return single(found, text, as_of=snapshot.as_of.get(kind, ""), number=snapshot.number)

    # ------------------------------------------------------------ search

    def _page(self, kind: str, params: Params, reach: Reach) -> Answer:
        """Go on where a link says, in the snapshot that it was made in."""
        if len(params) != 1:
            raise FacadeRefused("_page: nothing else goes with a page link")
        place = cursors.read(self._seal, params[0][1], reach.patient)
        opened = self._snapshots.numbered(place.snapshot)
        if opened is None:
            raise FacadeRefused("this page link is of data that has since been replaced: search again", http_status=410, issue="expired")  # fmt: skip
        if place.path.partition("/")[0] != kind:
            raise FacadeRefused("_page: this page link is of another search")
        params = (*place.params, ("_count", str(place.count)))
        if place.path.endswith("$everything"):
            return self._everything(opened, place.path, reach.patient, params, reach, place.offset)
        return self._search(opened, place.path, params, reach, place.offset)

    def _search(self, opened: OpenSnapshot, kind: str, params: Params, reach: Reach, offset: int = 0) -> Answer:  # fmt: skip
        base = opened.snapshot.base
        search = understand(kind, params, reach.patient, zone=self._zone, base=base)
        _demand(reach, kind, "s")
        found = self._all(opened, search, reach.patient)
        screened = reach.screen(opened, kind, found.records)
        notices = [*_whole(opened, [kind]), *_foreign(found.foreign, kind), *screened.notices]
        matches = screened.kept[offset : offset + search.count]
        along = Along(self, opened, reach).of(search, matches)
        page = Page(
            matches=() if search.count_only else matches,
            along=() if search.count_only else along.kept,
            notices=(*notices, *along.notices), total=len(screened.kept), count_only=search.count_only,
            links=() if search.count_only else self._links(opened, kind, search.asked, reach.patient, offset, search.count, len(screened.kept)),
        )  # fmt: skip
        return self.bundle(opened, page, reach.patient, kind)

    def stored(self, opened: OpenSnapshot, kind: str, params: Params, reach: Reach) -> Sequence[Record]:  # fmt: skip
        """Return all that a search would find, on whatever page; kept, so that the search itself need not find it again.

        Raises:
            FacadeRefused: the search is not supported.
        """
        search = understand(kind, params, reach.patient, zone=self._zone, base=opened.snapshot.base)
        return self._all(opened, search, reach.patient).records

    def _all(self, opened: OpenSnapshot, search: Search, patient: str) -> Own:
        key = (opened.snapshot.number, patient, search.resource_type, search.asked)
        return self._found.get(key, lambda: self._matches(opened, search, patient))

    def _matches(self, opened: OpenSnapshot, search: Search, patient: str) -> Own:
        kind = search.resource_type
        if kind in SHARED:
            ids = [one for name, value in search.asked if name == "_id" for one in value.split(",")]
            if not ids:
                raise FacadeRefused(f"{kind} is searched by _id here", issue="not-supported")
            records = [one for one in opened.shared(ids) if one.resource_type == kind]
            return Own(records=search.found(records))
        every = own(opened, patient, kind)
        return Own(records=search.found(every.records), foreign=every.foreign)

    def bundle(self, opened: OpenSnapshot, page: Page, patient: str, kind: str = "") -> Answer:
        """Return a searchset; without a type it is as old as the oldest type in the store."""
        snapshot = opened.snapshot
        as_of = snapshot.as_of.get(kind, "") if kind else snapshot.data_as_of
        answer = searchset(
            page, base=self._base, as_of=as_of, number=snapshot.number,
            text_of=lambda record: text_of(record, patient, snapshot.base),
        )  # fmt: skip
        return replace(answer, kind=kind)

    def _links(
        self, opened: OpenSnapshot, path: str, params: Params, patient: str, offset: int, count: int, total: int
    ) -> list[tuple[str, str]]:  # fmt: skip
        """Return the link to the next page. Which search this was stands in no address that we write."""
        if offset + count >= total:
            return []
        place = Cursor(
            snapshot=opened.snapshot.number, path=path, params=tuple(params), offset=offset + count, count=count
        )  # fmt: skip
        text = cursors.written(self._seal, place, patient)
        return [("next", f"{self._base}/{path.partition('/')[0]}?_page={text}")]

    # ------------------------------------------------------------ $everything

    def _everything(
        self, opened: OpenSnapshot, path: str, fhir_id: str, params: Params, reach: Reach, offset: int = 0
    ) -> Answer:  # fmt: skip
        if fhir_id != reach.patient:
            raise FacadeRefused("this access is for one patient, and another is asked for", http_status=403, issue="forbidden")  # fmt: skip
        _demand(reach, "Patient", "r")
        wanted = everything.understand(params, self._zone)
        found = own(opened, reach.patient)
        screened = everything.chosen(opened, found, wanted, reach)
        notices = [*_whole(opened, everything.types(wanted, reach)), *_foreign(found.foreign, "stored"), *screened.notices]  # fmt: skip
        matches = screened.kept[offset : offset + wanted.count]
        page = Page(
            matches=matches, notices=notices, total=len(screened.kept),
            links=self._links(opened, path, wanted.asked, reach.patient, offset, wanted.count, len(screened.kept)),
        )  # fmt: skip
        return self.bundle(opened, page, reach.patient)


class Along:
    """What comes with a page of matches: `_include` and `_revinclude`, of this patient or of nobody only."""

    def __init__(self, facade: Facade, opened: OpenSnapshot, reach: Reach) -> None:
        self._facade = facade
        self._opened = opened
        self._reach = reach

    def of(self, search: Search, matches: Sequence[Record]) -> Screened:
        """Return what comes along, each record once and none that is a match already."""
        found: dict[str, Record] = {}
        if search.includes:
            found |= self._referenced(matches, search.includes)
        for pair in search.revincludes:
            found |= self._referring(matches, pair)
        known = {one.reference for one in matches}
        kept: list[Record] = []
        notices: list[Notice] = []
        for kind in sorted({one.resource_type for one in found.values()}):
            of_kind = [r for r in found.values() if r.resource_type == kind and r.reference not in known]  # fmt: skip
            if not self._reach.can(kind, "r"):
                notices.append(Notice(issue="forbidden", words=f"{len(of_kind)} {kind} that would come along: this access has no scope for the type"))  # fmt: skip
                continue
            screened = self._reach.screen(self._opened, kind, of_kind)
            kept += screened.kept
            notices += screened.notices
        return Screened(kept=kept, notices=notices)

    def _referenced(self, matches: Iterable[Record], pairs: Iterable[str]) -> dict[str, Record]:
        base = self._opened.snapshot.base
        wanted: dict[str, None] = {}
        for pair in pairs:
            kind, _, name = pair.partition(":")
            paths = BY_TYPE[kind][name].paths
            for record in matches:
                for path in paths:
                    for sent in values_of(record.resource, path):
                        named = sent.get("reference") if isinstance(sent, dict) else None
                        if own_reference := relative(named, base):
                            wanted[own_reference] = None
        return {one.reference: one for one in records_of(self._opened, wanted, self._reach.patient)}

    def _referring(self, matches: Iterable[Record], pair: str) -> dict[str, Record]:
        kind, _, name = pair.partition(":")
        base, wanted = self._opened.snapshot.base, {one.reference for one in matches}
        parameter = BY_TYPE[kind][name]
        return {
            one.reference: one
            for one in own(self._opened, self._reach.patient, kind).records
            for path in parameter.paths
            for sent in values_of(one.resource, path)
            if isinstance(sent, dict) and relative(sent.get("reference"), base) in wanted
        }


def records_of(opened: OpenSnapshot, references: Iterable[str], patient: str) -> list[Record]:
    """Return the records that references name: shared ones, and the patient's own."""
    by_type: dict[str, set[str]] = {}
    for reference in references:
        kind, _, fhir_id = reference.partition("/")
        by_type.setdefault(kind, set()).add(fhir_id)
    shared = sorted({fhir_id for kind in SHARED for fhir_id in by_type.get(kind, ())})
    found = [r for r in opened.shared(shared) if r.id in by_type.get(r.resource_type, ())]
    for kind in sorted(by_type.keys() - set(SHARED)):
        if kind in TABLE:
            found += [r for r in own(opened, patient, kind).records if r.id in by_type[kind]]
    return found


def _demand(reach: Reach, kind: str, verb: str) -> None:
    if not reach.can(kind, "s" if verb == "s" else "r"):
        scope = f"patient/{kind}.{'rs' if verb == 's' else 'r'}"
        raise FacadeRefused(f"this access lacks the scope {scope}", http_status=403, issue="forbidden")  # fmt: skip


def _whole(opened: OpenSnapshot, kinds: Iterable[str]) -> list[Notice]:
    """Say of each type that the store does not hold whole: so nobody takes what is missing for "none"."""
    snapshot = opened.snapshot
    said = []
    for kind in kinds:
        if not snapshot.as_of.get(kind):
            why = snapshot.incomplete.get(kind, "it was never exported whole")
            said.append(Notice(issue="incomplete", words=f"{kind} is not whole in this store: {why}"))  # fmt: skip
        elif why := snapshot.incomplete.get(kind, ""):
            said.append(Notice(issue="incomplete", words=f"the newest export of {kind} is not whole: {why}"))  # fmt: skip
        if n := unfiled(snapshot, kind):
            said.append(Notice(issue="incomplete", words=f"of {n} {kind} records in this store it cannot be told whose they are"))  # fmt: skip
    return said


def _foreign(count: int, kind: str) -> list[Notice]:
    words = f"{count} {kind} records are not shown to be this patient's own, and are not given"
    return [Notice(issue="suppressed", words=words)] if count else []
