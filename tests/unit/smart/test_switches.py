"""Switches of a registration that is gone: all of Chartside is off for it too, with words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import SwitchedOff
from app.smart.registry import Registry
from app.smart.switches import Switches
from app.store.engine import open_database
from app.store.switches import SwitchRows


def test_what_is_off_for_all_is_off_for_a_registration_that_is_gone(tmp_path: Path) -> None:
    rows = SwitchRows(open_database(f"sqlite:///{tmp_path}/switches.db"))
    switches = Switches(rows, Registry(()), lambda: datetime(2026, 11, 20, tzinfo=UTC))
    assert switches.may("gone", "chat")
    switches.disable("registration", "gone", "It has no name any more")
    assert switches.may("gone", "chat")
    # What is off beside a model leaves the model on.
    switches.disable("action", "models", "Drill")
    assert switches.models("gone", {"a": "A"}).keys() == {"a"}
    assert switches.enable("action", "models")
    assert switches.models("gone", {"a": "A"}) == {}
    switches.disable("all", "", "Drill.")
    with pytest.raises(SwitchedOff) as refused:
        switches.demand("gone", "chat")
    said = "Chartside is switched off by the IT department. Reason: Drill."
    assert said in str(vars(refused.value))
