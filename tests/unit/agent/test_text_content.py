"""What is sent for each token is what AG-UI's own classes send."""

from ag_ui.core import TextMessageContentEvent
from hypothesis import given
from hypothesis import strategies as st

from app.agent.text_content import TextContent, encoded

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(TEXT, TEXT)
def test_a_token_is_sent_byte_for_byte_as_ag_ui_writes_it(message_id: str, delta: str) -> None:
    theirs = TextMessageContentEvent(message_id=message_id, delta=delta)
    ours = TextContent(message_id=message_id, delta=delta)
    assert encoded(ours) == encoded(theirs)
    assert ours.type is theirs.type
