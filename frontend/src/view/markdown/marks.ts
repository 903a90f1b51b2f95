// Where in a drawn text a checked sentence stands: what to strike, what to underline.

import type { Citation, NoSource } from "../../api/events.gen";

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Verdicts of one message, and the sentences that cite nothing valid. */
export interface Marks {
  readonly citations: readonly Citation[];
  readonly noSource: readonly NoSource[];
}

/** Ranges of the values that a mismatch names, each only inside its own sentence. */
export function wrongRanges(text: string, { citations }: Marks): Range[] {
  const differing = citations.filter(({ verdict }) => verdict === "mismatch");
  if (differing.length === 0) return [];
  const letters = plain(text);
  return differing.flatMap(({ claim, differences }) => {
    const sentence = find(letters, claim, 0, Number.POSITIVE_INFINITY);
    if (sentence === null) return [];
    return differences.flatMap(({ says }) => {
      const range = find(letters, says, sentence.from, sentence.to);
      return range === null ? [] : [range];
    });
  });
}

export function unsourcedRanges(text: string, { noSource }: Marks): Range[] {
  if (noSource.length === 0) return [];
  const letters = plain(text);
  return noSource.flatMap(({ claim }) => find(letters, claim, 0, Number.POSITIVE_INFINITY) ?? []);
}

interface Letters {
  /** The text without sentinels, runs of white space as one space. */
  readonly text: string;
  /** For each character of `text`, its place in the original. */
  readonly places: readonly number[];
}

function plain(original: string): Letters {
  let text = "";
  const places: number[] = [];
  for (const match of original.matchAll(/\ue000[^\ue001]*\ue001|\s+|[^\s]/g)) {
    const [found] = match;
    if (found.startsWith("\ue000")) continue;
    const letter = /\s/.test(found) ? " " : found;
    if (letter === " " && text.endsWith(" ")) continue;
    text += letter;
    places.push(match.index);
  }
  return { text, places };
}

/** Find whole words only: "5 mg" is not in "15 mg", nor "1.5" in "1.50". Places are of the original text. */
function find({ text, places }: Letters, words: string, from: number, to: number): Range | null {
  const wanted = plain(words.replace(/[*`_]{1,2}(?=\S)|(?<=\S)[*`_]{1,2}/g, "")).text.trim();
  if (wanted === "") return null;
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
    const start = places[at] ?? 0;
    const end = (places[at + wanted.length - 1] ?? 0) + 1;
    const before = text.slice(0, at);
    const after = text.slice(at + wanted.length);
    const whole = !(/[\p{L}\p{N}]$|\d[.,]$/u.test(before) && /^[\p{L}\p{N}]/u.test(wanted));
    const closed = !(/^[\p{L}\p{N}]|^[.,]\d/u.test(after) && /[\p{L}\p{N}]$/u.test(wanted));
    if (whole && closed && start >= from && end <= to) return { from: start, to: end };
  }
  return null;
}
