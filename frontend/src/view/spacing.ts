// Pieces of a row come without the spaces between them; this is the one rule that puts them there.

import type { Piece } from "../api/events.gen";

/** A space, unless a piece brings its own, punctuation joins them, or a number chip has its margin. */
export function spaceBetween(before: Piece | undefined, piece: Piece): string {
  if (before === undefined) return "";
  if (before.kind === "text" && /[\s(]$/.test(before.text)) return "";
  if (piece.kind === "cite") return piece.search ? " " : "";
  if (piece.kind === "text" && /^[\s,;.:)]/.test(piece.text)) return "";
  return " ";
}
