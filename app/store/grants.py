"""Rows of the sign-ins of MCP hosts: one row from the authorization request to the last refresh token.

A row has one secret at a time (the EHR's state, the consent page's cookie, the code, the refresh token). Going on to the next is one
statement that counts for one caller, so that nothing counts twice.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.store.engine import reading, writing
from app.store.schema import host_grant

MOST_WAITING = 2_000


@dataclass(frozen=True, kw_only=True)
class GrantRow:
    """One sign-in at one `stage`; `launch_id` is "" before the EHR has signed anybody in."""

    grant_id: str
    stage: str
    secret_hash: str
    launch_id: str
    sealed: bytes = field(repr=False)
    expires_at: float


class GrantRows:
    """Every statement on them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, row: GrantRow, now: float) -> bool:
        """Keep a new one, False when too many wait or its id is kept already; expired ones are swept at the same time."""
        with suppress(IntegrityError):
            return self._add(row, now)
        return False

    def _add(self, row: GrantRow, now: float) -> bool:
        with writing(self._engine) as db:
            db.execute(delete(host_grant).where(host_grant.c.expires_at <= now))
            # Strangers' sign-ins that wait keep nobody else out.
            waiting = select(func.count()).where(host_grant.c.launch_id == "")
            if not row.launch_id and db.execute(waiting).scalar_one() >= MOST_WAITING:
                return False
            db.execute(insert(host_grant).values(**vars(row)))
        return True

    def get(self, grant_id: str, now: float) -> GrantRow | None:
        """Return one that has not expired."""
        return self._one(host_grant.c.grant_id == grant_id, host_grant.c.expires_at > now)

    def of_secret(self, stage: str, secret_hash: str, now: float) -> GrantRow | None:
        """Return the one that waits for a secret at a stage."""
        return self._one(
            host_grant.c.stage == stage,
            host_grant.c.secret_hash == secret_hash,
            host_grant.c.expires_at > now,
        )

    def advance(self, row: GrantRow, to: GrantRow) -> bool:
        """Go on to another stage and secret; True for exactly one caller, and only from where `row` stood."""
        statement = update(host_grant).where(
            host_grant.c.grant_id == row.grant_id,
            host_grant.c.stage == row.stage,
            host_grant.c.secret_hash == row.secret_hash,
        )
        with writing(self._engine) as db:
            return db.execute(statement.values(**vars(to))).rowcount == 1

    def drop(self, grant_id: str) -> bool:
        """Remove one; True for exactly one caller."""
        with writing(self._engine) as db:
            return (
                db.execute(delete(host_grant).where(host_grant.c.grant_id == grant_id)).rowcount
                == 1
            )

    def count(self, stage: str, launch_id: str) -> int:
        """Return how many of a stage are kept for a launch."""
        query = select(func.count()).where(
            host_grant.c.stage == stage, host_grant.c.launch_id == launch_id
        )
        with reading(self._engine) as db:
            return int(db.execute(query).scalar_one())

    def drop_of(self, launch_id: str) -> None:
        """Remove those of a launch that has ended."""
        with writing(self._engine) as db:
            db.execute(delete(host_grant).where(host_grant.c.launch_id == launch_id))

    def _one(self, *conditions: object) -> GrantRow | None:
        query = select(host_grant).where(*conditions)  # type: ignore[arg-type]  # column expressions
        with reading(self._engine) as db:
            row = db.execute(query).one_or_none()
        return None if row is None else GrantRow(**row._mapping)
