// Results over time: one panel per test, one axis for all that ends today, orders in their own lane.

import { useMemo } from "preact/hooks";
import type { ResultsBlock, SupplyBar } from "../../api/events.gen";
import { ResultsTable } from "../Blocks";
import { Chip } from "../Chip";
import { Clinical } from "../markdown/Clinical";
import {
  type BarLayout,
  type Layout,
  layOut,
  NARROW,
  type PanelLayout,
  type PointMark,
  WIDE,
} from "./layout";
import { choose, type Panel, type Point } from "./points";

export function TrendFigure({ block }: { block: ResultsBlock }) {
  const drawn = useMemo(
    () => choose(block, (panels, until) => layOut(panels, [], until, NARROW).fits),
    [block],
  );
  const { panels, until, title, note } = drawn;
  const narrow = layOut(panels, block.trend?.bars ?? [], until, NARROW);
  const wide = layOut(panels, block.trend?.bars ?? [], until, WIDE);
  const bars = wide.bars.map(({ bar }) => bar);
  const sentence = spoken(panels, bars);
  return (
    <figure class="trend">
      <figcaption>
        <span>
          <b>
            <Clinical text={title} />
          </b>
          {panels.map(({ n, citeLabel }) => (
            <Chip key={n} n={n} label={citeLabel} />
          ))}
        </span>{" "}
        <span>
          <Clinical text={note} />
        </span>
      </figcaption>
      <Drawing look="narrow" layout={narrow} sentence={sentence} />
      <Drawing look="wide" layout={wide} sentence={sentence} />
      {bars.length > 0 && (
        <p class="small muted">
          Bars: supply ordered
          {bars.map(({ n, cite_label }) => (
            <Chip key={n} n={n} label={cite_label} />
          ))}
          , not proof of taking. Dashed: only if refilled.
        </p>
      )}
      <details>
        <summary>Show as table</summary>
        <ResultsTable block={block} chips={false} />
      </details>
    </figure>
  );
}

function Drawing({ look, layout, sentence }: { look: string; layout: Layout; sentence: string }) {
  const { width, height, left, right, axisY, today, panels, ticks, bars } = layout;
  return (
    <svg class={look} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={sentence}>
      {panels.map((one, index) => (
        <Ground key={index} laid={one} right={right} />
      ))}
      {bars.map((one, index) => (
        <Start key={index} bar={one} layout={layout} />
      ))}
      {panels.map(({ panel, top }, index) => (
        <Title key={index} panel={panel} y={top - 4} x={left} />
      ))}
      {panels.map((one, index) => (
        <Results key={index} laid={one} />
      ))}
      <path class="axis" d={`M${left} ${axisY}H${right}`} />
      {ticks.map(({ x, text, anchor }, index) => (
        <g key={index}>
          <path class="axis" d={`M${at(x)} ${axisY - 0.5}v4`} />
          {text !== "" && (
            <text class="ax" x={at(x)} y={axisY + 14.5} text-anchor={anchor}>
              {text}
            </text>
          )}
        </g>
      ))}
      <path class="axis" d={`M${right} ${axisY - 0.5}v4`} />
      <text class="ax" x={width - 2} y={axisY + 14.5} text-anchor="end">
        {today}
      </text>
      {bars.map((one, index) => (
        <Bar key={index} laid={one} />
      ))}
    </svg>
  );
}

function at(number: number): string {
  return String(Math.round(number * 10) / 10);
}

function Ground({ laid: { band, edges }, right }: { laid: PanelLayout; right: number }) {
  if (band === null) return null;
  return (
    <>
      <rect class="band" x={at(band.x)} y={at(band.y)} width={at(band.width)} height={at(band.height)} />
      {edges.map(({ y, labelY, text }) => (
        <g key={text}>
          <path class="edge" d={`M${at(band.x)} ${at(y)}H${at(right)}`} />
          <text class="edgelab" x={at(band.x - 4)} y={at(labelY)} text-anchor="end">
            {text}
          </text>
        </g>
      ))}
    </>
  );
}

/** A thin dotted line through the panels where an order was written. */
function Start({ bar: { start, y }, layout }: { bar: BarLayout; layout: Layout }) {
  if (start === null) return null;
  const through = layout.panels.map(({ top }) => `M${at(start)} ${top}v${layout.panelHeight}`).join("");
  return <path class="start" d={`${through}M${at(start)} ${layout.lanesTop}V${at(y + 4)}`} />;
}

