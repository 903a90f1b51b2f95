"""Whether a byte of another patient reaches an MCP host, in 10,000 interleaved calls by every way in.

See `tests.interleaving.mcp_hosts`.
"""

from bench.figures import show
from bench.interleaving import run, tell
from tests.interleaving.mcp_hosts import Hosts

CALLS, SEED = 10_000, 20261120


def main() -> None:
    tally, cpu_s = run(lambda folder: Hosts(folder, SEED).run(CALLS))
    tell(tally.leaks + tally.wrong)
    ways = ", ".join(f"{n} by {way}" for way, n in sorted(tally.ways.items()))
    against = (
        f"{tally.calls} calls, {tally.answers} answers searched, {tally.refused} refusals ({tally.must_audit} of tokens, each audited), "
        f"{tally.launches} hosts: {ways}"
    )
    show("mcp.isolation.leaks", len(tally.leaks), "answers", goal=0, against=against)
    show("mcp.isolation.wrong", len(tally.wrong), "answers", goal=0, against=against)
    show("mcp.isolation.cpu_s", cpu_s, "s", goal=None, against=against)


if __name__ == "__main__":
    main()
