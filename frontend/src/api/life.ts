// How long the launch lives: warns before its end, tells the server when the clinician is at work, stops at the end.
// By the clock on the wall: a computer that slept has no timers that ran. The server is asked before anything is said.

import type { Store } from "../state/store";
import { type Api, Refused, WrongLaunch } from "./client";
import type { LaunchLife } from "./events.gen";

const TICK_MS = 1_000;
/** A timer this late was asleep: what it knew may be over, or was extended elsewhere. */
const SLEPT_MS = 10_000;
/** Work in the page is told to the server at most this often. */
const TELL_EVERY_MS = 60_000;

export interface Life {
  /** Ask how long the launch lives, and watch it from now on. */
  watch(): Promise<void>;
  /** The clinician typed or pointed: the time without use begins anew. */
  used(): void;
  /** "Stay signed in": let the time without use begin anew, whatever was told before. */
  extend(): Promise<void>;
  /** Ask again now: a stream was cut, or the page was away. */
  check(): Promise<void>;
  stop(): void;
}

/** `ended`: the launch is over, or nobody answers at its end; `failed` gets every other refusal. */
export function createLife(
  api: Api,
  store: Store,
  ended: () => void,
  failed: (error: unknown) => void,
): Life {
  let timer: ReturnType<typeof setInterval> | undefined;
  let ends = { idle: 0, absolute: 0, warn: 0 };
  let ticked = 0;
  let told = 0;
  let asked = 0;
  let answered = 0;

  const learn = ({ idle_s, absolute_s, warn_s }: LaunchLife, at: number) => {
    ends = { idle: at + idle_s * 1_000, absolute: at + absolute_s * 1_000, warn: warn_s * 1_000 };
    show();
  };
  const ask = async (request: () => Promise<LaunchLife>) => {
    asked += 1;
    const mine = asked;
    // The answer counts from before it was asked for: never longer than the server has it.
    const at = Date.now();
    try {
      const life = await request();
      // Of two under way the later one knows.
      if (mine === asked) learn(life, at);
    } catch (error) {
      const silent = error instanceof Refused && error.problem.status !== 401;
      if (!silent || error instanceof WrongLaunch) failed(error);
      else if (timer !== undefined && Date.now() >= Math.min(ends.idle, ends.absolute)) ended();
    } finally {
      answered += 1;
    }
  };
  const show = () => {
    const until = Math.min(ends.idle, ends.absolute);
    const near = Date.now() >= until - ends.warn;
    const kind = ends.absolute <= ends.idle ? "absolute" : "idle";
    const shown = store.get().warning;
    if (!near && shown !== null) store.dispatch({ type: "warned", warning: null });
    if (near && (shown?.until !== until || shown.kind !== kind))
      store.dispatch({ type: "warned", warning: { kind, until } });
  };
  const check = () => ask(() => api.life());
  const extend = () => {
    told = Date.now();
    return ask(() => api.extend());
  };
  const tick = () => {
    const now = Date.now();
    const slept = now - ticked > SLEPT_MS;
    ticked = now;
    const until = Math.min(ends.idle, ends.absolute);
    const warned = store.get().warning !== null;
    if (answered < asked) return;
    if (slept || now >= until || (!warned && now >= until - ends.warn)) void check();
  };

  return {
    watch: async () => {
      clearInterval(timer);
      ticked = Date.now();
      told = ticked;
      ends = { idle: Number.POSITIVE_INFINITY, absolute: Number.POSITIVE_INFINITY, warn: 0 };
      timer = setInterval(tick, TICK_MS);
      await check();
    },
    used: () => {
      if (timer !== undefined && Date.now() - told >= TELL_EVERY_MS) void extend();
    },
    extend,
    check: async () => {
      if (timer !== undefined) await check();
    },
    stop: () => {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
