import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStore, type Store } from "../state/store";
import { open } from "./client";
import { createSession, type Session } from "./session";

const SNAPSHOT = {
  launch_id: "l1",
  patient: { family: "EVERGREEN", given: "Marlena", born: "14-Mar-1958" },
  user_name: "",
  site_name: "",
  help_desk: "555-0142",
  safety_contact: "",
  locale: "en-US",
  model: { name: "No language model", language_model: false, data_handling: "" },
  conversation: [],
};

let store: Store;
let session: Session;
let calls: [method: string, path: string, key: string | null][];
let answers: Record<string, () => Response>;

const json = (body: unknown, status = 200, launch: string | null = "l1") =>
  new Response(JSON.stringify(body), { status, headers: launch === null ? {} : { "X-Launch-Id": launch } });
const stream = (events: unknown[], launch = "l1") =>
  new Response(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""), {
    headers: { "X-Launch-Id": launch },
  });

beforeEach(() => {
  calls = [];
  answers = {
    "GET /api/launches/l1": () => json(SNAPSHOT),
    "GET /api/launches/l1/card": () => json({ read_at: "now" }),
    "GET /api/launches/l1/life": () => json({ idle_s: 1800, absolute_s: 28800, warn_s: 120 }),
  };
  vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
    const method = init.method ?? "GET";
    calls.push([method, path, new Headers(init.headers).get("Authorization")]);
    const answer = answers[`${method} ${path}`];
    if (answer === undefined) throw new TypeError("Failed to fetch");
    return answer();
  });
  store = createStore();
  session = createSession(open("l1", "key1"), store);
});
afterEach(() => vi.unstubAllGlobals());

describe("start", () => {
  it("reads the snapshot, then the card, with the launch key", async () => {
    await session.start(false);
    expect(calls).toEqual([
      ["GET", "/api/launches/l1", "Bearer key1"],
      ["GET", "/api/launches/l1/life", "Bearer key1"],
      ["GET", "/api/launches/l1/card", "Bearer key1"],
      ["GET", "/api/launches/l1/model", "Bearer key1"],
    ]);
    // A server without a choice of models says so by an error, which concerns nobody.
    expect(store.get()).toMatchObject({ gate: null, card: { read_at: "now" }, models: null });
  });

  it("takes the EHR's look over where it has one, and goes on without it where it cannot be read", async () => {
    answers["GET /api/launches/l1"] = () => json({ ...SNAPSHOT, styled: true });
    await session.start(false);
    expect(document.adoptedStyleSheets).toEqual([]);
    const style = { scheme: "light", colors: [], font_size_px: 15, font_family: "" };
    answers["GET /api/launches/l1/style"] = () => json(style);
    await session.start(false);
    await vi.waitFor(() => expect(document.adoptedStyleSheets).toHaveLength(1));
    expect(store.get().gate).toBeNull();
    document.adoptedStyleSheets = [];
  });

  it("asks for the patient after Back, before anything of the chart is requested", async () => {
    await session.start(true);
    expect(calls.map(([, path]) => path)).toEqual(["/api/launches/l1", "/api/launches/l1/life"]);
    expect(store.get()).toMatchObject({ gate: { kind: "back", patient: SNAPSHOT.patient }, snapshot: null });
    session.goOn();
    await vi.waitFor(() => expect(store.get().card).not.toBeNull());
    expect(store.get().gate).toBeNull();
  });

  it("drops an answer of another launch unread, and stops", async () => {
    await session.start(false);
    answers["GET /api/launches/l1/sources/3"] = () => json({ n: 3, heading: "OTHER" }, 200, "l2");
    await session.openSource("card", 3);
    expect(store.get()).toMatchObject({ gate: { kind: "foreign" }, sources: {} });
  });

  it("does not take an answer without a launch id for one of its own", async () => {
    answers["GET /api/launches/l1/card"] = () => json({ read_at: "proxy page" }, 200, null);
    await session.start(false);
    expect(store.get()).toMatchObject({ card: null, gate: { kind: "ehr-down" } });
  });

  it("stops where IT switched it off, whatever was asked for, and goes on when it is on again", async () => {
    await session.start(false);
    const off = () => json({ code: "switched_off", title: "Switched off.", detail: "Reason: drill." }, 503);
    answers["GET /api/launches/l1/sources/3"] = off;
    await session.openSource("card", 3);
    expect(store.get().gate).toMatchObject({ kind: "switched-off", problem: { detail: "Reason: drill." } });
    answers["GET /api/launches/l1"] = off;
    await session.tryAgain();
    expect(store.get().gate?.kind).toBe("switched-off");
    answers["GET /api/launches/l1"] = () => json(SNAPSHOT);
    await session.tryAgain();
    expect(store.get()).toMatchObject({ gate: null, card: { read_at: "now" } });
  });

  it("shows no patient any more when the session ended", async () => {
    await session.start(false);
    answers["GET /api/launches/l1/card?again=1"] = () => json({ code: "session.ended", reference: "r" }, 401);
    await session.readCard(true);
    expect(store.get()).toMatchObject({
      gate: { kind: "expired", reference: "r" },
      snapshot: null,
      card: null,
    });
  });
});

