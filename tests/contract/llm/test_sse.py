"""The reader of server-sent events, whatever size the pieces have in which they come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.errors import ModelFailed
from app.llm.sse import END, events

ENDS = st.sampled_from(["\n", "\r\n", "\r"])
OBJECTS = st.dictionaries(st.text(max_size=5), st.text(max_size=20), min_size=1, max_size=3)


@given(st.lists(OBJECTS, max_size=4), ENDS, st.lists(st.integers(1, 9), min_size=1), st.booleans())
def test_pieces_do_not_matter(
    sent: list[dict[str, str]], end: str, sizes: list[int], bom: bool
) -> None:
    text = "".join(
        f": c{end}event: x{end}data: {json.dumps(o, ensure_ascii=False)}{end}id: 1{end}{end}" for o in sent
    )  # fmt: skip
    # A reader that is given CR must wait for what follows it: the end of a stream closes nothing.
    whole = ("\ufeff" if bom else "").encode() + text.encode() + b": last\n"
    chunks: list[bytes] = []
    at = 0
    while at < len(whole):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(whole[at : at + size])
        at += size
    assert list(events(chunks)) == sent


def test_data_in_several_lines_is_one_event() -> None:
    assert list(events([b'data: {"a":\ndata: 1}\n\ndata: [DONE]\n\n'])) == [{"a": 1}, END]


def test_what_no_blank_line_closes_was_cut() -> None:
    assert list(events([b'data: {"a": 1}\n\ndata: {"b": 2}\n'])) == [{"a": 1}]
    assert list(events([])) == []


@pytest.mark.parametrize("piece", [b"x" * 2**20, b"data: x\n" * 2**17], ids=["a line", "an event"])
def test_nothing_grows_without_end(piece: bytes) -> None:
    with pytest.raises(ModelFailed, match="without end"):
        list(events(piece for _ in range(40)))
