// Holds the state and tells its listener of changes at most once per animation frame.

import { type Event, reduce, START, type State } from "./reduce";

export interface Store {
  get(): State;
  dispatch(event: Event): void;
  onFrame(draw: (state: State) => void): void;
}

export function createStore(): Store {
  let state = START;
  let waiting = false;
  let draw: (state: State) => void = () => undefined;
  const frame = () => {
    waiting = false;
    draw(state);
  };
  return {
    get: () => state,
    dispatch: (event) => {
      state = reduce(state, event);
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(frame);
    },
    onFrame: (listener) => {
      draw = listener;
    },
  };
}
