// Where everything of a trend stands, in the units of its drawing. Pure arithmetic; TrendFigure draws it.

import type { SupplyBar } from "../../api/events.gen";
import type { Panel, Point } from "./points";
import { axisStart, place, ticks, todayText } from "./time";

/** A drawing of one width: text is never scaled, so each width has its own. */
export interface Frame {
  readonly width: number;
  readonly panel: number;
}
export const NARROW: Frame = { width: 330, panel: 52 };
export const WIDE: Frame = { width: 640, panel: 56 };

const LEFT = 32;
/** Right of the axis stand the last values and the word "today". */
const RIGHT = 56;
const TOP = 16;
const GAP = 30;
const BAR = 9;
const LANE = 19;
const LINE = 12;
const LETTER = 6.2;
const LAST_LETTER = 7.7;
const SMALL_LETTER = 5.9;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PointMark {
  readonly point: Point;
  readonly x: number;
  readonly y: number;
  readonly last: boolean;
  readonly label: string;
  readonly labelX: number;
  readonly labelY: number;
  readonly anchor: "start" | "middle" | "end";
}

export interface EdgeMark {
  readonly y: number;
  readonly labelY: number;
  readonly text: string;
}

export interface PanelLayout {
  readonly panel: Panel;
  readonly top: number;
  readonly band: Box | null;
  readonly edges: readonly EdgeMark[];
  /** The line through the results that are not preliminary; empty for fewer than two. */
  readonly line: readonly (readonly [x: number, y: number])[];
  readonly marks: readonly PointMark[];
}

export interface BarLayout {
  readonly bar: SupplyBar;
  readonly y: number;
  readonly solid: readonly [from: number, to: number] | null;
  readonly dashed: readonly [from: number, to: number] | null;
  /** The order date on the axis; null when it lies before it. */
  readonly start: number | null;
  readonly lines: readonly string[];
  readonly labelX: number;
  readonly labelY: number;
  readonly anchor: "start" | "end";
}

export interface TickLayout {
  readonly x: number;
  readonly text: string;
  readonly anchor: "start" | "middle";
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly axisY: number;
  readonly lanesTop: number;
  readonly panelHeight: number;
  readonly today: string;
  readonly panels: readonly PanelLayout[];
  readonly ticks: readonly TickLayout[];
  readonly bars: readonly BarLayout[];
  /** False when a label had to stand on another one. */
  readonly fits: boolean;
}

export function layOut(
  panels: readonly Panel[],
  bars: readonly SupplyBar[],
  until: number,
  frame: Frame,
): Layout {
  const right = frame.width - RIGHT;
  const first = Math.min(...panels.flatMap(({ points }) => points.map(({ at }) => at)));
  const from = axisStart(first, until);
  const scale = (at: number) => LEFT + ((right - LEFT) * (at - from)) / Math.max(until - from, 1);
  const clamped = (at: number) => Math.min(Math.max(scale(at), LEFT), right);
  let fits = true;
  const laid = panels.map((panel, index) => {
    const top = TOP + index * (frame.panel + GAP);
    const { layout, room } = panelLayout(panel, top, frame, clamped);
    fits &&= room;
    return layout;
  });
  const axisY = TOP + panels.length * (frame.panel + GAP) - GAP + 0.5;
  const lanesTop = axisY + 18.5;
  const today = todayText(until);
  const rows = barRows(bars, clamped, { from, until, frame, y: lanesTop + 5 });
  return {
    width: frame.width,
    height: rows.length === 0 ? axisY + 21 : rows.end + 14,
    left: LEFT,
    right,
    axisY,
    lanesTop,
    panelHeight: frame.panel,
    today,
    panels: laid,
    ticks: tickRow(from, until, clamped, frame.width - 2 - today.length * SMALL_LETTER),
    bars: rows.bars,
    fits,
  };
}

function tickRow(from: number, until: number, x: (at: number) => number, end: number): TickLayout[] {
  let free = LEFT;
  return ticks(from, until).map(({ at, text }, index) => {
    const here = x(at);
    const width = text.length * SMALL_LETTER;
    const anchor = index === 0 && here - width / 2 < LEFT ? "start" : "middle";
    const starts = anchor === "start" ? here : here - width / 2;
    // A tick whose words would touch others stays a tick.
    const shown = starts >= free && starts + width + 16 <= end;
    if (shown) free = starts + width + 10;
    return { x: here, text: shown ? text : "", anchor };
  });
}

