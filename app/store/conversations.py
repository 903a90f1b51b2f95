"""Sealed turns of a launch, what its handles mean and what its model was told, kept over a reload and a restart.

Everything here is forgotten with its launch.
"""

from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from app.settings import Secret
from app.store.engine import reading, writing
from app.store.schema import digest, launch, ledger, model_choice, turn
from app.store.seal import Seal


class Conversations:
    """The conversation of each launch; every row is sealed to its launch and its place."""

    def __init__(self, engine: Engine, key: Secret) -> None:
        self._engine = engine
        self._seal = Seal(key, "conversation")

    def add_turn(
        self, launch_id: str, turn_id: str, value: object, transcript: object = None
    ) -> None:
        """Append a finished turn and what a model needs of it; nothing is kept of a launch that has ended meanwhile."""
        place = f"{launch_id}:{turn_id}"
        sealed = self._seal.close(value, f"turn:{place}")
        told = self._seal.close(transcript, f"transcript:{place}") if transcript else None
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
                    transcript=told,
                )
            )

    def has_turn(self, launch_id: str, turn_id: str) -> bool:
        """Tell whether a turn of this id is kept."""
        query = select(turn.c.position).where(
            turn.c.launch_id == launch_id, turn.c.turn_id == turn_id
        )
        with reading(self._engine) as db:
            return db.execute(query).first() is not None

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

    def transcripts(self, launch_id: str) -> list[Any]:
        """Return what a model needs of each turn, oldest first; turns that left nothing are not in it."""
        query = (
            select(turn.c.turn_id, turn.c.transcript)
            .where(turn.c.launch_id == launch_id, turn.c.transcript.is_not(None))
            .order_by(turn.c.position)
        )
        with reading(self._engine) as db:
            rows = db.execute(query).all()
        return [
            self._seal.open(row.transcript, f"transcript:{launch_id}:{row.turn_id}") for row in rows
        ]

    def digest(self, launch_id: str) -> str | None:
        """Return the overview that this launch's model is told, None before it was kept."""
        query = select(digest.c.sealed).where(digest.c.launch_id == launch_id)
        with reading(self._engine) as db:
            sealed = db.execute(query).scalar_one_or_none()
        return None if sealed is None else str(self._seal.open(sealed, f"digest:{launch_id}"))

    def keep_digest(self, launch_id: str, text: str) -> str:
        """Keep the overview of a launch and return it; of two that come at once, the first stands."""
        sealed = self._seal.close(text, f"digest:{launch_id}")
        # A primary key decides, in any database: the second process finds the first one's row.
        with suppress(IntegrityError), writing(self._engine) as db:
            if _lives(db, launch_id):
                db.execute(insert(digest).values(launch_id=launch_id, sealed=sealed))
        return self.digest(launch_id) or text

    def drop_digest(self, launch_id: str) -> None:
        """Forget the overview: the chart was read again because a person asked for it."""
        with writing(self._engine) as db:
            db.execute(delete(digest).where(digest.c.launch_id == launch_id))

    def model_choice(self, launch_id: str) -> str:
        """Return the id of the model that this launch uses, "" before any."""
        query = select(model_choice.c.model_id).where(model_choice.c.launch_id == launch_id)
        with reading(self._engine) as db:
            return str(db.execute(query).scalar_one_or_none() or "")

    def begin_model(self, launch_id: str, model_id: str) -> None:
        """Remember which model this launch began with, unless one is remembered: a choice is never written over."""
        with suppress(IntegrityError), writing(self._engine) as db:
            if _lives(db, launch_id):
                db.execute(insert(model_choice).values(launch_id=launch_id, model_id=model_id))

    def choose_model(self, launch_id: str, model_id: str) -> None:
        """Remember which model this launch uses."""
        with writing(self._engine) as db:
            if not _lives(db, launch_id):
                return
            db.execute(delete(model_choice).where(model_choice.c.launch_id == launch_id))
            db.execute(insert(model_choice).values(launch_id=launch_id, model_id=model_id))

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
            for table in (turn, ledger, digest, model_choice):
                db.execute(delete(table).where(table.c.launch_id == launch_id))


def _lives(db: Connection, launch_id: str) -> bool:
    """Tell whether a launch has not ended; a turn may outlive its launch by a moment."""
    query = select(launch.c.launch_id).where(launch.c.launch_id == launch_id)
    return db.execute(query).one_or_none() is not None
