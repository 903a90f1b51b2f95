"""The frame of a bench that interleaves parties at random: an empty folder, no log, CPU time, and the first findings in words."""

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
MOST_SHOWN = 20


def run(series: Callable[[Path], T]) -> tuple[T, int]:
    """Return what a series found, and the CPU seconds it took, its setting-up included."""
    log = logging.getLogger("chartside")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        found = series(Path(folder))
    return found, round(time.process_time() - began)


def tell(findings: Sequence[str]) -> None:
    """Say the first findings: none is expected."""
    for finding in findings[:MOST_SHOWN]:
        sys.stderr.write(finding + "\n")
