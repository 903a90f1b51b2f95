// The whole state of the panel and its one pure reducer. Effects are in api/session.ts.

import type { TurnEvent } from "../api/agui";
import type {
  Card,
  ErrorPage,
  ModelChoices,
  PatientName,
  Problem,
  Restricted,
  Snapshot,
  Source,
} from "../api/events.gen";
import { asked, type Message, problemOf, reduceMessage } from "./message";

export type Gate =
  | { readonly kind: "expired" | "ended" | "closed"; readonly helpDesk: string; readonly reference: string }
  | { readonly kind: "ehr-down"; readonly problem: Problem; readonly tries: number }
  | { readonly kind: "switched-off"; readonly problem: Problem }
  | { readonly kind: "restricted"; readonly restricted: Restricted; readonly helpDesk: string }
  | { readonly kind: "error"; readonly page: ErrorPage }
  | { readonly kind: "back" | "foreign"; readonly patient: PatientName; readonly helpDesk: string };

/** The launch ends soon: without use (`idle`, which can be put off), or whatever is done. `until` is wall-clock time in ms. */
export interface Warning {
  readonly kind: "idle" | "absolute";
  readonly until: number;
}

/** The source that is open: `scope` is "card" or the id of a message. */
export interface Pane {
  readonly scope: string;
  readonly n: number;
  /** The sentence whose chip was chosen; without one, every claim on this source is shown. */
  readonly sentence?: number | undefined;
}

export interface State {
  readonly gate: Gate | null;
  readonly warning: Warning | null;
  readonly snapshot: Snapshot | null;
  readonly card: Card | null;
  readonly cardReading: boolean;
  /** Why the last "Read again" failed; the earlier card stays, with its time. */
  readonly cardProblem: Problem | null;
  readonly messages: readonly Message[];
  readonly draft: string;
  /** What may answer; null until it was read, or where the server offers no choice. */
  readonly models: ModelChoices | null;
  readonly pane: Pane | null;
  readonly sources: Readonly<Record<number, Source | Problem>>;
  /** The `/` key focuses the box (WCAG 2.1.4: can be switched off). */
  readonly slashKey: boolean;
  /** What the status line says, for those who do not see the answer grow. */
  readonly announced: string;
}

export type Event =
  | { readonly type: "opened"; readonly snapshot: Snapshot }
  | { readonly type: "card-reading" }
  | { readonly type: "card-read"; readonly card: Card }
  | { readonly type: "card-failed"; readonly problem: Problem }
  | { readonly type: "typed"; readonly text: string }
  | { readonly type: "asked"; readonly runId: string; readonly question: string; readonly model?: string }
  | { readonly type: "streamed"; readonly runId: string; readonly event: TurnEvent }
  | { readonly type: "stopped"; readonly runId: string }
  | { readonly type: "cut"; readonly runId: string }
  | { readonly type: "refused"; readonly runId: string; readonly problem: Problem }
  | { readonly type: "models-read"; readonly models: ModelChoices }
  | { readonly type: "source-opened"; readonly pane: Pane }
  | { readonly type: "source-read"; readonly n: number; readonly source: Source | Problem }
  | { readonly type: "source-closed" }
  | { readonly type: "slash-key"; readonly on: boolean }
  | { readonly type: "said"; readonly text: string }
  | { readonly type: "warned"; readonly warning: Warning | null }
  | { readonly type: "gated"; readonly gate: Gate }
  | { readonly type: "ungated" };

export const START: State = {
  gate: null,
  warning: null,
  snapshot: null,
  card: null,
  cardReading: false,
  cardProblem: null,
  messages: [],
  draft: "",
  models: null,
  pane: null,
  sources: {},
  slashKey: true,
  announced: "",
};

export function reduce(state: State, event: Event): State {
  // What was still under way when the panel ended brings nothing of the patient back.
  if (isOver(state.gate) && !["gated", "said", "typed"].includes(event.type)) return state;
  switch (event.type) {
    case "opened":
      return { ...state, snapshot: event.snapshot, messages: replayed(event.snapshot) };
    case "card-reading":
      return { ...state, cardReading: true, cardProblem: null, announced: "Reading the chart" };
    case "card-read":
      return cardRead(state, event.card);
    case "card-failed":
      return cardFailed(state, event.problem);
    case "typed":
      return { ...state, draft: event.text };
    case "asked":
      return {
        ...state,
        // What was typed for later stays, when another question is asked by a button.
        draft: state.draft.trim() === event.question ? "" : state.draft,
        messages: [...state.messages, asked(event.runId, event.question, event.model)],
        announced: "Question sent",
      };
    case "streamed":
      return streamed(state, event.runId, event.event);
    case "stopped":
      return ended(state, event.runId, "stopped", null);
    case "cut":
      return ended(state, event.runId, "cut", null);
    case "refused":
      return ended(state, event.runId, "error", event.problem);
    case "models-read":
      return { ...state, models: event.models, snapshot: answeredBy(state.snapshot, event.models) };
    case "source-opened":
      return { ...state, pane: event.pane };
    case "source-read":
      return { ...state, sources: { ...state.sources, [event.n]: event.source } };
    case "source-closed":
      return { ...state, pane: null };
    case "slash-key":
      return { ...state, slashKey: event.on };
    case "said":
      return { ...state, announced: event.text };
    case "warned":
      return { ...state, warning: event.warning, announced: saidOf(state, event.warning) };
    case "gated":
      return gated(state, event.gate);
    case "ungated":
      return { ...state, gate: null };
  }
}

