"""Turn the bytes of an attachment into words: text, HTML, XHTML, RTF, C-CDA, and the text layer of a PDF.

Whatever is sent ends in `Extracted`: words, or why there are none. Bytes, characters, pages and time are bounded. PDF and
RTF are read by libraries of Python code that a hostile file can keep busy, so a process of its own reads them: no
environment, no token, an end of time and memory (`extraction_child`).

Not protected: HTML and C-CDA are parsed in this process by libxml2 (its own limits of depth and size stay on); words drawn
as pictures or in white ink; a PDF whose text layer says something other than its page shows; columns read across.
"""

import codecs
import json
import subprocess
import sys
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from threading import BoundedSemaphore
from typing import Literal

from app.fhir.markup import Unreadable, cda_text, html_text

Format = Literal["text", "html", "rtf", "xml", "pdf", "picture", "other"]
FORMATS: dict[str, Format] = {
    "text/plain": "text", "text/html": "html", "application/xhtml+xml": "html",
    "text/rtf": "rtf", "application/rtf": "rtf", "application/x-rtf": "rtf", "text/richtext": "rtf",
    "application/xml": "xml", "text/xml": "xml", "application/hl7-cda+xml": "xml", "application/cda+xml": "xml",
    "application/hl7-sda+xml": "xml", "application/pdf": "pdf", "application/x-pdf": "pdf",
}  # fmt: skip
MOST_BYTES: dict[Format, int] = {
    "text": 2**19, "html": 2**22, "rtf": 2**22, "xml": 2**22, "pdf": 2**24,
}  # fmt: skip
MOST_CHARACTERS = 400_000
CPU_S, WHOLE_S = 8, 20
CHILD = Path(__file__).with_name("extraction_child.py")
# What a server may give as the type of any bytes at all.
UNNAMED = frozenset(("", "application/octet-stream", "binary/octet-stream"))
_places = BoundedSemaphore(2)


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """The words of a document. `why` says why there are none; `scan`: because it is pictures of pages.

    `blank_pages` counts the pages without a text layer of a PDF that has one on others.
    """

    text: str = ""
    why: str = ""
    scan: bool = False
    blank_pages: int = 0


def format_of(content_type: object) -> Format:
    """Return how a media type is read; every image is a picture."""
    kind = str(content_type or "").partition(";")[0].strip().lower()
    return FORMATS.get(kind, "picture" if kind.startswith("image/") else "other")


def extract(raw: bytes, content_type: str, *, cpu_s: int = CPU_S) -> Extracted:
    """Return the words of an attachment, or why it has none. Never raises for what was sent."""
    return _extract(raw, content_type, cpu_s, inside=False)


def _extract(raw: bytes, content_type: str, cpu_s: int, *, inside: bool) -> Extracted:
    kind = format_of(content_type)
    if kind == "picture":
        return Extracted(why="it is a picture", scan=True)
    if kind == "other":
        return Extracted(why="a format that is not read")
    if len(raw) > MOST_BYTES[kind]:
        return Extracted(why=f"more than {MOST_BYTES[kind] // 1024:,} KB")
    try:
        found = _read(raw, kind, content_type, cpu_s, inside=inside)
    except Unreadable as error:
        return Extracted(why=str(error))
    if len(found.text) > MOST_CHARACTERS:
        return Extracted(why=f"more than {MOST_CHARACTERS:,} characters")
    if not found.text.strip() and not found.why:
        return Extracted(why="it holds no words")
    return found


def _read(raw: bytes, kind: Format, content_type: str, cpu_s: int, *, inside: bool) -> Extracted:
    match kind:
        case "text":
            return Extracted(text=plain_text(raw, content_type))
        case "html":
            return Extracted(text=html_text(raw, charset(content_type)))
        case "xml":
            words, part = cda_text(raw)
            # A document that carries another one in its body is read one level deep.
            if part and not inside:
                return _extract(part[0], part[1], cpu_s, inside=True)
            return Extracted(text=words)
        case _:
            return _in_a_process(raw, kind, cpu_s)


def charset(content_type: str) -> str:
    """Return the charset that a media type names, if it is one; empty otherwise."""
    message = Message()
    message["Content-Type"] = content_type
    named = message.get_param("charset")
    try:
        known = codecs.lookup(named) if isinstance(named, str) else None
        # Some codecs of Python are no charsets (base64, zip).
        "".encode(known.name if known else "utf-8")
    except (LookupError, ValueError):
        return ""
    return known.name if known else ""


def plain_text(raw: bytes, content_type: str) -> str:
    """Return the words of text/plain: a byte order mark first, then the charset named, else UTF-8 or Windows-1252."""
    marks = (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    )
    named = next((name for mark, name in marks if raw.startswith(mark)), "") or charset(content_type)  # fmt: skip
    try:
        text = raw.decode(named or "utf-8", errors="replace" if named else "strict")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def _in_a_process(raw: bytes, kind: Format, cpu_s: int) -> Extracted:
    """Let another process read the bytes; whatever becomes of it, this one goes on."""
    command = [sys.executable, "-I", "-X", "utf8", str(CHILD), kind, str(cpu_s), str(MOST_CHARACTERS)]  # fmt: skip
    try:
        with _places:
            done = subprocess.run(  # noqa: S603  # our own file, by its full path, no shell
                command, input=raw, capture_output=True, timeout=WHOLE_S, check=False, env={}
            )
        told = json.loads(done.stdout) if done.returncode == 0 else {}
    except subprocess.TimeoutExpired:
        return Extracted(why="it took too long to read")
    except (OSError, ValueError):
        told = {}
    if not told:
        return Extracted(why="it could not be read within the limits of time and memory")
    return Extracted(
        text=told["text"], why=told["why"], scan=told["scan"], blank_pages=told["blank"]
    )
