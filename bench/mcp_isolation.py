"""Whether a byte of another patient reaches an MCP host, in 10,000 interleaved calls by both ways in.

See `tests.interleaving.mcp_hosts`.
"""

import logging
import sys
import tempfile
import time
from pathlib import Path

from bench.figures import show
from tests.interleaving.mcp_hosts import Hosts

CALLS, SEED = 10_000, 20261120


def main() -> None:
    log = logging.getLogger("chartside")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        tally = Hosts(Path(folder), SEED).run(CALLS)
    for finding in (tally.leaks + tally.wrong)[:20]:
        sys.stderr.write(finding + "\n")
    against = f"{tally.calls} calls, {tally.answers} answers searched, {tally.refused} refusals, {tally.launches} launches and contexts"
    show("mcp.isolation.leaks", len(tally.leaks), "answers", goal=0, against=against)
    show("mcp.isolation.wrong", len(tally.wrong), "answers", goal=0, against=against)
    show("mcp.isolation.cpu_s", round(time.process_time() - began), "s", goal=None, against=against)


if __name__ == "__main__":
    main()
