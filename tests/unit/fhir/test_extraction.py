"""Words of attachments in each format; a hostile or broken file ends as unreadable, with its reason."""

import base64

import pytest

from app.fhir.extraction import Extracted, extract
from tests.requirements import requirement
from tests.unit.fhir.files import CDA_SECTIONS, cda, pdf, rtf

CDA_WORDS = (
    "Summary of care\n\nAllergies\n\nSubstance | Reaction\nPenicillin | Hives\nLatex |\n\n"
    "Plan\n\nSee in 2 weeks\nwith labs.\n\n- Potassium\n- ECG"
)
PAGE = b"""<!DOCTYPE html><html><head><title>Tab</title><style>p {color: red}</style></head><body><h1>Visit</h1>
<p>Knee
  pain <b>wor</b>se.</p><script>steal()</script><p style="DISPLAY : none">Not shown.</p><div hidden>Nor this.</div>
<span style="font-size:0px">Nor that.</span><noscript>No.</noscript><!-- Nor a remark. -->
<table><tr><th>Drug</th><th>Dose</th></tr><tr><td><p>Metformin</p></td><td>500&nbsp;mg</td></tr></table>
<ul><li>caf\xc3\xa9<li>rest</ul><a href="javascript:alert(1)">link</a><img src="https://evil.test/x" alt="x"></body>"""
XHTML = b"""<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<html xmlns="http://www.w3.org/1999/xhtml"><body><p>Seen.</p><p>&b;</p></body></html>"""


@pytest.mark.parametrize(
    ("raw", "content_type", "words"),
    [
        ("café 5 µg".encode(), "text/plain", "café 5 µg"),
        ("café".encode("cp1252"), "text/plain", "café"),
        ("café".encode("latin-1"), "text/plain; charset=ISO-8859-1", "café"),
        ("Größe".encode("utf-16"), "text/plain;charset=base64", "Größe"),
        (b"\xef\xbb\xbfOne\r\ntwo\x00", 'TEXT/PLAIN; charset="utf-8"', "One\ntwo"),
        (PAGE, "text/html", "Visit\n\nKnee pain worse.\n\nDrug | Dose\nMetformin | 500 mg\n\n- café\n- rest\n\nlink"),
        ("<p>café</p>".encode("cp1252"), "text/html; charset=windows-1252", "café"),
        (cda(), "application/xml", CDA_WORDS),
        (cda(), "text/xml; charset=utf-8", CDA_WORDS),
        (rtf("Chest pain", r"caf\'e9 \b bold\b0"), "application/rtf", "Chest pain\n\ncafé bold"),
        (pdf("Ejection fraction 45 %", "Second page"), "application/pdf", "Ejection fraction 45 %\n\nSecond page"),
    ],
)  # fmt: skip
def test_each_format_gives_its_words(raw: bytes, content_type: str, words: str) -> None:
    assert extract(raw, content_type) == Extracted(text=words)


@requirement("attack-52")
def test_an_entity_of_a_page_is_never_expanded() -> None:
    found = extract(XHTML, "application/xhtml+xml").text
    assert ("Seen." in found, "aaaaaaaaaa" in found) == (True, False)


def test_a_document_inside_a_clinical_document_is_read_once() -> None:
    def carrying(raw: bytes, kind: str) -> bytes:
        data = base64.b64encode(raw).decode()
        return cda(f'<nonXMLBody><text mediaType="{kind}" representation="B64">{data}</text></nonXMLBody>')  # fmt: skip

    assert extract(carrying(pdf("Inside"), "application/pdf"), "text/xml").text == "Inside"
    twice = carrying(carrying(pdf("Inside"), "application/pdf"), "text/xml")
    assert extract(twice, "text/xml") == Extracted(why="it holds no words")


def test_a_pdf_of_pictures_is_a_scan_and_one_with_some_is_read_in_part() -> None:
    assert extract(pdf(b"0 0 10 10 re f", b""), "application/pdf") == Extracted(
        why="it has no text layer", scan=True
    )
    assert extract(pdf("First page", b""), "application/pdf") == Extracted(
        text="First page", blank_pages=1
    )


LAUGHS = '<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
ENCRYPTED = pdf("Secret", trailer="/Encrypt << /Filter /Standard /V 1 /R 2 /O (x) /U (x) /P -4 >>")
PAST = "it could not be read within the limits of time and memory"


@requirement("attack-48")
@pytest.mark.parametrize(
    ("raw", "content_type", "why"),
    [
        (b"", "text/plain", "it holds no words"),
        (b"x" * (2**19 + 1), "text/plain", "more than 512 KB"),
        (b"x" * 50_000_000, "application/pdf", "more than 16,384 KB"),
        (b"<p>" + b"x " * 300_000, "text/html", "more than 400,000 characters"),
        (b"<div>" * 200_000 + b"x", "text/html", "it is nested too deeply or damaged"),
        (cda("<a>" * 100_000), "text/xml", "it is damaged"),
        (cda(head=LAUGHS), "text/xml", "it declares entities"),
        (cda(head=FILE), "text/xml", "it declares entities"),
        (cda(head=LAUGHS).decode().replace("UTF-8", "UTF-16").encode("utf-16"), "text/xml", "it declares entities"),
        (cda()[:-30], "text/xml", "it is damaged"),
        (b"<Bundle xmlns='http://hl7.org/fhir'/>", "application/xml", "XML of another kind than a clinical document"),
        (b"%PDF-1.4 cut", "application/pdf", "it is damaged"),
        (b"MZ", "application/pdf", "it is no PDF"),
        (ENCRYPTED, "application/pdf", "it is encrypted"),
        (pdf(*["x"] * 301), "application/pdf", "more than 300 pages"),
        (pdf(b" " * 100_000_000), "application/pdf", "it is damaged"),
        (b"plain", "text/rtf", "it is no RTF"),
        (b"PK", "application/msword", "a format that is not read"),
        (b"\x89PNG", "image/png", "it is a picture"),
    ],
    ids=range(19),
)  # fmt: skip
def test_what_cannot_be_read_says_why(raw: bytes, content_type: str, why: str) -> None:
    found = extract(raw, content_type)
    assert (found.text, found.why) == ("", why)


@requirement("attack-48")
def test_a_file_that_keeps_its_reader_busy_is_given_up() -> None:
    hostile = b"{\\rtf1 " + b'{\\field{\\*\\fldinst{HYPERLINK "a"' * 20_000 + b"}"
    assert extract(hostile, "text/rtf", cpu_s=1) == Extracted(why=PAST)


def test_a_section_inside_a_section_is_read_once() -> None:
    nested = f"<structuredBody><component><section><title>All</title>{CDA_SECTIONS}</section></component></structuredBody>"
    assert extract(cda(nested), "text/xml").text.count("Penicillin") == 1
