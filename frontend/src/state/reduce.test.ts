import { describe, expect, it } from "vitest";
import type { TurnEvent } from "../api/agui";
import type { Answered, Card, Citation, Snapshot } from "../api/events.gen";
import { asked, failureOf, type Message, statements, withoutModel } from "./message";
import { type Event, reduce, START, type State } from "./reduce";

const OPEN = "\ue000";
const CLOSE = "\ue001";

function citation(more: Partial<Citation>): Citation {
  return {
    message_id: "m",
    sentence: 0,
    n: 7,
    label: "potassium, 5 results",
    summary: "",
    search: false,
    verdict: "pending",
    claim: "",
    fields: [],
    differences: [],
    ...more,
  };
}

const ANSWERED: Answered = {
  message_id: "m",
  model: "",
  provenance: "Rule answer",
  data_handling: "",
  notice: "",
  why_no_model: "",
  suggestions: [],
  stopped: false,
  sources: 10,
  gaps: 1,
  mismatches: 0,
  without_source: 0,
};

const said = (delta: string): TurnEvent => ({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta });
const cites = (value: Citation): TurnEvent => ({ type: "CUSTOM", name: "chartside.citation", value });
const FINISHED: TurnEvent = { type: "RUN_FINISHED", threadId: "t", runId: "r" };

function played(events: readonly (TurnEvent | Event)[], from: State = START): State {
  const start = reduce(from, { type: "asked", runId: "r", question: "Why?" });
  return events.reduce(
    (state: State, event) =>
      reduce(
        state,
        event.type === event.type.toUpperCase()
          ? { type: "streamed", runId: "r", event: event as TurnEvent }
          : (event as Event),
      ),
    start,
  );
}

function message(events: readonly (TurnEvent | Event)[]): Message {
  return played(events).messages[0] as Message;
}

