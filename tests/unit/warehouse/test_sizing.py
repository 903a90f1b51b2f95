"""The bench of sizes on a small sample: very many files, and a store that grows and changes."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import sizing

MOST_OPEN = 200


def lines(count: int, more: bytes = b"") -> Iterator[bytes]:
    for n in range(count):
        yield b'{"resourceType":"Observation","id":"%04x0000-0000-0000-0000-%06d","status":"final","subject":{"reference":"Patient/p%d"}%s}' % (n, n, n % 40, more)  # fmt: skip


@pytest.fixture
def few_open_files() -> Iterator[None]:
    """A system commonly lets a process open 1,024; here fewer than there are files to read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_OPEN, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_open_files")
def test_more_files_than_may_be_open_become_a_store_that_can_be_changed(tmp_path: Path) -> None:
    sent = sizing.files(tmp_path / "sent", lines(3 * MOST_OPEN * 2), 2)
    assert len(sent) == 3 * MOST_OPEN
    sizing.land(tmp_path / "set", sent, whole=True)
    records, _ = sizing.build(tmp_path / "set")
    assert records == 3 * MOST_OPEN * 2
    newer = sizing.files(tmp_path / "changed", lines(10, b',"language":"en"'), 5)
    sizing.land(tmp_path / "set", newer, whole=False)
    assert sizing.build(tmp_path / "set")[0] == records
    rows, size = sizing.flatten(tmp_path / "set", tmp_path / "tables")
    assert rows >= records
    assert size > 0
