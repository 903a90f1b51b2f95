"""The append-only audit log, each row chained to the one before by a digest.

The database refuses UPDATE and DELETE by trigger; `verify` finds a row that was changed, removed or put in between.
`purge` removes the oldest rows and leaves an anchor (position and digest of the last of them), from which the chain is
proved; the database lets no row go that no anchor covers. It does not protect against an administrator who drops the triggers and rewrites the whole chain: export it to
another system for that. Details hold ids, counts, scopes and codes: never values, notes, prompts or tokens.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, NamedTuple

import orjson
from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    Row,
    bindparam,
    delete,
    exists,
    insert,
    select,
    union_all,
)
from sqlalchemy.exc import IntegrityError

from app.errors import AuditFailed
from app.launch_context import LaunchContext
from app.store.engine import reading, writing, writing_once
from app.store.schema import audit, audit_anchor
from app.store.together import Together

Kind = Literal[
    "launch",
    "launch_refused",
    "read",
    "source",
    "model",
    "model_begun",
    "model_call",
    "mcp",
    "mcp_token",
    "refusal",
    "refresh",
    "resume",
    "stop",
    "flatten",
    "switch",
    "purge",
    "export",
    "cohort",
    "end",
]
START = "0" * 64
MOST_TRIES = 100
# As many shapes of one statement; more would be longer, not faster.
MOST_TOGETHER = 16
# One transaction holds up every other writer for as long as it takes.
MOST_AT_ONCE = 10_000
# Built once: a turn is written down several times.
LAST = select(audit.c.position, audit.c.digest).order_by(audit.c.position.desc()).limit(1)
ADD = insert(audit)
Detail = Mapping[str, str | int | float | bool | list[str] | None]


@dataclass(frozen=True, kw_only=True)
class Who:
    """Whom an event is about; empty strings before a launch has succeeded."""

    launch_id: str = ""
    registration: str = ""
    user_reference: str = ""
    patient: str = ""

    @staticmethod
    def of(context: LaunchContext) -> "Who":
        """Name the user and the patient of a launch, with the issuer that makes them unique."""
        return Who(
            launch_id=context.launch_id,
            registration=context.registration,
            user_reference=context.user_reference,
            patient=f"{context.iss}/Patient/{context.patient_id}",
        )


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """One row as read back."""

    position: int
    at: str
    kind: str
    who: Who
    detail: str
    digest: str


class _End(NamedTuple):
    """The last event of the chain, whatever it was."""

    position: int
    digest: str


class _New(NamedTuple):
    """An event that has no place yet."""

    at: str
    kind: Kind
    who: Who
    detail: str


class AuditLog:
    """Appends, reads, and removes from the front; there is nothing else."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._together = Together(self._record, most=MOST_TOGETHER)
        # The end of the chain as this process left it; None when it has to be read.
        self._end: _End | None = None

    def record(self, kind: Kind, who: Who, detail: Detail) -> None:
        """Append one event; the time is real time (UTC), never a chart's own."""
        self._together.want(_new(self._clock(), kind, who, detail))

    def _record(self, events: Sequence["_New"]) -> None:
        """Append events, all or none."""
        for _ in range(MOST_TRIES):
            # Two processes may take the same place; the key lets one have it, and the other goes behind it.
            with suppress(IntegrityError):
                known, self._end = self._end, None
                end: _End | None
                if known is None:
                    with writing(self._engine) as db:
                        end = _append(db, _last(db), events)
                else:
                    with writing_once(self._engine) as db:
                        end = _append_behind(db, known, events)
                if end is not None:
                    self._end = end
                    return
        raise AuditFailed("no place in the chain was free")

    def purge(self, before: datetime) -> int:
        """Remove the oldest rows written before `before`, at most 10,000, and return how many; 0 at the end.

        Raises:
            AuditFailed: they are no whole chain, and stay; or another process appends without end.
        """
        for _ in range(MOST_TRIES):
            with suppress(IntegrityError), writing(self._engine) as db:
                return self._purge(db, _text_of(before))
        raise AuditFailed("no place in the chain was free")

    def _purge(self, db: Connection, before: str) -> int:
        start, previous = _anchor(db)
        columns = audit.c
        # Rows go from the front only: what is older but stands behind a newer row waits for it.
        newer = db.execute(
            select(columns.position).where(columns.at >= before).order_by(columns.position).limit(1)
        ).scalar()
        query = select(audit).where(columns.position <= start + MOST_AT_ONCE)
        if newer is not None:
            query = query.where(columns.position < newer)
        rows = [_event(row) for row in db.execute(query.order_by(columns.position))]
        if not rows:
            return 0
        if (broken := _first_break(rows, start, previous)) is not None:
            raise AuditFailed(f"row {broken} breaks the chain: nothing was purged")
        last = rows[-1]
        through: Detail = {
            "of": "audit", "rows": len(rows), "through": last.position, "digest": last.digest,
        }  # fmt: skip
        new = _new(self._clock(), "purge", Who(), through)
        _append(db, _last(db), [new])
        db.execute(
            insert(audit_anchor).values(position=last.position, digest=last.digest, at=new.at)
        )
        db.execute(delete(audit).where(columns.position <= last.position))
        return len(rows)

    def events(self, launch_id: str = "") -> list[AuditEvent]:
        """Return the events of a launch, or all, oldest first."""
        query = select(audit).order_by(audit.c.position)
        if launch_id:
            query = query.where(audit.c.launch_id == launch_id)
        with reading(self._engine) as db:
            rows = db.execute(query).all()
        return [_event(row) for row in rows]

    def verify(self) -> int | None:
        """Return the position of the first row that breaks the chain, None when it is whole."""
        events = self.events()
        # Read behind the rows: a purge in between leaves rows of before its anchor, which are not looked at.
        with reading(self._engine) as db:
            start, previous = _anchor(db)
        return _first_break([e for e in events if e.position > start], start, previous)