const CHOICES = {
  current: "local",
  choices: [
    {
      id: "local",
      name: "Qwen 3 32B",
      language_model: true,
      data_handling: "stays in this hospital",
      local: true,
      why_not: "",
      retires: "",
    },
  ],
  notice: "",
};

describe("model", () => {
  it("takes a choice, and the label in the app bar follows it", async () => {
    await session.start(false);
    answers["PUT /api/launches/l1/model"] = () => json(CHOICES);
    expect(await session.chooseModel("local")).toBeNull();
    expect(store.get()).toMatchObject({
      models: CHOICES,
      snapshot: {
        model: { name: "Qwen 3 32B", language_model: true, data_handling: "stays in this hospital" },
      },
      announced: "Answers by Qwen 3 32B",
    });
  });

  it("says why a choice was not taken, and keeps the earlier one", async () => {
    await session.start(false);
    answers["PUT /api/launches/l1/model"] = () => json({ code: "model.off", title: "Switched off." }, 409);
    expect(await session.chooseModel("local")).toMatchObject({ title: "Switched off." });
    expect(store.get().snapshot?.model).toEqual(SNAPSHOT.model);
  });

  it("stops when the choices come from another launch", async () => {
    answers["GET /api/launches/l1/model"] = () => json(CHOICES, 200, "l2");
    await session.start(false);
    expect(store.get()).toMatchObject({ gate: { kind: "foreign" }, models: null });
  });
});

