"""Make landed exports into a snapshot that readers open read-only, and put it in the place of the one before at once.

    <data set>/snapshots/<n>/resources.duckdb    `resource`, sorted by patient, type and date
    <data set>/snapshots/<n>/snapshot.json       which exports are in it, and up to which moment each type was read
    <data set>/current                           a link to one of them

A snapshot is never changed, so a reader that opened one goes on with it; DuckDB lets nobody else in while a file is
written. An incremental export is applied to a copy. What was appended is sorted in again when it is a tenth of the whole.
"""

import os
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import msgspec

from app.warehouse.bulk.errors import ExportFailed
from app.warehouse.bulk.findings import counted
from app.warehouse.bulk.landing import DataSet, Export, ExportFolder, replace, sync_folder
from app.warehouse.bulk.manifest import earliest
from app.warehouse.store import keys

FILE, NOTE, CURRENT = "resources.duckdb", "snapshot.json", "current"
SORTED_SHARE = 0.1
KEPT = 2
# What DuckDB may take while a snapshot is made; what does not fit waits in SPILL beside it.
MEMORY_GB, SPILL = 4, "spill"
MOST_RESOURCE_BYTES = 256 * 2**20
LAYOUT = 2
TABLES = """
CREATE TABLE resource (
  resource_type VARCHAR NOT NULL, id VARCHAR NOT NULL, patient VARCHAR NOT NULL, date VARCHAR NOT NULL,
  last_updated VARCHAR NOT NULL, json VARCHAR NOT NULL);
"""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot holds. `as_of` says for each type up to which moment of the EHR it was read whole.

    `incomplete` says why a type is not, as the newest export of it told. `appended` records are not in their place yet.
    `unfiled` counts the records of each type of which it cannot be told whose they are, if anybody's.
    """

    number: int
    layout: int
    exports: tuple[str, ...]
    as_of: dict[str, str]
    incomplete: dict[str, str]
    counts: dict[str, int]
    base: str
    built_at: str
    appended: int = 0
    unfiled: dict[str, int] = {}

    @property
    def data_as_of(self) -> str:
        """The moment that all of it was read up to; "" when a type was never read whole."""
        return earliest(self.as_of.values())


def current(path: Path) -> tuple[Path, Snapshot] | None:
    """Return the current snapshot's folder and what it holds, None when there is none."""
    try:
        folder = (path / CURRENT).resolve(strict=True)
        return folder, msgspec.json.decode((folder / NOTE).read_bytes(), type=Snapshot)
    except FileNotFoundError:
        return None


def apply(data_set: DataSet, now: datetime, memory_gb: int = MEMORY_GB) -> Snapshot | None:
    """Bring the store up to the last landed export; return the new snapshot, None when there is nothing new.

    `memory_gb` bounds the database's memory, beyond which it works on the disk, in the data set's own folder. The caller holds the data set's lock.

    Raises:
        ExportFailed: the database could not take it (a full disk).
    """
    found = current(data_set.path)
    before = found[1] if found else None
    known = set(before.exports) if before else set()
    new = [
        (folder, export)
        for folder, export in data_set.landed()
        if export.export_id not in known and not export.pruned
    ]
    if not new:
        return None
    number = 1 + max(
        (int(one.name) for one in (data_set.path / "snapshots").glob("*[0-9]")), default=0
    )
    folder = data_set.path / "snapshots" / f"{number:06d}"
    partial = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if found:
        _copy(found[0] / FILE, partial / FILE)
    try:
        snapshot = _filled(partial, before, new, number, now, memory_gb)
    except duckdb.Error as error:
        # Its message may quote what it could not read.
        raise ExportFailed(f"the store could not be made ({type(error).__name__}); the one before stays") from error  # fmt: skip
    shutil.rmtree(partial / SPILL, ignore_errors=True)
    replace(partial / NOTE, msgspec.json.encode(snapshot))
    partial.rename(folder)
    sync_folder(folder.parent)
    _point(data_set.path, folder)
    _forget(data_set.path, folder)
    return snapshot


