"""What a finished export lacks, and what is odd about it: decided from its files and the manifest alone.

What is found is told to operators, and to everybody whom the store answers, whosever chart it is: so it is never in the
server's words, which may be about any patient. Those stay in the export's error files.
"""

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.warehouse.bulk.landing import Export, ExportFolder, FileDone
from app.warehouse.bulk.manifest import Manifest

SERIOUS = frozenset({"fatal", "error"})
# Where no record changed, a server that heeds `_since` sends few that are older: those that others refer to.
MOST_OLDER = 0.5
WORD = re.compile(r"[A-Z][A-Za-z]+")
# FHIR R4 issue-type and issue-severity: codes, so never a name or a number of anybody.
CODE = re.compile(r"[a-z]+(-[a-z]+)*")


@dataclass
class Findings:
    """`incomplete` says for each type why its files are not all there."""

    incomplete: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def of_manifest(export: Export, pages: Sequence[Manifest]) -> list[str]:
    """Return what the manifest says otherwise than it was asked."""
    request = export.request
    unheard = request.unheard(pages[0].request)
    warnings = [f"the server's manifest does not repeat {name}: it may have ignored it" for name in unheard]  # fmt: skip
    organized = {page.output_organized_by for page in pages}
    if request.organize_by and request.organize_by not in organized:
        warnings.append(f"the files are not organized by {request.organize_by}")
    if len({page.transaction_time for page in pages}) > 1:
        warnings.append("the pages of the manifest tell different times; the earliest counts")
    if request.since and all(page.deleted is None for page in pages):
        warnings.append("the server does not tell what was deleted; a full export finds it")
    return warnings


def of_files(
    export: Export, folder: ExportFolder, done: Mapping[int, FileDone], before: Mapping[str, int]
) -> Findings:
    """Return what the downloaded files show. `before` counts each type's records in the last whole export."""
    found = Findings()
    for wanted in export.files:
        file = done[wanted.number]
        if file.problem:
            for kind in _kinds(export, wanted.resource_type, file):
                found.incomplete.setdefault(kind, f"file {wanted.number}: {file.problem}")
    for outcome in _outcomes(export, folder, done):
        _hear(found, export, outcome)
    counts = counted(export, done)
    _compare(found, export, counts, before)
    return found


def counted(export: Export, done: Mapping[int, FileDone]) -> Counter[str]:
    """Return how many records of each type the output files hold."""
    total: Counter[str] = Counter()
    for wanted in export.files:
        if wanted.kind == "output":
            total.update(done[wanted.number].types)
    return total


def _kinds(export: Export, named: str, file: FileDone) -> Iterable[str]:
    """Return the types that a file is about: the one it is named after, those in it, or all of them."""
    kinds = [kind for kind in (named, *file.types) if kind in export.request.types]
    mixed = bool(export.request.organize_by) or named not in export.request.types
    return export.request.types if mixed else dict.fromkeys(kinds)


def _outcomes(
    export: Export, folder: ExportFolder, done: Mapping[int, FileDone]
) -> Iterator[Mapping[str, Any]]:
    for wanted in export.files:
        if wanted.kind != "error" or done[wanted.number].expired:
            continue
        with gzip.open(folder.files / wanted.name) as lines:
            for line in lines:
                try:
                    sent = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                yield sent if isinstance(sent, dict) else {}


def _hear(found: Findings, export: Export, outcome: Mapping[str, Any]) -> None:
    issues = outcome.get("issue")
    for issue in issues if isinstance(issues, list) else []:
        if not isinstance(issue, dict):
            continue
        if issue.get("severity") not in SERIOUS:
            told = f"the server remarks something ({_code(issue)}): see its error files"
            found.warnings += [told] if told not in found.warnings else []
            continue
        details = issue.get("details")
        text = details.get("text") if isinstance(details, dict) else ""
        words = str(issue.get("diagnostics") or text or "")[:200]
        named = [kind for kind in WORD.findall(words) if kind in export.request.types]
        # An error that names no type may be about any.
        for kind in named or export.request.types:
            found.incomplete.setdefault(kind, f"the server reports an error ({_code(issue)})")


def _code(issue: Mapping[str, Any]) -> str:
    sent = str(issue.get("code"))
    return sent if len(sent) < 30 and CODE.fullmatch(sent) else "no code"


def _compare(
    found: Findings, export: Export, counts: Mapping[str, int], before: Mapping[str, int]
) -> None:
    request = export.request
    filtered = {text.partition("?")[0] for text in request.filters}
    for kind in request.types:
        if export.whole and not counts.get(kind) and before.get(kind):
            # Taking this over would delete them all.
            found.incomplete.setdefault(kind, f"none came, {before[kind]} came before")
        elif kind in filtered and not counts.get(kind) and export.whole:
            found.warnings.append(
                f"{kind}: nothing passes its filter; a server that does not know a parameter gives nothing"
            )
    for kind in sorted(set(counts) - set(request.types)):
        found.warnings.append(f"{kind} came along unasked and is not taken over")