function Title({ panel: { label, unit, range, low, high }, x, y }: { panel: Panel; x: number; y: number }) {
  const shown = low !== null || high !== null;
  return (
    <text class="t" x={x} y={y}>
      {label} <tspan class="u">{unit}</tspan>{" "}
      {range !== "" && <tspan class="edgelab">{shown ? `reference ${range}` : "reference: see table"}</tspan>}
    </text>
  );
}

function Results({ laid: { line, marks } }: { laid: PanelLayout }) {
  return (
    <>
      {line.length > 1 && <path class="ln" d={`M${line.map(([x, y]) => `${at(x)} ${at(y)}`).join(" ")}`} />}
      {marks.map((mark, index) => (
        <g key={index}>
          <Marker mark={mark} />
          <text
            class={`v${mark.last ? " last" : ""}${look(mark.point)}`}
            x={at(mark.labelX)}
            y={at(mark.labelY)}
            text-anchor={mark.anchor}
          >
            {mark.label}
          </text>
        </g>
      ))}
    </>
  );
}

function look({ direction }: Point): string {
  if (direction === null) return "";
  return direction === "low" ? " lo" : " hi";
}

/** Circle: not flagged. Triangle up or down: flagged high or low; diamond: flagged otherwise. Hollow: preliminary. */
function Marker({ mark: { point, x, y, last } }: { mark: PointMark }) {
  const name = `p${look(point)}${point.preliminary ? " prelim" : ""}`;
  const half = last ? 5.2 : 4.4;
  const [up, down] = last ? [4.4, 3.9] : [3.7, 3.3];
  switch (point.direction) {
    case null:
      return <circle class={name} cx={at(x)} cy={at(y)} r={last ? 4 : 3.4} />;
    case "high":
      return <path class={name} d={`M${at(x - half)} ${at(y + down)}h${half * 2}l-${half} -${up + down}z`} />;
    case "low":
      return <path class={name} d={`M${at(x - half)} ${at(y - down)}h${half * 2}l-${half} ${up + down}z`} />;
    case "abnormal":
      return (
        <path
          class={name}
          d={`M${at(x)} ${at(y - half)}l${half} ${half}l-${half} ${half}l-${half} -${half}z`}
        />
      );
  }
}

function Bar({ laid: { y, solid, dashed, lines, labelX, labelY, anchor } }: { laid: BarLayout }) {
  return (
    <>
      {solid !== null && (
        <rect class="bar" x={at(solid[0])} y={at(y)} width={at(solid[1] - solid[0])} height={9} rx={1.5} />
      )}
      {dashed !== null && dashed[1] > dashed[0] && (
        <rect class="bar2" x={at(dashed[0])} y={at(y + 0.6)} width={at(dashed[1] - dashed[0])} height={7.8} />
      )}
      {lines.map((words, index) => (
        <text key={index} class="evl" x={at(labelX)} y={at(labelY + index * 12)} text-anchor={anchor}>
          {words}
        </text>
      ))}
    </>
  );
}

// ---------------------------------------------------------------- in words

const WORDS = { high: " high", low: " low", abnormal: " abnormal" } as const;

/** The whole drawing as a sentence: every value with its flag and date, every order with its supply. */
export function spoken(panels: readonly Panel[], bars: readonly SupplyBar[]): string {
  const tests = panels.map(({ label, unit, range, points }) => {
    const name = `${label}${unit && ` in ${unit}`}${range && `, reference ${range}`}`;
    return `${name}: ${points.map(spokenPoint).join(", ")}`;
  });
  const orders = bars.map(({ label, ordered, days, refill }) => {
    const supply =
      days === "" ? ", supply not known" : `, ${days} days${refill ? ", then only if refilled" : ""}`;
    return `${label} from ${ordered}${supply}`;
  });
  const supply = orders.length > 0 ? ` Ordered supply: ${orders.join("; ")}.` : "";
  return `${tests.join("; ")}.${supply}`;
}

function spokenPoint({ text, direction, critical, status, date }: Point): string {
  const flag = direction === null ? "" : WORDS[direction];
  return `${text}${critical ? " critical" : ""}${flag}${status && ` ${status}`} on ${date}`;
}