def _filled(
    partial: Path,
    before: Snapshot | None,
    new: Sequence[tuple[ExportFolder, Export]],
    number: int,
    now: datetime,
    memory_gb: int,
) -> Snapshot:
    # Without a name DuckDB would put patients' records into the working folder.
    bounds: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_gb}GB", "temp_directory": str(partial / SPILL),
        # Each thread holds two of the longest lines while it reads: more threads than this leave no memory to sort in.
        "threads": min(os.cpu_count() or 1, max(1, memory_gb // 2)),
    }  # fmt: skip
    with duckdb.connect(config=bounds) as db:
        # Nobody reads this file yet, and after a crash it is made anew: a log to recover from would be written in vain.
        db.execute(f"ATTACH '{_quoted(partial / FILE)}' AS store (RECOVERY_MODE no_wal_writes)")
        db.execute("USE store")
        # DuckDB would print its progress on standard output, among what the command says.
        db.execute("SET enable_progress_bar = false")
        db.execute("SET preserve_insertion_order = false")
        # What is appended is packed when all is sorted in again; to try every way of packing takes as long as the rest.
        db.execute(f"SET force_compression = '{'auto' if before is None else 'uncompressed'}'")
        db.execute("BEGIN")
        if before is None:
            db.execute(TABLES)
        # Layout 1 had an index of ids beside, which nothing asked.
        db.execute("DROP TABLE IF EXISTS place")
        appended = before.appended if before else 0
        exports = [export for _, export in new]
        for at, (folder, export) in enumerate(new):
            count, exports[at] = _take(db, folder, export)
            appended += count
        total = _one(db, "SELECT count(*) FROM resource")
        if appended > total * SORTED_SHARE:
            _sort(db)
            appended = 0
        counts = _counted(db, "true")
        unfiled = _counted(db, "patient = ''")
        db.execute("COMMIT")
        db.execute("CHECKPOINT")
    as_of, incomplete = _marks(before, exports)
    return Snapshot(
        number=number, layout=LAYOUT, base=new[-1][1].base, built_at=now.isoformat(timespec="seconds"),
        exports=(*(before.exports if before else ()), *(export.export_id for _, export in new)),
        as_of=as_of, incomplete=incomplete, counts=counts, appended=appended, unfiled=unfiled,
    )  # fmt: skip


def _counted(db: duckdb.DuckDBPyConnection, where: str) -> dict[str, int]:
    """Return how many records there are of each type; `where` is a condition of this module."""
    query = f"SELECT resource_type, count(*) FROM resource WHERE {where} GROUP BY 1"  # noqa: S608 - see above
    return dict(db.execute(query).fetchall())


def _take(
    db: duckdb.DuckDBPyConnection, folder: ExportFolder, export: Export
) -> tuple[int, Export]:
    """Apply one export; return how many records it appended behind those that were there, and what is known of it now.

    What comes is appended first, so its texts are moved once; what it replaces lies before it.
    """
    if export.members is not None:
        # Who left a group is told by nobody: its patients as they are now say it.
        db.execute(LEFT, [list(export.members)])
    before = _one(db, "SELECT coalesce(max(rowid), -1) FROM resource")
    if files := _files(folder, export, "output"):
        db.execute(_incoming(), [list(map(str, files)), keys.paths(), list(export.request.types)])
        export = _held_against(db, folder, export, before)
        db.execute(ONCE, [before])
    db.execute(REPLACED, [before])
    if deleted := _files(folder, export, "deleted"):
        db.execute(_deleted(), [list(map(str, deleted)), before])
    if export.whole:
        # What a whole export lacks is no more; a type whose files are not all there loses nothing.
        db.execute(
            "DELETE FROM resource WHERE rowid <= ? AND resource_type IN (SELECT unnest(?))",
            [before, list(export.complete_types)],
        )
    # What goes into an empty table is in its place.
    if before < 0:
        return 0, export
    return _one(db, f"SELECT count(*) FROM resource WHERE rowid > {before}"), export  # noqa: S608 - a number of ours


def _held_against(
    db: duckdb.DuckDBPyConnection, folder: ExportFolder, export: Export, before: int
) -> Export:
    """Hold what was read against what was counted when the files landed; a type that lacks a record is not complete."""
    read = dict(db.execute("SELECT resource_type, count(*) FROM resource WHERE rowid > ? GROUP BY 1", [before]).fetchall())  # fmt: skip
    lacking = {
        kind: f"{count - read.get(kind, 0)} of its records cannot be read into the store"
        for kind, count in counted(export, folder.done()).items()
        if kind in export.complete_types and read.get(kind, 0) < count
    }
    if not lacking:
        return export
    told = msgspec.structs.replace(export, incomplete={**export.incomplete, **lacking})
    return folder.write(told)


# Of a record that came twice, the one that changed last is left.
ONCE = """
DELETE FROM resource WHERE rowid > $1 AND rowid IN (SELECT row FROM (
  SELECT rowid AS row, row_number() OVER (PARTITION BY resource_type, id ORDER BY last_updated DESC) AS place
  FROM resource WHERE rowid > $1) WHERE place > 1)
"""
LEFT = """
DELETE FROM resource WHERE patient IN (
  SELECT id FROM resource WHERE resource_type = 'Patient' AND id NOT IN (SELECT unnest($1)))
"""
REPLACED = """
DELETE FROM resource WHERE rowid <= $1 AND (resource_type, id) IN (SELECT resource_type, id FROM resource WHERE rowid > $1)
"""


def _incoming() -> str:
    """Return what appends the records of files, in the order in which a patient's lie together.

    A line that is no JSON is passed over: the landing has called its type incomplete, and it must not hold up the store.
    """
    return f"""
    INSERT INTO resource
    SELECT resource_type, id, patient, date, last_updated, json FROM (
      SELECT {keys.columns("found", "json")}, json::VARCHAR AS json FROM (
        SELECT json, json_extract_string(json, $2) AS found
        FROM read_ndjson_objects($1, maximum_object_size = {MOST_RESOURCE_BYTES}, compression = 'gzip', ignore_errors = true)))
    WHERE resource_type IN (SELECT unnest($3)) AND id IS NOT NULL
    ORDER BY patient, resource_type, date, id
    """  # noqa: S608 - no value stands in it


def _deleted() -> str:
    return """
    DELETE FROM resource WHERE rowid <= $2 AND (resource_type, id) IN (
    SELECT split_part(url, '/', -2), split_part(url, '/', -1) FROM (
      SELECT json_extract_string(entry, '$.request.url') AS url, json_extract_string(entry, '$.request.method') AS method FROM (
        SELECT unnest(json_extract(json, '$.entry[*]')) AS entry
        FROM read_ndjson_objects($1, compression = 'gzip', ignore_errors = true)))
    WHERE method = 'DELETE' AND contains(url, '/'))
    """


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _copy(source: Path, target: Path) -> None:
    """Copy a large file inside the kernel, where it can; a file system that shares blocks copies nothing."""
    if not hasattr(os, "copy_file_range"):
        shutil.copyfile(source, target)
        return
    with source.open("rb") as given, target.open("wb") as taken:
        left = os.fstat(given.fileno()).st_size
        while left:
            copied = os.copy_file_range(given.fileno(), taken.fileno(), min(left, 2**30))
            if not copied:
                raise OSError(f"{source} ended before its size")
            left -= copied


def _files(folder: ExportFolder, export: Export, kind: str) -> list[Path]:
    done = folder.done()
    return [
        folder.files / wanted.name
        for wanted in export.files
        if wanted.kind == kind and not done[wanted.number].expired and done[wanted.number].types
    ]


def _sort(db: duckdb.DuckDBPyConnection) -> None:
    """Put everything in its place, so that a patient's records lie together."""
    db.execute("SET force_compression = 'auto'")
    db.execute("CREATE TABLE sorted AS FROM resource ORDER BY patient, resource_type, date, id")
    db.execute("DROP TABLE resource")
    db.execute("ALTER TABLE sorted RENAME TO resource")


def _marks(
    before: Snapshot | None, exports: Sequence[Export]
) -> tuple[dict[str, str], dict[str, str]]:
    as_of: dict[str, str] = dict(before.as_of) if before else {}
    incomplete: dict[str, str] = dict(before.incomplete) if before else {}
    for export in exports:
        for kind in export.request.types:
            as_of.setdefault(kind, "")
            if kind in export.incomplete:
                incomplete[kind] = export.incomplete[kind]
            elif export.reaches(as_of[kind]):
                as_of[kind] = export.transaction_time
                incomplete.pop(kind, None)
    return as_of, incomplete


def _point(path: Path, folder: Path) -> None:
    """Make a snapshot the current one; a reader sees this one or the one before."""
    link = path / f"{CURRENT}.{os.getpid()}.part"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.relative_to(path))
    link.replace(path / CURRENT)
    sync_folder(path)


def _forget(path: Path, folder: Path) -> None:
    """Remove what is older than the snapshots that readers may still be with; open files stay readable."""
    every = sorted(one for one in (path / "snapshots").iterdir() if one.name.isdigit())
    for old in every[: every.index(folder) + 1 - KEPT] if len(every) > KEPT else ():
        shutil.rmtree(old, ignore_errors=True)


def _one(db: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = db.execute(sql).fetchone()
    return int(row[0]) if row else 0
