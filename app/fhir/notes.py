"""Note texts: plain-text attachments of DocumentReferences; what is copied forward, and where a passage stands.

Only text/plain is read; every other attachment (PDF, image) counts as a scan, with its date. A passage of ten or
more words that stands in an earlier note is attributed to its first author and date.

Not recognised: copies that were reworded, and copies of notes that were not read.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock
from zoneinfo import ZoneInfo

from app.fhir.chart import Chart, Line, TextState
from app.fhir.labels import DEFAULT, Labels
from app.fhir.source import ChartSource, Query, Read, Resource

MOST_BYTES = 512 * 1024
COPIED_WORDS = 10
WORD = re.compile(r"[^\W_]+(?:[.,'’/-][^\W_]+)*")
SENTENCE = re.compile(r".+?(?:[.!?:;](?=\s|$)|$)", re.DOTALL)
PARAGRAPH = re.compile(r"\n\s*\n")


@dataclass(frozen=True, kw_only=True)
class Note:
    """A note with text: its handle, reference, day (ISO, site zone), author and paragraphs."""

    handle: str
    reference: str
    date: str
    author: str
    kind: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the whole text, paragraphs apart by an empty line."""
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of sentences of one paragraph; `first` is the earlier note it was copied from, None if new."""

    text: str
    first: Note | None


def is_scan(resource: Resource) -> bool:
    """Tell whether a document has no plain text at all."""
    return not any(_is_text(_attachment(c)) for c in resource.get("content") or [])


def inline(resource: Resource) -> str | None:
    """Return the text that came with the document itself, None where it has none."""
    for content in resource.get("content") or []:
        sent = _attachment(content)
        if _is_text(sent) and "data" in sent:
            return decoded(sent["data"], str(sent.get("contentType")))
    return None


def text_state(resource: Resource, text: str | None, *, asked: bool) -> TextState:
    """Tell how far the text of a document was read; one of blanks only holds nothing that can be searched."""
    if text is not None and text.strip():
        return "read"
    if is_scan(resource):
        return "scan"
    elsewhere = any(
        _is_text(a) and a.get("url") and "data" not in a for a in _attachments(resource)
    )
    return "not asked" if elsewhere and not asked else "unreadable"


def _attachments(resource: Resource) -> list[Resource]:
    return [_attachment(c) for c in resource.get("content") or []]


def _attachment(content: object) -> Resource:
    found = content.get("attachment") if isinstance(content, dict) else None
    return found if isinstance(found, dict) else {}


def _is_text(attachment: Resource) -> bool:
    return (
        str(attachment.get("contentType") or "").partition(";")[0].strip().lower() == "text/plain"
    )


def decoded(data: object, content_type: str = "") -> str | None:
    """Return base64 text as words, None where it is too large, not base64 or binary."""
    if not isinstance(data, str) or len(data) > MOST_BYTES * 4 // 3 + 4:
        return None
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    charset = "latin-1" if "8859-1" in content_type else "utf-8"
    return raw.decode(charset, errors="replace").replace("\r\n", "\n").replace("\x00", "")


def _of_another(binary: Resource, document: Resource) -> bool:
    """Tell whether a Binary says that it belongs to another patient than the document that points to it.

    Source: https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext
    """
    named, subject = binary.get("securityContext"), document.get("subject")
    sent = str(named.get("reference") or "") if isinstance(named, dict) else ""
    own = str(subject.get("reference") or "") if isinstance(subject, dict) else ""
    return "Patient" in sent.split("/") and sent.split("/")[-2:] != own.split("/")[-2:]


class NoteTexts:
    """The texts of one launch's notes; a Binary is asked for at most once."""

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
        self._texts: dict[tuple[str, str], str | None] = {}

    def inline(self, resource: Resource) -> str | None:
        """Return the text that came with the document itself, None where it has none."""
        return inline(resource)

    def text(self, resource: Resource) -> str | None:
        """Return the text of a document, reading its Binary where that is plain text; None if unreadable."""
        found = self.inline(resource)
        if found is not None or is_scan(resource):
            return found
        key = (str(resource.get("id")), str((resource.get("meta") or {}).get("versionId")))
        with self._lock:
            if key not in self._texts:
                self._texts[key] = self._fetched(resource)
            return self._texts[key]

    def _fetched(self, resource: Resource) -> str | None:
        for content in resource.get("content") or []:
            sent = _attachment(content)
            if _is_text(sent) and sent.get("url"):
                read = self._source.fetch(str(sent["url"]))
                if self._on_read and read.requests:
                    self._on_read(read.query, read)
                body = next(iter(read.resources), {})
                # A text is kept once for every reader, so it needs to be open to all of them.
                if self._held_back(body) or _of_another(body, resource):
                    return None
                return decoded(body.get("data"), str(body.get("contentType") or ""))
        return None

    def _held_back(self, body: Resource) -> bool:
        return any(self._labels.holds_back(body, one) for one in ("user", "model"))

    def notes(self, chart: Chart, *, fetch: bool = False) -> list[Note]:
        """Return all notes with text, oldest first; `fetch` also reads Binaries that were not read yet.

        The chart is told of each document how far its text was read: a search says what it did not reach.
        """
        read = self.text if fetch else self.known
        out = []
        for line in chart.tables.get("N", []):
            resource = chart.resources[line.reference]
            body = read(resource)
            if fetch or body is not None:
                chart.texts[line.reference] = text_state(resource, body, asked=True)
            if body is not None and body.strip():
                out.append(note_of(line, body))
        return sorted(out, key=lambda n: (n.date, n.reference))

    def known(self, resource: Resource) -> str | None:
        """Return a text without any request: inline, or a Binary that was read before."""
        found = self.inline(resource)
        if found is not None:
            return found
        key = (str(resource.get("id")), str((resource.get("meta") or {}).get("versionId")))
        with self._lock:
            return self._texts.get(key)


