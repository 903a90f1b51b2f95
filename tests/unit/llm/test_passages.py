"""Which passages of notes are quoted first."""

from app.llm.found import Found
from app.llm.parts import notes
from app.llm.plan import Plan
from app.llm.port import Entry, Reply
from app.llm.synonyms import load


def test_a_statement_of_a_tool_takes_no_notes_place() -> None:
    """It has the date of its asking, so it would always be the newest."""

    def passage(name: str, words: str, date: str) -> Entry:
        return Entry(section="notes", handle=f"N{words[-1]}", name=name, fields=(("passage", words), ("date", date), ("author", "A")))  # fmt: skip

    entries = (
        passage("Statement of the EHR's MCP server (get_goals), not a record", "goal 0", "27-Nov-2026"),
        *(passage("Nurse note", f"words {n}", f"{20 - n}-Nov-2026") for n in range(1, 6)),
    )  # fmt: skip
    reply = Reply(call_id="1", name="chart_notes", text="", entries=entries)
    said = list(notes(Found(Plan(), [reply], load())))
    assert [line.partition("“")[2].partition("”")[0] for line in said[:4]] == [f"words {n}" for n in range(1, 5)]  # fmt: skip
    assert said[4:] == ["4 of 6 passages shown, newest first."]
