// Where the bars of one table stand. A count that is not shown has no bar, and the axis ends at the largest that is.

import type { CohortMark } from "../api/events.gen";

const BAR = 12;
const LINE = 14;
const GAP = 8;
const LETTER = 6.4;

export interface BarRow {
  /** A label is never cut: it takes as many lines as it needs. */
  readonly lines: readonly string[];
  readonly labelY: number;
  readonly y: number;
  readonly bar: { readonly width: number; readonly height: number; readonly y: number } | null;
  readonly shown: string;
}

export interface Bars {
  readonly width: number;
  readonly height: number;
  /** Where the bars begin; labels stand before it, or above their bar where they are long. */
  readonly left: number;
  readonly beside: boolean;
  readonly rows: readonly BarRow[];
}

export function layOutBars(marks: readonly CohortMark[], width: number): Bars {
  const longest = Math.max(...marks.map(({ label }) => label.length), 0) * LETTER;
  const beside = longest <= width * 0.35;
  const left = beside ? Math.ceil(longest) + 8 : 1;
  // Room for the longest words behind a bar.
  const room = width - left - 92;
  const most = Math.max(...marks.map(({ n }) => n ?? 0), 1);
  let top = 0;
  const rows = marks.map(({ label, n, shown }) => {
    const lines = beside ? [label] : wrapped(label, Math.floor(width / LETTER));
    const above = beside ? 0 : lines.length * LINE;
    const barY = top + above + (beside ? GAP / 2 : 2);
    const row = {
      lines,
      labelY: beside ? barY + BAR - 2 : top + LINE - 3,
      y: barY + BAR - 2,
      bar: n === null ? null : { width: Math.round((n / most) * room * 10) / 10, height: BAR, y: barY },
      shown,
    };
    top = barY + BAR + GAP - (beside ? GAP / 2 : 0);
    return row;
  });
  return { width, height: top + 2, left, beside, rows };
}

export const LABEL_LINE = LINE;

function wrapped(label: string, most: number): string[] {
  const lines: string[] = [];
  for (const word of label.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** The whole drawing as a sentence. */
export function spokenBars(words: string, marks: readonly CohortMark[]): string {
  return `${words}: ${marks.map(({ label, shown }) => `${label} ${shown}`).join(", ")}.`;
}
