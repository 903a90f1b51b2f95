"""Open the cohorts of one registration's data for one user, with the rights that the registration gives now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.errors import CohortRefused
from app.fhir.labels import Labels
from app.smart.registration import Registration
from app.warehouse.bulk.landing import folder_of
from app.warehouse.cohort.answers import Cohorts, Record
from app.warehouse.cohort.flat import flat
from app.warehouse.cohort.memory import FILE, Answered
from app.warehouse.cohort.tables import Flattened
from app.warehouse.store.snapshot import Snapshot, current

NOT_EXPORTED = "nothing was exported yet"
Opener = Callable[[Path, Snapshot, Labels, str], Flattened]
OTHER_EHR = "the records are of another EHR than the one that this user signed in at"


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks: `user` as `fhirUser` names them (`Practitioner/123`), `iss` where they signed in ("": by the command line)."""

    user: str
    iss: str = ""


def open_cohorts(
    warehouse: Path,
    registration: Registration,
    group: str,
    asker: Asker,
    record: Record,
    clock: Callable[[], datetime],
    tables: Opener = flat,
) -> Cohorts:
    """Return the cohorts of a data set ("" for the whole one); what was counted of any data set of a registration is one memory.

    `tables` opens the flat tables of a snapshot, in DuckDB if not given.

    Raises:
        CohortRefused: nothing is exported, or the data are of another EHR than the user.
    """
    found = snapshot_of(warehouse, registration, group)
    if found is None:
        raise CohortRefused(NOT_EXPORTED)
    if asker.iss and asker.iss.rstrip("/") != found[1].base.rstrip("/"):
        # The same id is another person there.
        raise CohortRefused(OTHER_EHR)
    bulk = registration.bulk
    return Cohorts(
        flat=tables(*found, labels_of(registration), registration.site.time_zone),
        # One for all data sets: a group and the whole differ by few patients as well.
        answered=Answered(path=warehouse / registration.slug / FILE), user=asker.user,
        analyst=bulk is not None and asker.user in bulk.analysts, lists=bulk is not None and asker.user in bulk.lists,
        record=record, clock=clock, of_group=group,
    )  # fmt: skip


def snapshot_of(
    warehouse: Path, registration: Registration, group: str = ""
) -> tuple[Path, Snapshot] | None:
    """Return the current snapshot of a data set that the registration names, None where there is none.

    Raises:
        CohortRefused: the registration names no such group.
    """
    if registration.bulk is None or (group and group not in registration.bulk.groups):
        raise CohortRefused("no such data: [bulk] of the registration does not name it")
    return current(folder_of(warehouse, registration.slug, group))


def labels_of(registration: Registration) -> Labels:
    """Return who may have what is labelled, as the registration says."""
    return Labels(
        audiences={
            (one.system, one.code): frozenset(one.audience)
            for one in registration.restricted.labels
        }
    )