// ---------------------------------------------------------------- one panel

interface Scale {
  y(number: number): number;
  readonly from: number;
  readonly to: number;
}

/** The reference range always lies inside; an open end of it has room to be seen. */
function scaleOf({ points, low, high }: Panel, top: number, height: number): Scale {
  const numbers = points.map(({ number }) => number);
  for (const edge of [low, high]) if (edge !== null) numbers.push(edge.number);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const span = most - least || Math.abs(most) * 0.2 || 1;
  const from = least - span * (low === null || least < low.number ? 0.22 : 0.1);
  const to = most + span * (high === null && low !== null ? 0.28 : 0.14);
  return { from, to, y: (number) => top + (height * (to - number)) / (to - from) };
}

function panelLayout(
  panel: Panel,
  top: number,
  frame: Frame,
  x: (at: number) => number,
): { layout: PanelLayout; room: boolean } {
  const scale = scaleOf(panel, top, frame.panel);
  const spots = panel.points.map((point) => ({ point, x: x(point.at), y: scale.y(point.number) }));
  const line = spots.filter(({ point }) => !point.preliminary).map((spot) => [spot.x, spot.y] as const);
  const { marks, room } = labelled(spots, line, top, frame);
  const layout: PanelLayout = {
    panel,
    top,
    band: bandOf(panel, scale, top, frame),
    edges: edgesOf(panel, scale),
    line: line.length > 1 ? line : [],
    marks,
  };
  return { layout, room };
}

function bandOf({ low, high }: Panel, scale: Scale, top: number, frame: Frame): Box | null {
  if (low === null && high === null) return null;
  const upper = high === null ? top : scale.y(high.number);
  const lower = low === null ? top + frame.panel : scale.y(low.number);
  return { x: LEFT, y: upper, width: frame.width - RIGHT - LEFT, height: lower - upper };
}

/** Numbers of two edges that lie close stand apart, the edges themselves do not move. */
function edgesOf({ low, high }: Panel, scale: Scale): EdgeMark[] {
  const found = [high, low].flatMap((edge) =>
    edge === null ? [] : [{ y: scale.y(edge.number), labelY: scale.y(edge.number) + 4, text: edge.text }],
  );
  const [upper, lower] = found;
  if (upper === undefined || lower === undefined) return found;
  const lack = Math.max(0, 11 - (lower.y - upper.y)) / 2;
  return [
    { ...upper, labelY: upper.labelY - lack },
    { ...lower, labelY: lower.labelY + lack },
  ];
}

// ---------------------------------------------------------------- labels

interface Spot {
  readonly point: Point;
  readonly x: number;
  readonly y: number;
}

/** "34 L", "7.1 ‼ HH": the digits and the flag as sent. */
export function labelOf({ text, flag, critical }: Point): string {
  return [text, critical ? `‼ ${flag}` : flag].filter((part) => part !== "").join(" ");
}

type Line = readonly (readonly [x: number, y: number])[];

function labelled(
  spots: readonly Spot[],
  line: Line,
  top: number,
  { panel, width }: Frame,
): { marks: PointMark[]; room: boolean } {
  const taken: Box[] = [];
  const marks: PointMark[] = [];
  let room = true;
  // The newest value is the one that is read first: it is placed first.
  for (const [index, spot] of [...spots.entries()].reverse()) {
    const label = labelOf(spot.point);
    if (index === spots.length - 1) {
      const labelX = spot.x + 9;
      taken.push({ x: labelX, y: spot.y - 7, width: label.length * LAST_LETTER, height: 14 });
      marks.push({ ...spot, last: true, label, labelX, labelY: spot.y + 4.5, anchor: "start" });
      if (labelX + label.length * LAST_LETTER > width + 6) room = false;
      continue;
    }
    const best = candidates(spot, label)
      .map((one, order) => ({
        ...one,
        cost: cost(one.box, { taken, spots, line, top, panel }) + order * 0.1,
      }))
      .reduce((least, one) => (one.cost < least.cost ? one : least));
    if (best.cost >= COLLISION) room = false;
    taken.push(best.box);
    const { labelX, labelY, anchor } = best;
    marks.push({ ...spot, last: false, label, labelX, labelY, anchor });
  }
  return { marks: marks.reverse(), room };
}

