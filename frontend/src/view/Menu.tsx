// The menu behind the app bar: who, what answers, keys, end of the session.

import { useEffect, useRef } from "preact/hooks";
import type { Card, ModelChoices, Snapshot } from "../api/events.gen";
import { modelText } from "./AppBar";
import { useActs } from "./context";
import { Icon } from "./Icon";
import { ModelPicker } from "./ModelPicker";

const KEYS = [
  ["/", "Go to the question box"],
  ["Enter", "Send"],
  ["Shift+Enter", "New line"],
  ["Esc", "Close, or stop the answer"],
  ["Alt+1 to 9", "Open that source"],
] as const;

interface MenuProps {
  snapshot: Snapshot;
  card: Card | null;
  models: ModelChoices | null;
  /** Null where there is no question box: then its keys are not told either. */
  slashKey: boolean | null;
  onClose: () => void;
}

/** A small panel under the banner: never over it. */
export function Menu({ snapshot, card, models, slashKey, onClose }: MenuProps) {
  const { end } = useActs();
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => panel.current?.focus(), []);
  const about = [
    ["User", snapshot.user_name],
    ["Site", snapshot.site_name],
    // Where there is a choice, it says itself which one answers.
    ["Answers by", (models?.choices.length ?? 0) > 1 ? "" : modelText(snapshot.model)],
    ["Why none", models?.notice === "" ? models.why_none : ""],
    ["Chart read", card?.read_at ?? (slashKey === null ? "" : "not yet")],
    ["Help desk", snapshot.help_desk],
    ["Report harm or a near miss to", snapshot.safety_contact],
  ].filter(([, value]) => value !== "");
  return (
    <div class="menu" role="dialog" aria-label="Menu" tabIndex={-1} ref={panel}>
      <div class="ev-head">
        <h2>About this session</h2>
        <span class="grow" />
        <button type="button" class="icon" aria-label="Close menu" onClick={onClose}>
          <Icon name="x" />
        </button>
      </div>
      <dl class="facts">
        {about.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {models !== null && <ModelPicker models={models} />}
      {slashKey !== null && <Keys slashKey={slashKey} />}
      <button type="button" class="btn" onClick={() => void end()}>
        End this launch
      </button>
    </div>
  );
}

function Keys({ slashKey }: { slashKey: boolean }) {
  const { dispatch } = useActs();
  return (
    <>
      <h2 class="h top">Keyboard</h2>
      <dl class="facts">
        {KEYS.map(([key, act]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{act}</dd>
          </div>
        ))}
      </dl>
      <label class="tick">
        <input
          type="checkbox"
          checked={slashKey}
          onChange={(event) => dispatch({ type: "slash-key", on: event.currentTarget.checked })}
        />
        Use the single key /
      </label>
    </>
  );
}
