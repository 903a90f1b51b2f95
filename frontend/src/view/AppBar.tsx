// The product's own line.

import type { ModelLabel, Snapshot } from "../api/events.gen";
import { Icon } from "./Icon";

export function modelText({ name, language_model, data_handling }: ModelLabel): string {
  return language_model && data_handling !== "" ? `${name} · ${data_handling}` : name;
}

interface AppBarProps {
  snapshot: Snapshot | null;
  onMenu: (() => void) | null;
}

export function AppBar({ snapshot, onMenu }: AppBarProps) {
  return (
    <div class="appbar">
      <strong class="brand">
        <span class="mark-logo" aria-hidden="true" />
        Chartside
      </strong>
      {snapshot?.model.language_model && <span class="tag ai">AI</span>}
      {snapshot !== null && <span class="modellabel">{modelText(snapshot.model)}</span>}
      <span class="grow" />
      {snapshot !== null && <span class="user-name">{snapshot.user_name}</span>}
      {onMenu !== null && (
        <button class="icon" type="button" aria-label="Menu" onClick={onMenu}>
          <Icon name="menu" />
        </button>
      )}
    </div>
  );
}
