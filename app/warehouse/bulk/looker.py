"""A process that looks at the lines of files: to parse them holds the interpreter's lock, which downloads need too.

It reads files in gzip from standard input, and answers each on standard output:

    file      frames, then an empty one: the end
    frame     its length in bytes (4, big-endian), the bytes
    answer    its length (4), `Answer` in JSON

It ends when standard input does, so with the process that started it, however that ends.
"""

import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import msgspec

from app.warehouse.bulk.lines import Found, LineTooLong, NotWhole, found_in

LENGTH = struct.Struct(">I")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a file, or why it was not looked at to its end."""

    found: Found | None = None
    not_whole: str = ""
    too_long: str = ""


def serve(given: BinaryIO, out: BinaryIO) -> None:
    """Answer file after file until there is no more."""
    with suppress(EOFError, BrokenPipeError):
        while True:
            told = msgspec.json.encode(_answer(_frames(given)))
            out.write(LENGTH.pack(len(told)) + told)
            out.flush()


def _frames(given: BinaryIO) -> Iterator[bytes]:
    while length := _length(given):
        yield given.read(length)


def _length(given: BinaryIO) -> int:
    head = given.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    return int(LENGTH.unpack(head)[0])


def _answer(frames: Iterator[bytes]) -> Answer:
    try:
        return Answer(found=found_in(frames))
    except NotWhole as error:
        answer = Answer(not_whole=str(error))
    except LineTooLong as error:
        answer = Answer(too_long=str(error))
    # Nothing more can be made of it, but what is still to come is of this file.
    for _ in frames:
        pass
    return answer


if __name__ == "__main__":
    # Ctrl+C is for the process that started it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)
