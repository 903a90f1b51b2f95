// One question and what streamed back: the reducer of a turn, for live and stored events alike.

import type { TurnEvent } from "../api/agui";
import type {
  Answered,
  Block,
  Citation,
  Failed,
  LookedAt,
  NoSource,
  NotSeen,
  Problem,
} from "../api/events.gen";
import { added, citesOfBlock, citesOfGaps, type SourceRef } from "./cites";

export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "block"; readonly block: Block };

export interface Step {
  readonly name: string;
  readonly done: boolean;
}

export interface Message {
  readonly id: string;
  readonly question: string;
  /** The id of what was to answer instead of the chosen model; null: the chosen one. */
  readonly model: string | null;
  /** In a text, a chip stands as U+E000 n.sentence U+E001: the sentence tells which verdict is its own. */
  readonly parts: readonly Part[];
  readonly sources: readonly SourceRef[];
  readonly citations: readonly Citation[];
  /** Citations announced whose chip has not streamed yet. */
  readonly unplaced: readonly Citation[];
  readonly noSource: readonly NoSource[];
  readonly lookedAt: LookedAt | null;
  readonly notSeen: NotSeen | null;
  readonly answered: Answered | null;
  readonly steps: readonly Step[];
  readonly status: "streaming" | "done" | "stopped" | "cut" | "error";
  readonly problem: Problem | null;
  /** What a model's failure left, and the ways on. */
  readonly failed: Failed | null;
}

/** The id by which the server knows "chart rows, no language model". */
export const NO_MODEL = "none";

export function asked(id: string, question: string, model: string | null = null): Message {
  return {
    id,
    question,
    model,
    parts: [],
    sources: [],
    citations: [],
    unplaced: [],
    noSource: [],
    lookedAt: null,
    notSeen: null,
    answered: null,
    steps: [],
    status: "streaming",
    problem: null,
    failed: null,
  };
}

/** Apply one AG-UI event; events of no interest return the same message. */
export function reduceMessage(message: Message, event: TurnEvent): Message {
  switch (event.type) {
    case "STEP_STARTED":
      return { ...message, steps: [...message.steps, { name: event.stepName, done: false }] };
    case "STEP_FINISHED":
      return {
        ...message,
        steps: message.steps.map((s) => (s.name === event.stepName ? { ...s, done: true } : s)),
      };
    case "TEXT_MESSAGE_CONTENT":
      return message.status === "streaming" ? withText(message, event.delta) : message;
    case "TEXT_MESSAGE_START":
      return message.parts.length > 0 ? withText(message, "\n\n") : message;
    case "CUSTOM":
      return reduceCustom(message, event);
    case "RUN_FINISHED": {
      const stopped =
        message.status === "stopped" ||
        message.answered?.stopped === true ||
        event.outcome?.type === "cancelled";
      return { ...message, status: stopped ? "stopped" : "done" };
    }
    case "RUN_ERROR":
      return {
        ...message,
        status: message.status === "stopped" ? "stopped" : "error",
        problem: problemOf(event.code ?? "run.error", event.message),
      };
    default:
      return message;
  }
}

type CustomTurnEvent = Extract<TurnEvent, { type: "CUSTOM" }>;

function reduceCustom(message: Message, event: CustomTurnEvent): Message {
  switch (event.name) {
    case "chartside.citation":
      return withCitation(message, event.value);
    case "chartside.no_source":
      return { ...message, noSource: [...message.noSource, event.value] };
    case "chartside.block":
      return withBlock(message, event.value.block);
    case "chartside.looked_at":
      return { ...message, lookedAt: event.value };
    case "chartside.not_seen": {
      const { not_readable, not_searched, none_found } = event.value;
      const found = citesOfGaps([...not_readable, ...not_searched, ...none_found]);
      return { ...message, notSeen: event.value, sources: added(message.sources, found) };
    }
    case "chartside.answered":
      return { ...message, answered: event.value };
    case "chartside.failed":
      return { ...message, failed: event.value };
    default:
      return message;
  }
}

function withBlock(message: Message, block: Block): Message {
  if (message.status !== "streaming") return message;
  return {
    ...message,
    parts: [...message.parts, { kind: "block", block }],
    sources: added(message.sources, citesOfBlock(block)),
  };
}

