"""What a server leaves out, section by section."""

from app.mcp.gaps import rows
from app.mcp.pins import listed
from app.smart.ehr_mcp import Mcp
from tests.mcp_ehr import by_mcp, registered_tools
from tests.mcp_gaps import PAGE, page
from tests.unit.fhir.ehr import Ehr


def test_the_page_is_the_one_that_the_registrations_give() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.mcp_gaps"


def test_each_part_names_its_tool_and_what_is_missing() -> None:
    found = {r.part: r for r in rows(Mcp(url="", mode="none", tools=registered_tools("typed")))}
    told = {part: (found[part].tool, found[part].limits) for part in ("Identity", "Laboratory results", "Goals", "Flags", "Other observations", "Contents of documents", "Clinicians")}  # fmt: skip
    assert told == {
        "Identity": ("get_patient", ""),
        "Laboratory results": ("get_labs", "the whole list only: no date, no code"),
        "Goals": ("get_goals", "words only, among the notes"),
        "Flags": ("", "not offered"),
        "Other observations": ("", "not offered; this type is given for laboratory, vital-signs only"),
        "Contents of documents": ("get_document_content", ""),
        "Clinicians": ("", "not offered"),
    }  # fmt: skip


def test_a_tool_that_changed_is_named_where_the_server_is_asked() -> None:
    with by_mcp(Ehr(lambda *_: (200, {})), "search") as asked:
        asked.switches.descriptions["search"] = "another"
        now = listed(asked.client.list_tools({}))
    found = {
        r.part: r for r in rows(Mcp(url="", mode="none", tools=registered_tools("search")), now)
    }
    assert "search of the EHR's MCP server changed" in found["Problems"].limits
    assert found["Identity"].limits == ""
