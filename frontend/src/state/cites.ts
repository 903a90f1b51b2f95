// Which sources a piece of the chart cites, in the order in which they are drawn.

import type { Block, Card, Gap, Piece, Row } from "../api/events.gen";

/** A source as a chip and a list name it. `n` is its number in this launch, never shown. */
export interface SourceRef {
  readonly n: number;
  readonly label: string;
  readonly summary: string;
  readonly search: boolean;
  /** What a search chip shows instead of a number. */
  readonly text: string;
}

export function citesOfPieces(pieces: readonly Piece[]): SourceRef[] {
  return pieces.flatMap((piece) =>
    piece.kind === "cite"
      ? [{ n: piece.n, label: piece.label, summary: "", search: piece.search, text: piece.text }]
      : [],
  );
}

export function citesOfRow(row: Row): SourceRef[] {
  return [row.pieces, ...row.meta].flatMap(citesOfPieces);
}

export function citesOfGaps(gaps: readonly Gap[]): SourceRef[] {
  return gaps.flatMap((gap) => citesOfPieces(gap.pieces));
}

/** A table's cells open their own source by the value itself; only the series have chips, so only they count. */
export function citesOfBlock(block: Block): SourceRef[] {
  switch (block.kind) {
    case "results":
      return [...block.series, ...(block.trend?.bars ?? [])].map(({ n, cite_label }) => ({
        n,
        label: cite_label,
        summary: "",
        search: false,
        text: "",
      }));
    case "rows":
      return [...block.rows, ...block.more].flatMap(citesOfRow);
    case "negative":
      return citesOfPieces(block.pieces);
    case "quote":
      return citesOfPieces(block.title);
    case "criteria":
      return [block.title, block.reason, ...block.criteria.map(({ pieces }) => pieces)].flatMap(
        citesOfPieces,
      );
  }
}

export function citesOfCard(card: Card): readonly SourceRef[] {
  const rows = [
    ...(card.encounter === null ? [] : [card.encounter]),
    ...card.sections.flatMap((section) => section.rows),
  ];
  return added([], [...citesOfPieces(card.banner.encounter), ...rows.flatMap(citesOfRow)]);
}

/** Append the sources not there yet; the same array when there is nothing new. */
export function added(known: readonly SourceRef[], found: readonly SourceRef[]): readonly SourceRef[] {
  let all = known;
  for (const source of found) if (!all.some(({ n }) => n === source.n)) all = [...all, source];
  return all;
}

/** Display numbers 1..k by launch-wide number; a search is named by its words and takes no number. */
export function numbers(sources: readonly SourceRef[]): ReadonlyMap<number, number> {
  return new Map(sources.filter(({ search }) => !search).map(({ n }, index) => [n, index + 1]));
}
