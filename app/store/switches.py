"""Rows of what IT has switched off; every process reads them."""

from dataclasses import dataclass

from sqlalchemy import Delete, Engine, delete, insert, select

from app.store.engine import reading, writing
from app.store.schema import switch

# Built once: it is asked for with every request.
ALL = select(switch).order_by(switch.c.at, switch.c.kind, switch.c.name)


@dataclass(frozen=True, kw_only=True)
class SwitchRow:
    """One thing that is off: `kind` registration, model, action or all (`name` is "" then), since when, and why."""

    kind: str
    name: str
    reason: str
    at: float


class SwitchRows:
    """Every statement on the switches."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[SwitchRow]:
        """Return everything that is off, oldest first."""
        with reading(self._engine) as db:
            rows = db.execute(ALL).all()
        return [SwitchRow(**row._mapping) for row in rows]

    def put(self, row: SwitchRow) -> None:
        """Switch something off, or give it another reason."""
        with writing(self._engine) as db:
            db.execute(_of(row.kind, row.name))
            db.execute(insert(switch).values(**vars(row)))

    def drop(self, kind: str, name: str) -> bool:
        """Switch something on again; False when it was not off."""
        with writing(self._engine) as db:
            return db.execute(_of(kind, name)).rowcount == 1


def _of(kind: str, name: str) -> Delete:
    return delete(switch).where(switch.c.kind == kind, switch.c.name == name)
