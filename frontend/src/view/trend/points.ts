// From a result table to what is drawn: panels of points, the span of the time axis, and what stays in the table.

import type { Cell, Direction, Edge, ResultsBlock, Series } from "../../api/events.gen";
import { monthsBefore, place, printedDay } from "./time";

export interface Point {
  readonly at: number;
  readonly date: string;
  readonly number: number;
  /** The digits that were sent. */
  readonly text: string;
  readonly flag: string;
  readonly direction: Direction | null;
  readonly critical: boolean;
  readonly preliminary: boolean;
  readonly status: string;
}

export interface Panel {
  readonly label: string;
  readonly unit: string;
  readonly range: string;
  readonly low: Edge | null;
  readonly high: Edge | null;
  readonly n: number;
  readonly citeLabel: string;
  /** Oldest first. */
  readonly points: readonly Point[];
}

export interface Drawn {
  readonly panels: readonly Panel[];
  readonly from: number;
  readonly until: number;
  readonly title: string;
  readonly note: string;
}

const SPANS: readonly (readonly [months: number, words: string])[] = [
  [12, "last 12 months"],
  [24, "last 2 years"],
  [60, "last 5 years"],
  [120, "last 10 years"],
];
const MOST_PANELS = 6;

/** Choose what to draw. `fits` tells whether every value of the panels finds room for its label. */
export function choose(
  block: ResultsBlock,
  fits: (panels: readonly Panel[], until: number) => boolean,
): Drawn {
  const until = place(block.trend?.until ?? "");
  const all = block.series.map((series, index) => panelOf(block, series, index));
  const able = all.filter((_, index) => block.series[index]?.plotted).slice(0, MOST_PANELS);
  const [since, words] = span(able, until);
  const moments = momentsOf(able, since);
  let first = 0;
  // Every value is printed: where there is no room for all, the axis begins later.
  while (first < moments.length - 2 && !fits(after(able, moments[first] ?? since), until)) first += 1;
  const panels = after(able, moments[first] ?? since);
  const from = Math.min(...panels.flatMap(({ points }) => points.map(({ at }) => at)));
  const title = `${block.trend?.title ?? ""}, ${first === 0 && words !== "" ? words : `since ${printedDay(from)}`}`;
  return { panels, from, until, title, note: noteOf(block, panels) };
}

function panelOf({ lines }: ResultsBlock, series: Series, index: number): Panel {
  const { label, unit, range, low, high, n, cite_label } = series;
  const points = lines.flatMap(({ at, date, cells }) => {
    const cell = cells[index];
    const point = cell ? pointOf(cell, at, date) : null;
    return point === null ? [] : [point];
  });
  return { label, unit, range, low, high, n, citeLabel: cite_label, points: points.reverse() };
}

function pointOf(cell: Cell, at: string, date: string): Point | null {
  const moment = place(at);
  if (cell.number === null || Number.isNaN(moment)) return null;
  const { number, text, flag, direction, critical, status } = cell;
  const preliminary = status === "preliminary";
  return { at: moment, date, number, text, flag, direction, critical, preliminary, status };
}

/** The shortest of the usual spans in which something can be compared. */
function span(panels: readonly Panel[], until: number): readonly [since: number, words: string] {
  for (const [months, words] of SPANS) {
    const since = monthsBefore(until, months);
    if (panels.some(({ points }) => points.filter(({ at }) => at >= since).length > 1)) return [since, words];
  }
  return [Number.NEGATIVE_INFINITY, ""];
}

function momentsOf(panels: readonly Panel[], since: number): number[] {
  const found = new Set(
    panels.flatMap(({ points }) => points.map(({ at }) => at).filter((at) => at >= since)),
  );
  return [...found].sort((a, b) => a - b);
}

function after(panels: readonly Panel[], since: number): Panel[] {
  return panels
    .map((panel) => ({ ...panel, points: panel.points.filter(({ at }) => at >= since) }))
    .filter(({ points }) => points.length > 0);
}

/** "All 15 final. Flags as sent by the laboratory. 39 more results stand in the table." */
function noteOf({ lines }: ResultsBlock, panels: readonly Panel[]): string {
  const points = panels.flatMap((panel) => panel.points);
  const others = new Map<string, number>();
  for (const { status } of points) if (status !== "") others.set(status, (others.get(status) ?? 0) + 1);
  const counts = [...others].map(([status, count]) => `${count} ${status}`).join(", ");
  const final = counts === "" ? `All ${points.length} final.` : `${points.length} results; ${counts}.`;
  const flags = points.some(({ flag }) => flag !== "") ? " Flags as sent by the laboratory." : "";
  const left = lines.flatMap(({ cells }) => cells.filter((cell) => cell !== null)).length - points.length;
  return final + flags + (left > 0 ? ` ${left} more in the table.` : "");
}
