"""What the MCP server costs: the tokens of its tool list, and what the protocol adds to a call.

The overhead is the median time of a call by the SDK's own client over Streamable HTTP, joined to the server in this process
by ASGI, less the median of the same call to the registry. It holds the client's own part, the token's verification, the launch's
checks in the database and the audit row. A busy machine makes a call wait, so CPU time is given beside it, and what of that is ours: the
token, the launch, the tool, the audit row, without the SDK's two halves. Then: sixty questions directly and by a host, the same or not;
and the twelve of docs/options.md by a host of ours and by two other servers (`bench.mcp_peers`).
"""

import gc
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import anyio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from app.mcp.authorization import McpCaller, Presented
from app.mcp.server import INSTRUCTIONS, tool
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry
from bench import mcp_peers
from bench.figures import show
from bench.tokens import count
from tests.evals.by_host import compare
from tests.evals.retrieval_gold import questions
from tests.evals.routes import launched
from tests.interaction.mcp.hosts import URL, served, token_of
from tests.stack import Stack, make_stack, registered

CALLS, WARM = 200, 20
QUESTIONS = 60
NAME = "chart_pending"


def tool_list(stack: Stack, caller: McpCaller) -> None:
    """Measure the list as it is sent: names, descriptions, both schemas, hints."""
    sent = [
        tool(spec).model_dump(mode="json", by_alias=True, exclude_none=True)
        for spec in stack.services.mcp.tools(caller)
    ]
    texts = [json.dumps(sent, ensure_ascii=False, separators=(",", ":")), INSTRUCTIONS]
    size, instructions = count(texts)
    against = f"{len(sent)} tools with output schemas; 600 to 8,000 (FHIR MCP servers)"
    show("mcp.tool_list_tokens", size, "tokens", goal=2500, against=against)
    show("mcp.instructions_tokens", instructions, "tokens", goal=None)


def overhead(stack: Stack, caller: McpCaller, token: str) -> None:
    """Measure a call through the protocol, and the same call without it; each launch has its own rate."""
    launch = stack.services.mcp._charts.get(caller.context)
    registry = Registry(CHART_TOOLS, launch, caller.context)
    direct = timed(lambda: registry.call(NAME, {}))
    entered = timed(lambda: stack.services.mcp.enter(Presented(token=token)))
    ours = cpu_of(lambda: stack.services.mcp.enter(Presented(token=token)))
    ours += cpu_of(lambda: stack.services.mcp.call(caller, NAME, {}))
    against = "token, launch, tool and audit row; the rest of a call is the SDK's"
    show("mcp.own_cpu_ms", round(ours, 2), "ms", goal=3, against=against)
    for mode in ("auto", "legacy"):
        wall, cpu = anyio.run(_called, stack, token_of(stack.browser().launch()), mode)
        era = "2026-07-28" if mode == "auto" else "2025-11-25"
        name = "mcp.overhead_ms" if mode == "auto" else "mcp.overhead_legacy_ms"
        against = f"{era}; median of {CALLS} calls; direct {direct:.2f} ms, checks of the token and launch {entered:.2f} ms, {cpu:.2f} ms of CPU"
        show(name, round(wall - direct, 2), "ms", goal=5, against=against)


def timed(work: Callable[[], object]) -> float:
    """Return the median milliseconds of a call."""
    for _ in range(WARM):
        work()
    spent = []
    for _ in range(CALLS):
        started = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - started))
    return statistics.median(spent)


def cpu_of(work: Callable[[], object]) -> float:
    """Return the milliseconds of CPU of a call."""
    began = time.process_time()
    for _ in range(CALLS):
        work()
    return 1000 * (time.process_time() - began) / CALLS


async def _called(stack: Stack, token: str, mode: str) -> tuple[float, float]:
    """Return the median milliseconds of a call by a connected host, and of CPU (all threads) a call."""
    async with (
        served(stack, token) as http,
        Client(streamable_http_client(URL, http_client=http), mode=mode) as client,
    ):
        for _ in range(WARM):
            await client.call_tool(NAME, {})
        spent, began = [], time.process_time()
        for _ in range(CALLS):
            started = time.perf_counter()
            found = await client.call_tool(NAME, {})
            spent.append(1000 * (time.perf_counter() - started))
            if found.is_error:
                raise SystemExit(f"mcp: {found.content}")
        cpu = 1000 * (time.process_time() - began) / CALLS
    return statistics.median(spent), cpu


def same_answers(stack: Stack) -> None:
    """Ask the questions of the retrieval bench directly and by a host."""
    found = compare(stack, questions(QUESTIONS), launched(stack))
    counted = Counter(one.verdict for one in found)
    show("mcp.same_answers", counted["same"], "answers", goal=QUESTIONS, at_least=True,
         against=f"of {len(found)}, each handle read as a resource; {counted['named gap']} gaps named, {counted['differs']} differ")  # fmt: skip


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as folder:
        config = registered(
            Path(folder), ('hosts = ["*"]', 'hosts = ["*"]\ncalls_per_minute = 600')
        )
        stack = make_stack(Path(folder), launch_config=config)
        token = token_of(stack.browser().launch())
        caller = stack.services.mcp.enter(Presented(token=token))
        stack.services.mcp.call(caller, NAME, {})
        # As `gunicorn.conf.py` has it in every worker.
        gc.freeze()
        gc.set_threshold(20_000, 50, 100)
        tool_list(stack, caller)
        overhead(stack, caller, token)
        same_answers(stack)
    mcp_peers.main()


if __name__ == "__main__":
    main()
