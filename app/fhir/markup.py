"""Words of HTML and C-CDA: what a reader of the page would see, tables row by row; nothing is fetched, nothing expanded.

A document that declares a DOCTYPE with entities is refused for C-CDA; HTML knows no entities of its own. Depth and size
are bounded by libxml2 (`huge_tree` off).

Source: https://hl7.org/cda/stds/core/2.0.0-sd/ (ClinicalDocument, Section, narrative block)
"""

import base64
import binascii
import re
from collections.abc import Iterator

from lxml import etree

CDA = "{urn:hl7-org:v3}"
DROPPED = frozenset((
    "script", "style", "noscript", "template", "head", "iframe", "object", "embed", "svg", "math", "canvas", "audio",
    "video", "select", "datalist", "textarea",
))  # fmt: skip
PARAGRAPHS = frozenset((
    "p", "paragraph", "div", "section", "article", "header", "footer", "ul", "ol", "list", "table", "h1", "h2", "h3",
    "h4", "h5", "h6", "blockquote", "pre", "dl", "caption", "hr", "fieldset", "address",
))  # fmt: skip
LINES = frozenset(("br", "tr", "li", "item", "dt", "dd"))
CELLS = frozenset(("td", "th"))
HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)"
    r"|opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$)",
    re.IGNORECASE,
)
BLANKS = re.compile(r"[ \t\r\f\v\xa0]+")


class Unreadable(Exception):  # said to a person: "unreadable: it is damaged"
    """An attachment that has no words for us; the message says why and holds nothing of it."""


def html_text(raw: bytes, encoding: str) -> str:
    """Return the words of an HTML or XHTML page, without scripts, styles and hidden elements.

    Raises:
        Unreadable: not markup at all.
    """
    parser = etree.HTMLParser(
        encoding=encoding or _declared(raw),
        no_network=True, huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(raw, parser)
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise Unreadable("it is damaged") from error
    if root is None:
        raise Unreadable("it holds no words")
    if len(parser.error_log.filter_from_fatals()):
        # The parser goes on behind what it gave up; half a page must not pass for the whole.
        raise Unreadable("it is nested too deeply or damaged")
    return _tidy("".join(_words(root)))


def _declared(raw: bytes) -> str | None:
    """Leave a page that says its own charset to the parser; another one is UTF-8 where it can be."""
    if b"charset" in raw[:2048].lower() or raw[:5] == b"<?xml":
        return None
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def cda_text(raw: bytes) -> tuple[str, tuple[bytes, str] | None]:
    """Return the words of a C-CDA document, each section under its title; or the document that its body carries.

    Raises:
        Unreadable: damaged, declares entities, or is no ClinicalDocument.
    """
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw or b"<\x00!\x00D" in raw or b"\x00<\x00!\x00D" in raw:  # fmt: skip
        raise Unreadable("it declares entities")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, recover=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(raw, parser)
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise Unreadable("it is damaged") from error
    if root is None or root.tag != f"{CDA}ClinicalDocument" or root.getroottree().docinfo.doctype:
        raise Unreadable("XML of another kind than a clinical document")
    carried = root.find(f"{CDA}component/{CDA}nonXMLBody/{CDA}text")
    if carried is not None:
        return "", (_decoded(carried), carried.get("mediaType", ""))
    title = root.find(f"{CDA}title")
    head = _tidy("".join(_words(title))) if title is not None else ""
    return "\n\n".join(p for p in [head, *map(_section, root.iter(f"{CDA}section"))] if p), None


def _decoded(carried: etree.Element) -> bytes:
    text = "".join((carried.text or "").split())
    if carried.get("representation", "") != "B64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("it is damaged") from error


def _section(section: etree.Element) -> str:
    """Return a section's title and narrative; sections inside it stand for themselves."""
    title, narrative = section.find(f"{CDA}title"), section.find(f"{CDA}text")
    parts = [_tidy("".join(_words(e))) for e in (title, narrative) if e is not None]
    return "\n\n".join(part for part in parts if part)


def _words(root: etree.Element) -> Iterator[str]:
    """Yield the words below an element in reading order, with the breaks that its elements make; never recursive.

    Blanks count as one, but in `pre`; inside a cell nothing breaks the row.
    """
    waiting: list[tuple[etree.Element | str, str]] = [(root, "")]
    while waiting:
        one, inside = waiting.pop()
        if isinstance(one, str):
            yield one
            continue
        name = _name(one)
        if not name or name in DROPPED or _is_hidden(one):
            continue
        before, after = _breaks(name)
        if inside == "cell":
            before, after = (" " if before else "", " " if after else "")
        inside = "cell" if name in CELLS or inside == "cell" else "pre" if name == "pre" else inside
        if name in CELLS:
            before, after = "", " | "
        parts: list[tuple[etree.Element | str, str]] = [(before, ""), (_text(one.text, inside), "")]
        for child in one:
            parts += [(child, inside), (_text(child.tail, inside), "")]
        waiting += reversed([*parts, (after, "")])


def _text(sent: str | None, inside: str) -> str:
    return (sent or "") if inside == "pre" else re.sub(r"\s+", " ", sent or "")


def _name(element: etree.Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _is_hidden(element: etree.Element) -> bool:
    return element.get("hidden", "no") != "no" or bool(HIDDEN.search(element.get("style", "")))


def _breaks(name: str) -> tuple[str, str]:
    if name in PARAGRAPHS:
        return "\n\n", "\n\n"
    if name in ("li", "item"):
        return "\n- ", ""
    return ("\n", "") if name in LINES else ("", "")


def _tidy(text: str) -> str:
    """Join blanks, drop the bar behind a row's last cell, and keep at most one empty line."""
    lines = [BLANKS.sub(" ", line).strip() for line in text.split("\n")]
    lines = [line.removesuffix("|").rstrip() for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
