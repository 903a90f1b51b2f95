"""Chartside's own rules. What the product promises beyond the specifications."""

from tests.rules.rule import PRODUCT, Page, Rule

PROBLEM = "https://www.rfc-editor.org/rfc/rfc9457"

PAGE = Page(
    title="Chartside's own rules",
    says="What the product promises beyond the specifications.",
    rules={
        "smart:launch:callback-post": Rule(
            source=PRODUCT,
            text="Reading the callback address consumes nothing; only the page's POST does.",
        ),
        "chartside:patient:compartment": Rule(
            source=PRODUCT,
            text="A resource of another patient is dropped, counted and never shown.",
        ),
        "chartside:patient:other-named": Rule(
            source=PRODUCT,
            text="A question that names another patient, by an id or plainly by a name, is not answered from this chart.",
        ),
        "chartside:session:key": Rule(
            source=PRODUCT,
            text="A launch key opens its own launch only; without one nothing is answered.",
        ),
        "chartside:session:resume": Rule(
            source=PRODUCT,
            text="A resume needs the launch's own cookie and our own page, and replaces the key.",
        ),
        "chartside:session:limits": Rule(
            source=PRODUCT, text="Idle and absolute limits end a launch on the server."
        ),
        "chartside:session:warning": Rule(
            source=PRODUCT,
            text="The page can ask how long its launch lives, which is no use of it; going on moves the idle limit only.",
        ),
        "chartside:session:sealed": Rule(
            source=PRODUCT,
            text="Stored values that were changed or moved do not open; nothing is unpickled.",
        ),
        "chartside:errors:problem": Rule(
            source=PROBLEM,
            text="Every API error is problem+json with one sentence and no patient data.",
        ),
        "chartside:audit:append-only": Rule(
            source=PRODUCT,
            text="Audit rows cannot be changed or removed, and a broken chain is found.",
        ),
        "chartside:framing": Rule(
            source=PRODUCT, text="Pages may be framed by the registration's origins only."
        ),
        "chartside:session:park": Rule(
            source=PRODUCT,
            text="A page that was left parks its launch, which ends soon unless the page comes back.",
        ),
        "chartside:session:stream-limits": Rule(
            source=PRODUCT, text="A running turn is stopped when its launch ends, whatever ends it."
        ),
        "chartside:mcp:pinned": Rule(
            source=PRODUCT,
            text="A tool of the EHR's MCP server is called only as IT approved it; one that changed is named and waits.",
        ),
        "chartside:mcp:read-only": Rule(
            source=PRODUCT,
            text="A tool that says that it may change something is never called; one that says nothing, only where the site answers for it.",
        ),
        "chartside:mcp:guard": Rule(
            source=PRODUCT,
            text="A tool's arguments come from our code and name the launched patient; its results pass the patient guard.",
        ),
        "chartside:mcp:token": Rule(
            source=PRODUCT,
            text="The FHIR token goes to an MCP server only as its registration says, and no redirect is followed.",
        ),
        "chartside:mcp:failures": Rule(
            source=PRODUCT,
            text="A tool's error, or words in place of records, is never read as none.",
        ),
        "chartside:mcp:statement": Rule(
            source=PRODUCT,
            text="What a tool says in words is shown as the server's statement, never as a record.",
        ),
        "chartside:care-gaps:unread": Rule(
            source=PRODUCT,
            text="A rule of care is called not met only where every section that could hold its evidence was read to its end.",
        ),
        "chartside:jobs:part-unread": Rule(
            source=PRODUCT,
            text="A part of a report that was refused, restricted, cut or failed says so in its place, and the other parts are still given.",
        ),
    },
)