describe("a turn", () => {
  it("becomes one whole message: text, chip, block, foot", () => {
    const pending = citation({});
    const match = citation({ verdict: "match", claim: "Potassium 5.6.", fields: ["value"] });
    const block = { kind: "negative", state: "none_found", title: "None.", pieces: [] } as const;
    expect(
      played([
        { type: "STEP_STARTED", stepName: "Laboratory results" },
        { type: "STEP_FINISHED", stepName: "Laboratory results" },
        cites(pending),
        said("Potassium 5.6"),
        said(`${OPEN}7${CLOSE}.`),
        { type: "CUSTOM", name: "chartside.block", value: { message_id: "m", block } },
        said("After."),
        cites(match),
        { type: "CUSTOM", name: "chartside.answered", value: ANSWERED },
        FINISHED,
      ]),
    ).toEqual({
      ...START,
      announced: "Answer ready, 10 sources, 1 gap",
      messages: [
        {
          ...asked("r", "Why?"),
          parts: [
            { kind: "text", text: `Potassium 5.6${OPEN}7.0${CLOSE}.` },
            { kind: "block", block },
            { kind: "text", text: "After." },
          ],
          sources: [{ n: 7, label: "potassium, 5 results", summary: "", search: false, text: "" }],
          citations: [match],
          answered: ANSWERED,
          steps: [{ name: "Laboratory results", done: true }],
          status: "done",
        },
      ],
    } satisfies State);
  });

  it("gives each chip of one source the verdict of its own sentence", () => {
    const { parts } = message([
      cites(citation({ sentence: 0 })),
      said(`One${OPEN}7${CLOSE} and one${OPEN}7${CLOSE}. `),
      cites(citation({ sentence: 1 })),
      said(`Two${OPEN}7${CLOSE}.`),
    ]);
    expect(parts).toEqual([
      { kind: "text", text: `One${OPEN}7.0${CLOSE} and one${OPEN}7.0${CLOSE}. Two${OPEN}7.1${CLOSE}.` },
    ]);
  });

  it("gives a verdict to the chip that waits for it when the sentence was counted later", () => {
    const { citations } = message([
      cites(citation({ sentence: 3 })),
      said(`One${OPEN}7${CLOSE}`),
      cites(citation({ sentence: 4, verdict: "mismatch" })),
    ]);
    expect(citations).toEqual([citation({ sentence: 3, verdict: "mismatch" })]);
  });

  it("draws no chip that the server did not announce, nor one put together from two deltas", () => {
    const { parts, sources } = message([
      cites(citation({})),
      said(`a${OPEN}9${CLOSE}b${OPEN}`),
      said(`7${CLOSE}c${OPEN}7.0${CLOSE}\uf8ff[7]`),
    ]);
    expect(parts).toEqual([{ kind: "text", text: "ab7c7.0[7]" }]);
    expect(sources).toEqual([]);
  });

  it("takes no number for a search, and its words from the label", () => {
    const { sources } = message([
      cites(citation({ n: 3, search: true, label: "412 searched: laboratory results, complete" })),
      said(`None${OPEN}3${CLOSE}`),
    ]);
    expect(sources).toMatchObject([{ n: 3, search: true, text: "412 searched" }]);
  });

  it("is cut when the stream ends early, and keeps what came", () => {
    const state = played([said("Half an"), { type: "cut", runId: "r" }]);
    expect(state.messages[0]).toMatchObject({ status: "cut", parts: [{ kind: "text", text: "Half an" }] });
    expect([state.announced, state.draft]).toEqual(["Not complete: the connection was cut", ""]);
  });

  it("is not cut by the end of a stream that finished", () => {
    expect(message([said("All."), FINISHED, { type: "cut", runId: "r" }]).status).toBe("done");
  });

  it("gives the question back when nothing of an answer came", () => {
    const problem = {
      status: 429,
      code: "busy",
      title: "Too many questions.",
      detail: "",
      reference: "",
      help_desk: "",
      retry_after_s: 5,
    };
    const state = played([{ type: "refused", runId: "r", problem }]);
    expect([state.draft, state.messages[0]?.status]).toEqual(["Why?", "error"]);
    const typing = played([
      { type: "typed", text: "Next" },
      { type: "refused", runId: "r", problem },
    ]);
    expect(typing.draft).toBe("Next");
  });

  it("adds no words after Stop, but still takes verdicts, and stays stopped", () => {
    const { parts, citations, status } = message([
      cites(citation({})),
      said(`One${OPEN}7${CLOSE}`),
      { type: "stopped", runId: "r" },
      said(" two"),
      cites(citation({ verdict: "match" })),
      FINISHED,
    ]);
    expect([parts, citations[0]?.verdict, status]).toEqual([
      [{ kind: "text", text: `One${OPEN}7.0${CLOSE}` }],
      "match",
      "stopped",
    ]);
  });

  it("fails loudly on RUN_ERROR", () => {
    const { status, problem } = message([
      said("One"),
      { type: "RUN_ERROR", message: "The model is overloaded." },
    ]);
    expect([status, problem?.title]).toEqual(["error", "The model is overloaded."]);
  });

  it("counts statements, not citations", () => {
    const counted = statements(
      message([
        cites(citation({ sentence: 0, n: 1, verdict: "mismatch" })),
        cites(citation({ sentence: 0, n: 2, verdict: "mismatch" })),
        cites(citation({ sentence: 1, verdict: "match" })),
        {
          type: "CUSTOM",
          name: "chartside.no_source",
          value: { message_id: "m", sentence: 2, claim: "X.", kind: "no_source" },
        },
      ]),
    );
    expect(counted).toEqual({ all: 3, differ: 1, unsourced: 1 });
  });

  it("counts neither general knowledge as a statement about the chart, nor the unchecked as unsourced", () => {
    const uncited = (sentence: number, kind: "general_knowledge" | "unchecked" | "no_source"): TurnEvent => ({
      type: "CUSTOM",
      name: "chartside.no_source",
      value: { message_id: "m", sentence, claim: "X.", kind },
    });
    const counted = statements(
      message([uncited(0, "general_knowledge"), uncited(1, "unchecked"), uncited(2, "no_source")]),
    );
    expect(counted).toEqual({ all: 2, differ: 0, unsourced: 1 });
  });
});

const SNAPSHOT: Snapshot = {
  launch_id: "l",
  patient: { family: "EVERGREEN", given: "Marlena", born: "14-Mar-1958" },
  user_name: "A. Osei, MD",
  site_name: "Harbor Clinic",
  help_desk: "555-0142",
  safety_contact: "",
  locale: "en-US",
  patient_banner: true,
  styled: false,
  model: { name: "No language model", language_model: false, data_handling: "" },
  conversation: [
    { turn_id: "t1", question: "First?", events: [said("Yes."), FINISHED] as never },
    { turn_id: "t2", question: "Second?", events: [said("Half")] as never },
  ],
};

