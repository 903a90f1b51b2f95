// What the clinician's acts cause: calls to the server, and events for the reducer. The only user of `Api`.

import { dropKey } from "../ehr/carriers";
import { type Gate, streaming } from "../state/reduce";
import type { Store } from "../state/store";
import { type Api, Refused, WrongLaunch } from "./client";
import type { Problem } from "./events.gen";

/** After Stop the verdicts already on their way are still read, this long. */
const AFTER_STOP_MS = 2_000;

export interface Session {
  /** Get the snapshot; `back`: ask for the patient before anything of the chart is requested. */
  start(back: boolean): Promise<void>;
  readCard(again: boolean): Promise<void>;
  ask(question: string): Promise<void>;
  stop(): void;
  openSource(scope: string, n: number): Promise<void>;
  /** Leave the "wrong patient" gate, for the patient whose name is on the button. */
  goOn(): void;
  /** The frame went into the back-forward cache: stop everything under way. */
  pause(): void;
  close(): void;
  end(): Promise<void>;
}

export function createSession(api: Api, store: Store): Session {
  const { get, dispatch } = store;
  const gate = (stop: Gate) => {
    turn?.abort();
    dispatch({ type: "gated", gate: stop });
  };
  const helpDesk = () => get().snapshot?.help_desk ?? "";
  let turn: AbortController | null = null;

  /** Decide what an error means; the caller's `otherwise` gets what concerns only its own act. */
  const failed = (error: unknown, otherwise: (problem: Problem) => void) => {
    if (error instanceof WrongLaunch) foreign();
    else if (!(error instanceof Refused)) throw error;
    else if (error.problem.status === 401) expired(error.problem.help_desk, error.problem.reference);
    else otherwise(error.problem);
  };
  const expired = (desk: string, reference: string) => {
    dropKey(api.launchId);
    gate({ kind: "expired", helpDesk: desk || helpDesk(), reference });
  };
  const foreign = () => {
    const patient = get().snapshot?.patient;
    if (patient === undefined) gate(errorGate("Stopped: an answer from another launch came to this panel."));
    else gate({ kind: "foreign", patient, helpDesk: helpDesk() });
  };
  const readCard = async (again: boolean) => {
    if (get().cardReading) return;
    dispatch({ type: "card-reading" });
    try {
      dispatch({ type: "card-read", card: await api.card(again) });
    } catch (error) {
      failed(error, (problem) => dispatch({ type: "card-failed", problem }));
    }
  };

  const ask = async (question: string) => {
    if (streaming(get()) !== undefined) return;
    turn?.abort();
    const mine = new AbortController();
    turn = mine;
    const runId = crypto.randomUUID();
    dispatch({ type: "asked", runId, question });
    try {
      for await (const event of await api.turn(runId, question, mine.signal)) {
        if (mine.signal.aborted) break;
        dispatch({ type: "streamed", runId, event });
        if (event.type === "RUN_ERROR" && event.code === "session.ended") expired("", "");
      }
    } catch (error) {
      if (error instanceof Refused || error instanceof WrongLaunch) {
        failed(error, (problem) => dispatch({ type: "refused", runId, problem }));
      }
    }
    // A stream that ends without RUN_FINISHED or RUN_ERROR was cut; after either this changes nothing.
    dispatch({ type: "cut", runId });
  };

  const start = async (back: boolean) => {
    try {
      const snapshot = await api.snapshot();
      if (snapshot.launch_id !== api.launchId) throw new WrongLaunch(snapshot.launch_id);
      if (back) {
        gate({ kind: "back", patient: snapshot.patient, helpDesk: snapshot.help_desk });
        return;
      }
      dispatch({ type: "opened", snapshot });
    } catch (error) {
      failed(error, (problem) => gate(problemGate(problem)));
      return;
    }
    await readCard(false);
  };

  return {
    start,
    readCard,
    ask,
    stop: () => {
      const message = streaming(get());
      if (message === undefined) return;
      dispatch({ type: "stopped", runId: message.id });
      const mine = turn;
      setTimeout(() => mine?.abort(), AFTER_STOP_MS);
      api.stop(message.id).catch((error: unknown) => failed(error, () => mine?.abort()));
    },
    openSource: async (scope, n) => {
      dispatch({ type: "source-opened", pane: { scope, n } });
      const known = get().sources[n];
      if (known !== undefined && "kind_label" in known) return;
      try {
        dispatch({ type: "source-read", n, source: await api.source(n) });
      } catch (error) {
        failed(error, (problem) => dispatch({ type: "source-read", n, source: problem }));
      }
    },
    goOn: () => {
      const { snapshot, card } = get();
      dispatch({ type: "ungated" });
      if (snapshot === null) void start(false);
      else if (card === null) void readCard(false);
    },
    pause: () => turn?.abort(),
    close: () => {
      dropKey(api.launchId);
      gate({ kind: "closed", helpDesk: helpDesk(), reference: "" });
    },
    end: async () => {
      turn?.abort();
      try {
        await api.end();
        dropKey(api.launchId);
        gate({ kind: "ended", helpDesk: helpDesk(), reference: "" });
      } catch (error) {
        failed(error, (problem) => dispatch({ type: "said", text: `Session not ended: ${problem.title}` }));
      }
    },
  };
}

export function problemGate(problem: Problem): Gate {
  const { code, title, detail, reference, help_desk } = problem;
  return { kind: "error", page: { page: "error", title, text: detail, code, reference, help_desk } };
}

export function errorGate(title: string, text = ""): Gate {
  return { kind: "error", page: { page: "error", title, text, code: "", reference: "", help_desk: "" } };
}
