"""Look at every line of a file of an export: is it JSON, of which resource type, has it an id.

Nothing of Chartside is imported here but the exception tree: this is what a process that looks at lines loads (`looker`).
"""

from collections import Counter
from collections.abc import Iterable
from operator import attrgetter

import msgspec
from isal import isal_zlib

# A resource of this size is none that an EHR holds; a line without end must not fill the memory.
MOST_LINE_BYTES = 256 * 2**20
# What is decoded at once: a few bytes of gzip may stand for a thousand times as many, and those for as many lines.
DECODED_BYTES = 2**18


class NotWhole(Exception):
    """The file did not arrive whole; to ask for it again may help."""


class LineTooLong(Exception):
    """A line is longer than any resource."""


class Found(msgspec.Struct, kw_only=True):
    """What stands in a file: lines of each resource type, and lines that are no resource.

    `headers` are the blocks' heads of a file that is organized by a resource, `broken` lines no JSON.
    `nameless` are those without an id, which no store can hold (an OperationOutcome needs none).
    """

    types: dict[str, int] = {}
    headers: int = 0
    broken: int = 0
    nameless: int = 0


class _Head(msgspec.Struct, frozen=True, gc=False):
    """What is read of every line."""

    resourceType: str  # noqa: N815  # FHIR's own name
    id: str = ""


_head = msgspec.json.Decoder(_Head)
_kind, _id = attrgetter("resourceType"), attrgetter("id")


class Lines:
    """Counts what stands in decoded bytes, wherever its pieces end."""

    def __init__(self) -> None:
        self._types: Counter[str] = Counter()
        self._headers = self._broken = self._nameless = 0
        self._rest: list[bytes] = []
        self._length = 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes.

        Raises:
            LineTooLong: a line has more than MOST_LINE_BYTES.
        """
        first = piece.find(b"\n")
        if first >= 0:
            self._line(b"".join((*self._rest, piece[:first])))
            last = piece.rfind(b"\n")
            if last > first and not self._at_once(piece, first + 1, last):
                for line in piece[first + 1 : last].split(b"\n"):
                    self._line(line)
            self._rest, self._length = [], 0
            piece = piece[last + 1 :]
        self._rest.append(piece)
        self._length += len(piece)
        if self._length > MOST_LINE_BYTES:
            raise LineTooLong(f"a line of more than {MOST_LINE_BYTES} bytes")

    def end(self) -> Found:
        """Return what was found; the last line may have no end."""
        self._line(b"".join(self._rest))
        self._rest, self._length = [], 0
        return Found(
            types=dict(self._types), headers=self._headers, broken=self._broken, nameless=self._nameless,
        )  # fmt: skip

    def _at_once(self, piece: bytes, start: int, end: int) -> bool:
        """Count the whole lines between the first and the last end of line, which is several times quicker than one by one.

        Return whether all of them are in order; if not, nothing is counted.
        """
        try:
            # Nearly all of them are ASCII, which is told without a copy.
            if not piece.isascii():
                piece[start:end].decode()
            heads = _head.decode_lines(memoryview(piece)[start:end])
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
            return False
        # An empty line and one with two records look like two that are in order: the store finds that one is lacking.
        # `bytes.count` looks at a byte at a time; to leave them out takes a third of that.
        ends = len(piece) - len(piece.replace(b"\n", b""))
        if len(heads) != ends - 1:
            return False
        self._counted(heads)
        return True

    def _counted(self, heads: list[_Head]) -> None:
        kinds = Counter(map(_kind, heads))
        if kinds["Parameters"] or not all(map(_id, heads)):
            for head in heads:
                self._count(head)
            return
        self._types.update(kinds)

    def _line(self, line: bytes) -> None:
        if not line or line.isspace():
            return
        try:
            # msgspec passes over the bytes of what it does not read, and DuckDB will not.
            line.decode()
            head = _head.decode(line)
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
            self._broken += 1
            return
        self._count(head)

    def _count(self, head: _Head) -> None:
        if head.resourceType == "Parameters" and not head.id:
            # Bulk Data Access 3.0.0, file organization: a header names whose block begins, and is not counted.
            self._headers += 1
        else:
            self._types[head.resourceType] += 1
            self._nameless += not head.id


class Packed:
    """Counts what stands in gzip, piece by piece; every decoded byte is seen by `lines`."""

    def __init__(self, lines: Lines | None = None) -> None:
        self._lines = lines or Lines()
        self._unpacker = isal_zlib.decompressobj(wbits=31)
        self._ended = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes.

        Raises:
            NotWhole: they are no gzip, or other bytes than were packed.
            LineTooLong: as `Lines`.
        """
        rest, more = piece, False
        while rest or more:
            try:
                decoded = self._unpacker.decompress(rest, DECODED_BYTES)
            except isal_zlib.error as error:  # type: ignore[misc]  # its stub calls the class an instance
                raise NotWhole("the file is not whole") from error
            self._lines.feed(decoded)
            # All of the input may be taken while some of the output still waits.
            rest, more, self._ended = self._unpacker.unconsumed_tail, len(decoded) == DECODED_BYTES, False  # fmt: skip
            if self._unpacker.eof:
                # RFC 1952 2.2: members may follow one another.
                rest, more, self._ended = self._unpacker.unused_data, False, True
                self._unpacker = isal_zlib.decompressobj(wbits=31)

    def end(self) -> Found:
        """Return what was found.

        Raises:
            NotWhole: there should be more.
        """
        if not self._ended:
            raise NotWhole("the file ends before its end")
        return self._lines.end()


def found_in(pieces: Iterable[bytes]) -> Found:
    """Return what stands in a file in gzip.

    Raises:
        NotWhole: it is not whole.
        LineTooLong: it holds no lines of resources.
    """
    packed = Packed()
    for piece in pieces:
        packed.feed(piece)
    return packed.end()
