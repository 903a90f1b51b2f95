"""Rows of tokens, and who may refresh them: every statement is one short transaction that counts for one caller.

A refresh is claimed before its request is sent and the claim stays until its outcome is written. So a refresh token
goes out once, whoever else runs, and a process that dies in between leaves a claim that says so.
"""

from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, select, update

from app.store.engine import reading, writing
from app.store.schema import token

OF_LAUNCH = select(token).where(token.c.launch_id == bindparam("of_launch"))


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """The sealed tokens of a launch. `intent` names the claim of a refresh whose outcome is not written, "" for none.

    Until `lease_until` the claim's owner is at work; without a claim it is the time before which nobody tries again.
    """

    launch_id: str
    sealed: bytes
    expires_at: float
    version: int
    intent: str
    lease_until: float


class TokenRows:
    """Every statement on the tokens of a launch that lives."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, launch_id: str) -> TokenRow | None:
        """Return the tokens of a launch."""
        with reading(self._engine) as db:
            row = db.execute(OF_LAUNCH, {"of_launch": launch_id}).one_or_none()
        return None if row is None else TokenRow(**row._mapping)

    def claim(self, row: TokenRow, intent: str, *, now: float, until: float) -> bool:
        """Claim the refresh of exactly this version; True for one caller, however many threads and processes ask."""
        return self._change(row, "", token.c.lease_until <= now, intent=intent, lease_until=until)

    def keep(self, row: TokenRow, intent: str, *, sealed: bytes, expires_at: float) -> bool:
        """Write new tokens over the claim; False when the launch has ended meanwhile."""
        return self._change(
            row,
            intent,
            sealed=sealed,
            expires_at=expires_at,
            version=row.version + 1,
            intent="",
            lease_until=0.0,
        )

    def release(self, row: TokenRow, intent: str, *, until: float) -> None:
        """Give the claim back: the refresh token did not count. Nobody tries again before `until`."""
        self._change(row, intent, intent="", lease_until=until)

    def lose(self, row: TokenRow, intent: str) -> None:
        """End the lease and leave the claim: nobody knows whether the refresh token counted, so it stays unused."""
        self._change(row, intent, lease_until=0.0)

    def expire(self, row: TokenRow) -> None:
        """Note that the EHR takes this access token no more."""
        self._change(row, row.intent, expires_at=0.0)

    def _change(self, row: TokenRow, known: str, /, *conditions: object, **values: object) -> bool:
        statement = update(token).where(
            token.c.launch_id == row.launch_id,
            token.c.version == row.version,
            token.c.intent == known,
            *conditions,  # type: ignore[arg-type]  # column expressions
        )
        with writing(self._engine) as db:
            return db.execute(statement.values(**values)).rowcount == 1
