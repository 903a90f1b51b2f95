"""`export`, `status` and `verify`: bring an EHR's records into the own store, and prove that they are all there."""

import argparse
import hashlib
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app.audit.log import Who
from app.boundary import Boundary
from app.cli.desk import Desk, plain, say
from app.errors import ChartsideError, ConfigurationError, EhrRefused
from app.smart.registration import Bulk, Registration
from app.warehouse.bulk.download import Downloader
from app.warehouse.bulk.errors import ExportFailed
from app.warehouse.bulk.landing import DataSet, Export, ExportFolder, FileDone, folder_of
from app.warehouse.bulk.lines import LineTooLong, NotWhole, found_in
from app.warehouse.bulk.lookers import Lookers
from app.warehouse.bulk.request import TYPES, ExportRequest
from app.warehouse.bulk.retention import prune
from app.warehouse.bulk.server import BulkServer
from app.warehouse.bulk.sync import AUTO, FULL, Sync
from app.warehouse.bulk.waiting import Waiting
from app.warehouse.store.snapshot import apply, current
from app.wiring import Services, build

if TYPE_CHECKING:
    from app.cli.desk import Commands

BAR = 30
PARTLY = 3
READ_BYTES = 2**16


def add(commands: "Commands") -> None:
    """Add the commands."""
    export = commands.add_parser("export", help="export an EHR's records, or what changed since")
    status = commands.add_parser("status", help="how far the exports are")
    verify = commands.add_parser("verify", help="read every landed file again, and compare")
    for command in (export, status, verify):
        command.add_argument("name", help="the registration's file, without .toml")
        command.add_argument("--group", default="", help="one of [bulk] groups")
    export.add_argument("--since", default=AUTO, help=f"{AUTO}, {FULL}, or an instant with a zone")
    export.set_defaults(act=_export)
    status.set_defaults(act=_status)
    verify.set_defaults(act=_verify)


def _export(desk: Desk, given: argparse.Namespace) -> int:
    services = build(desk.settings, transport=desk.transport, clock=desk.clock)
    registration, bulk = _registered(services, given.name)
    since, request = _since(given.since), request_of(bulk, given.group)
    who = Who(registration=registration.slug)
    services.audit.record("export", who, {"group": given.group, "since": since, "phase": "begun"})
    try:
        services.switches.demand(registration.slug, "export")
        with Lookers() as lookers:
            # They start while the EHR makes its files.
            lookers.start(bulk.parallel)
            sync = sync_of(services, registration, bulk, given.group, lookers, progress=Progress())
            landed = sync.run(request, since)
        with sync.data_set.locked():
            snapshot = apply(sync.data_set, services.clock(), bulk.memory_gb)
            removed = _pruned(sync.data_set, request, bulk.keep_exports)
        # The store may have found what cannot be read.
        states = {folder.path.name: folder.read() for folder in sync.data_set.folders()}
        landed = [states[export.export_id] for export in landed]
    except (ChartsideError, OSError) as error:
        failed = error if isinstance(error, ChartsideError) else _not_stored(error)
        detail = {"group": given.group, "phase": "stopped", "error": failed.code}
        services.audit.record("export", who, detail)
        sys.stderr.write(f"{plain(failed.public)}\n{plain(str(failed))}\n")
        return 1
    for export in landed:
        services.audit.record("export", who, {
            "group": given.group, "phase": export.phase, "export": export.export_id,
            "incomplete": sorted(export.incomplete),
        })  # fmt: skip
        say(_line(export, sync.data_set))
    if snapshot:
        say(f"The store holds {sum(snapshot.counts.values()):,} records, as of {snapshot.data_as_of or 'no moment: not every type was read whole'}.\n")  # fmt: skip
    if removed:
        say(f"The files of {removed:,} earlier exports, of which no snapshot would be made again, are removed.\n")  # fmt: skip
    return PARTLY if any(export.incomplete for export in landed) else 0


def _pruned(data_set: DataSet, request: ExportRequest, keep: int) -> int:
    found = current(data_set.path)
    return prune(data_set, found[1].exports, request.types, keep) if found else 0


def _not_stored(error: OSError) -> ExportFailed:
    return ExportFailed(
        f"the warehouse cannot be written: {error.strerror or type(error).__name__}"
    )


def _status(desk: Desk, given: argparse.Namespace) -> int:
    desk.path(given.name)
    data_set = DataSet(folder_of(desk.settings.warehouse, given.name, given.group))
    exports = [folder.read() for folder in data_set.folders()]
    if not exports:
        return say("Nothing was exported yet.\n")
    say("".join(_line(export, data_set) for export in exports))
    marks = data_set.watermarks([kind for export in exports for kind in export.request.types])
    for kind in sorted(marks):
        say(f"  {kind:<26} {marks[kind] or 'never read whole'}\n")
    return 0 if all(marks.values()) else PARTLY


def _verify(desk: Desk, given: argparse.Namespace) -> int:
    desk.path(given.name)
    data_set = DataSet(folder_of(desk.settings.warehouse, given.name, given.group))
    files = wrong = 0
    for folder, export in data_set.landed():
        done = folder.done()
        for wanted in export.files:
            files += 1
            if problem := _differs(folder, done.get(wanted.number)):
                wrong += 1
                say(f"{export.export_id} {wanted.name}: {problem}\n")
    say(f"{files:,} files read, {wrong:,} are not as they were received.\n")
    return 1 if wrong else 0


