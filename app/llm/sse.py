"""Read server-sent events as JSON, as strictly as the standard: what is not closed by a blank line was cut off.

The vendors' SDKs end silently where a stream is cut and raise whatever their parsers raise where it is malformed;
here the first is for the adapter to see and the second is one error.

Source: WHATWG HTML, server-sent events, 9.2.6.
"""

import json
import re
from collections.abc import Iterable, Iterator

import msgspec

from app.llm.errors import ModelFailed
from app.llm.fields import Json

LINE_END = re.compile(rb"\r\n|\n|\r")
MOST_EVENT_BYTES = 16 * 2**20
# Chat Completions' own end, which is not JSON.
DONE = b"[DONE]"
END: Json = {"[DONE]": True}


def events(chunks: Iterable[bytes]) -> Iterator[Json]:
    """Yield each event's data; `[DONE]` comes as `END`.

    Raises:
        ModelFailed: not UTF-8, not a JSON object, or an event without end.
    """
    data: list[bytes] = []
    size = 0
    for line in _lines(chunks):
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                data.append(value.removeprefix(b" "))
                size += len(line) + 1
                if size > MOST_EVENT_BYTES:
                    raise ModelFailed("an event without end")
        elif data:
            yield _decoded(b"\n".join(data))
            data, size = [], 0


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest, first = b"", True
    for chunk in chunks:
        rest += chunk
        if first and len(rest) >= 3:
            rest, first = rest.removeprefix(b"\xef\xbb\xbf"), False
        if len(rest) > MOST_EVENT_BYTES:
            raise ModelFailed("a line without end")
        # A line may end in CR LF, and the LF may be still to come.
        held = rest.endswith(b"\r")
        *whole, rest = LINE_END.split(rest[:-1] if held else rest)
        rest += b"\r" if held else b""
        yield from whole


def _decoded(data: bytes) -> Json:
    if data.strip() == DONE:
        return END
    try:
        found = _json(data)
    except (ValueError, RecursionError):
        # The decoder's message quotes what it could not read.
        raise ModelFailed("an event that is not JSON") from None
    if not isinstance(found, dict):
        raise ModelFailed("an event that is not an object")
    return found


def _json(data: bytes) -> object:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        # Servers that cut text into pieces of UTF-16 send halves of a character; only the standard library reads them.
        return _whole(json.loads(data))


def _whole(value: object) -> object:
    """Replace half characters: nothing behind this can store or send them."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {str(_whole(key)): _whole(item) for key, item in value.items()}
    return value