describe("a failure", () => {
  const failed = {
    message_id: "m",
    code: "model.cut",
    text: "The answer was cut off.",
    lost: "The end is missing.",
    ways: ["retry", "no_model"],
    retry_after_s: 3.5,
  } as const;
  const FAILED: TurnEvent = { type: "CUSTOM", name: "chartside.failed", value: failed };
  const ERROR: TurnEvent = { type: "RUN_ERROR", message: "The answer was cut off." };

  it("carries what is lost and the ways on, and keeps what came", () => {
    const cut = message([said("Half"), FAILED, ERROR]);
    expect([cut.status, cut.parts, failureOf(cut)]).toEqual([
      "error",
      [{ kind: "text", text: "Half" }],
      {
        text: "The answer was cut off.",
        lost: "The end is missing.",
        ways: ["retry", "no_model"],
        retryAfterS: 3.5,
      },
    ]);
  });

  it("of the network or of our own server can be tried again", () => {
    expect(failureOf(message([{ type: "cut", runId: "r" }]))).toEqual({
      text: "The connection was cut.",
      lost: "",
      ways: ["retry"],
      retryAfterS: 0,
    });
    const problem = {
      status: 429,
      code: "busy",
      title: "Too many questions.",
      detail: "",
      reference: "7Q4K",
      help_desk: "",
      retry_after_s: 5,
    };
    expect(failureOf(message([{ type: "refused", runId: "r", problem }]))).toMatchObject({
      text: "Too many questions. Reference 7Q4K.",
      retryAfterS: 5,
    });
  });

  it("is none of an answer that came or was stopped", () => {
    expect([failureOf(message([FINISHED])), failureOf(message([{ type: "stopped", runId: "r" }]))]).toEqual([
      null,
      null,
    ]);
  });

  it("knows from the first word on that rows were asked for without a model", () => {
    const rows = asked("r", "Why?", "none");
    expect([withoutModel(rows, true), withoutModel(asked("r", "Why?"), true)]).toEqual([true, false]);
    expect([
      withoutModel(asked("r", "Why?", "local"), false),
      withoutModel(asked("r", "Why?"), false),
    ]).toEqual([false, true]);
  });

  it("leaves what was typed meanwhile alone when the question is sent again by its button", () => {
    const typed = played([{ type: "typed", text: "Next" }, FAILED, ERROR]);
    expect(reduce(typed, { type: "asked", runId: "r2", question: "Why?" }).draft).toBe("Next");
    const back = played([FAILED, ERROR]);
    expect(back.draft).toBe("Why?");
    expect(reduce(back, { type: "asked", runId: "r2", question: "Why?" }).draft).toBe("");
  });
});

describe("the panel", () => {
  it("replays stored turns through the same reducer, silently", () => {
    const state = reduce(START, { type: "opened", snapshot: SNAPSHOT });
    expect(state.messages.map(({ id, status }) => [id, status])).toEqual([
      ["t1", "done"],
      ["t2", "cut"],
    ]);
    expect(state.announced).toBe("");
  });

  it("forgets the patient when the session ended, and keeps what was typed", () => {
    const open = reduce(reduce(START, { type: "opened", snapshot: SNAPSHOT }), { type: "typed", text: "x" });
    const gate = { kind: "expired", helpDesk: "555-0142", reference: "r" } as const;
    const over = reduce(open, { type: "gated", gate });
    // Nothing of the chart; what was typed is the clinician's own.
    expect(over).toEqual({ ...START, gate, draft: "x" });
    // What was still under way brings nothing back.
    expect(reduce(over, { type: "card-read", card: { read_at: "late" } as Card })).toBe(over);
    expect(reduce(over, { type: "opened", snapshot: SNAPSHOT })).toBe(over);
  });

  it("says once, before the card, that the EHR keeps a part back", () => {
    const restricted = { held: "1 encounter", readable: "Laboratory results" };
    const card = { read_at: "now", restricted } as Card;
    const first = reduce(reduce(START, { type: "opened", snapshot: SNAPSHOT }), { type: "card-read", card });
    // Read again at the stop: what is still kept back, or nothing any more.
    const less = { held: "2 notes", readable: "All else" };
    const again = reduce(first, { type: "card-read", card: { ...card, restricted: less } });
    expect(again.gate).toMatchObject({ restricted: less });
    expect(reduce(again, { type: "card-read", card: { ...card, restricted: null } }).gate).toBeNull();
    expect(first.gate).toEqual({ kind: "restricted", restricted, helpDesk: "555-0142" });
    const on = reduce(first, { type: "ungated" });
    expect(reduce(on, { type: "card-read", card }).gate).toBeNull();
  });

  it("counts how often a chart that does not answer was tried", () => {
    const problem = {
      status: 503,
      code: "ehr.unavailable",
      title: "The EHR does not answer.",
      detail: "",
      reference: "",
      help_desk: "",
      retry_after_s: null,
    };
    const again = { type: "card-failed", problem } as const;
    expect(reduce(reduce(START, again), again).gate).toMatchObject({ kind: "ehr-down", tries: 2 });
  });

  it("keeps the earlier card when reading again fails, and stops when there is none", () => {
    const problem = {
      status: 503,
      code: "ehr.unavailable",
      title: "The EHR does not answer.",
      detail: "",
      reference: "",
      help_desk: "",
      retry_after_s: null,
    };
    const failed = { type: "card-failed", problem } as const;
    expect(reduce({ ...START, draft: "kept" }, failed)).toMatchObject({
      gate: { kind: "ehr-down" },
      draft: "kept",
    });
    const card = { read_at: "20-Nov-2026 08:42" } as Card;
    expect(reduce({ ...START, card }, failed)).toMatchObject({ gate: null, card, cardProblem: problem });
  });
});
