"""Messages from other windows: the page hears none, whoever sends it, and in any number."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import NewContext, Servers, app_frame, panel
from tests.e2e.test_main_job import answered, ask
from tests.requirements import requirement

pytestmark = pytest.mark.e2e
# As SMART Web Messaging, FHIRcast and our own pages would say it, and as nobody would.
SEND = """() => {
  const target = document.querySelector("iframe[title='Chartside']").contentWindow;
  const forms = [
    { messagingHandle: "h", messageId: "1", messageType: "scratchpad.create", payload: { resource: { resourceType: "Patient", id: "other" } } },
    { messageId: "2", responseToMessageId: "1", payload: { status: "200 OK" } },
    { event: { "hub.event": "patient-open", context: [{ key: "patient", resource: { resourceType: "Patient", id: "other" } }] } },
    { chartside: "selftest" }, { key: "x", launch_id: "x" }, "logout", "<img src=x onerror=alert(1)>", null, 7, [],
  ];
  const channel = new MessageChannel();
  for (const form of forms) target.postMessage(form, "*");
  target.postMessage("port", "*", [channel.port2]);
  for (let n = 0; n < 2000; n++) target.postMessage(forms[n % forms.length], "*");
  // A window of no origin at all, between the EHR's page and ours.
  const other = document.createElement("iframe");
  other.sandbox = "allow-scripts";
  other.srcdoc = `<script>for (let n = 0; n < 100; n++) for (const one of parent) try { one.postMessage({ n }, "*") } catch {}<\\/script>`;
  return new Promise((done) => { other.onload = () => done(true); document.body.append(other); });
}"""

# The patient, the card and the answers; beside them, words of state come and go by themselves.
SHOWN = (
    "() => [...document.querySelectorAll('.b-name, .card, article.turn')].map((e) => e.innerText)"
)


@requirement("attack-59")
def test_messages_from_any_window_change_nothing_and_cause_no_request(
    servers: Servers, new_context: NewContext
) -> None:
    page = new_context().new_page()
    page.goto(servers.chart("marlena"))
    expect(panel(page).locator(".card")).to_be_visible()
    ask(page, "Any allergies?")
    answered(page)
    frame = app_frame(page, servers)
    # What reaches the page at all is counted by the test, so that an empty proof is none.
    frame.evaluate("() => { window.heard = 0; addEventListener('message', () => window.heard++); }")
    before = frame.evaluate(SHOWN)
    assert len(before) == 3
    wrong: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(SEND)
    frame.wait_for_function("() => window.heard >= 2011")
    frame.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert frame.evaluate(SHOWN) == before
    assert wrong == []
    assert [url for url in asked if url.startswith(servers.app)] == []
    ask(page, "What medicines?")
    answered(page)
