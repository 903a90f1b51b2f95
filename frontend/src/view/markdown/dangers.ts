// Which values of the chart are dangerous: what the launch card's rules mark, and what was sent as critical.

import type { Card } from "../../api/events.gen";
import { atoms, meaning } from "./clinical";

/** "5.6 H": number and flag, as sent. */
export type Dangers = ReadonlySet<string>;

export const NO_DANGERS: Dangers = new Set();

export function dangersOf(card: Card | null): Dangers {
  const rows = (card?.sections ?? []).flatMap(({ rows }) => rows.filter(({ tone }) => tone === "alarm"));
  const values = rows.flatMap(({ pieces }) => pieces.filter((piece) => piece.kind === "value"));
  return new Set(values.filter(({ flag }) => flag !== "").map(({ text, flag }) => `${text} ${flag}`));
}

export function alarms(text: string, dangers: Dangers): boolean {
  return atoms(text).some((atom) => {
    if (atom.kind !== "value" || atom.flag === "") return false;
    const [number = ""] = /^[^\s\u00a0\p{L}%]+/u.exec(atom.text) ?? [];
    return meaning(atom.flag).critical || dangers.has(`${number} ${atom.flag}`);
  });
}
