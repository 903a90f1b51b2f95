"""The same questions by an MCP host over our own server: it calls the tools, and reads each handle as a resource.

The host is the SDK's client and knows nothing of ours: text of `tools/call`, evidence of `chartside://facts/{handle}`.
"""

import json
from collections.abc import Sequence

from mcp import Client
from mcp_types import TextContent, TextResourceContents

from app.fhir.citation import Evidence
from tests.evals.retrieval import Answer, printed_handles, read
from tests.evals.retrieval import ask as ask_directly
from tests.evals.retrieval_gold import Question
from tests.evals.routes import Compared, Route
from tests.interaction.mcp.hosts import as_host, token_of
from tests.stack import Stack

NAMES = ("reference", "version", "path", "field", "name", "value", "unit", "status", "date")


async def ask(client: Client, question: Question) -> Answer:
    """Ask one question as a host does."""
    result = await client.call_tool(question.tool, question.arguments)
    said = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    text = "" if result.is_error else said
    evidence = {handle: await _evidence(client, handle) for handle in printed_handles(text)}
    return read(question, text, evidence.__getitem__)


async def _evidence(client: Client, handle: str) -> tuple[Evidence, ...]:
    contents = (await client.read_resource(f"chartside://facts/{handle}")).contents[0]
    assert isinstance(contents, TextResourceContents)
    told = json.loads(contents.text)
    assert not told["evidenceLeftOut"]
    return tuple(
        Evidence(date_role=one.get("dateRole", ""), **{name: one.get(name, "") for name in NAMES})
        for one in told["evidence"]
    )


def compare(stack: Stack, questions: Sequence[Question], direct: Route) -> list[Compared]:
    """Ask each question directly and by a host; each chart is launched once by each."""
    found: list[Compared] = []
    for chart in dict.fromkeys(q.chart for q in questions):
        mine = [q for q in questions if q.chart == chart]
        launch = direct(chart)

        async def act(client: Client, mine: Sequence[Question] = mine) -> list[Answer]:
            return [await ask(client, question) for question in mine]

        by_host = as_host(stack, token_of(stack.browser().launch(chart)), act)
        found += [
            Compared(question=q, one=ask_directly(launch, q), other=other)
            for q, other in zip(mine, by_host, strict=True)
        ]
    return found
