"""Sealed turns of a launch, what its handles mean and what its model was told, kept over a reload and a restart.

Everything here is forgotten with its launch, but for the turns and the ledger of a launch whose registration keeps them for
some days (`leave`): they stay sealed, belong to no live launch any more, and no address gives them out.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Engine,
    Insert,
    LargeBinary,
    Select,
    String,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    union,
    update,
)
from sqlalchemy.exc import IntegrityError

from app.settings import Secret
from app.store.engine import reading, writing, writing_once
from app.store.schema import digest, kept, launch, ledger, model_choice, turn
from app.store.seal import Seal

# Built once: building a statement anew costs as much as running it, and a turn runs thirty.
LAUNCH_ID: BindParameter[str] = bindparam("of_launch")
LIVES = select(launch.c.launch_id).where(launch.c.launch_id == LAUNCH_ID)
LAST = (
    select(func.max(turn.c.position))
    .where(turn.c.launch_id == launch.c.launch_id)
    .scalar_subquery()
)


def _add_while_it_lives(table: Table, *columns: ColumnElement[Any]) -> Insert:
    """Insert a row of a launch, nothing when it has ended: one statement, so that nothing comes in between.

    `columns` are what follows the launch id in the table, in its order.
    """
    row = select(launch.c.launch_id, *columns).where(launch.c.launch_id == LAUNCH_ID)
    return insert(table).from_select(list(table.c), row)


SEALED = bindparam("of_sealed", type_=LargeBinary)
ADD_TURN = _add_while_it_lives(
    turn,
    func.coalesce(LAST, 0) + 1,
    bindparam("of_turn", type_=String),
    SEALED,
    bindparam("of_transcript", type_=LargeBinary),
)
HAS_TURN = select(turn.c.position).where(
    turn.c.launch_id == LAUNCH_ID, turn.c.turn_id == bindparam("of_turn")
)
TURNS = (
    select(turn.c.turn_id, turn.c.sealed)
    .where(turn.c.launch_id == LAUNCH_ID)
    .order_by(turn.c.position)
)
TRANSCRIPTS = (
    select(turn.c.turn_id, turn.c.transcript)
    .where(turn.c.launch_id == LAUNCH_ID, turn.c.transcript.is_not(None))
    .order_by(turn.c.position)
)
DIGEST = select(digest.c.sealed).where(digest.c.launch_id == LAUNCH_ID)
MODEL_CHOICE = select(model_choice.c.model_id).where(model_choice.c.launch_id == LAUNCH_ID)
BEGIN_MODEL = _add_while_it_lives(model_choice, bindparam("of_model", type_=String))
ADD_MODEL_CHOICE = insert(model_choice)
ADD_DIGEST = _add_while_it_lives(digest, SEALED)
LEDGER = select(ledger.c.sealed).where(ledger.c.launch_id == LAUNCH_ID)
CHANGE_LEDGER = (
    update(ledger).where(ledger.c.launch_id == LAUNCH_ID, LIVES.exists()).values(sealed=SEALED)
)
ADD_LEDGER = _add_while_it_lives(ledger, SEALED).execution_options(preserve_rowcount=True)
# What a process that died left behind goes a day after it is found.
ORPHAN_DAYS = 1


@dataclass(frozen=True, kw_only=True)
class KeptRow:
    """What an ended launch left; `days` is how long its registration kept turns when it ended."""

    launch_id: str
    registration: str
    ended_at: float
    days: int


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
        row = {
            "of_launch": launch_id,
            "of_turn": turn_id,
            "of_sealed": sealed,
            "of_transcript": told,
        }
        with writing_once(self._engine) as db:
            db.execute(ADD_TURN, row)

    def has_turn(self, launch_id: str, turn_id: str) -> bool:
        """Tell whether a turn of this id is kept."""
        with reading(self._engine) as db:
            found = db.execute(HAS_TURN, {"of_launch": launch_id, "of_turn": turn_id}).first()
        return found is not None

    def turns(self, launch_id: str) -> list[object]:
        """Return the turns of a launch, oldest first."""
        with reading(self._engine) as db:
            rows = db.execute(TURNS, {"of_launch": launch_id}).all()
        return [self._seal.open(row.sealed, f"turn:{launch_id}:{row.turn_id}") for row in rows]

    def transcripts(self, launch_id: str) -> list[Any]:
        """Return what a model needs of each turn, oldest first; turns that left nothing are not in it."""
        with reading(self._engine) as db:
            rows = db.execute(TRANSCRIPTS, {"of_launch": launch_id}).all()
        return [
            self._seal.open(row.transcript, f"transcript:{launch_id}:{row.turn_id}") for row in rows
        ]

    def digest(self, launch_id: str) -> str | None:
        """Return the overview that this launch's model is told, None before it was kept."""
        with reading(self._engine) as db:
            sealed = db.execute(DIGEST, {"of_launch": launch_id}).scalar_one_or_none()
        return None if sealed is None else str(self._seal.open(sealed, f"digest:{launch_id}"))

    def keep_digest(self, launch_id: str, text: str) -> str:
        """Keep the overview of a launch and return it; of two that come at once, the first stands."""
        sealed = self._seal.close(text, f"digest:{launch_id}")
        # A primary key decides, in any database: the second process finds the first one's row.
        with suppress(IntegrityError), writing_once(self._engine) as db:
            db.execute(ADD_DIGEST, {"of_launch": launch_id, "of_sealed": sealed})
        return self.digest(launch_id) or text

    def drop_digest(self, launch_id: str) -> None:
        """Forget the overview: the chart was read again because a person asked for it."""
        with writing(self._engine) as db:
            db.execute(delete(digest).where(digest.c.launch_id == launch_id))

    def model_choice(self, launch_id: str) -> str:
        """Return the id of the model that this launch uses, "" before any."""
        with reading(self._engine) as db:
            return str(
                db.execute(MODEL_CHOICE, {"of_launch": launch_id}).scalar_one_or_none() or ""
            )

    def begin_model(self, launch_id: str, model_id: str) -> None:
        """Remember which model this launch began with, unless one is remembered: a choice is never written over."""
        with suppress(IntegrityError), writing_once(self._engine) as db:
            db.execute(BEGIN_MODEL, {"of_launch": launch_id, "of_model": model_id})

    def choose_model(self, launch_id: str, model_id: str) -> None:
        """Remember which model this launch uses."""
        with writing(self._engine) as db:
            if not _lives(db, launch_id):
                return
            db.execute(delete(model_choice).where(model_choice.c.launch_id == launch_id))
            db.execute(ADD_MODEL_CHOICE, {"launch_id": launch_id, "model_id": model_id})

    def keep_ledger(self, launch_id: str, value: object) -> bool:
        """Keep what the handles and source numbers of a launch mean, in place of what was kept before.

        False: the launch has ended, and nothing was kept.
        """
        sealed = self._seal.close(value, f"ledger:{launch_id}")
        row = {"of_launch": launch_id, "of_sealed": sealed}
        # Another process may have kept the first one since it was looked for; then there is one to change.
        return (
            self._wrote(CHANGE_LEDGER, row)
            or self._wrote(ADD_LEDGER, row)
            or self._wrote(CHANGE_LEDGER, row)
        )

    def ledger(self, launch_id: str) -> dict[str, Any] | None:
        """Return what `keep_ledger` kept, None before the first time."""
        with reading(self._engine) as db:
            sealed = db.execute(LEDGER, {"of_launch": launch_id}).scalar_one_or_none()
        return None if sealed is None else self._seal.open(sealed, f"ledger:{launch_id}")

    def _wrote(self, statement: Update | Insert, row: dict[str, Any]) -> bool:
        with suppress(IntegrityError), writing_once(self._engine) as db:
            return db.execute(statement, row).rowcount == 1
        return False

    def forget(self, launch_id: str) -> None:
        """Remove the conversation of a launch, whatever was left of it."""
        with writing(self._engine) as db:
            for table in (turn, ledger, digest, model_choice, kept):
                db.execute(delete(table).where(table.c.launch_id == launch_id))

    def leave(self, row: KeptRow) -> None:
        """Keep the turns of an ended launch and what their citations mean; forget what only its model was told."""
        with writing(self._engine) as db:
            for table in (digest, model_choice, kept):
                db.execute(delete(table).where(table.c.launch_id == row.launch_id))
            db.execute(
                update(turn).where(turn.c.launch_id == row.launch_id).values(transcript=None)
            )
            db.execute(
                insert(kept).values(
                    launch_id=row.launch_id,
                    registration=row.registration,
                    ended_at=row.ended_at,
                    days=row.days,
                )
            )

    def left(self, now: float) -> list[KeptRow]:
        """Return what ended launches left; what nobody left on purpose is found here and counts from `now`."""
        with reading(self._engine) as db:
            found = db.execute(union(*map(_orphans, (turn, ledger, digest)))).scalars().all()
        for launch_id in found:
            orphan = {"launch_id": launch_id, "registration": "", "ended_at": now}
            # Another process may have found it too, or it was left on purpose meanwhile.
            with suppress(IntegrityError), writing(self._engine) as db:
                db.execute(insert(kept).values(**orphan, days=ORPHAN_DAYS))
        with reading(self._engine) as db:
            rows = db.execute(select(kept).order_by(kept.c.ended_at)).all()
        return [KeptRow(**row._mapping) for row in rows]


def _lives(db: Connection, launch_id: str) -> bool:
    """Tell whether a launch has not ended; a turn may outlive its launch by a moment."""
    return db.execute(LIVES, {"of_launch": launch_id}).one_or_none() is not None


def _orphans(table: Table) -> Select[tuple[str]]:
    """Select the launches that a table holds something of, although they have ended and left nothing on purpose."""
    known = (select(one.c.launch_id) for one in (launch, kept))
    return select(table.c.launch_id).where(*(table.c.launch_id.not_in(ids) for ids in known))
