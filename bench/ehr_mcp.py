"""Whether a chart by an EHR's MCP server gives the answers that the FHIR API gives: 60 questions, three shapes of tools.

Every question is asked by the tools that a model calls, over the sandbox EHR. An answer is the same, or it names what the
server does not give; one that differs without a word counts against it.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.figures import show
from sandbox.mcp.shapes import SHAPES
from sandbox.mcp.switches import Switches
from tests.evals.retrieval_gold import questions
from tests.evals.routes import compare, launched
from tests.mcp_ehr import mcp_only
from tests.stack import make_stack

HOW_MANY = 60


def main() -> None:
    """Print the figures, and on standard error each answer that is not the same."""
    asked = questions(HOW_MANY)
    with tempfile.TemporaryDirectory() as folder:
        live = launched(make_stack(Path(folder)))
        for shape in SHAPES:
            own = Path(folder) / shape
            own.mkdir()
            stack = make_stack(own, launch_config=mcp_only(own, shape), mcp=Switches())
            found = compare(asked, live, launched(stack))
            stack.transport.close()
            counted = Counter(one.verdict for one in found)
            against = f"{len(asked)} questions, {counted['named gap']} gaps named"
            show(f"ehr_mcp.{shape}.same", counted["same"], "answers", goal=None, against=against)
            show(f"ehr_mcp.{shape}.differs", counted["differs"], "answers", goal=0)
            for one in found:
                if not one.same:
                    q = one.question
                    missing = sorted(one.one.found - one.other.found)[:3]
                    sys.stderr.write(
                        f"{shape} | {q.kind} | {q.chart} | {q.tool} {q.arguments}: {one.verdict} {one.gap[:160]} {missing}\n"
                    )


if __name__ == "__main__":
    main()
