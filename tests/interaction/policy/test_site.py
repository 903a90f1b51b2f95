"""`[site]`: what the site says of itself is what its clinicians read, at the moment it counts."""

from pathlib import Path

from sandbox.faults import FaultRule
from tests.stack import ISS, make_stack, page_data, registered

HELP = 'help_desk = "555-0142"'
SITE = """
organisation = "Harbor Health"
safety_contact = "safety@harbor.example"
downtime = "Read-only copies: DowntimeView on the unit PC."
locale = "en-GB"
"""


def test_clinicians_read_whom_to_call_and_what_to_do_when_the_ehr_is_down(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, launch_config=registered(tmp_path, (HELP, HELP + SITE)))
    launched = stack.browser().launch()
    stack.state.faults.set(FaultRule(match="*", fault="server_error_500"))
    down = launched.get("/card").get_json()
    assert (down["title"], down["detail"], down["help_desk"]) == (
        "The EHR does not answer.",
        "The chart cannot be read. Use the EHR itself, or your downtime procedure. Read-only copies: DowntimeView on the unit PC.",
        "555-0142",
    )
    stack.state.faults.clear()
    snapshot = launched.get().get_json()
    assert [snapshot[key] for key in ("help_desk", "safety_contact", "locale")] == [
        "555-0142", "safety@harbor.example", "en-GB",
    ]  # fmt: skip


def test_a_launch_that_the_ehr_does_not_answer_says_it_at_the_door(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, launch_config=registered(tmp_path, (HELP, HELP + SITE)))
    stack.state.faults.set(FaultRule(match="well-known", fault="server_error_500"))
    launch = stack.state.start(stack.patient("marlena"))
    page = page_data(stack.browser().open(f"/smart/sandbox/launch?iss={ISS}&launch={launch}"))
    assert page["text"].endswith("Read-only copies: DowntimeView on the unit PC.")


def test_the_sheet_names_who_answers_for_it(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, launch_config=registered(tmp_path, (HELP, HELP + SITE)))
    page = stack.browser().open("/register/sandbox")
    assert "<code>Harbor Health</code>" in page.text