def _last(db: Connection) -> _End:
    row = db.execute(LAST).one_or_none()
    return _End(0, START) if row is None else _End(row.position, row.digest)


def _chained(end: _End, events: Sequence[_New]) -> tuple[list[dict[str, Any]], _End]:
    """Return the rows of events behind the end of the chain, and the new end."""
    rows: list[dict[str, Any]] = []
    for new in events:
        position, who = end.position + 1, new.who
        digest = _digest(end.digest, position, new.at, new.kind, who, new.detail)
        rows.append(
            {
                "position": position,
                "at": new.at,
                "kind": new.kind,
                "launch_id": who.launch_id,
                "registration": who.registration,
                "user_reference": who.user_reference,
                "patient": who.patient,
                "detail": new.detail,
                "previous": end.digest,
                "digest": digest,
            }
        )
        end = _End(position, digest)
    return rows, end


def _append(db: Connection, end: _End, events: Sequence[_New]) -> _End:
    """Put events behind the end of the chain, which this transaction has read, and return the new end."""
    rows, end = _chained(end, events)
    db.execute(ADD, rows)
    return end


def _append_behind(db: Connection, end: _End, events: Sequence[_New]) -> _End | None:
    """Put events behind an end that is remembered, all by one statement; None where it is there no more.

    Raises:
        IntegrityError: somebody else has put one there.
    """
    rows, last = _chained(end, events)
    values = {f"{name}_{at}": value for at, row in enumerate(rows) for name, value in row.items()}
    behind = {**values, "end_position": end.position, "end_digest": end.digest}
    return last if db.execute(_add_behind(len(rows)), behind).rowcount == len(rows) else None


@cache
def _add_behind(count: int) -> Insert:
    """Insert so many rows, none if the end of the chain is not there: a place is free, too, where a row was purged."""
    given = union_all(
        *(
            select(*(bindparam(f"{c.name}_{at}", type_=c.type).label(c.name) for c in audit.c))
            for at in range(count)
        )
    ).subquery()
    end = audit.alias("last")
    is_there = exists().where(
        end.c.position == bindparam("end_position"), end.c.digest == bindparam("end_digest")
    )
    rows = select(given).where(is_there)
    return insert(audit).from_select(list(audit.c), rows).execution_options(preserve_rowcount=True)


def _anchor(db: Connection) -> tuple[int, str]:
    """Return the position and the digest behind which the chain begins."""
    columns = audit_anchor.c
    query = select(columns.position, columns.digest).order_by(columns.position.desc()).limit(1)
    row = db.execute(query).one_or_none()
    return (0, START) if row is None else (row.position, row.digest)


def _first_break(events: Sequence[AuditEvent], start: int, previous: str) -> int | None:
    """Return the position of the first event that does not follow the one before, None for a whole chain."""
    for expected, event in enumerate(events, start + 1):
        digest = _digest(previous, event.position, event.at, event.kind, event.who, event.detail)
        if event.position != expected or digest != event.digest:
            return event.position
        previous = event.digest
    return None


def _event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        position=row.position,
        at=row.at,
        kind=row.kind,
        who=Who(
            launch_id=row.launch_id,
            registration=row.registration,
            user_reference=row.user_reference,
            patient=row.patient,
        ),
        detail=row.detail,
        digest=row.digest,
    )


def _new(at: datetime, kind: Kind, who: Who, detail: Detail) -> _New:
    text = orjson.dumps(dict(detail), option=orjson.OPT_SORT_KEYS).decode()
    return _New(_text_of(at), kind, who, text)


def _text_of(at: datetime) -> str:
    """Return a time as it is kept; such texts are in the order of their times."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _digest(previous: str, position: int, at: str, kind: str, who: Who, detail: str) -> str:
    parts = [
        previous, str(position), at, kind, who.launch_id, who.registration, who.user_reference, who.patient, detail,
    ]  # fmt: skip
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()
