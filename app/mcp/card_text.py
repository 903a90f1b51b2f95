"""The launch card as text: the rows that a clinician sees first, their sources as handles instead of numbers."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from app.fhir.display import Card, Cite, Date, Piece, Row, Text, Value
from app.fhir.reader import LaunchChart
from app.tools.bounds import as_data

MARKS = {"alarm": "! ", "warn": "? ", "plain": ""}


def card_text(launch: LaunchChart, card: Card) -> str:
    """Return the card, a line each row, its smaller lines behind a colon; who the patient is only where a host may know."""
    return "\n".join(_lines(launch, card))


def _lines(launch: LaunchChart, card: Card) -> Iterator[str]:
    yield f"LAUNCH CARD, read {card.read_at}. ! dangerous, ? look at it."
    if card.restricted:
        yield f"RESTRICTED BY THE EHR: {card.restricted.held} {card.restricted.readable}"
    if card.encounter:
        yield _row(launch, card.encounter)
    for section in card.sections:
        yield f"{_said(launch, section.title)}:"
        for row in section.rows:
            yield f"- {_row(launch, row)}"


def _row(launch: LaunchChart, row: Row) -> str:
    head = _said(launch, row.pieces)
    under = "; ".join(filter(None, (_said(launch, line) for line in row.meta)))
    return f"{MARKS[row.tone]}{head}{f': {under}' if under else ''}"


def _said(launch: LaunchChart, pieces: Iterable[Piece]) -> str:
    return " ".join(filter(None, (_piece(launch, piece) for piece in pieces)))


def _piece(launch: LaunchChart, piece: Piece) -> str:
    match piece:
        case Text() | Date():
            return as_data(piece.text)
        case Value():
            limits = f"({piece.range})" if piece.range else ""
            return as_data(" ".join(filter(None, (piece.text, piece.unit, piece.flag, limits))))
        case Cite():
            shown = f"{as_data(piece.text)} " if piece.text else ""
            return f"{shown}[{launch.sources.get(piece.n)}]"
        case _ as unknown:
            assert_never(unknown)