def _differs(folder: ExportFolder, done: FileDone | None) -> str:
    if done is None:
        return "is not there, or not as long as it was"
    if done.expired:
        return ""
    try:
        with (folder.files / done.name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != done.sha256:
                return "has another checksum"
            file.seek(0)
            found = found_in(iter(lambda: file.read(READ_BYTES), b""))
    except (OSError, NotWhole, LineTooLong) as error:
        return f"cannot be read ({type(error).__name__})"
    return "" if found.types == done.types else "holds other lines"


# --------------------------------------------------------------- composition


def request_of(bulk: Bulk, group: str) -> ExportRequest:
    """Return what a registration exports.

    Raises:
        ConfigurationError: the group is not one that it names.
    """
    if group and group not in bulk.groups:
        raise ConfigurationError(f"--group: [bulk] groups has no {group}")
    if not group and bulk.level == "group":
        raise ConfigurationError("--group is needed: this EHR exports groups only")
    return ExportRequest(
        level="group" if group else bulk.level, group=group, types=bulk.types or TYPES,
        filters=bulk.filters, method=bulk.method, partial_manifests=bulk.partial_manifests,
    )  # fmt: skip


def sync_of(
    services: Services,
    registration: Registration,
    bulk: Bulk,
    group: str,
    lookers: Lookers,
    *,
    progress: "Progress",
    waiting: Waiting | None = None,
) -> Sync:
    """Join the parts of one data set's export."""
    iss = registration.fhir.iss[0]
    boundary: Boundary = services.boundaries[registration.slug]
    waits = waiting or Waiting(clock=services.clock)

    def allowed() -> None:
        # An export goes on for hours; what is switched off ends within a minute.
        services.switches.demand(registration.slug, "export")

    def token(refused: str) -> str:
        allowed()
        try:
            return services.smart.backend.get(registration, iss, refused=refused).access_token
        except EhrRefused as error:
            raise ExportFailed(
                f"the EHR gives the client of [backend] no token: {error} ({error.http_status})"
            ) from error

    def downloader(folder: ExportFolder, export: Export) -> Downloader:
        progress.begin(len(export.files), len(folder.done()))
        return Downloader(
            boundary=boundary, token=token, waiting=waits, folder=folder, lookers=lookers, parallel=bulk.parallel,
            most_bytes=bulk.most_gb * 10**9, on_done=progress.done, allowed=allowed,
        )  # fmt: skip

    return Sync(
        data_set=DataSet(folder_of(services.settings.warehouse, registration.slug, group)),
        base=iss,
        server=BulkServer(
            base=iss, boundary=boundary, token=token, waiting=waits, say=progress.say,
            patience_s=bulk.most_hours * 3600.0,
        ),
        downloader=downloader,
        clock=services.clock,
        say=progress.say,
        incremental=bulk.incremental,
        full_every=timedelta(days=bulk.full_every_days),
    )  # fmt: skip


def _registered(services: Services, name: str) -> tuple[Registration, Bulk]:
    registration = services.registry.get(name)
    if registration is None:
        raise ConfigurationError(f"no registration {name}")
    if registration.bulk is None:
        raise ConfigurationError(f"{name} has no [bulk]: nothing is exported from it")
    return registration, registration.bulk


def _since(text: str) -> str:
    if text in (AUTO, FULL):
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--since: {AUTO}, {FULL}, or an instant with a zone") from error
    if at.tzinfo is None:
        raise ConfigurationError(f"--since: {AUTO}, {FULL}, or an instant with a zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _line(export: Export, data_set: DataSet) -> str:
    folder = ExportFolder(data_set.path / "exports" / export.export_id)
    records = sum(sum(one.types.values()) for one in folder.done().values())
    kind = "all" if export.whole else f"since {export.request.since}"
    tail = f"; {plain(export.error)}" if export.error else ""
    if export.pruned:
        return f"{export.export_id}  {export.phase:<11} {kind}: its files are removed, no snapshot needs them\n"
    lines = [f"{export.export_id}  {export.phase:<11} {kind}: {len(export.files):,} files, {records:,} records{tail}\n"]  # fmt: skip
    lines += [f"  incomplete: {kind}: {plain(why)}\n" for kind, why in export.incomplete.items()]
    lines += [f"  note: {plain(one)}\n" for one in export.warnings]
    return "".join(lines)


class Progress:
    """Tells people what goes on: a bar on a terminal, lines elsewhere. Safe for concurrent threads."""

    def __init__(
        self, write: Callable[[str], object] | None = None, *, bar: bool | None = None
    ) -> None:
        self._write = write or sys.stderr.write
        self._bar = sys.stderr.isatty() if bar is None else bar
        self._all = self._here = self._records = 0
        self._lock = threading.Lock()

    def begin(self, files: int, here: int) -> None:
        """So many files are to be had, and so many are there."""
        self._all, self._here, self._records = files, here, 0

    def say(self, words: str) -> None:
        """Print a line."""
        self._write(f"\r{plain(words)}\n" if self._bar else f"{plain(words)}\n")

    def done(self, file: FileDone) -> None:
        """One file more."""
        with self._lock:
            self._here += 1
            self._records += sum(file.types.values())
            if self._bar:
                full = BAR * self._here // max(self._all, 1)
                self._write(f"\r[{'#' * full}{'.' * (BAR - full)}] {self._here:,}/{self._all:,} files, {self._records:,} records")  # fmt: skip
                if self._here == self._all:
                    self._write("\n")
            elif self._here == self._all:
                self._write(f"{self._here:,} files, {self._records:,} records\n")
