from pathlib import Path

from tests.interleaving.mcp_hosts import CHARTS, WAYS, Hosts, Tally
from tests.requirements import requirement


@requirement("mcp:patient", "mcp:sharp:patient")
def test_no_interleaving_of_hosts_tells_one_of_anothers_patient(tmp_path: Path) -> None:
    """A sample of `make bench NAME=mcp_isolation`."""
    hosts = Hosts(tmp_path, seed=7)
    tally = hosts.run(300)
    assert (tally.leaks, tally.wrong) == ([], [])
    assert tally.answers > 200
    assert tally.refused > 10
    # Every way in took part, and what was refused by its token was written down.
    assert set(tally.ways) == set(WAYS)
    assert tally.must_audit > 10
    # The search itself sees what it looks for.
    hosts.tally = Tally()
    host = hosts.live[0]
    other = next(chart for chart in CHARTS if chart != host.chart)
    for text in (*hosts.marks[other].names, min(hosts.marks[other].own - hosts.marks[host.chart].own)):  # fmt: skip
        hosts._search(host, text)
    assert len(hosts.tally.leaks) >= len(hosts.marks[other].names) + 1