/** The message that a question may not interrupt, if any. */
export function streaming(state: State): Message | undefined {
  return state.messages.find(({ status }) => status === "streaming");
}

/** Told once, and not again each second. */
function saidOf({ warning: before, announced }: State, warning: Warning | null): string {
  if (warning === null) return "Still signed in";
  if (before?.kind === warning.kind) return announced;
  const end = "This launch ends soon";
  return warning.kind === "idle"
    ? `${end} because nothing was done. Choose Stay signed in to go on.`
    : `${end} because no launch lasts longer. Then open Chartside again from the chart.`;
}

/** A panel that ended holds nothing of the chart any more, not even in memory; only what the clinician wrote. */
function gated(state: State, gate: Gate): State {
  if (isOver(gate)) return { ...START, gate, draft: unsent(state) };
  return { ...state, gate, pane: null, cardReading: false };
}

/** What was typed and has no answer: the box, and a question whose answer was under way. */
function unsent(state: State): string {
  const asked = streaming(state)?.question ?? "";
  return [asked, state.draft].filter((text) => text.trim() !== "").join("\n\n");
}

function isOver(gate: Gate | null): boolean {
  return gate?.kind === "expired" || gate?.kind === "ended" || gate?.kind === "closed";
}

/** A chart of which the EHR keeps a part back says so once, before anything of it is shown. */
function cardRead(state: State, card: Card): State {
  // At the stop itself a chart that is read again says what is still kept back, or that nothing is.
  const stands = state.card === null || state.gate?.kind === "restricted";
  const first = (stands && card.restricted) || null;
  const helpDesk = state.snapshot?.help_desk ?? "";
  const over = state.gate?.kind === "ehr-down" || state.gate?.kind === "restricted";
  const after = over ? null : state.gate;
  return {
    ...state,
    card,
    cardReading: false,
    gate: after ?? (first && { kind: "restricted", restricted: first, helpDesk }),
    announced: `Chart read ${card.read_at}`,
  };
}

function cardFailed(state: State, problem: Problem): State {
  const next = { ...state, cardReading: false, announced: problem.title };
  if (state.card !== null) return { ...next, cardProblem: problem };
  const tries = state.gate?.kind === "ehr-down" ? state.gate.tries + 1 : 1;
  return { ...next, gate: { kind: "ehr-down", problem, tries } };
}

/** The label in the app bar follows the choice. */
function answeredBy(snapshot: Snapshot | null, { current, choices }: ModelChoices): Snapshot | null {
  const chosen = choices.find(({ id }) => id === current);
  if (snapshot === null || chosen === undefined) return snapshot;
  const { name, language_model, data_handling } = chosen;
  return { ...snapshot, model: { name, language_model, data_handling } };
}

function streamed(state: State, runId: string, event: TurnEvent): State {
  const before = state.messages.find(({ id }) => id === runId);
  if (before === undefined) return state;
  const after = reduceMessage(before, event);
  if (after === before) return state;
  const next = { ...state, messages: state.messages.map((m) => (m === before ? after : m)) };
  return { ...next, ...kept(next, before, after), announced: announcement(state.announced, before, after) };
}

function ended(state: State, runId: string, status: Message["status"], problem: Problem | null): State {
  const before = state.messages.find(({ id }) => id === runId);
  if (before?.status !== "streaming") return state;
  const after: Message = { ...before, status, problem };
  const next = { ...state, messages: state.messages.map((m) => (m === before ? after : m)) };
  return { ...next, ...kept(next, before, after), announced: announcement(state.announced, before, after) };
}

/** A question that got no answer goes back to the box, unless another is being written there. */
function kept(state: State, before: Message, after: Message): Partial<State> {
  const failed = before.status === "streaming" && (after.status === "error" || after.status === "cut");
  if (!failed || after.parts.length > 0 || state.draft !== "") return {};
  return { draft: after.question };
}

function announcement(said: string, before: Message, after: Message): string {
  if (after.status === "streaming") {
    return after.steps.length > before.steps.length ? (after.steps.at(-1)?.name ?? said) : said;
  }
  if (after.status === before.status) return said;
  return announcementOfEnd(after);
}

export function announcementOfEnd(message: Message): string {
  switch (message.status) {
    case "streaming":
      return "";
    case "done": {
      const { sources = 0, gaps = 0 } = message.answered ?? {};
      return `Answer ready, ${counted(sources, "source")}, ${counted(gaps, "gap")}`;
    }
    case "stopped":
      return "Stopped: not complete";
    case "cut":
      return "Not complete: the connection was cut";
    case "error":
      return `Not complete: ${message.failed?.text ?? message.problem?.title ?? "the answer failed"}`;
  }
}

export function counted(n: number, noun: string): string {
  return `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
}

/** Stored turns go through the same reducer; one without an end was cut. */
function replayed(snapshot: Snapshot): readonly Message[] {
  return snapshot.conversation.map((turn) => {
    const events = turn.events as unknown as readonly TurnEvent[];
    const message = events.reduce(reduceMessage, asked(turn.turn_id, turn.question));
    return message.status === "streaming"
      ? { ...message, status: "cut", problem: problemOf("stream.cut", "") }
      : message;
  });
}