function withCitation(message: Message, citation: Citation): Message {
  const known = message.citations.find((c) => c.n === citation.n && c.sentence === citation.sentence);
  // A verdict nobody announced: where the sentence ends was seen only after its chip had gone out.
  const waiting = message.citations.find((c) => c.n === citation.n && c.verdict === "pending");
  const earlier = known ?? (citation.verdict === "pending" ? undefined : waiting);
  if (earlier === undefined) {
    return {
      ...message,
      citations: [...message.citations, citation],
      unplaced: [...message.unplaced, citation],
    };
  }
  const checked = { ...citation, sentence: earlier.sentence };
  const swap = (citations: readonly Citation[]) => citations.map((c) => (c === earlier ? checked : c));
  return { ...message, citations: swap(message.citations), unplaced: swap(message.unplaced) };
}

// A whole sentinel, or any private-use character outside one: the latter is forged or cut, and goes.
const SENTINEL = /\ue000(\d{1,6})\ue001|[\ue000-\uf8ff]/g;

/** Append a delta. A chip appears only for a citation that the server has announced in this message. */
function withText(message: Message, delta: string): Message {
  let { sources, unplaced } = message;
  const text = delta.replace(SENTINEL, (_, digits: string | undefined) => {
    const n = Number(digits);
    const placed = message.citations.findLast((c) => c.n === n && !unplaced.includes(c));
    const citation = unplaced.find((c) => c.n === n) ?? placed;
    if (citation === undefined) return "";
    unplaced = unplaced.filter((c) => c !== citation);
    sources = added(sources, [refOf(citation)]);
    return `\ue000${n}.${citation.sentence}\ue001`;
  });
  return { ...message, parts: appended(message.parts, text), sources, unplaced };
}

function appended(parts: readonly Part[], text: string): readonly Part[] {
  const last = parts.at(-1);
  if (last?.kind === "text") return [...parts.slice(0, -1), { kind: "text", text: last.text + text }];
  return text.trim() === "" ? parts : [...parts, { kind: "text", text }];
}

function refOf({ n, label, summary, search }: Citation): SourceRef {
  const [head = ""] = label.split(":");
  return { n, label, summary, search, text: search ? head || "See the search" : "" };
}

export function problemOf(code: string, title: string): Problem {
  return { status: 0, code, title, detail: "", reference: "", help_desk: "", retry_after_s: null };
}

/** Sentences about the chart, counted once each: all, those that differ, those without a source. */
export function statements(message: Message): { all: number; differ: number; unsourced: number } {
  const count = (items: readonly { sentence: number }[]) =>
    new Set(items.map(({ sentence }) => sentence)).size;
  const chart = message.noSource.filter(({ kind }) => kind !== "general_knowledge");
  return {
    all: count([...message.citations, ...chart]),
    differ: count(message.citations.filter(({ verdict }) => verdict === "mismatch")),
    unsourced: count(chart.filter(({ kind }) => kind !== "unchecked")),
  };
}

export type Way = Failed["ways"][number];

export interface Failure {
  readonly text: string;
  readonly lost: string;
  readonly ways: readonly Way[];
  readonly retryAfterS: number;
}

/** Why an answer did not come, what is lost of it, and how to go on; null for one that came or was stopped. */
export function failureOf({ status, failed, problem, parts }: Message): Failure | null {
  if (status !== "error" && status !== "cut") return null;
  if (failed !== null) {
    const { text, lost, ways, retry_after_s } = failed;
    return { text, lost, ways, retryAfterS: retry_after_s ?? 0 };
  }
  const said = status === "cut" ? "The connection was cut." : (problem?.title ?? "The answer failed.");
  const reference = problem?.reference ? `Reference ${problem.reference}.` : "";
  const lost = parts.length > 0 ? "What came before is not a whole answer." : "";
  return {
    text: [said, problem?.detail, reference].filter(Boolean).join(" "),
    lost,
    ways: ["retry"],
    retryAfterS: problem?.retry_after_s ?? 0,
  };
}

/** True when rows were copied and nothing was written by a language model. */
export function withoutModel(message: Message, languageModel: boolean): boolean {
  if (message.answered !== null) return message.answered.model === "";
  return message.model === null ? !languageModel : message.model === NO_MODEL;
}
