"""Whether a byte crosses from one launch to another, and whether a launch is lost, in 10,000 random interleavings.

Two users open four patients at two EHRs whose ids are all equal; see `tests.interleaving`.
"""

import logging
import sys
import tempfile
import time
from pathlib import Path

from bench.figures import show
from tests.interleaving.world import World

INTERLEAVINGS, SEED = 10_000, 20261120


def main() -> None:
    log = logging.getLogger("chartside")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        tally = World(Path(folder), SEED).run(INTERLEAVINGS)
    for finding in (tally.leaks + tally.lost)[:20]:
        sys.stderr.write(finding + "\n")
    against = f"{INTERLEAVINGS} interleavings, {tally.launches} launches, {tally.answers} answers searched"
    show("isolation.leaks", len(tally.leaks), "answers", goal=0, against=against)
    show("isolation.lost_sessions", len(tally.lost), "refusals", goal=0, against=against)
    show("isolation.cpu_s", round(time.process_time() - began), "s", goal=None, against=against)


if __name__ == "__main__":
    main()
