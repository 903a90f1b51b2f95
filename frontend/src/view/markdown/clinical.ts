// Finds, in plain words, what must not break or must be drawn as the design draws it: values with unit and
// flag, dates, and the server's citation sentinels. Anything else stays the text that it is.

import type { Direction } from "../../api/events.gen";

export interface Atom {
  readonly kind: "text" | "date" | "value" | "chip";
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export interface ValueAtom extends Atom {
  readonly kind: "value";
  readonly flag: string;
  readonly range: string;
}

export interface ChipAtom extends Atom {
  readonly kind: "chip";
  readonly n: number;
  readonly sentence: number;
}

export type AnyAtom = (Atom & { readonly kind: "text" | "date" }) | ValueAtom | ChipAtom;

const CHIP = String.raw`\ue000(?<n>\d{1,6})\.(?<sentence>\d{1,6})\ue001`;
const DATE = String.raw`(?<date>\b\d{2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{4}(?: \d{2}:\d{2})?\b)`;
const NUMBER = String.raw`(?:[<>≤≥]\s?)?(?<![\w.,\ue000-])\d[\d,]*(?:\.\d+)?`;
const ATOMIC = String.raw`(?:mm\s?Hg|mcg|[mµμunpdckf]?(?:g|L|mol|Eq|Osm|m)|[mµμuk]?(?:IU|U)|%|°[CF]|Cel|m?m\[Hg\]|\[[a-zA-Z_]{1,12}\]|\{[^{}\s]{1,24}\}|bpm|kcal|min|hr?|10\*?\^?\d+)`;
const UNIT = String.raw`${ATOMIC}[²³]?(?:\/(?:${ATOMIC}[²³]?|\d+(?:\.\d+)?[\s\u00a0]?m[²2]|day|hpf))*`;
const RANGE = String.raw`[\s\u00a0](?<range>\((?:(?:[<>]=?|[≤≥])\s?\d[\d.,]*|\d[\d.,]*\s?[–-]\s?\d[\d.,]*)\))`;
// A letter alone after a bare number is a flag only where it cannot be a unit: "2 L" is two litres.
const FLAG = String.raw`(?:[\s\u00a0]?(?<flag>HH|LL|AA|H|L|A)|[\s\u00a0]\((?<flag2>HH|LL|AA|H|L|A)\))(?![\w-])`;
const BARE_FLAG = String.raw`(?:[\s\u00a0]?(?<flag3>HH|LL|H)|[\s\u00a0]\((?<flag4>HH|LL|AA|H|L|A)\))(?![\w-])`;
const VALUE = String.raw`(?<value>${NUMBER}[\s\u00a0]?${UNIT}(?![\w]))(?:${FLAG})?(?:${RANGE})?`;
const BARE_VALUE = `(?<bare>${NUMBER})${BARE_FLAG}`;
const PATTERN = new RegExp(`${CHIP}|${DATE}|${VALUE}|${BARE_VALUE}`, "gu");

export function atoms(text: string): AnyAtom[] {
  const found: AnyAtom[] = [];
  let at = 0;
  const plain = (to: number) => {
    if (to > at) found.push({ kind: "text", from: at, to, text: text.slice(at, to) });
  };
  for (const match of text.matchAll(PATTERN)) {
    plain(match.index);
    at = match.index + match[0].length;
    found.push(atom(match, match.index, at));
  }
  plain(text.length);
  return found;
}

function atom(match: RegExpMatchArray, from: number, to: number): AnyAtom {
  const { n, sentence, date, value, bare, flag, flag2, flag3, flag4, range } = match.groups ?? {};
  if (n !== undefined) return { kind: "chip", from, to, text: "", n: Number(n), sentence: Number(sentence) };
  if (date !== undefined) return { kind: "date", from, to, text: date };
  return {
    kind: "value",
    from,
    to,
    text: spaced(value ?? bare ?? ""),
    flag: flag ?? flag2 ?? flag3 ?? flag4 ?? "",
    range: typeset(range ?? ""),
  };
}

/** What a flag letter of running text means; two letters are the laboratory's critical mark. */
export function meaning(flag: string): { direction: Direction; critical: boolean } {
  const direction = flag.startsWith("H") ? "high" : flag.startsWith("L") ? "low" : "abnormal";
  return { direction, critical: flag.length === 2 };
}

/** A range as the tables print it; its numbers stay as sent. */
function typeset(range: string): string {
  return range
    .replace(/<=\s?/, "≤ ")
    .replace(/>=\s?/, "≥ ")
    .replace(/(?<=\d)\s?-\s?(?=\d)/, "–");
}

function spaced(value: string): string {
  return value.replace(/\s/g, "\u00a0");
}
