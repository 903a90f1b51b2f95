// Mounts the page that the server's page data names. Nothing of the chart is in that data.

import { render } from "preact";
import { complete, open, Refused, resume } from "./api/client";
import type { AnalystPage, ErrorPage } from "./api/events.gen";
import { createSession, errorGate, problemGate, type Session } from "./api/session";
import { findKey, keepKey, takeBind } from "./ehr/carriers";
import { cameBack } from "./ehr/platform";
import type { Gate } from "./state/reduce";
import { createStore } from "./state/store";
import { App } from "./view/App";
import "./view/tokens.css";
import "./view/app.css";

type Page =
  | { readonly page: "callback"; readonly slug: string }
  | { readonly page: "launch-session"; readonly launch_id: string }
  | (AnalystPage & { readonly page: "analyst" })
  | (ErrorPage & { readonly page: "error" });

const root = document.getElementById("app");
const store = createStore();
let session: Session | null = null;

function mount(): void {
  const none = session ?? createSession(open("", ""), store);
  store.onFrame((state) => {
    if (root !== null) render(<App state={state} session={none} dispatch={store.dispatch} />, root);
  });
}

function gate(stop: Gate): void {
  mount();
  store.dispatch({ type: "gated", gate: stop });
}

function run(launchId: string, key: string, back: boolean): void {
  keepKey(launchId, key);
  session = createSession(open(launchId, key), store);
  mount();
  void session.start(back);
}

/** The callback acts by POST only: a prefetched GET cannot burn the code. */
async function finishLaunch(slug: string): Promise<void> {
  const query = new URLSearchParams(location.search);
  // Code and state leave the address bar and the history before anything else happens.
  history.replaceState(null, "", location.pathname);
  const state = query.get("state");
  const { launch_id, key, next, analyst } = await complete({
    slug,
    state,
    code: query.get("code"),
    error: query.get("error"),
    iss: query.get("iss"),
    bind: takeBind(state),
  });
  if (next !== "") {
    // Signed in for another application: our own page asks what it may read.
    location.replace(next);
    return;
  }
  if (analyst !== "") {
    // Nobody's chart: another page, drawn here, since a frame without storage could not carry the key there.
    history.replaceState(null, "", `/analyst/${encodeURIComponent(analyst)}/`);
    await showPopulation(analyst, key);
    return;
  }
  history.replaceState(null, "", `/l/${encodeURIComponent(launch_id)}/`);
  run(launch_id, key, false);
}

/** The analyst's page: a file of its own. `key` null: the one that was kept before a reload. */
async function showPopulation(slug: string, key: string | null): Promise<void> {
  const { show } = await import("./analyst/show");
  if (root !== null) show(root, slug, key);
}

async function resumeLaunch(launchId: string): Promise<void> {
  const back = cameBack();
  const kept = findKey(launchId);
  const key = kept !== null && (await opens(launchId, kept)) ? kept : (await resume(launchId)).key;
  run(launchId, key, back);
}

/** A duplicated tab may have replaced the key that this tab kept; the launch's cookie still resumes it. */
async function opens(launchId: string, key: string): Promise<boolean> {
  try {
    await open(launchId, key).snapshot();
    return true;
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 401) return false;
    throw error;
  }
}

async function start(): Promise<void> {
  const page = JSON.parse(document.getElementById("page")?.textContent ?? "{}") as Page;
  document.title = "Chartside";
  try {
    if (page.page === "callback") await finishLaunch(page.slug);
    else if (page.page === "launch-session") await resumeLaunch(page.launch_id);
    else if (page.page === "analyst") await showPopulation(page.slug, null);
    else gate({ kind: "error", page });
  } catch (error) {
    if (!(error instanceof Refused))
      gate(errorGate("Chartside could not start.", "Open it again from the chart."));
    else if (page.page === "launch-session" && [401, 403].includes(error.problem.status)) {
      gate({ kind: "expired", helpDesk: error.problem.help_desk, reference: error.problem.reference });
    } else gate(problemGate(error.problem));
  }
}

// A page that goes into the back-forward cache leaves no content in its document: what comes back asks first.
addEventListener("pagehide", (event) => {
  session?.pause();
  if (event.persisted && root !== null) render(null, root);
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  if (session === null) store.dispatch({ type: "said", text: "" });
  else void session.start(true);
});

// A tab that was hidden, a computer that slept: the launch may have ended meanwhile.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void session?.check();
});
for (const act of ["keydown", "pointerdown"] as const)
  addEventListener(act, () => session?.used(), { capture: true, passive: true });

void start();