def note_of(line: Line, text: str) -> Note:
    """Return a note with its paragraphs; line breaks inside a paragraph become blanks."""
    parts = [p.strip() for p in PARAGRAPH.split(text.strip())]
    return Note(
        handle=line.handle,
        reference=line.reference,
        date=line.date,
        author=line.text("author"),
        kind=line.text("type"),
        paragraphs=tuple(p for p in parts if p),
    )


def normal(text: str) -> str:
    """Return only the words, in lower case, so that spacing, case and punctuation do not hide a copy."""
    return " ".join(w.lower() for w in WORD.findall(text))


def runs(note: Note, notes: Sequence[Note]) -> list[list[Run]]:
    """Split each paragraph into runs of sentences, copied ones with the earliest note that holds them."""
    earlier = [
        (n, f" {normal(n.text)} ")
        for n in notes
        if n.date < note.date and n.reference != note.reference
    ]
    return [_runs(paragraph, earlier) for paragraph in note.paragraphs]


def _runs(paragraph: str, earlier: list[tuple[Note, str]]) -> list[Run]:
    """Grow runs sentence by sentence: the longest run that stands whole in one earlier note."""
    sentences = [s for s in SENTENCE.findall(paragraph) if s.strip()]
    out: list[Run] = []
    at = 0
    while at < len(sentences):
        end, first = _longest(sentences, at, earlier)
        text = "".join(sentences[at:end])
        if first is None and out and out[-1].first is None:
            out[-1] = Run(text=out[-1].text + text, first=None)
        else:
            out.append(Run(text=text, first=first))
        at = end
    return out


def _longest(
    sentences: list[str], at: int, earlier: list[tuple[Note, str]]
) -> tuple[int, Note | None]:
    for end in range(len(sentences), at, -1):
        words = normal("".join(sentences[at:end]))
        if len(words.split()) < COPIED_WORDS:
            break
        first = next((n for n, text in earlier if f" {words} " in text), None)
        if first is not None:
            return end, first
    return at + 1, None


def passages(notes: Sequence[Note], words: str) -> list[tuple[Note, str]]:
    """Return the paragraphs that hold these words in this order (case and punctuation apart), first written first."""
    wanted = normal(words)
    if not wanted:
        return []
    return [(n, p) for n in notes for p in n.paragraphs if f" {wanted} " in f" {normal(p)} "]


def find_words(text: str, words: str) -> list[tuple[int, int]]:
    """Return where these words stand in a text, as (start, end), however they are spaced or punctuated."""
    wanted = normal(words).split()
    if not wanted:
        return []
    found = [(m.start(), m.end(), m[0].lower()) for m in WORD.finditer(text)]
    size = len(wanted)
    return [
        (found[i][0], found[i + size - 1][1])
        for i in range(len(found) - size + 1)
        if [w for _, _, w in found[i : i + size]] == wanted
    ]
