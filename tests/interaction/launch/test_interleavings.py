from pathlib import Path

from tests.interleaving.world import World
from tests.requirements import requirement


@requirement("attack-29", "attack-34", "attack-64")
def test_no_interleaving_crosses_two_launches_or_loses_one(tmp_path: Path) -> None:
    """A sample of `make bench NAME=isolation`."""
    tally = World(tmp_path, seed=7).run(300)
    assert (tally.leaks, tally.lost) == ([], [])
    assert tally.launches > 30
