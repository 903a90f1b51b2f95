"""What a turn asks of the database and of its socket: each is one more wait for the interpreter that hundreds share."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

from app.llm.port import ModelEvent, Request
from tests.interaction.model.models import Provider
from tests.interaction.model.test_conversation import opened, until
from tests.stack import APP, Launched, Stack, events_of
from tests.unit.agent.scripted import say


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect the statements that any engine runs meanwhile."""
    found: list[str] = []

    def note(*given: object) -> None:
        found.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plainly(_: Request) -> list[ModelEvent]:
    return say("No rule compares any of it.")


def asked(launched: Launched, turn_id: str) -> list[str]:
    with heard() as statements:
        told = launched.ask("Anything new?", turn_id)
    assert told[-1]["type"] == "RUN_FINISHED"
    return statements


def test_a_turn_whose_chart_is_at_hand_asks_the_database_eleven_times_and_writes_thrice(
    stack: Stack, models: Provider
) -> None:
    models.models["a"].play = plainly
    launched = opened(stack)
    until(lambda: models.models["a"].warmed)
    asked(launched, "turn-0001")
    statements = asked(launched, "turn-0002")
    # The audit says that a model is told and what it used, and the turn is kept: no transaction is begun for any of them.
    assert [s.split("(")[0] for s in statements if not s.startswith("SELECT")] == [
        "INSERT INTO audit ",
        "INSERT INTO audit ",
        "INSERT INTO turn ",
    ]
    assert len(statements) <= 11


def test_what_only_announces_is_sent_with_what_it_announces(stack: Stack, models: Provider) -> None:
    """Each write is a wait, too: two of them, not six, until the first words are sent."""
    models.models["a"].play = plainly
    launched = opened(stack)
    body = {"runId": "turn-0001", "messages": [{"role": "user", "content": "Anything new?"}]}
    response = launched.client.post(
        f"/api/launches/{launched.launch_id}/turns", json=body, base_url=APP,
        headers={"Authorization": f"Bearer {launched.key}"}, buffered=False,
    )  # fmt: skip
    chunks = [c if isinstance(c, str) else c.decode() for c in response.response]
    writes = [[event["type"] for event in events_of(chunk)] for chunk in chunks]
    assert writes[:3] == [
        ["RUN_STARTED", "STEP_STARTED"],
        ["STEP_FINISHED", "STEP_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT"],
        ["TEXT_MESSAGE_CONTENT"],
    ]
    assert writes[-1][-1] == "RUN_FINISHED"


def test_other_launches_cost_a_turn_no_statement(stack: Stack, models: Provider) -> None:
    models.models["a"].play = plainly
    first = opened(stack)
    until(lambda: models.models["a"].warmed)
    asked(first, "turn-0001")
    alone = asked(first, "turn-0002")
    for _ in range(4):
        other = opened(stack)
        asked(other, "turn-0001")
    until(lambda: len(models.models["a"].warmed) == 5)
    assert asked(first, "turn-0003") == alone
    assert asked(other, "turn-0002") == alone
