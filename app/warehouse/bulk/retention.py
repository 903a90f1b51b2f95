"""Which landed exports' files may go: those that no snapshot would be made of again, but for the last few.

A type is made again from the newest export that held it whole, and all that came after. What stands before that for each of its types
is in no snapshot's way, and holds what was changed or deleted since. What an export was, and up to when, stays noted.
"""

import shutil
from collections.abc import Collection, Sequence

import msgspec

from app.warehouse.bulk.landing import DataSet, Export


def prune(data_set: DataSet, held: Collection[str], kinds: Collection[str], keep: int) -> int:
    """Remove the files of exports that are in the store (`held`, by id) and no longer needed; return of how many.

    `kinds` are the types that are exported now: what is asked for no more keeps no files. The files of the last `keep` landed exports stay anyhow. The caller holds the data set's lock. A process that is killed
    between leaves files of an export that says it has none: they go at the next run.
    """
    landed = data_set.landed()
    stay = needed([export for _, export in landed], kinds)
    stay |= {export.export_id for _, export in landed[len(landed) - keep :]}
    removed = 0
    for folder, export in landed:
        if not export.pruned:
            if export.export_id in stay or export.export_id not in held or not export.ended:
                continue
            folder.write(msgspec.structs.replace(export, pruned=True, files=()))
            removed += 1
        shutil.rmtree(folder.files, ignore_errors=True)
        (folder.path / "done.jsonl").unlink(missing_ok=True)
    return removed


def needed(exports: Sequence[Export], kinds: Collection[str]) -> set[str]:
    """Return the ids of the exports that a snapshot of these types would be made of; `exports` landed, oldest first.

    A type that never came whole needs all of them.
    """
    found: set[str] = set()
    whole: set[str] = set()
    for export in reversed(exports):
        if not whole.issuperset(set(kinds) & set(export.request.types)):
            found.add(export.export_id)
        if export.whole:
            whole.update(export.complete_types)
    return found
