"""Sealed turns of a launch, and what its handles mean, kept so that a reload or a restart shows what was there."""

from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select

from app.settings import Secret
from app.store.engine import reading, writing
from app.store.schema import launch, ledger, turn
from app.store.seal import Seal


class Conversations:
    """The conversation of each launch; every row is sealed to its launch and its place."""

    def __init__(self, engine: Engine, key: Secret) -> None:
        self._engine = engine
        self._seal = Seal(key, "conversation")

    def add_turn(self, launch_id: str, turn_id: str, value: object) -> None:
        """Append a finished turn; nothing is kept of a launch that has ended meanwhile."""
        sealed = self._seal.close(value, f"turn:{launch_id}:{turn_id}")
        with writing(self._engine) as db:
            if not _lives(db, launch_id):
                return
            last = db.execute(
                select(func.max(turn.c.position)).where(turn.c.launch_id == launch_id)
            ).scalar()
            db.execute(
                insert(turn).values(
                    launch_id=launch_id,
                    position=(last or 0) + 1,
                    turn_id=turn_id,
                    sealed=sealed,
                )
            )

    def turns(self, launch_id: str) -> list[object]:
        """Return the turns of a launch, oldest first."""
        query = (
            select(turn.c.turn_id, turn.c.sealed)
            .where(turn.c.launch_id == launch_id)
            .order_by(turn.c.position)
        )
        with reading(self._engine) as db:
            rows = db.execute(query).all()
        return [self._seal.open(row.sealed, f"turn:{launch_id}:{row.turn_id}") for row in rows]

    def keep_ledger(self, launch_id: str, value: object) -> bool:
        """Keep what the handles and source numbers of a launch mean, in place of what was kept before.

        False: the launch has ended, and nothing was kept.
        """
        sealed = self._seal.close(value, f"ledger:{launch_id}")
        with writing(self._engine) as db:
            if not _lives(db, launch_id):
                return False
            db.execute(delete(ledger).where(ledger.c.launch_id == launch_id))
            db.execute(insert(ledger).values(launch_id=launch_id, sealed=sealed))
        return True

    def ledger(self, launch_id: str) -> dict[str, Any] | None:
        """Return what `keep_ledger` kept, None before the first time."""
        query = select(ledger.c.sealed).where(ledger.c.launch_id == launch_id)
        with reading(self._engine) as db:
            sealed = db.execute(query).scalar_one_or_none()
        return None if sealed is None else self._seal.open(sealed, f"ledger:{launch_id}")

    def forget(self, launch_id: str) -> None:
        """Remove the conversation of a launch."""
        with writing(self._engine) as db:
            db.execute(delete(turn).where(turn.c.launch_id == launch_id))
            db.execute(delete(ledger).where(ledger.c.launch_id == launch_id))


def _lives(db: Connection, launch_id: str) -> bool:
    """Tell whether a launch has not ended; a turn may outlive its launch by a moment."""
    query = select(launch.c.launch_id).where(launch.c.launch_id == launch_id)
    return db.execute(query).one_or_none() is not None
