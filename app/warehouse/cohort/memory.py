"""Remember which patients were counted, and refuse a count from which a count of fewer than 11 patients would follow.

Every count that was given is a sum over the patients in it; whoever has several can add and subtract them. The patients
who stand in exactly the same counts make an atom, and what can be computed are the sums of counts with any factors: it must not
happen that one of them is about 1 to 10 patients alone (`leaks`). The population itself is always one of the counts. This
covers subtraction, totals, complements, overlaps and inclusion-exclusion, of all analysts together, also over several
snapshots: a difference of time is a difference.

Not covered: what somebody knows from elsewhere; bounds ("fewer than 11" is itself one); that all patients of a group
share something (a count equal to another); numbers given elsewhere. What was given is never forgotten by itself.
"""

import sqlite3
import zlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson

from app.errors import CohortRefused
from app.warehouse.cohort.combining import LEAST, leaks

FILE = "answered.sqlite"
# How long a question waits for others that are being judged.
BUSY_S = 60.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS patient (id TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS counted (one INTEGER PRIMARY KEY CHECK (one = 1), atoms BLOB NOT NULL, counts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS answer (at TEXT NOT NULL, user TEXT NOT NULL, question TEXT NOT NULL, given INTEGER NOT NULL);
"""


@dataclass(kw_only=True)
class Counts:
    """Who stands in which counts: for each patient an atom, for each count a bit mask of atoms."""

    atoms: "array[int]" = field(default_factory=lambda: array("i"))
    counts: list[int] = field(default_factory=list)

    def admit(self, cells: Sequence[Collection[int]]) -> list[bool]:
        """Add counts, in the order in which they should be given, each if nothing about fewer than 11 patients follows from it.

        Tell for each whether it was, or was there already. All are tried at once, and halves of them where that would leak: what
        costs is to look at everything that was counted before.
        """
        before = array("i", self.atoms), list(self.counts)
        new = sum(self._add(cell) for cell in cells)
        if not new or not leaks(self.counts, Counter(self.atoms), new):
            return [True] * len(cells)
        self.atoms, self.counts = before
        if len(cells) == 1:
            return [False]
        half = len(cells) // 2
        return [*self.admit(cells[:half]), *self.admit(cells[half:])]

    def _add(self, patients: Collection[int]) -> bool:
        """Add a count as it is; tell whether it is a new one."""
        sizes = Counter(self.atoms)
        inside = Counter(self.atoms[one] for one in patients)
        counts, new, moved = list(self.counts), 0, {}
        for atom, n in inside.items():
            # Atom 0 stands in no count, also not when all of it is counted: who comes later is put there.
            if n == sizes[atom] and atom:
                new |= 1 << atom
                continue
            moved[atom] = part = max(sizes) + 1
            sizes[part], sizes[atom] = n, sizes[atom] - n
            new |= 1 << part
            # Whoever counts the old atom counts both its parts.
            counts = [row | 1 << part if row >> atom & 1 else row for row in counts]
        if new in counts:
            return False
        self.counts = [*counts, new]
        for one in patients:
            self.atoms[one] = moved.get(self.atoms[one], self.atoms[one])
        return True


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The memory of one data set, beside its snapshots, for every process that answers from it."""

    path: Path

    def admit(
        self,
        population: Collection[str],
        cells: Sequence[Collection[str]],
        *,
        user: str,
        question: str,
        now: datetime,
    ) -> list[bool]:
        """Tell for each cell, in the order in which they should be given, whether its count may be; those are remembered.

        A cell of 1 to 10 patients may not; an empty one may.

        Raises:
            CohortRefused: other questions to these patients are judged and take too long.
        """
        with self._changing() as db:
            numbers, counts = self._read(db, [population, *cells])
            # Everybody knows the population; where it has hardly changed since, its count is not given.
            counts.admit([[numbers[one] for one in population]])
            many = [[numbers[one] for one in cell] for cell in cells if len(cell) >= LEAST]
            told = iter(counts.admit(many))
            given = [not cell or (len(cell) >= LEAST and next(told)) for cell in cells]
            kept = zlib.compress(counts.atoms.tobytes()), orjson.dumps([f"{row:x}" for row in counts.counts])  # fmt: skip
            db.execute("INSERT OR REPLACE INTO counted VALUES (1, ?, ?)", kept)
            log = now.isoformat(timespec="seconds"), user, question, sum(given)
            db.execute("INSERT INTO answer VALUES (?, ?, ?, ?)", log)
        return given

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        self.path.touch(mode=0o600)
        db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        try:
            try:
                db.executescript(SCHEMA)
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                raise CohortRefused("other questions are being judged: ask again in a minute") from error  # fmt: skip
            yield db
            db.execute("COMMIT")
        finally:
            db.close()

    def _read(
        self, db: sqlite3.Connection, cells: Sequence[Collection[str]]
    ) -> tuple[dict[str, int], Counts]:
        numbers: dict[str, int] = dict(db.execute("SELECT id, number FROM patient"))
        new = sorted({one for cell in cells for one in cell} - numbers.keys())
        added = [(one, number) for number, one in enumerate(new, len(numbers))]
        db.executemany("INSERT INTO patient VALUES (?, ?)", added)
        numbers.update(added)
        counts = Counts()
        if row := db.execute("SELECT atoms, counts FROM counted").fetchone():
            counts.atoms.frombytes(zlib.decompress(row[0]))
            counts.counts = [int(one, 16) for one in orjson.loads(row[1])]
        # Who is new stands in no count so far, as atom 0 does.
        counts.atoms.extend([0] * len(added))
        return numbers, counts