interface Candidate {
  readonly box: Box;
  readonly labelX: number;
  readonly labelY: number;
  readonly anchor: "start" | "middle" | "end";
}

function candidates({ point, x, y }: Spot, label: string): Candidate[] {
  const width = label.length * LETTER;
  const sides = point.direction === "high" ? [-8, 16] : [16, -8];
  const anchors = [
    ["middle", x, x - width / 2],
    ["end", x + 7, x + 7 - width],
    ["start", x - 2, x - 2],
  ] as const;
  return sides.flatMap((down) =>
    anchors
      .filter(([anchor, , left]) => anchor === "start" || left >= LEFT - 4)
      .map(([anchor, labelX, left]) => ({
        anchor,
        labelX,
        labelY: y + down,
        box: { x: left, y: y + down - 9, width, height: 10 },
      })),
  );
}

const COLLISION = 100;

interface Around {
  readonly taken: readonly Box[];
  readonly spots: readonly Spot[];
  readonly line: Line;
  readonly top: number;
  readonly panel: number;
}

/** On another label or marker costs most, on the line less, outside the panel a little. */
function cost(box: Box, { taken, spots, line, top, panel }: Around): number {
  const onLabels = taken.filter((other) => overlap(box, other)).length * COLLISION;
  const markers = spots.filter(({ x, y }) => overlap(box, { x: x - 4, y: y - 4, width: 8, height: 8 }));
  const outside = Math.max(0, top - 2 - box.y) + Math.max(0, box.y + box.height - top - panel - 13);
  return onLabels + markers.length * COLLISION + (crossed(box, line) ? 5 : 0) + outside * 4;
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function crossed(box: Box, line: Line): boolean {
  return line.slice(1).some(([x2, y2], index) => {
    const [x1 = x2, y1 = y2] = line[index] ?? [];
    const steps = Math.max(1, Math.ceil((x2 - x1) / 4));
    return Array.from({ length: steps + 1 }, (_, step) => step / steps).some((part) => {
      const [x, y] = [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part];
      return x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
    });
  });
}

// ---------------------------------------------------------------- orders

interface Lane {
  readonly from: number;
  readonly until: number;
  readonly frame: Frame;
  readonly y: number;
}

function barRows(
  bars: readonly SupplyBar[],
  x: (at: number) => number,
  { from, until, frame, y }: Lane,
): { bars: BarLayout[]; length: number; end: number } {
  let top = y;
  const seen = bars.filter((bar) => isSeen(bar, from, until));
  const laid = seen.map((bar) => {
    const starts = place(bar.starts);
    const ends = bar.ends === "" ? null : place(bar.ends);
    const begin = x(starts);
    const words = ends === null ? `${bar.label}, supply not known` : bar.label;
    const beside = words.length * SMALL_LETTER <= begin - 6 - 2;
    const lines = beside ? [words] : wrapped(words, Math.floor((frame.width - LEFT) / SMALL_LETTER));
    const above = beside ? 0 : lines.length * LINE + 2;
    const at = top + above;
    const row: BarLayout = {
      bar,
      y: at,
      solid: ends === null || ends <= from ? null : [begin, x(Math.min(ends, until))],
      dashed:
        ends !== null && bar.refill && ends < until ? [Math.max(x(ends) + 1, LEFT), x(until) - 0.6] : null,
      start: starts >= from && starts <= until ? begin : null,
      lines,
      labelX: beside ? begin - 6 : LEFT,
      labelY: beside ? at + 8.5 : top + 8.5,
      anchor: beside ? "end" : "start",
    };
    top = at + LANE;
    return row;
  });
  return { bars: laid, length: laid.length, end: top - LANE + BAR };
}

/** An order has something to show when its start or its supply lies on the axis. */
function isSeen({ starts, ends, refill }: SupplyBar, from: number, until: number): boolean {
  const start = place(starts);
  if (start > until) return false;
  return start >= from || (ends !== "" && (place(ends) > from || refill));
}

/** Names of medicines are never cut: a long one takes another line. */
function wrapped(words: string, most: number): string[] {
  const lines: string[] = [];
  for (const word of words.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