describe("ask", () => {
  const turn = "POST /api/launches/l1/turns";

  it("streams into one message", async () => {
    answers[turn] = () => stream([{ type: "TEXT_MESSAGE_CONTENT", delta: "Yes." }, { type: "RUN_FINISHED" }]);
    await session.ask("Any?");
    expect(store.get().messages).toMatchObject([
      { question: "Any?", status: "done", parts: [{ text: "Yes." }] },
    ]);
  });

  it("marks a stream without an end as cut", async () => {
    answers[turn] = () => stream([{ type: "TEXT_MESSAGE_CONTENT", delta: "Half" }]);
    await session.ask("Any?");
    expect(store.get().messages[0]?.status).toBe("cut");
  });

  it("shows no patient any more when the session ends within a stream", async () => {
    await session.start(false);
    answers[turn] = () => stream([{ type: "RUN_ERROR", message: "Ended.", code: "session.ended" }]);
    await session.ask("Any?");
    expect(store.get()).toMatchObject({
      gate: { kind: "expired", helpDesk: "555-0142" },
      snapshot: null,
      messages: [],
      // What was asked has no answer: it is offered for copying.
      draft: "Any?",
    });
  });

  it("shows the chart no more when IT has switched Chartside off, and says what it said", async () => {
    await session.start(false);
    const title = "Chartside is switched off by the IT department.";
    const off = { code: "switched_off", title, detail: "Reason: Drill.", reference: "r", help_desk: "1" };
    answers[turn] = () => json(off, 503);
    await session.ask("Any?");
    expect(store.get()).toMatchObject({
      gate: { kind: "switched-off", problem: { title, detail: "Reason: Drill.", help_desk: "1" } },
      draft: "Any?",
    });
  });

  it("reads the choices again when another model answered than the launch's own", async () => {
    const reads = () => calls.filter(([, path]) => path.endsWith("/model")).length;
    await session.start(false);
    const before = reads();
    const value = { message_id: "m", notice: "Model b answers instead." };
    answers[turn] = () =>
      stream([{ type: "CUSTOM", name: "chartside.answered", value }, { type: "RUN_FINISHED" }]);
    await session.ask("Any?");
    expect(reads()).toBe(before + 1);
  });

  it("stops at once, tells the server, and says so", async () => {
    answers[turn] = () => new Response(new ReadableStream(), { headers: { "X-Launch-Id": "l1" } });
    const asking = session.ask("Any?");
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    const runId = store.get().messages[0]?.id ?? "";
    session.stop();
    expect(store.get()).toMatchObject({
      announced: "Stopped: not complete",
      messages: [{ status: "stopped" }],
    });
    expect(calls.at(-1)?.slice(0, 2)).toEqual(["POST", `/api/launches/l1/turns/${runId}/stop`]);
    session.pause();
    void asking;
  });

  it("keeps the question when the server cannot be reached", async () => {
    await session.ask("Any?");
    expect(store.get()).toMatchObject({ draft: "Any?", messages: [{ status: "error" }] });
  });

  it("asks where the browser has no randomUUID: plain http on a name of the network", async () => {
    const real = crypto;
    vi.stubGlobal("crypto", {
      getRandomValues: (bytes: Uint8Array<ArrayBuffer>) => real.getRandomValues(bytes),
    });
    answers["POST /api/launches/l1/turns"] = () => stream([]);
    await session.start(false);
    await session.ask("Any?");
    expect(calls.filter(([, path]) => path.endsWith("/turns"))).toEqual([
      ["POST", "/api/launches/l1/turns", "Bearer key1"],
    ]);
  });

  it("asks another model, or none, for one question only", async () => {
    const sent: unknown[] = [];
    answers[turn] = () => stream([{ type: "RUN_FINISHED" }]);
    const fetching = globalThis.fetch;
    vi.stubGlobal("fetch", (path: string, init: RequestInit = {}) => {
      if (typeof init.body === "string") sent.push(JSON.parse(init.body).forwardedProps);
      return fetching(path, init);
    });
    await session.ask("Any?", "none");
    await session.ask("Any?");
    expect(sent).toEqual([{ model: "none" }, {}]);
  });

  it("reads the choices again when a model failed, and keeps the question", async () => {
    answers["GET /api/launches/l1/model"] = () => json(CHOICES);
    const value = { message_id: "m", code: "model.overloaded", text: "Busy.", lost: "", ways: ["retry"] };
    answers[turn] = () =>
      stream([
        { type: "CUSTOM", name: "chartside.failed", value },
        { type: "RUN_ERROR", message: "Busy." },
      ]);
    await session.ask("Any?");
    await vi.waitFor(() => expect(store.get().models).toEqual(CHOICES));
    expect(store.get()).toMatchObject({
      draft: "Any?",
      messages: [{ status: "error", failed: { text: "Busy." } }],
    });
  });

  it("reads the chart before it asks afresh, and does not ask a chart that stopped answering", async () => {
    await session.start(false);
    answers["GET /api/launches/l1/card?again=1"] = () => json({ read_at: "later" });
    answers[turn] = () => stream([{ type: "RUN_FINISHED" }]);
    await session.askAfresh("Any?");
    expect(calls.slice(-2).map(([method, path]) => `${method} ${path}`)).toEqual([
      "GET /api/launches/l1/card?again=1",
      "POST /api/launches/l1/turns",
    ]);
    answers["GET /api/launches/l1/card?again=1"] = () => json({ code: "session.ended" }, 401);
    const before = calls.length;
    await session.askAfresh("Any?");
    expect(calls).toHaveLength(before + 1);
  });

  it("never shows a stream of another launch", async () => {
    await session.start(false);
    answers[turn] = () => stream([{ type: "TEXT_MESSAGE_CONTENT", delta: "OTHER" }], "l2");
    await session.ask("Any?");
    expect(store.get()).toMatchObject({
      gate: { kind: "foreign" },
      messages: [{ status: "cut", parts: [] }],
    });
  });
});

describe("pause", () => {
  it("parks a launch whose page goes away, and only one that was begun", async () => {
    session.pause();
    expect(calls).toEqual([]);
    await session.start(false);
    calls = [];
    session.pause();
    expect(calls).toEqual([["POST", "/api/launches/l1/park", "Bearer key1"]]);
  });
});
