"""Rows of the keys that Chartside signs with; private parts come and go sealed."""

from dataclasses import dataclass

from sqlalchemy import Engine, func, insert, select, update

from app.store.engine import reading, writing
from app.store.schema import signing_key


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    """One key: published from `made_at`, signing from `signs_at`, gone at `withdrawn_at` (None: not planned)."""

    kid: str
    alg: str
    sealed: bytes
    made_at: float
    signs_at: float
    withdrawn_at: float | None


class KeyRows:
    """Every statement on the keys."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[KeyRow]:
        """Return every key, oldest first."""
        with reading(self._engine) as db:
            rows = db.execute(select(signing_key).order_by(signing_key.c.made_at)).all()
        return [KeyRow(**row._mapping) for row in rows]

    def add(self, row: KeyRow, *, withdraw_others_at: float) -> None:
        """Keep a new key and plan the end of the others of its algorithm, all or nothing."""
        with writing(self._engine) as db:
            db.execute(
                update(signing_key)
                .where(signing_key.c.alg == row.alg, signing_key.c.withdrawn_at.is_(None))
                .values(withdrawn_at=withdraw_others_at)
            )
            db.execute(insert(signing_key).values(**vars(row)))

    def add_first(self, row: KeyRow) -> bool:
        """Keep a key if there is none of its algorithm; False when another process was faster."""
        with writing(self._engine) as db:
            query = select(func.count()).where(signing_key.c.alg == row.alg)
            if db.execute(query).scalar_one():
                return False
            db.execute(insert(signing_key).values(**vars(row)))
        return True

    def drop_withdrawn(self, now: float) -> None:
        """Remove keys whose time is over."""
        with writing(self._engine) as db:
            db.execute(signing_key.delete().where(signing_key.c.withdrawn_at <= now))
