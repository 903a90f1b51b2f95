"""Download the files of an export, several at a time, and check each while it arrives.

A file is stored in gzip, as it was sent where it was sent so; what is on the disk under its name is whole and checked.
A token goes to the registered hosts only, not where the manifest says that none is needed, and not along a redirect
to another origin.
"""

import base64
import binascii
import errno
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

from isal import isal_zlib

from app.boundary import Boundary, Download, origin_of
from app.errors import EhrUnavailable
from app.warehouse.bulk.errors import ExportFailed
from app.warehouse.bulk.landing import ExportFolder, FileDone
from app.warehouse.bulk.lines import Found, LineTooLong, NotWhole
from app.warehouse.bulk.lookers import Look, Lookers
from app.warehouse.bulk.manifest import Wanted
from app.warehouse.bulk.waiting import Waiting

MOST_TRIES = 5
EXPIRED = "expired at the server"
MOST_REDIRECTS = 5
# Of one export, as it is stored; a registration may say otherwise.
MOST_BYTES = 500 * 10**9
MOST_FILE_S = 6 * 3600.0
# IT switches off within a minute, however long a file is.
ASKED_AGAIN_S = 20.0
# What the disk says, not the network.
DISK = frozenset(
    (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.ENOENT,
    )
)
ACCEPT = "application/fhir+ndjson, application/ndjson"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SHA_256 = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")


class _TryAgain(Exception):
    """The file did not arrive whole; `retry_after` as the server sent it."""

    def __init__(self, why: str, retry_after: str = "") -> None:
        super().__init__(why)
        self.retry_after = retry_after


class _Room:
    """How many bytes an export may still take on the disk. Safe for concurrent threads."""

    def __init__(self, most: int, there: int) -> None:
        self._most, self._left, self._lock = most, most - there, threading.Lock()

    def take(self, size: int) -> None:
        with self._lock:
            self._left -= size
            if self._left >= 0:
                return
        raise ExportFailed(f"the export has more than {self._most / 10**9:g} GB, which is all it may take ([bulk] most_gb)")  # fmt: skip

    def give(self, size: int) -> None:
        with self._lock:
            self._left += size


