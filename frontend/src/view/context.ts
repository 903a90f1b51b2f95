// What every component may need: the state of now, and the acts.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session } from "../api/session";
import type { SourceRef } from "../state/cites";
import type { Store } from "../state/store";

export interface Acts extends Session {
  dispatch: Store["dispatch"];
}

/** Where a chip stands: the card, or a message. Its numbers start at 1 here. */
export interface Scope {
  readonly id: string;
  readonly sources: readonly SourceRef[];
  readonly numbers: ReadonlyMap<number, number>;
  /** The source shown in the pane, if it was opened from here. */
  readonly open: number | null;
}

export const ActsContext = createContext<Acts | null>(null);
export const ScopeContext = createContext<Scope>({ id: "", sources: [], numbers: new Map(), open: null });

export function useActs(): Acts {
  const acts = useContext(ActsContext);
  if (acts === null) throw new Error("no acts");
  return acts;
}

export function useScope(): Scope {
  return useContext(ScopeContext);
}
