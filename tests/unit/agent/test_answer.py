"""What leaves the server of what a model writes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.agent.answer import Answer, Chip, Delta, Library, Piece
from app.agent.events import BlockShown, Citation, NoSource
from app.agent.grounding import Background
from app.errors import UnknownHandle
from app.fhir.display import RowsBlock
from tests.unit.agent.evidence import EVIDENCE, LEXICON, ZONE

NUMBERS = {handle: n for n, handle in enumerate(EVIDENCE, 1)}


def _chip(handle: str) -> Chip:
    if handle not in EVIDENCE:
        raise UnknownHandle(handle)
    return Chip(
        handle=handle, n=NUMBERS[handle], label=handle, summary="", evidence=EVIDENCE[handle]
    )


def answer() -> Answer:
    library = Library(
        chip=_chip, show=lambda handles: (RowsBlock(title=" ".join(handles), rows=()),)
    )
    return Answer("m", library, Background(lexicon=LEXICON, zone=ZONE))


def written(*deltas: str) -> tuple[list[Piece], Answer]:
    made = answer()
    return [*(p for d in deltas for p in made.feed(d)), *made.finish()], made


def text(pieces: list[Piece]) -> str:
    return "".join(p.text for p in pieces if isinstance(p, Delta))


def chip(handle: str) -> str:
    return f"\ue000{NUMBERS[handle]}\ue001"


def test_a_handle_becomes_a_chip_that_was_announced_before_it_and_judged_after_it() -> None:
    pieces, _ = written("Potassium 5.6 mmol/L [L", "3a]", ". Next sentence.")
    kinds = [
        (p.verdict, p.n) if isinstance(p, Citation) else p.text
        for p in pieces
        if isinstance(p, Citation | Delta)
    ]
    assert kinds == [
        "Potassium 5.6 mmol/L",
        ("pending", 1),
        chip("L3a"),
        ". Next sentence.",
        ("match", 1),
    ]
    assert text(pieces) == f"Potassium 5.6 mmol/L{chip('L3a')}. Next sentence."


def test_a_citation_behind_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    pieces, _ = written("Potassium 5.6 mmol/L. [L3a] Creatinine 1.64 mg/dL. [L1a]")
    done = [
        (p.sentence, p.n, p.verdict)
        for p in pieces
        if isinstance(p, Citation) and p.verdict != "pending"
    ]
    assert done == [(0, NUMBERS["L3a"], "match"), (1, NUMBERS["L1a"], "match")]


def test_several_handles_in_one_bracket_are_several_chips() -> None:
    pieces, _ = written("Active orders for spironolactone and ibuprofen [M1, M2].")
    assert chip("M1") + chip("M2") in text(pieces)


def test_an_unknown_handle_leaves_no_trace_but_a_count() -> None:
    pieces, made = written("Potassium is fine [L99z]. See [Q7, L3a].")
    assert text(pieces) == f"Potassium is fine. See{chip('L3a')}."
    assert made.tally.unknown_handles == 2


def test_what_only_looks_like_a_citation_stays_text() -> None:
    pieces, made = written("See [1] and [link](https://example.test) and [l3a] and an open [")
    assert text(pieces) == "See [1] and [link](https://example.test) and [l3a] and an open ["
    assert made.tally.sources == set()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("a\ue0001\ue001b", "a1b"), ("x\x00\x1b[31m\u202ey", "x[31my"), ("<b>bold</b>", "bold"),
        ("<script>alert(1)</script>", "alert(1)"), ('<img src="https://evil.test/p?q=1">', ""), ("eGFR <60 and K < 5", "eGFR <60 and K < 5"),
        ("<!-- hidden -->seen", "seen"), ("\U000e0041\u200bzero", "zero"), ("a <b", "a <b"),
    ],
)  # fmt: skip
def test_sentinels_controls_and_html_do_not_pass(sent: str, shown: str) -> None:
    assert text(written(sent)[0]) == shown
    assert text(written(*sent)[0]) == shown


def test_show_lines_become_blocks_where_they_stand() -> None:
    pieces, _ = written("Rows.\n\n[show L2 M1]\nAfter.")
    order = [
        p.text if isinstance(p, Delta) else "block"
        for p in pieces
        if isinstance(p, Delta | BlockShown)
    ]
    assert "".join(order) == "Rows.\n\nblockAfter."


def test_show_with_unknown_handles_shows_the_rest_or_nothing() -> None:
    pieces, made = written("[show L2 L99]\n[show L99]\n")
    assert [
        p.block.title
        for p in pieces
        if isinstance(p, BlockShown) and isinstance(p.block, RowsBlock)
    ] == ["L2"]
    assert made.tally.unknown_handles == 2


def test_a_sentence_without_a_source_is_said() -> None:
    pieces, made = written("Potassium was 5.6 mmol/L. The order of events proves nothing.")
    assert [p.claim for p in pieces if isinstance(p, NoSource)] == ["Potassium was 5.6 mmol/L."]
    assert made.tally.without_source == 1


def test_abbreviations_decimals_and_quotations_do_not_end_a_sentence() -> None:
    pieces, _ = written(
        "Dr. T. Alvarez noted “eating and drinking less. No black stools.” and eGFR 34 mL/min/1.73 m² later [N2, L2]. Next."
    )
    assert {p.sentence for p in pieces if isinstance(p, Citation)} == {0}


def test_a_value_cited_before_may_be_repeated_with_its_name() -> None:
    pieces, made = written(
        "Potassium 5.6 mmol/L [L3a]. Active order for spironolactone, with potassium 5.6 [M1]."
    )
    assert made.tally.mismatches == 0, pieces


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "Potassium 5.6 ",
                "mmol/L",
                " [L3a]",
                "[",
                "L3",
                "a]",
                ". ",
                "\n",
                "[show L2]",
                "<b>",
                "<",
                "\ue000",
                "1",
                "[M9]",
            ]
        )
    )
)
def test_how_text_is_cut_changes_nothing(parts: list[str]) -> None:
    whole = "".join(parts)
    apart, _ = written(*whole)
    once, _ = written(whole)
    assert text(apart) == text(once)
    assert [p for p in apart if not isinstance(p, Delta)] == [
        p for p in once if not isinstance(p, Delta)
    ]
    assert all(
        p.text.count("\ue000") == p.text.count("\ue001") for p in apart if isinstance(p, Delta)
    )


# What a model may write, in pieces as small as tokens and as hostile as it likes.
TOKENS = st.lists(
    st.sampled_from(
        ["Potassium", " 5.6", " mmol/L", " [L3a]", "[L", "3a]", ".", ". ", " Dr.", " She", " is", "\n", "* ", "*a", " well",
         "  ", "", "<", "<b>", "b>", "!", "? ", " (general", " knowledge)", "“", "”", "\ue000", "é", "[show L3]", "[L9x]", ",", "\t", "x" * 700]
    ),
    max_size=25,
)  # fmt: skip


@given(TOKENS)
@settings(max_examples=300, deadline=None)
def test_plain_words_are_shown_and_judged_as_the_closer_look_does(tokens: list[str]) -> None:
    closer, quick = answer(), answer()
    for token in tokens:
        slow = list(closer.feed(token))
        shown = quick.plain(token)
        fast = list(quick.feed(token)) if shown is None else [Delta(text=shown)]
        assert fast == slow
    assert list(quick.finish()) == list(closer.finish())
    assert quick.tally == closer.tally


def test_most_tokens_of_an_answer_are_plain() -> None:
    made = answer()
    words = ("The ", "potassium ", "is ", "higher ", "than ", "a ", "month ", "ago, ", "so ", "ask")
    assert [made.plain(word) is not None for word in words] == [True] * len(words)
