// A citation: a number (or, for a search, its words) that opens its source.

import { useActs, useScope } from "./context";
import { Icon } from "./Icon";

export type ChipState = "plain" | "wait" | "bad";

interface ChipProps {
  n: number;
  label: string;
  search?: boolean;
  text?: string;
  state?: ChipState;
  /** The sentence that cites, in running text. */
  sentence?: number;
}

const SPOKEN: Record<ChipState, string> = { plain: "", wait: ", not checked yet", bad: ", does not match" };

export function Chip({ n, label, search = false, text = "", state = "plain", sentence }: ChipProps) {
  const { openSource } = useActs();
  const { id, numbers, open } = useScope();
  const number = numbers.get(n);
  const shown = search ? text || "See the search" : String(number ?? (text || "Source"));
  const name = search
    ? spokenSearch(shown, label)
    : `Source${number === undefined ? "" : ` ${number}`}: ${label}`;
  const look = `cite${search ? " search" : ""}${state === "plain" ? "" : ` ${state}`}`;
  return (
    <span class="nw">
      {/* A word joiner: a number never stands on a line without the word it proves. */}
      {!search && "\u2060"}
      <button
        type="button"
        class={look}
        data-cite={`${id} ${n}`}
        data-sentence={sentence}
        aria-label={name + SPOKEN[state]}
        aria-current={open === n ? "true" : undefined}
        onClick={() => void (sentence === undefined ? openSource(id, n) : openSource(id, n, sentence))}
      >
        {search && <Icon name="search" />}
        {shown}
      </button>
    </span>
  );
}

/** WCAG 2.5.3, Label in Name: what is spoken begins with what is shown. */
function spokenSearch(shown: string, label: string): string {
  return label.startsWith(shown) ? label : `${shown}: ${label}`;
}
