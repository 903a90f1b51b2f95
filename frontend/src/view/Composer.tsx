// The question box: Enter sends, Shift+Enter breaks the line, Stop takes the place of Send while an answer streams.

import { useLayoutEffect, useRef } from "preact/hooks";
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

export function Suggestions({
  look,
  questions,
}: {
  look: "suggest" | "followrow";
  questions: readonly string[];
}) {
  const { ask } = useActs();
  const onClick = (question: string) => {
    void ask(question);
    // The row of suggestions goes away, and the focus must not go with it.
    focusBox();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot scroll sideways in every browser
    <div class={look} role="group" aria-label="Suggested questions">
      {questions.map((question) => (
        <button type="button" class="chip" key={question} onClick={() => onClick(question)}>
          {question}
        </button>
      ))}
    </div>
  );
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
