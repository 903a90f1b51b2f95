// What the clinician's acts cause: calls to the server, and events for the reducer. The only user of `Api`.

import { dropKey } from "../ehr/carriers";
import { applyStyle } from "../ehr/style";
import { problemOf } from "../state/message";
import { type Gate, streaming } from "../state/reduce";
import type { Store } from "../state/store";
import { type Api, Refused, WrongLaunch } from "./client";
import type { Problem } from "./events.gen";
import { randomId } from "./ids";
import { createLife } from "./life";

/** Chartside itself, or this EHR's registration: IT has switched it off. */
const SWITCHED_OFF = "switched_off";
/** After Stop the verdicts already on their way are still read, this long. */
const AFTER_STOP_MS = 2_000;

export interface Session {
  /** Get the snapshot; `back`: ask for the patient before anything of the chart is requested. */
  start(back: boolean): Promise<void>;
  readCard(again: boolean): Promise<void>;
  /** `model`: the id of what answers this one question, instead of the chosen model. */
  ask(question: string, model?: string): Promise<void>;
  /** Read the chart again, then ask. */
  askAfresh(question: string): Promise<void>;
  stop(): void;
  /** `sentence`: whose chip was chosen. */
  openSource(scope: string, n: number, sentence?: number): Promise<void>;
  /** Let another model answer from now on; returns why not, or null. */
  chooseModel(id: string): Promise<Problem | null>;
  /** Leave the "wrong patient" gate, for the patient whose name is on the button. */
  goOn(): void;
  /** At a stop that may be over: ask, and go on where it is. */
  tryAgain(): Promise<void>;
  /** The page goes away, for good or into the back-forward cache: stop everything under way, park the launch. */
  pause(): void;
  /** The clinician is at work in the page: typed, or pointed at something. */
  used(): void;
  /** Go on although nothing was done for long. */
  extend(): Promise<void>;
  /** The page was away, or asleep: ask whether the launch still lives. */
  check(): Promise<void>;
  close(): void;
  end(): Promise<void>;
}

