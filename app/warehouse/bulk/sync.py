"""One run of an export, from the kick-off to the landing, or from wherever an earlier process was ended.

What is asked for follows from the watermarks: types that were read whole up to some moment are asked for what changed
since; the others whole. A run that fails leaves its downloaded files, and the next one goes on with them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from app.warehouse.bulk import findings, members
from app.warehouse.bulk.download import EXPIRED, Downloader
from app.warehouse.bulk.errors import ExportFailed, ExportLost, ExportRefused
from app.warehouse.bulk.landing import DataSet, Export, ExportFolder
from app.warehouse.bulk.manifest import earliest, wanted_of
from app.warehouse.bulk.request import ExportRequest
from app.warehouse.bulk.server import BulkServer

AUTO, FULL = "auto", "full"
# To name more patients than this in one request is left to a whole export; so are most members of a group.
MOST_JOINED, MOST_SHARE = 1_000, 0.5
# A status address that is lost, and files that expired, are worth one more export each.
MOST_AGAIN = 2


@dataclass(frozen=True, kw_only=True)
class Sync:
    """What one data set is read with. `incremental`: whether the EHR heeds `_since`; `full_every`: and how long that is trusted.

    `base`: the FHIR base, noted in each export. `say` is told what goes on.
    """

    data_set: DataSet
    base: str
    server: BulkServer
    downloader: Callable[[ExportFolder, Export], Downloader]
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    incremental: bool = True
    full_every: timedelta = timedelta(days=30)

    def run(self, request: ExportRequest, since: str = AUTO) -> list[Export]:
        """Finish what was begun, then ask for what is new; return the exports that landed, in order.

        `since`: `auto` (by the watermarks), `full`, or an instant for all types.

        Raises:
            ExportRunning: another process is at it.
            ExportFailed, EhrUnavailable: it stopped; the next run goes on.
        """
        with self.data_set.locked():
            landed = []
            if unfinished := self.data_set.unfinished():
                self.say(f"going on with {unfinished.path.name}")
                landed += self._finish(unfinished)
            for planned, whole in self._plan(request, since):
                try:
                    landed += self._finish(self._begin(planned, whole=whole))
                except ExportRefused as error:
                    if not planned.patients:
                        raise
                    self.say(
                        f"{error}; it may not export named patients, so all is asked for again"
                    )
                    return landed + self._finish(self._begin(request, whole=True))
            return landed

    def _plan(self, request: ExportRequest, since: str) -> Iterator[tuple[ExportRequest, bool]]:
        if since not in (AUTO, FULL):
            yield msgspec.structs.replace(request, since=since), False
            return
        if since == FULL or not self.incremental or self._due(request):
            yield request, True
            return
        kinds = request.types
        if self._tells_members(request):
            yield _narrowed(request, (members.PATIENT,), ""), True
            if planned := self._for_joined(request):
                yield planned
                if planned[1]:
                    return
            kinds = tuple(kind for kind in kinds if kind != members.PATIENT)
        by_mark: dict[str, list[str]] = defaultdict(list)
        for kind, mark in self.data_set.watermarks(kinds).items():
            by_mark[mark].append(kind)
        for mark in sorted(by_mark):
            yield _narrowed(request, by_mark[mark], mark), not mark

    def _tells_members(self, request: ExportRequest) -> bool:
        if request.level != "group":
            return False
        if members.PATIENT in request.types and not members.is_filtered(request):
            return True
        self.say("note: not all patients of the group are exported, so who joined or left is found by the next whole export")  # fmt: skip
        return False

    def _for_joined(self, request: ExportRequest) -> tuple[ExportRequest, bool] | None:
        """Return the export that brings the records of those who joined: theirs, or all; None where nobody did."""
        exports = [export for _, export in self.data_set.landed()]
        known = members.now(exports)
        lacking = members.joined(exports, self.data_set.watermarks(request.types))
        who = sorted(frozenset().union(*lacking.values()))
        if not who:
            return None
        if len(who) > min(MOST_JOINED, max(1, len(known) * MOST_SHARE)):
            self.say(f"{len(who):,} of the group's {len(known):,} patients lack older records: all is asked for again")  # fmt: skip
            return request, True
        self.say(f"{len(who):,} of the group's {len(known):,} patients lack older records, which are asked for")  # fmt: skip
        planned = _narrowed(request, sorted(lacking), "")
        return msgspec.structs.replace(planned, patients=tuple(who), method="POST"), False

    def _due(self, request: ExportRequest) -> bool:
        """Tell whether the last whole export is too old: what changed unnoticed is found by the next.

        One of some types only (those that were never whole) finds nothing of the others.
        """
        every = set(request.types)
        whole = [
            export.started_at
            for _, export in self.data_set.landed()
            if export.whole and every <= set(export.request.types)
        ]
        if not whole:
            return True
        return self.clock() - datetime.fromisoformat(max(whole)) > self.full_every

    def _begin(self, request: ExportRequest, *, whole: bool) -> ExportFolder:
        return self.data_set.begin(request, self.base, self.clock(), whole=whole)

    def _finish(self, folder: ExportFolder) -> list[Export]:
        """Bring one export to its end; one that was lost, or whose files expired, is asked for once more."""
        landed: list[Export] = []
        for again in range(MOST_AGAIN + 1):
            try:
                export = self._land(folder)
            except ExportLost as error:
                lost = folder.read()
                folder.write(msgspec.structs.replace(lost, phase="failed", error=str(error)))
                if again == MOST_AGAIN:
                    raise
                self.say(f"{error}; asking for it again")
                folder = self._begin(lost.request, whole=lost.whole)
                continue
            landed.append(export)
            expired = [kind for kind, why in export.incomplete.items() if EXPIRED in why]
            if not expired or again == MOST_AGAIN:
                return landed
            self.say(
                f"files expired before they were downloaded; asking again for {', '.join(expired)}"
            )
            folder = self._begin(_narrowed(export.request, expired, export.request.since), whole=export.whole)  # fmt: skip
        return landed

    def _land(self, folder: ExportFolder) -> Export:
        export = folder.read()
        if export.phase == "asked":
            location = self._asked(folder, export)
            export = folder.write(
                msgspec.structs.replace(export, phase="running", location=location)
            )
        if export.phase == "running":
            export = self._waited(folder, export)
        if export.phase == "downloading":
            export = self._downloaded(folder, export)
        if not export.ended:
            if not self.server.end(export.location):
                self.say("the server did not take that its files are no longer needed")
            export = folder.write(msgspec.structs.replace(export, ended=True))
        return export

    def _asked(self, folder: ExportFolder, export: Export) -> str:
        try:
            return self.server.kick_off(export.request)
        except ExportFailed as error:
            # Nothing is lost with it: the next run asks anew, by its own watermarks.
            folder.write(msgspec.structs.replace(export, phase="failed", error=str(error)))
            raise

    def _waited(self, folder: ExportFolder, export: Export) -> Export:
        try:
            pages = self.server.wait(export.location)
            files = wanted_of(pages)
        except ExportLost:
            raise
        except ExportFailed as error:
            folder.write(msgspec.structs.replace(export, phase="failed", error=str(error)))
            raise
        warnings = findings.of_manifest(export, pages)
        for warning in warnings:
            self.say(f"note: {warning}")
        return folder.write(
            msgspec.structs.replace(
                export, phase="downloading", files=files, warnings=tuple(warnings),
                transaction_time=earliest(page.transaction_time for page in pages),
            )
        )  # fmt: skip

    def _downloaded(self, folder: ExportFolder, export: Export) -> Export:
        done = self.downloader(folder, export).all(export.files)
        found = findings.of_files(export, folder, done, self._before(export))
        for warning in found.warnings:
            self.say(f"note: {warning}")
        for kind, why in found.incomplete.items():
            self.say(f"incomplete: {kind}: {why}")
        checked = msgspec.structs.replace(export, incomplete=found.incomplete)
        return folder.write(
            msgspec.structs.replace(
                checked, phase="landed", members=members.told(checked, folder, done),
                warnings=(*export.warnings, *found.warnings),
            )
        )  # fmt: skip

    def _before(self, export: Export) -> dict[str, int]:
        """Return how many records of each type the last whole and complete export had."""
        counts: dict[str, int] = {}
        for folder, earlier in self.data_set.landed():
            if earlier.whole and not earlier.pruned and earlier.export_id != export.export_id:
                found = findings.counted(earlier, folder.done())
                counts.update({kind: found[kind] for kind in earlier.complete_types})
        return counts


def _narrowed(request: ExportRequest, kinds: Sequence[str], since: str) -> ExportRequest:
    """Return the request for some of its types only."""
    filters = tuple(text for text in request.filters if text.partition("?")[0] in kinds)
    return msgspec.structs.replace(request, types=tuple(kinds), filters=filters, since=since)


def instant(at: datetime) -> str:
    """Write an instant as a request carries it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
