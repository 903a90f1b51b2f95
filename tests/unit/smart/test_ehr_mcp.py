"""`[mcp]` of a registration: what is wrong with it is named before anything is asked."""

import msgspec
import pytest

from app.smart.ehr_mcp import MOST_STATEMENTS, Mcp, mcp_problems

HASH = "0" * 64


def table(**changes: object) -> Mcp:
    return msgspec.convert({"url": "https://mcp.example/mcp", "mode": "none"} | changes, Mcp)


def tool(**changes: object) -> dict[str, object]:
    return {"sha256": HASH, "adapter": "search"} | changes


@pytest.mark.parametrize(
    ("mcp", "said"),
    [
        (table(url="mcp.example"), "mcp.url mcp.example is not an address"),
        (table(url="https://[mcp"), "is not an address"),
        (table(url="https://user@mcp.example/mcp"), "is not an address"),
        (table(url="https://mcp.example/mcp?x=1"), "is not an address"),
        (table(url="http://mcp.example/mcp"), "http is for sandbox registrations only"),
        (table(tools={"x": tool(adapter="resources")}), "mcp.tools.x.resource_type"),
        (table(tools={"x": tool(categories=["laboratory"])}), "mcp.tools.x.categories"),
        (
            table(tools={"x": tool(adapter="statement", resource_type="Goal", reads_only=True)}),
            "mcp.tools.x.reads_only",
        ),
        (
            table(
                tools={
                    f"x{n}": tool(adapter="statement", resource_type="Goal")
                    for n in range(MOST_STATEMENTS + 1)
                }
            ),
            f"at most {MOST_STATEMENTS} tools",
        ),
        (None, "fhir.api off does not go without [mcp]"),
    ],
)
def test_a_wrong_table_is_named(mcp: Mcp | None, said: str) -> None:
    found = list(mcp_problems(mcp, api="off", sandbox=False))
    assert [said in one for one in found] == [True]


def test_a_right_table_is_not() -> None:
    tools = {"x": tool(reads_only=True), "y": tool(adapter="resources", resource_type="Goal")}
    assert list(mcp_problems(table(tools=tools), api="off", sandbox=False)) == []
    assert list(mcp_problems(None, api="on", sandbox=False)) == []
    assert list(mcp_problems(table(url="http://mcp.example/"), api="on", sandbox=True)) == []