@dataclass(frozen=True, kw_only=True)
class Downloader:
    """Downloads into one folder. `token(refused)` and `waiting` are the server's; `on_done` hears of every file.

    `lookers` look at the lines of what arrives.
    `most_bytes` bounds what all files of the export take on the disk.
    `allowed` raises where this was switched off meanwhile; it is asked before each file, and while one is received.
    """

    boundary: Boundary
    token: Callable[[str], str]
    waiting: Waiting
    folder: ExportFolder
    lookers: Lookers
    parallel: int = 4
    most_bytes: int = MOST_BYTES
    on_done: Callable[[FileDone], None] = lambda _: None
    allowed: Callable[[], None] = lambda: None

    def all(self, wanted: Sequence[Wanted]) -> dict[int, FileDone]:
        """Download what is not there yet; return what is known of every file, by number.

        Raises:
            ExportFailed: a file could not be had; the others that were begun are kept.
        """
        there = self.folder.done()
        # The longest first: the last to begin should not be the last to end.
        missing = sorted((one for one in wanted if one.number not in there), key=lambda one: -(one.count or 0))  # fmt: skip
        room = _Room(self.most_bytes, sum(one.size_bytes for one in there.values()))
        self.folder.files.mkdir(parents=True, exist_ok=True)
        for left in self.folder.files.glob("*.part"):
            # Of a process that was killed: nobody else works in this folder.
            left.unlink()
        failed: ExportFailed | None = None
        with ThreadPoolExecutor(self.parallel, thread_name_prefix="download") as pool:
            running = [pool.submit(self._one, one, room) for one in missing]
            for future in as_completed(running):
                try:
                    done = future.result()
                except ExportFailed as error:
                    failed = failed or error
                    pool.shutdown(wait=False, cancel_futures=True)
                    break
                there[done.number] = done
                self.on_done(done)
        if failed:
            raise failed
        return there

    def _one(self, wanted: Wanted, room: _Room) -> FileDone:
        for attempt in range(MOST_TRIES):
            try:
                done = self._attempt(wanted, room)
            except (_TryAgain, NotWhole, EhrUnavailable) as error:
                if attempt + 1 == MOST_TRIES:
                    raise ExportFailed(f"file {wanted.number} ({wanted.resource_type}): {error}") from error  # fmt: skip
                self.waiting.pause(getattr(error, "retry_after", ""), attempt)
                continue
            self.folder.add(done)
            return done
        raise AssertionError("the last attempt ends the loop")

    def _attempt(self, wanted: Wanted, room: _Room) -> FileDone:
        self.allowed()
        bearer = self.token("") if wanted.bearer else ""
        url, renewed = wanted.url, False
        for _ in range(MOST_REDIRECTS + 1):
            with self.boundary.download(
                url, bearer=bearer, headers={"Accept": ACCEPT}, most_s=MOST_FILE_S
            ) as answer:
                if answer.status in REDIRECTS:
                    following = urljoin(url, answer.headers.get("location", ""))
                    # Oracle Health answers 307 to a store that takes no bearer value; RFC 6749 10.3.
                    bearer = bearer if origin_of(following) == origin_of(url) else ""
                    url = following
                    continue
                if answer.status == 401 and bearer and not renewed:
                    bearer, renewed = self.token(bearer), True
                    continue
                return self._received(wanted, answer, bearer, room)
        raise ExportFailed(f"file {wanted.number}: too many redirects")

    def _received(self, wanted: Wanted, answer: Download, bearer: str, room: _Room) -> FileDone:
        # A file store takes no token: 401 and 403 are how it says that a signed address is over.
        if answer.status in (404, 410) or (answer.status in (401, 403) and not bearer):
            return FileDone(
                number=wanted.number,
                name=wanted.name,
                expired=True,
                problem=EXPIRED,
            )
        if answer.status == 429 or answer.status >= 500:
            raise _TryAgain(f"answered {answer.status}", answer.headers.get("retry-after", ""))
        if answer.status != 200:
            raise ExportFailed(f"file {wanted.number}: answered {answer.status}")
        watched = replace(answer, pieces=self._watched(answer.pieces))
        with self.lookers.look() as look:
            return _stored(wanted, watched, self.folder.files, room, look)

    def _watched(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        until = time.monotonic() + ASKED_AGAIN_S
        for piece in pieces:
            if time.monotonic() > until:
                self.allowed()
                until = time.monotonic() + ASKED_AGAIN_S
            yield piece


def _stored(wanted: Wanted, answer: Download, folder: Path, room: _Room, look: Look) -> FileDone:
    coding = answer.headers.get("content-encoding", "identity").lower()
    if coding not in ("gzip", "identity"):
        raise ExportFailed(f"file {wanted.number}: sent in an encoding that was not asked for")
    partial = folder / f"{wanted.name}.{threading.get_ident()}.part"
    told = _Told()
    pieces = _heard(answer.pieces, told)
    # What came in gzip is stored as it came, and its checksum is known.
    stored = told.sha256 if coding == "gzip" else hashlib.sha256()
    size = 0
    try:
        with partial.open("wb") as file:
            for piece in _as_gzip(pieces, zipped=coding == "gzip"):
                if stored is not told.sha256:
                    stored.update(piece)
                size += len(piece)
                room.take(len(piece))
                file.write(piece)
                look.feed(piece)
            told.check(answer.headers)
            file.flush()
            # The rest is looked at while the disk writes.
            os.fsync(file.fileno())
            lines = look.end()
        partial.replace(folder / wanted.name)
    except BaseException as error:
        room.give(size)
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in DISK:
            # Asking the EHR again would not help.
            raise ExportFailed(f"file {wanted.number} cannot be stored: {error.strerror}") from error  # fmt: skip
        if isinstance(error, LineTooLong):
            raise ExportFailed(f"file {wanted.number}: {error}") from error
        raise
    return FileDone(
        number=wanted.number, name=wanted.name, size_bytes=size, sha256=stored.hexdigest(),
        types=lines.types, headers=lines.headers, problem=_problem(wanted, lines),
    )  # fmt: skip


class _Told:
    """The bytes of an answer, compared with what the server says of them, where it does."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self._size = 0

    def hear(self, piece: bytes) -> None:
        self.sha256.update(piece)
        self._size += len(piece)

    def check(self, headers: Mapping[str, str]) -> None:
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) != self._size:
            raise _TryAgain("the file is not as long as the server says")
        # RFC 9530.
        for name in ("repr-digest", "content-digest"):
            found = SHA_256.search(headers.get(name, ""))
            if found and not _is(found[1], self.sha256.digest()):
                raise _TryAgain("its checksum is another")


def _is(told: str, digest: bytes) -> bool:
    try:
        return base64.b64decode(told, validate=True) == digest
    except binascii.Error:
        return False


def _heard(pieces: Iterator[bytes], told: _Told) -> Iterator[bytes]:
    for piece in pieces:
        told.hear(piece)
        yield piece


def _as_gzip(pieces: Iterable[bytes], *, zipped: bool) -> Iterator[bytes]:
    """Yield the bytes in gzip, as they came where they came so."""
    if zipped:
        yield from pieces
        return
    packer = isal_zlib.compressobj(1, wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _problem(wanted: Wanted, lines: Found) -> str:
    found = sum(lines.types.values())
    if lines.broken:
        return f"{lines.broken} lines are no JSON"
    if lines.nameless and wanted.kind == "output":
        return f"{lines.nameless} records have no id"
    if wanted.count is not None and wanted.count not in (found, found + lines.headers):
        return f"the manifest counts {wanted.count}, the file has {found}"
    return ""
