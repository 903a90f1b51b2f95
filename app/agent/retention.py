"""How long turns and audit rows are kept, by each registration's `[retention]`, and the purge of what is older.

Without days, turns end with their launch and the audit is kept for good. The audit is one chain for all registrations, so the
longest time of them counts for all of it, and no row goes while one of them sets none. Days end at midnight UTC, so that a
purge is one entry of the audit a day.

It does not reach what was copied elsewhere: a backup of the database, an export of the audit, a model provider's own logs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.audit.log import AuditLog, Who
from app.launch_context import LaunchContext
from app.smart.registry import Registry
from app.store.conversations import KeptRow
from app.store.ports import ConversationStore


@dataclass(frozen=True, kw_only=True)
class Purged:
    """What one purge removed: the turns of so many launches, and so many rows of the audit."""

    launches: int
    audit_rows: int


class Retention:
    """Keeps what a registration wants kept, and removes it in time. Idempotent, and safe in several processes."""

    def __init__(
        self,
        conversations: ConversationStore,
        audit: AuditLog,
        registry: Registry,
        clock: Callable[[], datetime],
    ) -> None:
        self._conversations = conversations
        self._audit = audit
        self._registry = registry
        self._clock = clock

    def launch_ended(self, context: LaunchContext) -> None:
        """Forget the turns of a launch, or leave them for as long as its registration says."""
        days = self._turn_days(context.registration, 0)
        if not days:
            self._conversations.forget(context.launch_id)
            return
        self._conversations.leave(
            KeptRow(
                launch_id=context.launch_id,
                registration=context.registration,
                ended_at=self._clock().timestamp(),
                days=days,
            )
        )

    def purge(self) -> Purged:
        """Remove the turns and the audit rows whose days are over.

        Raises:
            AuditFailed: the rows to be removed are no whole chain; they stay, so that it can be looked into.
        """
        today = self._clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        launches = self._purge_turns(today)
        days = [item.retention.audit_days for item in self._registry.all()]
        rows = 0
        while days and all(days) and (more := self._audit.purge(today - timedelta(days=max(days)))):
            rows += more
        return Purged(launches=launches, audit_rows=rows)

    def _purge_turns(self, today: datetime) -> int:
        over = [
            row.launch_id
            for row in self._conversations.left(self._clock().timestamp())
            if row.ended_at
            < (today - timedelta(days=self._turn_days(row.registration, row.days))).timestamp()
        ]
        if over:
            # Written down first: nothing goes that the audit does not name.
            self._audit.record("purge", Who(), {"of": "turns", "launches": len(over)})
        for launch_id in over:
            self._conversations.forget(launch_id)
        return len(over)

    def _turn_days(self, slug: str, otherwise: int) -> int:
        """Return the days that hold now; a registration that is gone changes nothing any more."""
        registration = self._registry.get(slug)
        return registration.retention.turn_days if registration else otherwise
