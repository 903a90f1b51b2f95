"""Who may ask about many patients, by the page and by MCP hosts: a session of an analyst, the right of the registration, a switch.

All three are asked at every use. DuckDB is loaded with the first question, which a site without a store need not wait for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.audit.log import AuditLog, Who
from app.errors import NotAnalyst, NotFound
from app.smart.analyst import Analyst, AnalystSessions
from app.smart.id_token import User
from app.smart.registration import Registration
from app.smart.registry import Registry
from app.smart.switches import Switches

if TYPE_CHECKING:
    from app.warehouse.cohort.answers import Cohorts

Via = Literal["page", "mcp"]
NOT_NAMED = "not an analyst: [bulk] analysts of the registration does not name this user"


@dataclass(frozen=True, kw_only=True)
class CohortDoor:
    """Lets analysts in and opens their data. `opened` are signed-in sessions."""

    opened: AnalystSessions
    registry: Registry
    switches: Switches
    audit: AuditLog
    warehouse: Path
    clock: Callable[[], datetime] = field(repr=False)

    def offers(self, slug: str) -> Registration:
        """Return a registration that names analysts.

        Raises:
            NotFound: it names none, or there is none.
            SwitchedOff: IT has switched it off.
        """
        registration = self.registry.get(slug)
        if registration is None or registration.bulk is None or not registration.bulk.analysts:
            raise NotFound("no analysts here")
        self.switches.demand(slug, "cohort")
        return registration

    def sign_in(self, registration: Registration, iss: str, user: User) -> str:
        """Open a session for a user whom the EHR has identified; return its key.

        Raises:
            NotAnalyst: the registration does not name the user.
        """
        who = Who(registration=registration.slug, user_reference=user.reference)
        if not _is_named(registration, user.reference):
            self.audit.record("cohort", who, {"what": "sign_in", "refused": NOT_NAMED})
            raise NotAnalyst(NOT_NAMED)
        key, _ = self.opened.create(registration, iss, user)
        self.audit.record("cohort", who, {"what": "sign_in", "iss": iss})
        return key

    def enter(self, slug: str, key: str | None) -> Analyst:
        """Return whose session a key proves, while the registration names them.

        Raises:
            SessionEnded: nobody's.
            NotAnalyst: the registration names them no longer.
            NotFound, SwitchedOff: as `offers`.
        """
        registration = self.offers(slug)
        return self._still(registration, self.opened.open(slug, key))

    def of_session(self, slug: str, session_id: str) -> Analyst:
        """Return whose session has an id, as `enter`; the caller has proved that it may act for it."""
        registration = self.offers(slug)
        return self._still(registration, self.opened.of_id(slug, session_id))

    def leave(self, analyst: Analyst) -> None:
        """End a session."""
        self.opened.end(analyst.session_id)
        self.audit.record("cohort", self._who(analyst), {"what": "sign_out"})

    def ask(self, analyst: Analyst, group: str, via: Via, host: str = "") -> "Cohorts":
        """Return the cohorts of a data set for an analyst; each question of them is audited.

        Raises:
            CohortRefused: there is no such data, or it is of another EHR.
        """
        from app.warehouse.cohort.opening import Asker, open_cohorts  # noqa: PLC0415

        registration, who = self.offers(analyst.slug), self._who(analyst)
        bulk = registration.bulk
        # Where only groups are exported there is no whole.
        if not group and bulk and bulk.level == "group":
            group = next(iter(bulk.groups), "")
        more = {"group": group, "via": via, **({"host": host} if host else {})}

        def record(detail: Mapping[str, str | int | list[str]]) -> None:
            self.audit.record("cohort", who, {**detail, **more})

        asker = Asker(user=analyst.user_reference, iss=analyst.iss)
        return open_cohorts(self.warehouse, registration, group, asker, record, self.clock)

    def _still(self, registration: Registration, analyst: Analyst) -> Analyst:
        if _is_named(registration, analyst.user_reference):
            return analyst
        self.audit.record("cohort", self._who(analyst), {"what": "enter", "refused": NOT_NAMED})
        raise NotAnalyst(NOT_NAMED)

    def _who(self, analyst: Analyst) -> Who:
        return Who(registration=analyst.slug, user_reference=analyst.user_reference)


def _is_named(registration: Registration, user_reference: str) -> bool:
    return registration.bulk is not None and user_reference in registration.bulk.analysts
