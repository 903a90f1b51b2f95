"""A chart with a document of each format, through both parties: asked for, quoted, shown as a source."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tests.stack import make_stack
from tests.unit.fhir.files import cda, pdf, rtf

FIRST, WORDS = "sardonic gallop at the base", "quixotic murmur at the apex"
NARRATIVE = f"<structuredBody><component><section><title>Exam</title><text>Clinical: {WORDS}.</text></section></component></structuredBody>"
FORMATS = {
    "me-doc-scan-01": ("application/pdf", pdf(f"Outside: {FIRST}.")),
    "me-doc-scan-02": ("text/html", f"<p>Page: {FIRST}.</p><script>x()</script>".encode()),
    "me-doc-scan-04": ("application/rtf", rtf(f"Letter: {WORDS}.")),
    "me-doc-scan-06": ("text/xml", cda(NARRATIVE)),
    "me-doc-scan-08": ("text/plain; charset=windows-1252", f"Plain: {WORDS}, 37 °C.".encode("cp1252")),
}  # fmt: skip
BY_BINARY = "me-bin-scan-12"


def with_documents(ehr: WSGIApplication) -> WSGIApplication:
    """Return an EHR in which Marlena's first scans are documents with words, and one Binary is there."""

    def changed(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        begun: list[Any] = []
        body = b"".join(ehr(environ, lambda *given: begun.append(given)))  # type: ignore[arg-type]  # no write()
        status, headers = begun[-1][0], begun[-1][1]
        if environ["PATH_INFO"] == f"/fhir/Binary/{BY_BINARY}":
            raw = pdf(f"Urgent care: {WORDS}.")
            found = {"resourceType": "Binary", "id": BY_BINARY, "contentType": "application/pdf"}
            found["data"] = base64.b64encode(raw).decode()
            status, body = "200 OK", json.dumps(found).encode()
            headers = [("Content-Type", "application/fhir+json")]
        elif environ["PATH_INFO"] == "/fhir/DocumentReference" and status.startswith("200"):
            bundle = json.loads(body)
            for entry in bundle["entry"]:
                _given(entry["resource"])
            body = json.dumps(bundle).encode()
            headers = [h for h in headers if h[0].lower() != "content-length"]
        start(status, headers)
        return [body]

    return changed


def _given(document: dict[str, Any]) -> None:
    if document.get("id") in FORMATS:
        kind, raw = FORMATS[document["id"]]
        attachment = {"contentType": kind, "data": base64.b64encode(raw).decode()}
        document["content"] = [{"attachment": attachment}]


def test_words_of_every_format_are_found_quoted_and_shown(tmp_path: Path) -> None:
    launched = make_stack(tmp_path, between=with_documents).browser().launch()
    events = launched.ask("Which notes mention quixotic murmur?")
    said = json.dumps(events, ensure_ascii=False)
    begun = ("Letter", "Clinical", "Plain", "Urgent care")
    assert [word for word in begun if f"{word}: {WORDS}" not in said] == []
    again = json.dumps(launched.ask("Which notes mention sardonic gallop?", "turn-0002"))
    assert [word for word in ("Outside", "Page") if f"{word}: {FIRST}" not in again] == []
    assert "6 scanned documents (newest 18-Dec-2025)" in said
    numbers = {e["value"]["n"] for e in events if e.get("name") == "chartside.citation"}
    shown = [launched.get(f"/sources/{n}").get_json() for n in sorted(numbers)]
    marked = {s["text"] for source in shown for p in source["note"] for s in p["segments"]}
    assert any("37 °C" in text for text in marked)
    assert not any("x()" in text for text in marked)
