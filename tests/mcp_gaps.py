"""Write docs/ehr-mcp-gaps.md: what the sandbox's MCP server gives in each of its shapes (`python -m tests.mcp_gaps`)."""

from pathlib import Path

from app.mcp.gaps import as_markdown, rows
from app.smart.ehr_mcp import Mcp
from sandbox.mcp.shapes import SHAPES
from tests.mcp_ehr import registered_tools

PAGE = Path(__file__).parents[1] / "docs" / "ehr-mcp-gaps.md"
HEAD = """# What an EHR's MCP server leaves out

Vendors expose different parts of a chart. This page is generated from the sandbox's three shapes (`python -m tests.mcp_gaps`); for a registration of
your own: `python -m app.cli mcp-gaps NAME`, with `--online` to see how its tools stand now. What is not given is named on the launch card and in the answers.
"""
WORDS = {
    "generic": "One tool that takes a FHIR path",
    "search": "Search and read by type",
    "typed": "A tool for each domain",
}


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for shape in SHAPES:
        found = rows(Mcp(url="", mode="smart_token", tools=registered_tools(shape)))
        whole = sum(bool(r.tool) and not r.limits for r in found)
        parts.append(
            f"\n## {WORDS[shape]}\n\n{whole} of {len(found)} without limits.\n\n{as_markdown(found)}"
        )
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