export function createSession(api: Api, store: Store): Session {
  const { get, dispatch } = store;
  const gate = (stop: Gate) => {
    turn?.abort();
    if (["expired", "ended", "closed"].includes(stop.kind)) life.stop();
    dispatch({ type: "gated", gate: stop });
  };
  const helpDesk = () => get().snapshot?.help_desk ?? "";
  let turn: AbortController | null = null;

  /** Decide what an error means; the caller's `otherwise` gets what concerns only its own act. */
  const failed = (error: unknown, otherwise: (problem: Problem) => void) => {
    if (error instanceof WrongLaunch) foreign();
    else if (!(error instanceof Refused)) throw error;
    else if (error.problem.status === 401) expired(error.problem.help_desk, error.problem.reference);
    else if (error.problem.code === SWITCHED_OFF) gate({ kind: "switched-off", problem: error.problem });
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
  const life = createLife(
    api,
    store,
    () => expired("", ""),
    (error) => failed(error, () => undefined),
  );
  const readCard = async (again: boolean) => {
    if (get().cardReading) return;
    dispatch({ type: "card-reading" });
    try {
      dispatch({ type: "card-read", card: await api.card(again) });
    } catch (error) {
      failed(error, (problem) => dispatch({ type: "card-failed", problem }));
    }
  };

  /** A server without a choice has none to show: the picker stays away. */
  const readModels = async () => {
    try {
      dispatch({ type: "models-read", models: await api.models() });
    } catch (error) {
      failed(error, () => undefined);
    }
  };

  /** A look that cannot be had is none: the page's own stays. */
  const takeStyle = async () => {
    try {
      applyStyle(await api.style());
    } catch (error) {
      failed(error, () => undefined);
    }
  };

  const ask = async (question: string, model?: string) => {
    if (streaming(get()) !== undefined) return;
    turn?.abort();
    const mine = new AbortController();
    turn = mine;
    const runId = randomId();
    dispatch({ type: "asked", runId, question, ...(model !== undefined && { model }) });
    try {
      for await (const event of await api.turn(runId, question, mine.signal, model)) {
        if (mine.signal.aborted) break;
        dispatch({ type: "streamed", runId, event });
        // Another model may have been switched off, or on, since the choices were read.
        if (event.type === "CUSTOM" && event.name === "chartside.failed") void readModels();
        if (event.type === "CUSTOM" && event.name === "chartside.answered" && event.value.notice)
          void readModels();
        if (event.type === "RUN_ERROR" && event.code === "session.ended") expired("", "");
        if (event.type === "RUN_ERROR" && event.code === SWITCHED_OFF)
          gate({ kind: "switched-off", problem: { ...problemOf(SWITCHED_OFF, event.message), status: 503 } });
      }
    } catch (error) {
      if (error instanceof Refused || error instanceof WrongLaunch) {
        failed(error, (problem) => dispatch({ type: "refused", runId, problem }));
      }
    }
    // A stream that ends without RUN_FINISHED or RUN_ERROR was cut; after either this changes nothing.
    const cut = streaming(get())?.id === runId;
    dispatch({ type: "cut", runId });
    if (cut) await life.check();
  };

  const start = async (back: boolean) => {
    try {
      const snapshot = await api.snapshot();
      if (snapshot.launch_id !== api.launchId) throw new WrongLaunch(snapshot.launch_id);
      if (back) {
        gate({ kind: "back", patient: snapshot.patient, helpDesk: snapshot.help_desk });
        void life.watch();
        return;
      }
      dispatch({ type: "opened", snapshot });
      void life.watch();
      if (snapshot.styled) void takeStyle();
    } catch (error) {
      failed(error, (problem) => gate(problemGate(problem)));
      return;
    }
    await readCard(false);
    await readModels();
  };

  const goOn = () => {
    const { snapshot, card } = get();
    dispatch({ type: "ungated" });
    if (snapshot === null) void start(false);
    else if (card === null) void readCard(false);
  };

  return {
    start,
    readCard,
    ask,
    askAfresh: async (question) => {
      if (streaming(get()) !== undefined) return;
      await readCard(true);
      if (get().gate === null) await ask(question);
    },
    chooseModel: async (id) => {
      try {
        const models = await api.choose(id);
        dispatch({ type: "models-read", models });
        const name = models.choices.find((choice) => choice.id === models.current)?.name ?? "";
        dispatch({ type: "said", text: `Answers by ${name}` });
        return null;
      } catch (error) {
        let why: Problem | null = null;
        failed(error, (problem) => {
          why = problem;
        });
        return why;
      }
    },
    stop: () => {
      const message = streaming(get());
      if (message === undefined) return;
      dispatch({ type: "stopped", runId: message.id });
      const mine = turn;
      setTimeout(() => mine?.abort(), AFTER_STOP_MS);
      api.stop(message.id).catch((error: unknown) => failed(error, () => mine?.abort()));
    },
    openSource: async (scope, n, sentence) => {
      dispatch({ type: "source-opened", pane: { scope, n, sentence } });
      const known = get().sources[n];
      if (known !== undefined && "kind_label" in known) return;
      try {
        dispatch({ type: "source-read", n, source: await api.source(n) });
      } catch (error) {
        failed(error, (problem) => dispatch({ type: "source-read", n, source: problem }));
      }
    },
    goOn,
    tryAgain: async () => {
      try {
        await api.snapshot();
        goOn();
      } catch (error) {
        failed(error, (problem) => dispatch({ type: "said", text: problem.title }));
      }
    },
    pause: () => {
      turn?.abort();
      if (get().snapshot !== null) api.park();
    },
    used: life.used,
    extend: life.extend,
    check: life.check,
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
        failed(error, (problem) => dispatch({ type: "said", text: `Launch not ended: ${problem.title}` }));
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
