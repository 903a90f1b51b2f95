import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStore, type Store } from "../state/store";
import { type Api, Refused } from "./client";
import { createLife, type Life } from "./life";

// The server of this test: a launch of 30 min without use and 8 h in all, by the same clock.
const IDLE_S = 1_800;
let usedAt: number;
let endsAt: number;
let calls: string[];
let silent: boolean;
let store: Store;
let life: Life;
let over: string[];

const problem = (status: number) =>
  new Refused({
    status,
    code: status === 401 ? "session.ended" : "network",
    title: "",
    detail: "",
    reference: "",
    help_desk: "",
    retry_after_s: null,
  });

function left() {
  if (silent) throw problem(0);
  const now = Date.now();
  const idle_s = Math.floor((usedAt + IDLE_S * 1_000 - now) / 1_000);
  const absolute_s = Math.floor((endsAt - now) / 1_000);
  if (idle_s <= 0 || absolute_s <= 0) throw problem(401);
  return { idle_s, absolute_s, warn_s: 120 };
}

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-11-20T14:42:00Z") });
  usedAt = Date.now();
  endsAt = usedAt + 8 * 3_600_000;
  calls = [];
  silent = false;
  over = [];
  store = createStore();
  const api = {
    life: async () => {
      calls.push("look");
      return left();
    },
    extend: async () => {
      calls.push("extend");
      left();
      usedAt = Date.now();
      return left();
    },
  } as unknown as Api;
  life = createLife(
    api,
    store,
    () => over.push("nobody answers"),
    (error) => over.push(error instanceof Refused ? error.problem.code : "other launch"),
  );
});
afterEach(() => {
  life.stop();
  vi.useRealTimers();
});

/** Let the clock and its timers go on. */
const pass = (minutes: number) => vi.advanceTimersByTimeAsync(minutes * 60_000);
/** The computer sleeps: the clock goes on, no timer runs. */
const sleep = async (minutes: number) => {
  vi.setSystemTime(Date.now() + minutes * 60_000);
  await vi.advanceTimersByTimeAsync(1_100);
};
const warning = () => store.get().warning;

describe("the end of a launch", () => {
  it("is asked about once at the start and once before it is said, two minutes before", async () => {
    await life.watch();
    await pass(27.9);
    expect([warning(), calls]).toEqual([null, ["look"]]);
    await pass(0.2);
    expect(warning()).toEqual({ kind: "idle", until: usedAt + IDLE_S * 1_000 });
    expect(calls).toEqual(["look", "look"]);
    expect(store.get().announced).toBe(
      "This launch ends soon because nothing was done. Choose Stay signed in to go on.",
    );
    await pass(2);
    expect(over[0]).toBe("session.ended");
  });

  it("is put off on the server by going on, never past the longest time", async () => {
    endsAt = usedAt + 45 * 60_000;
    await life.watch();
    await pass(28.1);
    await life.extend();
    expect([warning(), usedAt]).toEqual([null, Date.now()]);
    await pass(15);
    expect(warning()).toEqual({ kind: "absolute", until: endsAt });
    await life.extend();
    expect(warning()).toEqual({ kind: "absolute", until: endsAt });
    await pass(2);
    expect(over[0]).toBe("session.ended");
  });

  it("is put off by work in the page, told at most once a minute", async () => {
    await life.watch();
    for (let second = 0; second < 3_600; second += 10) {
      await pass(1 / 6);
      life.used();
    }
    expect([warning(), over]).toEqual([null, []]);
    expect(calls.filter((call) => call === "extend")).toHaveLength(60);
  });

  it("is put off by what the launch did meanwhile, an answer for one, without a warning", async () => {
    await life.watch();
    await pass(20);
    usedAt = Date.now();
    await pass(20);
    expect([warning(), calls]).toEqual([null, ["look", "look"]]);
  });

  it("is known at once after sleep, whatever the timers counted", async () => {
    await life.watch();
    await sleep(28.5);
    expect(warning()).toEqual({ kind: "idle", until: usedAt + IDLE_S * 1_000 });
    await sleep(60);
    expect(over[0]).toBe("session.ended");
  });

  it("comes although the server cannot be reached, and not before", async () => {
    await life.watch();
    silent = true;
    await pass(29.9);
    expect(over).toEqual([]);
    await pass(0.2);
    expect(over[0]).toBe("nobody answers");
  });

  it("is nobody's concern when the panel has stopped", async () => {
    await life.watch();
    life.stop();
    await pass(60);
    expect([warning(), over, calls]).toEqual([null, [], ["look"]]);
  });
});
