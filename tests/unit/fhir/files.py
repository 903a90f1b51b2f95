"""Small files of each format, made in code: a PDF by hand, C-CDA and RTF by their text."""

import zlib

CDA_SECTIONS = """<component><section><title>Allergies</title><text><table><thead><tr><th>Substance</th><th>Reaction</th>
</tr></thead><tbody><tr><td><content styleCode="Bold">Penicillin</content></td><td><paragraph>Hives</paragraph></td></tr>
<tr><td>Latex</td><td/></tr></tbody></table></text></section></component><component><section><title>Plan</title><text>
<paragraph>See in 2 weeks<br/>with labs.</paragraph><list><item>Potassium</item><item>ECG</item></list></text></section>
</component>"""


def cda(body: str = f"<structuredBody>{CDA_SECTIONS}</structuredBody>", *, head: str = "") -> bytes:
    """Return a C-CDA document."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<ClinicalDocument xmlns="urn:hl7-org:v3">'
        f"<title>Summary of care</title><component>{body}</component></ClinicalDocument>"
    ).encode()


def rtf(*paragraphs: str) -> bytes:
    """Return an RTF file."""
    text = r"\par ".join(paragraphs)
    return (
        r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fswiss Arial;}}{\info{\author Nobody}}" + text + "}"
    ).encode()


def pdf(*pages: str | bytes, trailer: str = "") -> bytes:
    """Return a PDF: a page of words for each text, a page that draws what the bytes say for each of the others."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for at, page in enumerate(pages):
        drawn = (
            page if isinstance(page, bytes) else f"BT /F1 12 Tf 72 720 Td ({page}) Tj ET".encode()
        )
        packed = zlib.compress(drawn, 9)
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * at} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>".encode(),
            f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode()
            + packed
            + b"\nendstream",
        ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R {trailer} >>\n"
        f"startxref\n{len(out)}\n%%EOF"
    )
    return out + end.encode()
