"""Whether a byte crosses from one launch to another, and whether a launch is lost, in 10,000 random interleavings.

Two users open four patients at two EHRs whose ids are all equal; see `tests.interleaving`.
"""

from bench.figures import show
from bench.interleaving import run, tell
from tests.interleaving.world import World

INTERLEAVINGS, SEED = 10_000, 20261120


def main() -> None:
    tally, cpu_s = run(lambda folder: World(folder, SEED).run(INTERLEAVINGS))
    tell(tally.leaks + tally.lost)
    against = f"{INTERLEAVINGS} interleavings, {tally.launches} launches, {tally.answers} answers searched"
    show("isolation.leaks", len(tally.leaks), "answers", goal=0, against=against)
    show("isolation.lost_sessions", len(tally.lost), "refusals", goal=0, against=against)
    show("isolation.cpu_s", cpu_s, "s", goal=None, against=against)


if __name__ == "__main__":
    main()
