// The only door to the server. Every answer must name this launch in X-Launch-Id, or it is dropped.

import type { RunAgentInput } from "@ag-ui/core";
import type { TurnEvent } from "./agui";
import type {
  Card,
  LaunchCompleted,
  LaunchLife,
  ModelChoices,
  PageStyle,
  Problem,
  Snapshot,
  Source,
} from "./events.gen";
import { randomId } from "./ids";
import { readEvents } from "./stream";

/** The server said no, or nothing at all (`status` 0). */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

/** An answer of another launch arrived: nothing of it is read. */
export class WrongLaunch extends Error {}

export interface Completion {
  readonly slug: string;
  readonly state: string | null;
  readonly code: string | null;
  readonly error: string | null;
  readonly iss: string | null;
  readonly bind: string | null;
}

export interface Api {
  readonly launchId: string;
  snapshot(): Promise<Snapshot>;
  card(again: boolean): Promise<Card>;
  source(n: number): Promise<Source>;
  /** `model`: answer this one question by another than the chosen model. */
  turn(
    runId: string,
    question: string,
    signal: AbortSignal,
    model?: string,
  ): Promise<AsyncGenerator<TurnEvent>>;
  models(): Promise<ModelChoices>;
  choose(id: string): Promise<ModelChoices>;
  stop(runId: string): Promise<void>;
  /** The EHR's look, as the server has checked it. */
  style(): Promise<PageStyle>;
  /** Seconds left; asking is no use of the launch. */
  life(): Promise<LaunchLife>;
  /** Let the time without use begin anew. */
  extend(): Promise<LaunchLife>;
  /** The page goes away: unless it comes back, the launch ends soon. Outlives the page; nobody waits for it. */
  park(): void;
  end(): Promise<void>;
}

/** Exchange the code; the cookie carrier goes along, so credentials are same-origin. */
export async function complete(completion: Completion): Promise<LaunchCompleted> {
  const answer = await call("/api/launches/complete", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(completion),
  });
  return (await json(answer)) as LaunchCompleted;
}

/** Get a new key after a reload; authenticated by the launch's own path cookie. */
export async function resume(launchId: string): Promise<LaunchCompleted> {
  const done = (await json(
    await call(`/l/${encodeURIComponent(launchId)}/resume`, { method: "POST" }),
  )) as LaunchCompleted;
  if (done.launch_id !== launchId) throw new WrongLaunch(done.launch_id);
  return done;
}

export function open(launchId: string, key: string): Api {
  const base = `/api/launches/${encodeURIComponent(launchId)}`;
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { ...(init.headers as Record<string, string>), Authorization: `Bearer ${key}` };
    const answer = await call(base + path, { ...init, headers }, launchId);
    const owner = answer.headers.get("X-Launch-Id");
    if (owner === launchId) return answer;
    answer.body?.cancel().catch(() => undefined);
    if (owner !== null) throw new WrongLaunch(owner);
    throw new Refused(silence("The answer did not come from Chartside."));
  };
  return {
    launchId,
    snapshot: async () => (await json(await ask(""))) as Snapshot,
    card: async (again) => (await json(await ask(again ? "/card?again=1" : "/card"))) as Card,
    source: async (n) => (await json(await ask(`/sources/${n}`))) as Source,
    turn: async (runId, question, signal, model) => {
      const answer = await ask("/turns", {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
        body: JSON.stringify(turnInput(launchId, runId, question, model)),
        signal,
      });
      if (answer.body === null) throw new Refused(silence("The answer was empty."));
      return readEvents(answer.body);
    },
    models: async () => (await json(await ask("/model"))) as ModelChoices,
    choose: async (id) => {
      const headers = { "Content-Type": "application/json" };
      return (await json(
        await ask("/model", { method: "PUT", headers, body: JSON.stringify({ id }) }),
      )) as ModelChoices;
    },
    stop: async (runId) => {
      await ask(`/turns/${encodeURIComponent(runId)}/stop`, { method: "POST" });
    },
    style: async () => (await json(await ask("/style"))) as PageStyle,
    life: async () => (await json(await ask("/life"))) as LaunchLife,
    extend: async () => (await json(await ask("/life", { method: "POST" }))) as LaunchLife,
    park: () => {
      ask("/park", { method: "POST", keepalive: true }).catch(() => undefined);
    },
    end: async () => {
      await ask("", { method: "DELETE" });
    },
  };
}

function turnInput(threadId: string, runId: string, content: string, model?: string): RunAgentInput {
  return {
    threadId,
    runId,
    messages: [{ id: randomId(), role: "user", content }],
    state: {},
    tools: [],
    context: [],
    forwardedProps: model === undefined ? {} : { model },
  };
}

/** Fetch; raise `Refused` for an error status. A foreign `X-Launch-Id` is told before the error is read. */
async function call(path: string, init: RequestInit, launchId?: string): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Refused(silence("Chartside does not answer. Check the network, then try again."));
  }
  if (answer.ok) return answer;
  const owner = answer.headers.get("X-Launch-Id");
  if (launchId !== undefined && owner !== null && owner !== launchId) throw new WrongLaunch(owner);
  throw new Refused(await problem(answer));
}

async function json(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch {
    throw new Refused(silence("The answer was cut off."));
  }
}

async function problem(answer: Response): Promise<Problem> {
  const said = (await answer.json().catch(() => null)) as Partial<Problem> | null;
  return { ...silence("Chartside cannot answer now."), ...said, status: answer.status };
}

function silence(title: string): Problem {
  return { status: 0, code: "network", title, detail: "", reference: "", help_desk: "", retry_after_s: null };
}
