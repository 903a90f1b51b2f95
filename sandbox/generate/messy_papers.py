"""Documents that are not plain text: pages of PDF with and without text, RTF, HTML, C-CDA, a long outside record.

Small writers of the few features that a reader has to cope with. The text of each is ours; `scanned_pdf` holds an
image of grey bars, so that there is nothing in it that a machine could read.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

LINES_PER_PAGE = 46
IMAGE_WIDTH, IMAGE_HEIGHT = 64, 80


def text_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """Return a PDF whose pages hold lines of Helvetica, as a word processor's export does."""
    drawn = []
    for page in pages:
        shown = "\n".join(f"({_escaped(line)}) Tj T*" for line in page)
        drawn.append(f"BT /F1 10 Tf 14 TL 56 740 Td\n{shown}\nET".encode("latin-1"))
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    return _pdf(drawn, b"/Font << /F1 3 0 R >>", font)


def scanned_pdf(pages: int) -> bytes:
    """Return a PDF of images only, as a scanner makes it: no font, no text."""
    bars = bytes(
        0x00 if row % 5 < 2 and column < (row * 7) % 6 + 2 else 0xFF
        for row in range(IMAGE_HEIGHT)
        for column in range(IMAGE_WIDTH // 8)
    )
    image = (
        f"<< /Type /XObject /Subtype /Image /Width {IMAGE_WIDTH} /Height {IMAGE_HEIGHT} /ColorSpace /DeviceGray"
        f" /BitsPerComponent 1 /Length {len(bars)} >>\nstream\n"
    ).encode() + bars + b"\nendstream"  # fmt: skip
    draw = b"q 480 0 0 700 60 50 cm /I1 Do Q"
    return _pdf([draw] * pages, b"/XObject << /I1 3 0 R >>", image)


def _pdf(drawn: Sequence[bytes], resources: bytes, shared: bytes) -> bytes:
    """Return the file: catalog 1, page tree 2, the font or image 3, then each page and what it draws."""
    first = 4
    kids = " ".join(f"{first + 2 * n} 0 R" for n in range(len(drawn)))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(drawn)} >>".encode(),
        shared,
    ]
    for n, content in enumerate(drawn):
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {first + 2 * n + 1} 0 R /Resources << "
        bodies.append(page.encode() + resources + b" >> >>")
        bodies.append(f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream")
    out, places = b"%PDF-1.4\n", []
    for n, body in enumerate(bodies, 1):
        places.append(len(out))
        out += f"{n} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    head = f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}"
    tail = f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + head.encode() + tail.encode()


def _escaped(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def rtf(title: str, paragraphs: Sequence[str]) -> bytes:
    """Return an RTF document; letters outside ASCII are written as RTF's Unicode escapes."""
    words = "\\par\n".join(paragraphs)
    plain = "".join(c if ord(c) < 128 else f"\\u{ord(c)}?" for c in words)
    head = (
        r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss Helvetica;}}{\info{\title "
        + title
        + "}}"
    )
    return (head + "\\f0\\fs22 {\\b " + title + "}\\par\n" + plain + "\\par\n}").encode()


def html(title: str, rows: Sequence[tuple[str, str]], paragraph: str) -> bytes:
    """Return an HTML letter with a table, a style and a remark that a reader must not take for text."""
    cells = "".join(
        f"<tr><td>{escape(left)}</td><td>{escape(right)}</td></tr>" for left, right in rows
    )
    return (
        f"<!DOCTYPE html><html><head><title>{escape(title)}</title><style>td {{ color: #333 }}</style></head><body>"
        f"<!-- template 7 --><h1>{escape(title)}</h1><p>{escape(paragraph)}</p><table>{cells}</table></body></html>"
    ).encode()


def ccda(title: str, sections: Sequence[tuple[str, str, Sequence[str]]]) -> bytes:
    """Return a C-CDA document whose sections are (LOINC, title, items); narrative only.

    Source: HL7 C-CDA R2.1, Continuity of Care Document
    """
    parts = "".join(
        f'<component><section><code code="{code}" codeSystem="2.16.840.1.113883.6.1"/><title>{escape(name)}</title>'
        f"<text><list>{''.join(f'<item>{escape(item)}</item>' for item in items)}</list></text></section></component>"
        for code, name, items in sections
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><realmCode code="US"/>'
        '<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>'
        '<templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"/><id root="1.2.3.4.5.6"/>'
        f'<code code="34133-9" codeSystem="2.16.840.1.113883.6.1"/><title>{escape(title)}</title>'
        '<effectiveTime value="20260112"/><languageCode code="en-US"/>'
        f"<component><structuredBody>{parts}</structuredBody></component></ClinicalDocument>"
    ).encode()


_MORNING = (
    "Slept {hours} hours", "Walked {yards} yards with a walker", "Knee bent to {degrees} degrees",
    "Drain gave {drain} mL", "Pain {pain} of 10 at rest", "Ate {part} of breakfast",
)  # fmt: skip
_DETAILS = (
    "Dressing dry and changed at {hour}:15.", "Calf soft; stockings reapplied at {hour}:40.",
    "Therapist taught stairs, {steps} steps up and down.", "Bowels moved; laxative continued.",
    "Daughter visited and asked about the commode chair.", "Cough weak; breathing trainer {breaths} times an hour.",
)  # fmt: skip


def outside_record(pages: int) -> str:
    """Return the record of a knee operation elsewhere in 2024, one form feed between its pages."""
    return "\f".join(_page(n, pages) for n in range(1, pages + 1))


def _page(number: int, pages: int) -> str:
    head = f"Riverbend Orthopedic Hospital    HALLORAN, Perpetua    born 21-May-1968    page {number} of {pages}"
    lines = [head, ""]
    if number == 1:
        lines += [
            "Record released 12-Mar-2024. Left total knee replacement 05-Feb-2024, discharged 14-Feb-2024.",
            "Allergies: penicillin (rash). Cefazolin 2 g before incision, no reaction.",
            "",
        ]
    if number == pages - 6:
        lines += [
            "13-Feb-2024 ultrasound of the left leg, by telephone from radiology: clot in the popliteal vein.",
            "Family told. Anticoagulation to be started by her own doctor.",
            "",
        ]
    day = 5 + (number - 1) * 9 // pages
    for hour in range(6, 6 + 14):
        seed = number * 31 + hour * 7
        facts = {
            "hours": 3 + seed % 5, "yards": 10 + seed % 90, "degrees": 40 + seed % 55, "drain": seed % 120,
            "pain": 2 + seed % 6, "part": ("a third", "half", "most")[seed % 3], "steps": 2 + seed % 9,
            "breaths": 4 + seed % 8, "hour": hour,
        }  # fmt: skip
        first, second = _MORNING[seed % 6], _DETAILS[(seed // 6) % 6]
        lines.append(
            f"{day:02}-Feb-2024 {hour:02}:00  {first.format(**facts)}. {second.format(**facts)}"
        )
    return "\n".join(lines)
