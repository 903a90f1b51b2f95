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

export interface Uncited extends Range {
  readonly kind: NoSource["kind"];
}

/** Sentences that cite nothing, each with the reason: no source, general knowledge, or no rule that could check it. */
export function uncitedRanges(text: string, { noSource }: Marks): Uncited[] {
  if (noSource.length === 0) return [];
  const letters = plain(text);
  return noSource.flatMap(({ claim, kind }) => {
    const range = find(letters, claim, 0, Number.POSITIVE_INFINITY);
    return range === null ? [] : [{ ...range, kind: kind ?? "no_source" }];
  });
}

const SAYS_SO = /\s*\(?general knowledge\)?/gi;

/** "(General knowledge)" in the words of such a sentence: its tag says it instead. */
export function saidRanges(text: string, uncited: readonly Uncited[]): Range[] {
  const general = uncited.filter(({ kind }) => kind === "general_knowledge");
  if (general.length === 0) return [];
  return [...text.matchAll(SAYS_SO)]
    .map((match) => ({ from: match.index, to: match.index + match[0].length }))
    .filter(({ from, to }) => general.some((range) => from >= range.from && to <= range.to));
}

/** Where words stand in a text, whole words only. */
export function wordRanges(text: string, words: readonly string[]): Range[] {
  const letters = plain(text);
  return words.flatMap((said) => find(letters, said, 0, Number.POSITIVE_INFINITY) ?? []);
}

/** A text in parts that lie inside one of the ranges or outside them all. */
export function cut(text: string, ranges: readonly Range[]): { text: string; inside: boolean }[] {
  const parts: { text: string; inside: boolean }[] = [];
  let at = 0;
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    if (from < at) continue;
    if (from > at) parts.push({ text: text.slice(at, from), inside: false });
    parts.push({ text: text.slice(from, to), inside: true });
    at = to;
  }
  return at < text.length ? [...parts, { text: text.slice(at), inside: false }] : parts;
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
