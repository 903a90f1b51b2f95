"""Read a PDF or RTF file from standard input; print its words, or why there are none, as JSON.

Run by `extraction` as a process of its own; imports nothing of ours. It limits its own time and memory before it
looks at the first byte, and writes no file.
"""

import io
import json
import logging
import resource
import sys
from dataclasses import dataclass

MOST_PAGES = 300
MEMORY_BYTES = 2**30


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is printed: `scan` where no page has a text layer, `blank` pages without one among others."""

    text: str = ""
    why: str = ""
    scan: bool = False
    blank: int = 0


def main() -> None:
    """Read one file: `extraction_child.py pdf|rtf CPU_SECONDS MOST_CHARACTERS`."""
    kind, cpu_s, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # What a library remarks on a file may quote it.
    logging.disable(logging.CRITICAL)
    raw = sys.stdin.buffer.read()
    try:
        told = pdf(raw, most) if kind == "pdf" else rtf(raw)
    except MemoryError:
        told = Told(why="it could not be read within the limits of time and memory")
    except Exception:  # noqa: BLE001  # a library may raise anything for a broken file; this process ends here
        told = Told(why="it is damaged")
    sys.stdout.write(json.dumps(told.__dict__))


def pdf(raw: bytes, most: int) -> Told:
    """Return the text layer of a PDF, pages apart by an empty line."""
    from pypdf import PdfReader  # noqa: PLC0415  # each kind of file needs one library only

    if b"%PDF-" not in raw[:1024]:
        return Told(why="it is no PDF")
    reader = PdfReader(io.BytesIO(raw))
    if reader.is_encrypted:
        return Told(why="it is encrypted")
    count = len(reader.pages)
    if count > MOST_PAGES:
        return Told(why=f"more than {MOST_PAGES} pages")
    pages: list[str] = []
    for page in reader.pages:
        pages.append(page.extract_text().strip())
        if sum(map(len, pages)) > most:
            break
    blank = sum(not page for page in pages)
    if blank == len(pages):
        return Told(why="it has no text layer", scan=True)
    return Told(text="\n\n".join(page for page in pages if page), blank=blank)


def rtf(raw: bytes) -> Told:
    """Return the words of an RTF file, paragraphs apart by an empty line."""
    from striprtf.striprtf import rtf_to_text  # noqa: PLC0415  # as above

    if not raw.lstrip().startswith(b"{\\rtf"):
        return Told(why="it is no RTF")
    text = rtf_to_text(raw.decode("latin-1"), errors="replace")
    # Surrogates that nothing pairs cannot be written.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return Told(text="\n\n".join(line.strip() for line in text.split("\n") if line.strip()))


if __name__ == "__main__":
    main()
