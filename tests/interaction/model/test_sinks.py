"""What a model puts into tool arguments reaches no sink: no host but the registered one, no address, body or file name of ours."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from app.llm.port import ModelEvent, Request, ToolTurn
from tests.interaction.model.models import provider
from tests.requirements import requirement
from tests.stack import make_stack
from tests.unit.agent.scripted import look, say

LEAK = "http://evil.localhost/?q=Marlena+potassium+3.9"
FRONTEND = Path(__file__).resolve().parents[3] / "frontend" / "src"
# Where a page could send or save something; each use is named here, with all that it sends.
SINKS = re.compile(
    r"fetch\(|sendBeacon|XMLHttpRequest|WebSocket|EventSource|BroadcastChannel|SharedWorker|serviceWorker"
    r"|window\.open|postMessage|navigator\.share|\.download\b|download="
)
USES = {
    ("analyst/api.ts", "fetch("): "own addresses; no model's words come to this page",
    (
        "analyst/api.ts",
        ".download",
    ): "a fixed name; the file is what the page shows, made by our server",
    ("api/client.ts", "fetch("): "own addresses",
    ("selftest/probes.ts", "fetch("): "an own address",
    ("selftest/probes.ts", "window.open"): "an empty page",
    ("selftest/probes.ts", ".download"): "a fixed name",
    ("selftest/probes.ts", "postMessage"): "that it can be sent, nothing else",
}


def hostile(schema: dict[str, Any]) -> Any:
    """Return a value that a schema takes, with the leak wherever text is free."""
    if choices := schema.get("enum"):
        return choices[0]
    if several := schema.get("anyOf"):
        return hostile(several[0])
    match schema.get("type"):
        case "array":
            return [hostile(schema.get("items", {"type": "string"}))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "object":
            return {LEAK: LEAK}
        case _:
            # A form that takes no address takes nothing.
            return "" if "pattern" in schema else LEAK


def calls(request: Request) -> list[tuple[str, str]]:
    """Return every tool with every argument, and one with what it does not take: a file's name."""
    found = []
    for tool in request.tools:
        properties: Any = tool.schema["properties"]
        given = {name: hostile(part) for name, part in properties.items()}
        found.append((tool.name, json.dumps(given)))
    return [*found, (request.tools[0].name, json.dumps({"file": LEAK}))]


def play(request: Request) -> Iterator[ModelEvent]:
    if isinstance(request.turns[-1], ToolTurn):
        yield from say(f"[record]({LEAK}) and filename={LEAK}.pdf")
        return
    first, *others = calls(request)
    yield from look(*first, *others)


@requirement("attack-57")
def test_tool_arguments_reach_no_sink_but_the_registered_ehr_and_no_address_of_it(
    tmp_path: Path,
) -> None:
    sent: list[tuple[str, str]] = []

    def between(ehr: WSGIApplication) -> WSGIApplication:
        def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            sent.append((environ["HTTP_HOST"], f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"))
            return ehr(environ, start)

        return app

    models = provider("a", play=play)
    # Any other way out of the process would need a socket, and these tests have none.
    stack = make_stack(tmp_path, catalog=models.catalog, between=between)
    launched = stack.browser().launch()
    launched.get("/card")
    events = launched.ask("What was the potassium?")
    assert events[-1]["type"] == "RUN_FINISHED"
    turns = [turn for one in models.models["a"].requests for turn in one.turns]
    replies = [reply for turn in turns if isinstance(turn, ToolTurn) for reply in turn.replies]
    assert len(replies) == len(models.models["a"].requests[0].tools) + 1
    # Most take it as the word that was looked for, and look here; what they do not take they refuse.
    refused = [reply.text for reply in replies if reply.text.startswith("Refused")]
    assert len(refused) < len(replies) / 2, refused
    assert {host for host, _ in sent} == {"ehr.localhost:9000"}
    assert [address for _, address in sent if "evil" in address.lower()] == []
    # No file is made on the way: nothing that we answer names one.
    for path in ("", "/card", "/model"):
        answer = launched.get(path)
        assert "Content-Disposition" not in answer.headers
        assert "evil" not in str(answer.headers)


@requirement("attack-57", "attack-59")
def test_the_page_has_no_sink_that_is_not_named_and_hears_no_message() -> None:
    found, hears = set(), []
    for path in sorted(FRONTEND.rglob("*.ts*")):
        if ".test." in path.name or path.name.endswith(".gen.ts"):
            continue
        text, name = path.read_text("utf-8"), path.relative_to(FRONTEND).as_posix()
        found |= {(name, match) for match in SINKS.findall(text)}
        hears += [name for word in ('"message"', "onmessage", "MessageChannel") if word in text]
    assert (found, hears) == (set(USES), [])
