"""The texts of one launch's documents and reports: which attachment is read, from where, and how far.

Read are text, HTML, XHTML, RTF, C-CDA and the text layer of a PDF (`extraction`): inline, from a Binary of this EHR, or
from a file on a registered host; any other address is never asked. Pictures are not read. A PDF counts as a scan if
it calls itself one, or once it was opened and held no words.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import RLock
from zoneinfo import ZoneInfo

from app.fhir.chart import Chart, Line, TextState
from app.fhir.copies import Copies
from app.fhir.extraction import MOST_BYTES, UNNAMED, Extracted, extract, format_of
from app.fhir.labels import DEFAULT, Audience, Labels
from app.fhir.note import Note, note_of
from app.fhir.relative_days import relative_days
from app.fhir.source import ChartSource, Failed, Query, Read, Resource
from app.fhir.standing import standings
from app.fhir.values import concept

CONNECTIONS = 6
# The most documents that one turn fetches or takes apart, newest first; the others are said not to be read yet.
MOST_IN_TURN = 60
# The best form first: what another one adds is mostly its looks.
PREFERRED = ("text", "xml", "html", "rtf", "pdf")
READERS: tuple[Audience, ...] = ("user", "model")
UNFIT = Extracted(why="it came in another format than announced")


def attachments(resource: Resource) -> list[Resource]:
    """Return the attachments of a document or a report (`presentedForm`) that are read, the best form first."""
    read = [a for a in sent_forms(resource) if format_of(a.get("contentType")) in PREFERRED]
    return sorted(read, key=lambda a: PREFERRED.index(format_of(a.get("contentType"))))


def is_scan(resource: Resource) -> bool:
    """Tell whether a document has no form but pictures, or calls itself scanned and has none but pictures and PDF."""
    formats = {format_of(a.get("contentType")) for a in sent_forms(resource)}
    if formats == {"picture"}:
        return True
    return bool(formats) and formats <= {"pdf", "picture"} and "scan" in _called(resource)


def _called(resource: Resource) -> str:
    sent = resource.get("type")
    titles = [str(a.get("title") or "") for a in sent_forms(resource)]
    kind = concept(sent) if isinstance(sent, dict) else ""
    return " ".join([kind, str(resource.get("description") or ""), *titles]).casefold()


def inline(resource: Resource) -> str | None:
    """Return the plain text that came with the document itself, None where it has none."""
    for sent in attachments(resource):
        if format_of(sent.get("contentType")) == "text" and "data" in sent:
            return decoded(sent["data"], str(sent.get("contentType"))).text or None
    return None


def has_text(resource: Resource) -> bool:
    """Tell whether a record is a document, or a report that came with one."""
    return resource.get("resourceType") == "DocumentReference" or bool(
        _many(resource.get("presentedForm"))
    )


def text_state(resource: Resource, found: Extracted | None) -> TextState:
    """Tell how far the text of a document was read; one of blanks only holds nothing that can be searched."""
    if found and found.text.strip():
        return "in part" if found.blank_pages else "read"
    if (found and found.scan) or (is_scan(resource) and not (found and found.why)):
        return "scan"
    return "unreadable" if found or not attachments(resource) else "not asked"


def sent_forms(resource: Resource) -> list[Resource]:
    """Return the attachments of a document or a report, as sent."""
    forms = [a for a in _many(resource.get("presentedForm")) if isinstance(a, dict)]
    return [*map(_attachment, _many(resource.get("content"))), *forms]


def _many(sent: object) -> list[object]:
    return sent if isinstance(sent, list) else []


def _attachment(content: object) -> Resource:
    found = content.get("attachment") if isinstance(content, dict) else None
    return found if isinstance(found, dict) else {}


def decoded(data: object, content_type: str) -> Extracted:
    """Return the words of base64 data, or why there are none."""
    most = max(MOST_BYTES.values())
    if not isinstance(data, str):
        return Extracted(why="its content was not sent")
    if len(data) > most * 4 // 3 + 4:
        return Extracted(why=f"more than {most // 1024:,} KB")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return Extracted(why="it is damaged")
    return extract(raw, content_type)


def _of_another(binary: Resource, document: Resource) -> bool:
    """Tell whether a Binary says that it belongs to another patient than the document that points to it.

    Source: https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext
    """
    named, subject = binary.get("securityContext"), document.get("subject")
    sent = str(named.get("reference") or "") if isinstance(named, dict) else ""
    own = str(subject.get("reference") or "") if isinstance(subject, dict) else ""
    return "Patient" in sent.split("/") and sent.split("/")[-2:] != own.split("/")[-2:]


def _key(resource: Resource) -> tuple[str, str, str]:
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else ""
    return str(resource.get("resourceType")), str(resource.get("id")), str(version)


class NoteTexts:
    """The texts of one launch's notes. Thread-safe; each is read at most once, a failed one again in the next turn."""

    def __init__(
        self,
        source: ChartSource,
        zone: ZoneInfo,
        on_read: Callable[[Query, Read], None] | None = None,
        labels: Labels = DEFAULT,
    ) -> None:
        self._source = source
        self._labels = labels
        self._on_read = on_read
        self._zone = zone
        self._lock = RLock()
        self._texts: dict[tuple[str, str, str], Extracted] = {}
        self._failed: set[tuple[str, str, str]] = set()
        self._opened = 0
        self._copies: tuple[list[Note], Copies] | None = None

    def begin_turn(self) -> None:
        """A person asks something new: what could not be reached is tried again, and the limit counts anew."""
        with self._lock:
            for key in self._failed:
                self._texts.pop(key, None)
            self._failed.clear()
            self._opened = 0

    def text(self, resource: Resource) -> str | None:
        """Return the text of a document, reading what is not read yet; None if unreadable."""
        self._read([resource])
        return self.known(resource)

    def known(self, resource: Resource) -> str | None:
        """Return a text without any request: inline, or one that was read before; None if there is none."""
        found = self.found(resource)
        return (found.text or None) if found else None

    def found(self, resource: Resource) -> Extracted | None:
        """Return what is known of a document's text, None where it was not asked for."""
        with self._lock:
            known = self._texts.get(_key(resource))
        if known is not None:
            return known
        plain = inline(resource)
        return Extracted(text=plain) if plain is not None else None

    def states(self, chart: Chart) -> dict[str, TextState]:
        """Tell of each document how far its text was read so far."""
        lines = document_lines(chart)
        found = [(x.reference, chart.resources[x.reference]) for x in lines]
        return {ref: text_state(r, self.found(r)) for ref, r in found}

    def notes(self, chart: Chart, *, fetch: bool = False) -> list[Note]:
        """Return all notes with text, oldest first; `fetch` also reads those that were not read yet.

        The chart is told of each document how far its text was read: a search says what it did not reach.
        """
        lines = document_lines(chart)
        if fetch:
            newest = sorted(lines, key=lambda x: x.date, reverse=True)
            self._read([chart.resources[x.reference] for x in newest])
            chart.texts.update(self.states(chart))
        known = [(x, self.known(chart.resources[x.reference])) for x in lines]
        said = standings(chart)
        out = [
            note_of(x, text, said.get(x.reference, ""))
            for x, text in known
            if text and text.strip()
        ]
        return sorted(out, key=lambda n: (n.date, n.reference))

    def copies(self, notes: Sequence[Note]) -> Copies:
        """Return which words of these notes stand in earlier ones; made again only for other notes."""
        with self._lock:
            if self._copies is None or self._copies[0] != notes:
                self._copies = (list(notes), Copies(notes))
            return self._copies[1]

    def days(self, chart: Chart, line: Line) -> list[tuple[str, str]]:
        """Return which days the words of a note mean; copied words count from the note they were first written in."""
        notes = self.notes(chart)
        note = next((n for n in notes if n.reference == line.reference), None)
        if note is None:
            return []
        runs = [run for part in self.copies(notes).runs(note) for run in part]
        found = (relative_days(run.text, (run.first or note).date) for run in runs)
        return list(dict.fromkeys(day for days in found for day in days))

    # ------------------------------------------------------------ reading

    def _read(self, resources: Sequence[Resource]) -> None:
        """Take apart, and fetch where needed, what was not read yet; several at once."""
        with self._lock:
            wanted = [r for r in resources if self.found(r) is None and attachments(r)]
            wanted = wanted[: MOST_IN_TURN - self._opened]
            self._opened += len(wanted)
            with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
                under_way = list(pool.map(self._extracted, wanted))
            for resource, (found, read) in zip(wanted, under_way, strict=True):
                self._texts[_key(resource)] = found
                if read and self._on_read and read.requests:
                    self._on_read(read.query, read)
                if read and isinstance(read.completeness, Failed):
                    self._failed.add(_key(resource))

    def _extracted(self, resource: Resource) -> tuple[Extracted, Read | None]:
        """Read the best form that can be had; the last reason stands for all."""
        found, read = Extracted(why="its content was not sent"), None
        for sent in attachments(resource):
            kind = str(sent.get("contentType") or "")
            if "data" in sent:
                found = decoded(sent["data"], kind)
            elif isinstance(sent.get("url"), str):
                read = self._source.fetch(sent["url"])
                found = self._from(read, kind, resource)
            if found.text:
                break
        return found, read

    def _from(self, read: Read, announced: str, document: Resource) -> Extracted:
        if not read.resources:
            # Nothing says that a PDF that could not be had is more than a scan.
            return Extracted(why="the EHR did not give it", scan=format_of(announced) == "pdf")
        body = read.resources[0]
        # A text is kept once for every reader, so it needs to be open to all of them.
        if any(self._labels.holds_back(body, one) for one in READERS):
            return Extracted(why="it is labelled restricted by the EHR")
        if _of_another(body, document):
            return Extracted(why="the EHR filed its content under another patient")
        served = str(body.get("contentType") or "")
        if served.partition(";")[0].strip().lower() not in UNNAMED:
            if format_of(served) != format_of(announced):
                return UNFIT
            announced = served if "charset" in served.lower() else announced
        return decoded(body.get("data"), announced)


def document_lines(chart: Chart) -> list[Line]:
    """Return the records that may hold a text: documents, and reports that came with one."""
    reports = (x for x in chart.tables.get("R", []) if has_text(chart.resources[x.reference]))
    return [*chart.tables.get("N", []), *reports]
