"""The launch's append-only register: which handle means what, and which number a source has.

One `Ledger` lives as long as its launch and is shared by all snapshots of its chart, so that a handle or a
number that was shown once keeps its meaning when the chart is read again. `export` and `restored` carry it over
a restart; it holds references, codes and moments, so it is stored sealed, never logged.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from threading import RLock
from typing import Any

from app.errors import UnknownHandle
from app.fhir.citation import (
    COMPUTED,
    ComputedInput,
    ComputedRecord,
    ComputedValue,
    Evidence,
    SearchRecord,
)

# No i, l, o (read as digits), e (exponent), x (times), g, m (kg, mg beside a number); q, j, v, z cost tokens in pairs.
LETTERS = "abcdfhknprstuwy"


def column(index: int) -> str:
    """Return the column label of a moment: a, b, ... y, aa, ab, ..."""
    head, tail = divmod(index, len(LETTERS))
    return (column(head - 1) if head else "") + LETTERS[tail]


class Ledger:
    """Hand out handles: the same thing always gets the same one, and none is ever reused.

    `restored` carries on with what `export` gave. A new one begins behind the number that `after()` gives, asked when the first
    handle is handed out: those up to it belong to another ledger of the launch.
    """

    def __init__(
        self, restored: Mapping[str, Any] | None = None, after: Callable[[], int] = lambda: 0
    ) -> None:
        self._lock = RLock()
        kept = restored or {}
        self._ask_after = after
        self._after: int | None = kept.get("after")
        self._rows: dict[str, dict[str, str]] = {
            k: dict(v) for k, v in kept.get("rows", {}).items()
        }
        self._columns: dict[str, dict[str, str]] = {
            k: dict(v) for k, v in kept.get("columns", {}).items()
        }
        self._cells: dict[str, list[str]] = {k: list(v) for k, v in kept.get("cells", {}).items()}
        self._searches = {k: SearchRecord(**v) for k, v in kept.get("searches", {}).items()}
        self._computed = {k: _computed(v) for k, v in kept.get("computed", {}).items()}
        self._facts: dict[str, tuple[Evidence, ...]] = {}
        self._marks: dict[str, str] = dict(kept.get("marks", {}))
        self._marks_now: dict[str, str] = {}
        self._first: dict[str, tuple[Evidence, ...]] = {}

    def row(self, prefix: str, thing: str) -> str:
        """Return the handle of a record (its reference) or of a test (code and unit)."""
        with self._lock:
            known = self._rows.setdefault(prefix, {})
            return known.setdefault(thing, f"{prefix}{self._begin() + len(known) + 1}")

    def _begin(self) -> int:
        if self._after is None:
            self._after = self._ask_after()
        return self._after

    def column(self, prefix: str, moment: str) -> str:
        """Return the column label of a moment."""
        with self._lock:
            known = self._columns.setdefault(prefix, {})
            return known.setdefault(moment, column(len(known)))

    def place(self, row: str, label: str, content: tuple[str, ...]) -> str:
        """Return `a` for the first result of a cell, `a'` for a different one at the same moment, and so on."""
        mark = _mark("\x00".join(content))
        with self._lock:
            known = self._cells.setdefault(row + label, [])
            if mark not in known:
                known.append(mark)
            return label + "'" * known.index(mark)

    def remember(self, handle: str, facts: tuple[Evidence, ...]) -> None:
        """Keep what a handle points to; a later snapshot replaces it, none removes it."""
        with self._lock:
            self._facts[handle] = facts

    def issue(self, handle: str, facts: tuple[Evidence, ...], content: str) -> None:
        """Keep what a record is now, and what it was when this launch first read it.

        `content` stands for what makes it the same record unchanged. A restart keeps only its mark, as for cells.
        """
        mark = _mark(content)
        with self._lock:
            self._facts[handle] = facts
            self._marks_now[handle] = mark
            if self._marks.setdefault(handle, mark) == mark:
                self._first.setdefault(handle, facts)

    def changed(self, handle: str) -> tuple[Evidence, ...] | None:
        """Return the first facts of a record that the EHR has changed since (empty after a restart), else None."""
        with self._lock:
            if self._marks_now.get(handle) == self._marks.get(handle):
                return None
            return self._first.get(handle, ())

    def facts(self, handle: str) -> tuple[Evidence, ...]:
        """Return what a handle points to, empty if it was never issued."""
        return self._facts.get(handle, ())

    def record(self, found: SearchRecord) -> SearchRecord:
        """Issue the next S handle, or return the record of the very same search."""
        with self._lock:
            for known in self._searches.values():
                if replace(known, handle="") == found:
                    return known
            handle = f"S{self._begin() + len(self._searches) + 1}"
            self._searches[handle] = replace(found, handle=handle)
            return self._searches[handle]

    def search(self, handle: str) -> SearchRecord:
        """Return a recorded search; raises UnknownHandle."""
        try:
            return self._searches[handle]
        except KeyError:
            raise UnknownHandle("a search that this launch never made") from None

    def compute(self, found: ComputedRecord) -> ComputedRecord:
        """Issue the next CALC handle, or return the record of the very same computation."""
        with self._lock:
            for known in self._computed.values():
                if replace(known, handle="") == found:
                    return known
            handle = f"{COMPUTED}{self._begin() + len(self._computed) + 1}"
            self._computed[handle] = replace(found, handle=handle)
            return self._computed[handle]

    def computed(self, handle: str) -> ComputedRecord:
        """Return what was computed under a handle; raises UnknownHandle."""
        try:
            return self._computed[handle]
        except KeyError:
            raise UnknownHandle("a computation that this launch never made") from None

    def export(self) -> dict[str, Any]:
        """Return everything a restart needs, as JSON-able values."""
        with self._lock:
            return {
                "after": self._begin(),
                "rows": {k: dict(v) for k, v in self._rows.items()},
                "columns": {k: dict(v) for k, v in self._columns.items()},
                "cells": {k: list(v) for k, v in self._cells.items()},
                "searches": {k: asdict(v) for k, v in self._searches.items()},
                "computed": {k: asdict(v) for k, v in self._computed.items()},
                "marks": dict(self._marks),
            }


def _computed(kept: Mapping[str, Any]) -> ComputedRecord:
    inputs = tuple(ComputedInput(**part) for part in kept["inputs"])
    also = tuple(ComputedValue(**part) for part in kept["also"])
    lists = {name: tuple(kept[name]) for name in ("missing", "notes")}
    return ComputedRecord(**{**kept, "inputs": inputs, "also": also, **lists})


def _mark(content: str) -> str:
    return hashlib.blake2b(content.encode(errors="replace"), digest_size=8).hexdigest()


class Sources:
    """Number the sources of a launch: handle to n, append-only, from 1. Thread-safe."""

    def __init__(self, restored: list[str] | None = None) -> None:
        self._lock = RLock()
        self._handles = list(restored or [])
        self._numbers = {handle: n for n, handle in enumerate(self._handles, 1)}

    def number(self, handle: str) -> int:
        """Return the number of a handle, the next free one if it has none."""
        with self._lock:
            if handle not in self._numbers:
                self._handles.append(handle)
                self._numbers[handle] = len(self._handles)
            return self._numbers[handle]

    def get(self, n: int) -> str:
        """Return the handle of a number.

        Raises:
            UnknownHandle: this launch has no such source.
        """
        with self._lock:
            if not 1 <= n <= len(self._handles):
                raise UnknownHandle(f"no source {n}")
            return self._handles[n - 1]

    def export(self) -> list[str]:
        """Return the handles in the order of their numbers."""
        with self._lock:
            return list(self._handles)

    def __len__(self) -> int:
        return len(self._handles)
