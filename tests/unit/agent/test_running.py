import pytest

from app.agent.running import RunningTurns
from app.errors import TurnRefused


def test_one_turn_at_a_time_and_only_its_own_name_stops_it() -> None:
    running = RunningTurns()
    stop = running.start("launch-a", "turn-1")
    with pytest.raises(TurnRefused):
        running.start("launch-a", "turn-2")
    other = running.start("launch-b", "turn-1")
    assert not running.stop("launch-a", "turn-2")
    assert running.stop("launch-a", "turn-1")
    assert (stop.is_set(), other.is_set()) == (True, False)
    running.end("launch-a", "turn-1")
    assert not running.stop("launch-a", "turn-1")
    assert running.start("launch-a", "turn-2") is not None
