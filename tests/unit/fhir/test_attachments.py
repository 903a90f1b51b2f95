"""Where a document's words come from: inline, a Binary of this EHR, a file on a registered host; nowhere else."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx2
import pytest

from app.boundary import Boundary
from app.fhir.client import FhirSource
from app.fhir.display import Text
from app.fhir.reader import LaunchChart
from app.fhir.source_view import source as shown_source
from app.tools.note_tools import chart_notes, note_read
from tests.ndjson_source import context
from tests.requirements import requirement
from tests.unit.fhir.ehr import BASE, NOW, bundle
from tests.unit.fhir.files import cda, pdf, rtf

FILES, CLOUD = "https://ehr.test/files/echo.pdf", "https://files.ehr.test/echo.pdf"
ECHO = "Ejection fraction 45 percent"


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def document(n: int, **attachment: Any) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference", "id": f"d{n}", "status": "current", "docStatus": "final",
        "date": f"2026-11-0{n}", "type": {"text": "Echo report"}, "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": attachment}],
    }  # fmt: skip


def report(**attachment: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport", "id": "r1", "status": "final", "code": {"text": "Echocardiogram"},
        "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-11-03",
        "performer": [{"display": "Mercy Echo"}], "presentedForm": [attachment],
    }  # fmt: skip


class Server:
    """Answers with these documents, and files by address: (status, content type, body)."""

    def __init__(self, *found: dict[str, Any], **files: Any) -> None:
        self.found, self.files = found, files.pop("files", {})
        self.asked: list[tuple[str, str, str]] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        url = f"https://{environ['HTTP_HOST']}{environ['PATH_INFO']}"
        self.asked.append(
            (url, environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_ACCEPT", ""))
        )
        status, kind, body = self.files.get(url, (200, "application/fhir+json", None))
        if body is None:
            path = url.removeprefix(f"{BASE}/")
            own = [r for r in self.found if r["resourceType"] == path]
            body = json.dumps({"resourceType": "Patient", "id": "p1"} if path == "Patient/p1" else bundle(*own)).encode()  # fmt: skip
        start(f"{status} X", [("Content-Type", kind)])
        return [body]

    def files_asked(self) -> list[tuple[str, str]]:
        beyond = [(url, token) for url, token, _ in self.asked if "Binary" in url or "echo" in url]
        return sorted(beyond)


def chart(server: Server) -> LaunchChart:
    origins = frozenset(("https://ehr.test", "https://files.ehr.test"))
    boundary = Boundary(origins, False, httpx2.WSGITransport(app=server))
    live = FhirSource(boundary, context("p1", NOW), lambda: "secret", sleep=lambda _: None)
    return LaunchChart(live, context("p1", NOW), NOW)


def words_of(server: Server) -> list[str]:
    live = chart(server)
    live.ensure("notes")
    return [n.text for n in live.texts.notes(live.chart, fetch=True)]


def binary(raw: bytes, content_type: str, **more: Any) -> tuple[int, str, bytes]:
    sent = {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": content_type,
        "data": encoded(raw),
        **more,
    }
    return 200, "application/fhir+json", json.dumps(sent).encode()


@requirement("attack-42")
def test_words_come_from_the_ehr_and_its_registered_hosts_with_the_token_only_where_it_belongs() -> (
    None
):
    kind = "application/pdf"
    server = Server(
        document(1, contentType=kind, url="Binary/b1"), document(2, contentType=kind, url=FILES),
        document(3, contentType=kind, url=CLOUD), document(4, contentType=kind, url=f"{BASE}/Binary/b1"),
        document(5, contentType=kind, data=encoded(pdf("Inline"))),
        files={
            f"{BASE}/Binary/b1": binary(pdf(ECHO), kind), FILES: (200, kind, pdf("Beside")),
            CLOUD: (200, "application/octet-stream", pdf("Elsewhere")),
        },
    )  # fmt: skip
    assert words_of(server) == [ECHO, "Beside", "Elsewhere", ECHO, "Inline"]
    assert server.files_asked() == [
        (f"{BASE}/Binary/b1", "Bearer secret"), (f"{BASE}/Binary/b1", "Bearer secret"),
        (FILES, "Bearer secret"), (CLOUD, ""),
    ]  # fmt: skip


@requirement("attack-42")
@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/echo.pdf", "https://ehr.test.evil.test/echo.pdf", "https://ehr.test@evil.test/echo.pdf",
        "http://ehr.test/echo.pdf", "//evil.test/echo.pdf", "file:///etc/passwd", "javascript:alert(1)",
        "https://ehr.test/fhir/Patient/p2", "https://ehr.test//fhir/Patient/p2", "https://ehr.test/%66hir/Patient/p2",
        "https://ehr.test/FHIR/DocumentReference?patient=p2", "https://ehr.test/x/../fhir/Patient/p2", "Patient/p2",
        "https://169.254.169.254/echo.pdf", "data:text/plain;base64,aGk=", "",
    ],
)  # fmt: skip
def test_no_other_address_is_asked_with_or_without_the_token(address: str) -> None:
    server = Server(document(1, contentType="text/html", url=address))
    assert words_of(server) == []
    assert {url for url, _, _ in server.asked if "/fhir/" not in url} == set()
    assert not any(url.endswith(("p2", "pdf")) for url, _, _ in server.asked)


def test_a_server_that_answers_a_binary_with_its_content_is_understood() -> None:
    server = Server(
        document(1, contentType="application/rtf", url="Binary/b1"),
        files={f"{BASE}/Binary/b1": (200, "application/rtf", rtf("As itself"))},
    )
    assert words_of(server) == ["As itself"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, "application/fhir+json", b"{}"), "the EHR did not give it"),
        ((200, "text/html", b"<p>Please log in</p>"), "it came in another format than announced"),
        (binary(b"<p>Other</p>", "text/html"), "it came in another format than announced"),
        (binary(b"Notes", "text/plain", meta={"security": [{"code": "PSY"}]}), "it is labelled restricted by the EHR"),
        (binary(b"Notes", "text/plain", securityContext={"reference": "Patient/p2"}),
         "the EHR filed its content under another patient"),
        (binary(b"", "text/plain"), "it holds no words"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_tells_why_beside_its_source(
    answer: tuple[int, str, bytes], why: str
) -> None:
    live = chart(
        Server(
            document(1, contentType="text/plain", url="Binary/b1"),
            files={f"{BASE}/Binary/b1": answer},
        )
    )
    live.ensure("notes")
    (fact,) = [f for f in shown_source(live, live.sources.number("N1")).facts if f.label == "Text"]
    assert [p.text for p in fact.pieces if isinstance(p, Text)] == [f"Cannot be read: {why}"]


def test_a_report_is_found_by_the_words_of_the_document_that_it_came_with() -> None:
    live = chart(Server(report(contentType="application/pdf", data=encoded(pdf(ECHO)))))
    (entry,) = chart_notes(live, ["ejection fraction"]).entries
    assert (entry.handle, entry.name, entry.field("author"), entry.field("passage")) == (
        "R1", "Echocardiogram", "Mercy Echo", ECHO,
    )  # fmt: skip
    assert ECHO in note_read(live, "R1").text
    shown = shown_source(live, live.sources.number("R1"))
    assert ([s.text for p in shown.note for s in p.segments], '"data"' in shown.fhir_json) == (
        [ECHO],
        False,
    )


def test_pages_without_words_keep_a_search_from_being_complete() -> None:
    live = chart(
        Server(
            document(1, contentType="application/pdf", data=encoded(pdf("One", b""))),
            document(2, contentType="application/pdf", data=encoded(pdf(b""))),
            document(3, contentType="text/xml", data=encoded(cda()[:50])),
            document(4, contentType="application/msword", data="AAAA"),
        )
    )
    (entry,) = chart_notes(live, ["zebra"]).entries
    record = live.chart.ledger.search(entry.handle)
    assert (record.searched, record.complete, record.why_incomplete) == (
        1, False, "1 scanned document, 1 document with scanned pages and 2 unreadable notes were not searched",
    )  # fmt: skip


def test_a_document_that_was_sent_in_several_forms_is_read_in_its_plainest() -> None:
    both = document(1, contentType="application/pdf", data=encoded(pdf("As a PDF")))
    both["content"].append(
        {"attachment": {"contentType": "text/plain", "data": encoded(b"As text")}}
    )
    assert words_of(Server(both)) == ["As text"]


def test_a_text_that_could_not_be_reached_is_asked_for_again_in_the_next_turn_only() -> None:
    server = Server(
        document(1, contentType="text/plain", url="Binary/b1"),
        files={f"{BASE}/Binary/b1": (503, "text/plain", b"")},
    )
    live = chart(server)
    live.ensure("notes")
    assert [live.texts.notes(live.chart, fetch=True) for _ in range(2)] == [[], []]
    server.files[f"{BASE}/Binary/b1"] = binary(b"Back again", "text/plain")
    live.begin_turn()
    assert [n.text for n in live.texts.notes(live.chart, fetch=True)] == ["Back again"]
    assert len(server.files_asked()) == 2


def test_what_was_read_of_texts_stays_known_when_another_section_is_read() -> None:
    live = chart(
        Server(document(1, contentType="application/pdf", data=encoded(pdf("Words of a PDF"))))
    )
    chart_notes(live, ["words"])
    live.ensure("immunizations")
    assert list(live.chart.texts.values()) == ["read"]


def test_more_documents_than_one_turn_may_open_are_said_not_to_be_read_yet() -> None:
    many = [
        {**document(1, contentType="text/html", data=encoded(b"<p>Word</p>")), "id": f"d{n}"}
        for n in range(65)
    ]
    live = chart(Server(*many))
    (entry,) = chart_notes(live, ["zebra"]).entries
    record = live.chart.ledger.search(entry.handle)
    assert (record.searched, record.why_incomplete) == (60, "5 notes not read yet were not searched")  # fmt: skip
