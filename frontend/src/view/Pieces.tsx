// The chart's own typed pieces as nodes: text, date, value with flag, chip.

import type { ComponentChildren, VNode } from "preact";
import type { Piece, Row, Value } from "../api/events.gen";
import { Chip } from "./Chip";
import { Flag } from "./Flag";
import { Icon } from "./Icon";
import { Clinical } from "./markdown/Clinical";
import { spaceBetween } from "./spacing";

/** Number, space and unit never break apart. */
export function ValueText({ value }: { value: Value }) {
  const { text, unit, range } = value;
  return (
    <>
      <span class="nw">
        <span class="n">{unit === "" ? text : `${text}\u00a0${unit}`}</span>
        <Flag {...value} />
      </span>
      {range !== "" && " "}
      {range !== "" && <span class="ref">{bracketed(range)}</span>}
    </>
  );
}

export function bracketed(range: string): string {
  return /^[([]/.test(range) ? range : `(${range})`;
}

interface PiecesProps {
  pieces: readonly Piece[];
  /** Puts something round the piece at a place, a mark for one. */
  around?: (index: number, node: VNode) => ComponentChildren;
}

export function Pieces({ pieces, around = (_, node) => node }: PiecesProps) {
  return (
    <>
      {pieces.map((piece, index) => (
        <Spaced key={index} between={spaceBetween(pieces[index - 1], piece)}>
          {around(index, <PieceNode piece={piece} />)}
        </Spaced>
      ))}
    </>
  );
}

function Spaced({ between, children }: { between: string; children: ComponentChildren }) {
  return (
    <>
      {between}
      {children}
    </>
  );
}

const CLASSES = { plain: "", strong: "what", drug: "drug", muted: "muted", nowrap: "nw" } as const;

function PieceNode({ piece }: { piece: Piece }) {
  switch (piece.kind) {
    case "text":
      return piece.style === "plain" ? (
        <Clinical text={piece.text} />
      ) : (
        <span class={CLASSES[piece.style]}>
          <Clinical text={piece.text} />
        </span>
      );
    case "date":
      return <time>{piece.text}</time>;
    case "value":
      return <ValueText value={piece} />;
    case "cite":
      return <Chip n={piece.n} label={piece.label} search={piece.search} text={piece.text} />;
  }
}

export function Rows({ rows }: { rows: readonly Row[] }) {
  return (
    <ul class="rows">
      {rows.map((row, index) => (
        <RowItem key={index} row={row} />
      ))}
    </ul>
  );
}

function RowItem({ row: { pieces, meta, tone } }: { row: Row }) {
  return (
    <li class={{ plain: undefined, alarm: "alarm", warn: "warnrow" }[tone]}>
      {tone === "warn" && (
        <>
          <Icon name="warn" small />{" "}
        </>
      )}
      <Pieces pieces={pieces} />
      {meta.map((line, index) => (
        <span class="meta" key={index}>
          <Pieces pieces={line} />
        </span>
      ))}
    </li>
  );
}
