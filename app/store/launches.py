"""Rows of launches: pending ones, live ones, their session bytes and their sealed tokens.

Callers pass and get hashes and sealed bytes; this module never sees a key, a state or a token.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, bindparam, delete, func, insert, select, update

from app.store.engine import reading, writing, writing_once
from app.store.schema import launch, pending_launch, session, token

MOST_BAD_BINDS = 3
# Of one process's database; a large site starts a few launches a second, each waiting some seconds.
MOST_PENDING = 5_000
# Built once: every request opens its session with them.
OF_LAUNCH = select(launch).where(launch.c.launch_id == bindparam("of_launch"))
SESSION = select(session.c.launch_id, session.c.sealed).where(
    session.c.session_id == bindparam("of_session")
)
OPENED = select(launch, session.c.sealed).where(
    session.c.session_id == bindparam("of_session"), launch.c.launch_id == session.c.launch_id
)
OPENED_LAUNCH = select(launch, session.c.sealed).where(
    launch.c.launch_id == bindparam("of_launch"), session.c.session_id == launch.c.session_id
)
TOUCH = (
    update(launch)
    .where(launch.c.launch_id == bindparam("of_launch"))
    .values(last_used_at=bindparam("of_now"), parked_at=None)
)


@dataclass(frozen=True, kw_only=True)
class PendingRow:
    """A launch that waits for its callback."""

    state_hash: str
    registration: str
    bind_hash: str
    sealed: bytes
    expires_at: float


@dataclass(frozen=True, kw_only=True)
class LaunchRow:
    """A live launch. `parked_at`: its page was left; `scope`: what a refresh left of its scopes, None when all."""

    launch_id: str
    registration: str
    session_id: str
    resume_hash: str
    last_used_at: float
    expires_at: float
    parked_at: float | None = None
    scope: str | None = None


class LaunchRows:
    """Every statement on the tables of launches."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_pending(self, row: PendingRow, now: float) -> bool:
        """Keep a pending launch, False when too many wait; expired ones are swept at the same time."""
        with writing(self._engine) as db:
            db.execute(delete(pending_launch).where(pending_launch.c.expires_at < now))
            waiting = db.execute(select(func.count()).select_from(pending_launch)).scalar_one()
            if waiting >= MOST_PENDING:
                return False
            db.execute(
                insert(pending_launch).values(
                    state_hash=row.state_hash,
                    registration=row.registration,
                    bind_hash=row.bind_hash,
                    bad_binds=0,
                    sealed=row.sealed,
                    expires_at=row.expires_at,
                )
            )

        return True

    def pending(self, state_hash: str, now: float) -> PendingRow | None:
        """Return a pending launch that has not expired."""
        columns = pending_launch.c
        query = select(
            columns.state_hash,
            columns.registration,
            columns.bind_hash,
            columns.sealed,
            columns.expires_at,
        ).where(columns.state_hash == state_hash, columns.expires_at >= now)
        with reading(self._engine) as db:
            row = db.execute(query).one_or_none()
        return None if row is None else PendingRow(**row._mapping)

    def take_pending(self, state_hash: str) -> bool:
        """Remove a pending launch; True for exactly one caller, so that a callback counts once."""
        with writing(self._engine) as db:
            gone = db.execute(
                delete(pending_launch).where(pending_launch.c.state_hash == state_hash)
            )
        return gone.rowcount == 1

    def count_bad_bind(self, state_hash: str) -> None:
        """Count a callback without the right bind secret; the third burns the launch."""
        columns = pending_launch.c
        with writing(self._engine) as db:
            db.execute(
                update(pending_launch)
                .where(columns.state_hash == state_hash)
                .values(bad_binds=columns.bad_binds + 1)
            )
            db.execute(
                delete(pending_launch).where(
                    columns.state_hash == state_hash, columns.bad_binds >= MOST_BAD_BINDS
                )
            )

    def add_launch(
        self, row: LaunchRow, *, session_sealed: bytes, token_sealed: bytes, token_expires_at: float
    ) -> None:
        """Keep a new launch with its session and its tokens, all or nothing."""
        with writing(self._engine) as db:
            db.execute(
                insert(launch).values(
                    launch_id=row.launch_id,
                    registration=row.registration,
                    session_id=row.session_id,
                    resume_hash=row.resume_hash,
                    last_used_at=row.last_used_at,
                    expires_at=row.expires_at,
                )
            )
            db.execute(
                insert(session).values(
                    session_id=row.session_id, launch_id=row.launch_id, sealed=session_sealed
                )
            )
            db.execute(
                insert(token).values(
                    launch_id=row.launch_id,
                    sealed=token_sealed,
                    expires_at=token_expires_at,
                    version=0,
                    intent="",
                    lease_until=0.0,
                )
            )

    def launch(self, launch_id: str) -> LaunchRow | None:
        """Return a launch, live or idle; the caller applies the limits."""
        with reading(self._engine) as db:
            row = db.execute(OF_LAUNCH, {"of_launch": launch_id}).one_or_none()
        return None if row is None else LaunchRow(**row._mapping)

    def launches(self) -> list[LaunchRow]:
        """Return every launch that has not ended."""
        with reading(self._engine) as db:
            rows = db.execute(select(launch)).all()
        return [LaunchRow(**row._mapping) for row in rows]

    def touch(self, launch_id: str, now: float) -> None:
        """Note that a launch was used, so that it is not parked any more."""
        with writing_once(self._engine) as db:
            db.execute(TOUCH, {"of_launch": launch_id, "of_now": now})

    def park(self, launch_id: str, now: float) -> None:
        """Note that the page of a launch was left."""
        self._set(launch_id, parked_at=now)

    def narrow(self, launch_id: str, scope: str) -> None:
        """Keep what is left of a launch's scopes."""
        self._set(launch_id, scope=scope)

    def end(self, launch_id: str) -> bytes | None:
        """Remove a launch, its session and its tokens; its conversation is kept by its own rule.

        The caller that ended it gets the tokens as they lay there last (b"" for none), any other None.
        """
        with writing(self._engine) as db:
            db.execute(delete(session).where(session.c.launch_id == launch_id))
            last = db.execute(
                delete(token).where(token.c.launch_id == launch_id).returning(token.c.sealed)
            ).scalar_one_or_none()
            gone = db.execute(delete(launch).where(launch.c.launch_id == launch_id))
        return (last or b"") if gone.rowcount == 1 else None

    def rotate_session(self, launch_id: str, *, old: str, new: str, sealed: bytes) -> bool:
        """Give a launch a new session id; the old one stops working in the same transaction."""
        with writing(self._engine) as db:
            moved = db.execute(
                update(launch)
                .where(launch.c.launch_id == launch_id, launch.c.session_id == old)
                .values(session_id=new)
            )
            if moved.rowcount != 1:
                return False
            db.execute(delete(session).where(session.c.launch_id == launch_id))
            db.execute(insert(session).values(session_id=new, launch_id=launch_id, sealed=sealed))
        return True

    def session(self, session_id: str) -> tuple[str, bytes] | None:
        """Return the launch id and the sealed bytes of a session."""
        with reading(self._engine) as db:
            row = db.execute(SESSION, {"of_session": session_id}).one_or_none()
        return None if row is None else (row.launch_id, row.sealed)

    def opened(self, session_id: str) -> tuple[LaunchRow, bytes] | None:
        """Return the launch and the sealed bytes of a session, as they stand together."""
        with reading(self._engine) as db:
            row = db.execute(OPENED, {"of_session": session_id}).one_or_none()
        return _with_session(row)

    def opened_launch(self, launch_id: str) -> tuple[LaunchRow, bytes] | None:
        """Return a launch and the sealed bytes of its session, as they stand together."""
        with reading(self._engine) as db:
            row = db.execute(OPENED_LAUNCH, {"of_launch": launch_id}).one_or_none()
        return _with_session(row)

    def replace_session(self, session_id: str, sealed: bytes) -> None:
        """Write a session's bytes again."""
        with writing(self._engine) as db:
            db.execute(
                update(session).where(session.c.session_id == session_id).values(sealed=sealed)
            )

    def drop_session(self, session_id: str) -> None:
        """Remove one session, so that its key opens nothing."""
        with writing(self._engine) as db:
            db.execute(delete(session).where(session.c.session_id == session_id))

    def _set(self, launch_id: str, **values: object) -> None:
        with writing(self._engine) as db:
            db.execute(update(launch).where(launch.c.launch_id == launch_id).values(**values))


def _with_session(row: Row[Any] | None) -> tuple[LaunchRow, bytes] | None:
    if row is None:
        return None
    values = dict(row._mapping)
    sealed: bytes = values.pop("sealed")
    return LaunchRow(**values), sealed
