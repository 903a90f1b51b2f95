"""The append-only audit log, each row chained to the one before by a digest.

The database refuses UPDATE and DELETE by trigger; `verify` finds a row that was changed, removed or put in between.
It does not protect against an administrator who drops the triggers and rewrites the whole chain: export it to
another system for that. Details hold ids, counts, scopes and codes: never values, notes, prompts or tokens.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import orjson
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from app.errors import AuditFailed
from app.launch_context import LaunchContext
from app.store.engine import reading, writing
from app.store.schema import audit

Kind = Literal[
    "launch",
    "launch_refused",
    "read",
    "source",
    "model",
    "model_begun",
    "model_call",
    "refusal",
    "refresh",
    "resume",
    "stop",
    "switch",
    "end",
]
START = "0" * 64
MOST_TRIES = 100
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


class AuditLog:
    """Appends and reads; there is nothing else."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def record(self, kind: Kind, who: Who, detail: Detail) -> None:
        """Append one event; the time is real time (UTC), never a chart's own."""
        at = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        text = orjson.dumps(dict(detail), option=orjson.OPT_SORT_KEYS).decode()
        for _ in range(MOST_TRIES):
            # Two processes may take the same place; the key lets one have it, and the other goes behind it.
            with suppress(IntegrityError):
                self._append(at, kind, who, text)
                return
        raise AuditFailed("no place in the chain was free")

    def _append(self, at: str, kind: Kind, who: Who, text: str) -> None:
        with writing(self._engine) as db:
            last = db.execute(
                select(audit.c.position, audit.c.digest).order_by(audit.c.position.desc()).limit(1)
            ).one_or_none()
            position, previous = (1, START) if last is None else (last.position + 1, last.digest)
            db.execute(
                insert(audit).values(
                    position=position,
                    at=at,
                    kind=kind,
                    launch_id=who.launch_id,
                    registration=who.registration,
                    user_reference=who.user_reference,
                    patient=who.patient,
                    detail=text,
                    previous=previous,
                    digest=_digest(previous, position, at, kind, who, text),
                )
            )

    def events(self, launch_id: str = "") -> list[AuditEvent]:
        """Return the events of a launch, or all, oldest first."""
        query = select(audit).order_by(audit.c.position)
        if launch_id:
            query = query.where(audit.c.launch_id == launch_id)
        with reading(self._engine) as db:
            rows = db.execute(query).all()
        return [
            AuditEvent(
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
            for row in rows
        ]

    def verify(self) -> int | None:
        """Return the position of the first row that breaks the chain, None when it is whole."""
        previous, expected = START, 1
        for event in self.events():
            digest = _digest(
                previous, event.position, event.at, event.kind, event.who, event.detail
            )
            if event.position != expected or digest != event.digest:
                return event.position
            previous, expected = event.digest, expected + 1
        return None


def _digest(previous: str, position: int, at: str, kind: str, who: Who, detail: str) -> str:
    parts = [
        previous, str(position), at, kind, who.launch_id, who.registration, who.user_reference, who.patient, detail,
    ]  # fmt: skip
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()
