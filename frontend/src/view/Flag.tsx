import type { Direction } from "../api/events.gen";

interface FlagProps {
  flag: string;
  direction: Direction | null;
  critical: boolean;
}

const SHAPES: Record<Direction, readonly [look: string, shape: string, word: string]> = {
  high: ["hi", "▲ ", " high"],
  low: ["lo", "▼ ", " low"],
  abnormal: ["hi", "◆ ", " abnormal"],
};

/** A laboratory's flag: filled shape, sign and letter, as sent. */
export function Flag({ flag, direction, critical }: FlagProps) {
  if (direction === null) return flag === "" ? null : <span class="st"> {flag}</span>;
  const [look, shape, word] = SHAPES[direction];
  return (
    <span class={`flag ${look}${critical ? " crit" : ""}`}>
      <span aria-hidden="true">
        {shape}
        {critical && "‼ "}
      </span>
      {flag}
      <span class="vh">
        {critical && " critical"}
        {word}
      </span>
    </span>
  );
}
