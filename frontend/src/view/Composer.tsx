// The question box: Enter sends, Shift+Enter breaks the line, Stop takes the place of Send while an answer streams.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type State, streaming } from "../state/reduce";
import { useActs } from "./context";
import { Icon } from "./Icon";

/** Five lines of 20 px and the padding; then the box scrolls inside itself. */
const TALLEST_PX = 112;

/** `covered`: a source sheet lies over it, so that nothing here takes the focus. */
export function Composer({ state, covered }: { state: State; covered: boolean }) {
  const { ask, stop, dispatch } = useActs();
  const box = useRef<HTMLTextAreaElement>(null);
  const busy = streaming(state) !== undefined;
  const languageModel = state.snapshot?.model.language_model ?? false;
  useLayoutEffect(() => grow(box.current), [state.draft]);
  const send = () => {
    // The box itself: what was typed in this very frame is not drawn yet.
    const question = box.current?.value.trim() ?? "";
    if (question !== "" && !busy) void ask(question);
  };
  const onStop = () => {
    stop();
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  const suggestions = state.messages.length === 0 ? (state.card?.suggestions ?? []) : [];
  return (
    <form
      class="dock"
      inert={covered}
      aria-label="Ask about this patient"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {suggestions.length > 0 && <Suggestions look="suggest" questions={suggestions} />}
      <div class="box">
        <label class="vh" for="q">
          Ask about this patient
        </label>
        <textarea
          id="q"
          ref={box}
          rows={1}
          value={state.draft}
          placeholder={placeholder(busy, languageModel)}
          onInput={(event) => dispatch({ type: "typed", text: event.currentTarget.value })}
          onKeyDown={onKeyDown}
        />
        {busy ? (
          <button type="button" class="stop" aria-keyshortcuts="Escape" onClick={onStop}>
            Stop
          </button>
        ) : (
          <button type="submit" class="send" aria-label="Send question">
            <Icon name="send" />
          </button>
        )}
      </div>
      <Foot languageModel={languageModel} />
    </form>
  );
}

interface SuggestionsProps {
  look: "suggest" | "followrow";
  questions: readonly string[];
}

/** One row of whole chips; what does not fit waits behind "More". No chip is cut. */
export function Suggestions({ look, questions }: SuggestionsProps) {
  const { ask } = useActs();
  const [all, setAll] = useState(false);
  const row = useRef<HTMLDivElement>(null);
  const fit = useFit(row, questions);
  const hidden = !all && fit < questions.length;
  const onClick = (question: string) => {
    void ask(question);
    // The row of suggestions goes away, and the focus must not go with it.
    focusBox();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is laid out by rules of its own
    <div class={all ? `${look} all` : look} role="group" aria-label="Suggested questions" ref={row}>
      {questions.map((question, index) => (
        <button
          type="button"
          class={hidden && index >= fit ? "chip off" : "chip"}
          key={question}
          onClick={() => onClick(question)}
        >
          {question}
        </button>
      ))}
      {fit < questions.length && (
        <button type="button" class="chip more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Fewer" : "More"}
        </button>
      )}
    </div>
  );
}

const MORE_PX = 60;
const GAP_PX = 6;

/** How many chips stand whole in one row, beside "More" unless all do; measured again when the frame changes. */
function useFit(row: { current: HTMLDivElement | null }, questions: readonly string[]): number {
  const [fit, setFit] = useState(questions.length);
  useLayoutEffect(() => {
    const box = row.current;
    if (box === null) return;
    const measure = () => {
      // A frame that is not laid out yet says nothing.
      if (box.clientWidth === 0) return;
      const style = getComputedStyle(box);
      const room =
        box.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
      const widths = [...box.querySelectorAll<HTMLElement>(".chip:not(.more)")].map(
        (chip) => chip.offsetWidth,
      );
      setFit(whole(widths, room));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, [row, questions]);
  return fit;
}

/** At least one stands there, however narrow the frame: it may then break into lines. */
export function whole(widths: readonly number[], room: number): number {
  const upTo = (n: number) => widths.slice(0, n).reduce((sum, width) => sum + width + GAP_PX, -GAP_PX);
  if (upTo(widths.length) <= room) return widths.length;
  let fit = widths.length - 1;
  while (fit > 1 && upTo(fit) + GAP_PX + MORE_PX > room) fit -= 1;
  return fit;
}

function placeholder(busy: boolean, languageModel: boolean): string {
  if (busy) return "Write the next question";
  return languageModel ? "Ask about this patient" : "Ask for results, orders, notes";
}

function Foot({ languageModel }: { languageModel: boolean }) {
  const [short, long] = languageModel
    ? [
        "AI can be wrong. Check the source. Not for emergencies.",
        "Can be wrong or incomplete. Check the source before you act. Not for emergencies.",
      ]
    : [
        "Can be incomplete. Check the source. Not for emergencies.",
        "Can be incomplete. Check the source before you act. Not for emergencies.",
      ];
  return (
    <p class="foot">
      <span class="short">{short}</span>
      <span class="long">{long}</span>
    </p>
  );
}

function grow(box: HTMLTextAreaElement | null): void {
  if (box === null) return;
  box.style.height = "";
  box.style.height = `${Math.min(Math.max(box.scrollHeight, 32), TALLEST_PX)}px`;
}

export function focusBox(): void {
  document.getElementById("q")?.focus();
}
