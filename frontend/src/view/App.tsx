// The panel: header, launch card and conversation, question box, source pane; or one gate instead of them.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Session } from "../api/session";
import { citesOfCard, numbers } from "../state/cites";
import type { Message } from "../state/message";
import { type Pane, type State, streaming } from "../state/reduce";
import type { Store } from "../state/store";
import { AppBar } from "./AppBar";
import { BannerView, NameBanner } from "./Banner";
import { CardSkeleton, CardView, showAllergies } from "./CardView";
import { Composer, focusBox, Suggestions } from "./Composer";
import { type Acts, ActsContext, type Scope, ScopeContext } from "./context";
import { GateView, loadParts, Menu, MessageView, SourcePane } from "./parts";
import { WarningBar } from "./Warning";

interface AppProps {
  state: State;
  session: Session;
  dispatch: Store["dispatch"];
}

export function App({ state, session, dispatch }: AppProps) {
  const acts: Acts = useMemo(() => ({ ...session, dispatch }), [session, dispatch]);
  const locale = state.snapshot?.locale;
  useEffect(() => {
    // How the site's English is read aloud.
    if (locale !== undefined) document.documentElement.lang = locale;
  }, [locale]);
  return (
    <ActsContext.Provider value={acts}>
      {state.gate === null ? <Panel state={state} acts={acts} /> : <Gated state={state} />}
    </ActsContext.Provider>
  );
}

function Gated({ state }: { state: State }) {
  const { gate, snapshot, draft, cardReading } = state;
  const [menu, setMenu] = useState(false);
  const opener = useRef<Element | null>(null);
  const toggleMenu = () => {
    if (!menu) opener.current = document.activeElement;
    setMenu(!menu);
    if (menu) focus(opener.current);
  };
  useEscape(menu, toggleMenu);
  if (gate === null) return null;
  const onMenu = snapshot === null ? null : toggleMenu;
  return (
    <>
      <header>
        <AppBar snapshot={snapshot} onMenu={onMenu} />
        <GateBanner state={state} onMenu={onMenu} />
        {state.warning !== null && <WarningBar warning={state.warning} />}
      </header>
      <div class="work gated">
        <GateView gate={gate} draft={draft} reading={cardReading} problem={state.cardProblem} />
        {menu && snapshot !== null && (
          <Menu snapshot={snapshot} card={null} models={null} slashKey={null} onClose={toggleMenu} />
        )}
      </div>
      <p class="vh" role="status">
        {state.announced}
      </p>
    </>
  );
}

/** Whom a stop is about. An allergy list belongs to the chart: while the chart is hidden, the name alone is shown. */
function GateBanner({
  state: { gate, snapshot, card },
  onMenu,
}: {
  state: State;
  onMenu: (() => void) | null;
}) {
  if (gate?.kind === "restricted" && card !== null)
    return (
      <BannerView
        banner={card.banner}
        onAllergies={null}
        onMenu={onMenu}
        slim={snapshot?.patient_banner === false}
      />
    );
  const patient = gate?.kind === "back" || gate?.kind === "foreign" ? gate.patient : snapshot?.patient;
  // Of two records that became one nobody knows here whose name is right.
  if (gate?.kind === "ehr-down" && gate.problem.code === "chart.merged") return null;
  const named = gate?.kind === "ehr-down" || gate?.kind === "back" || gate?.kind === "foreign";
  return named && patient !== undefined ? <NameBanner patient={patient} onMenu={onMenu} /> : null;
}

function useEscape(on: boolean, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!on) return;
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && latest.current();
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [on]);
}

function Panel({ state, acts }: { state: State; acts: Acts }) {
  const [menu, setMenu] = useState(false);
  const opener = useRef<Element | null>(null);
  const wide = useWide();
  const { snapshot, card, pane } = state;
  const toggleMenu = () => {
    if (!menu) opener.current = document.activeElement;
    setMenu(!menu);
    if (menu) focus(opener.current);
  };
  const chosen = useRef<Element | null>(null);
  useLayoutEffect(() => {
    // Before the pane takes the focus: the chip that was chosen still has it.
    if (pane !== null && document.activeElement?.matches("[data-cite]"))
      chosen.current = document.activeElement;
  }, [pane]);
  const closePane = () => {
    acts.dispatch({ type: "source-closed" });
    if (pane !== null) requestAnimationFrame(() => focusChip(pane, chosen.current));
  };
  useKeys({ state, acts, menu, toggleMenu, closePane });
  const scope = usePaneScope(state);
  useEffect(() => {
    if (card !== null) void loadParts();
  }, [card !== null]);
  const busy = streaming(state) !== undefined;
  const covered = pane !== null && !wide;
  return (
    <>
      <button type="button" class="skip" onClick={focusBox}>
        Skip to question box
      </button>
      <header>
        <AppBar snapshot={snapshot} onMenu={snapshot && toggleMenu} />
        {card !== null && (
          <BannerView
            banner={card.banner}
            onAllergies={() => reveal(acts)}
            onMenu={toggleMenu}
            slim={snapshot?.patient_banner === false}
          />
        )}
        {card === null && snapshot !== null && <NameBanner patient={snapshot.patient} onMenu={toggleMenu} />}
        {/* Why no language model is offered, an opt-out for one: before anything is asked. */}
        {state.models !== null && state.models.notice !== "" && <p class="diedbar">{state.models.notice}</p>}
        {state.warning !== null && <WarningBar warning={state.warning} />}
      </header>
      <div class={pane === null ? "work" : "work split"}>
        <main class="chat">
          <Log state={state} busy={busy} covered={covered} />
          <p class="vh" role="status">
            {state.announced}
          </p>
          <Composer state={state} covered={covered} />
        </main>
        {pane !== null && (
          <>
            {/* biome-ignore lint/a11y/noStaticElementInteractions: Esc and the close button do the same by keyboard */}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: Esc and the close button do the same by keyboard */}
            <div class="scrim on" onClick={closePane} />
            <ScopeContext.Provider value={scope}>
              <SourcePane
                n={pane.n}
                source={state.sources[pane.n]}
                citations={citationsOf(state, pane)}
                of={pane.scope === "card" ? "card" : "answer"}
                onClose={closePane}
              />
            </ScopeContext.Provider>
          </>
        )}
        {menu && snapshot !== null && (
          <Menu
            snapshot={snapshot}
            card={card}
            models={state.models}
            slashKey={state.slashKey}
            onClose={toggleMenu}
          />
        )}
      </div>
    </>
  );
}

function Log({ state, busy, covered }: { state: State; busy: boolean; covered: boolean }) {
  const { card, messages, pane } = state;
  const log = useRef<HTMLDivElement>(null);
  const last = messages.at(-1);
  const tail = useRef<HTMLDivElement>(null);
  useTail(log, tail, last?.id);
  useFollow(log, last, busy);
  const first = messages.length === 0;
  const suggestions = last?.status === "done" ? (last.answered?.suggestions ?? []) : [];
  return (
    <>
      <h1 class="vh">{first ? "Chartside, first screen" : "Conversation about this patient"}</h1>
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: both of its roles, region and log, take a name */}
      <div
        ref={log}
        inert={covered}
        class={first ? "log cardlog" : "log"}
        role={first ? "region" : "log"}
        aria-live={busy ? "off" : undefined}
        aria-label={first ? "First screen" : "Conversation"}
        tabIndex={0}
      >
        {card === null ? (
          <CardSkeleton />
        ) : (
          <CardView
            card={card}
            reading={state.cardReading}
            problem={state.cardProblem}
            open={pane?.scope === "card" ? pane.n : null}
          />
        )}
        {messages.map((message) => (
          <MessageView
            key={message.id}
            message={message}
            snapshot={state.snapshot}
            card={card}
            models={state.models}
            busy={busy}
            last={message === last}
            open={pane?.scope === message.id ? pane.n : null}
          />
        ))}
        {suggestions.length > 0 && <Suggestions look="followrow" questions={suggestions} />}
        {/* Room under a short answer, so that its question can stand at the top. */}
        <div class="tail" aria-hidden="true" ref={tail} />
      </div>
    </>
  );
}

/** Keep as much room below the last answer as its question needs to reach the top of the view. */
function useTail(
  log: { current: HTMLDivElement | null },
  tail: { current: HTMLDivElement | null },
  id: string | undefined,
): void {
  const fill = () => {
    const [box, room] = [log.current, tail.current];
    if (box === null || room === null) return;
    const question = id === undefined ? null : questionOf(box, id);
    const below = question === null ? 0 : room.offsetTop - question.offsetTop;
    const height = question === null ? 0 : Math.max(0, box.clientHeight - below);
    if (room.offsetHeight !== height) room.style.height = `${height}px`;
  };
  const latest = useRef(fill);
  latest.current = fill;
  useLayoutEffect(fill);
  useLayoutEffect(() => {
    const box = log.current;
    if (box === null) return;
    // The frame, and an answer that opens its table.
    const observer = new ResizeObserver(() => latest.current());
    observer.observe(box);
    for (const part of box.children) observer.observe(part);
    return () => observer.disconnect();
  }, [log, id]);
}

function questionOf(box: HTMLElement, id: string): HTMLElement | null {
  return box.querySelector<HTMLElement>(`[data-question="${CSS.escape(id)}"]`);
}

const BY_HAND = ["wheel", "touchmove", "pointerdown", "keydown"] as const;

/** While an answer streams, and once more when it is whole, its question is held at the top of the view, until the reader moves by hand. */
function useFollow(log: { current: HTMLDivElement | null }, last: Message | undefined, busy: boolean): void {
  const held = useRef<string | null>(null);
  const id = busy ? last?.id : undefined;
  useLayoutEffect(() => {
    const box = log.current;
    if (box === null || id === undefined) return;
    held.current = id;
    const release = () => {
      held.current = null;
    };
    for (const act of BY_HAND) box.addEventListener(act, release, { passive: true });
    return () => {
      for (const act of BY_HAND) box.removeEventListener(act, release);
    };
  }, [log, id]);
  useLayoutEffect(() => {
    const box = log.current;
    if (box === null || held.current === null) return;
    const question = questionOf(box, held.current);
    if (question !== null)
      box.scrollTop += question.getBoundingClientRect().top - box.getBoundingClientRect().top;
    if (id === undefined) held.current = null;
  });
}

/** The sources beside which the open one stands: the card's, or one message's. */
function usePaneScope({ pane, card, messages }: State): Scope {
  const message = messages.find(({ id }) => id === pane?.scope);
  return useMemo(() => {
    const sources = message?.sources ?? (card === null ? [] : citesOfCard(card));
    return { id: pane?.scope ?? "", sources, numbers: numbers(sources), open: pane?.n ?? null };
  }, [pane, card, message?.sources]);
}

function citationsOf({ messages }: State, pane: Pane) {
  const message = messages.find(({ id }) => id === pane.scope);
  const all = message?.citations.filter(({ n }) => n === pane.n) ?? [];
  const chosen = all.filter(({ sentence }) => sentence === pane.sentence);
  return chosen.length > 0 ? chosen : all;
}

interface KeyTargets {
  state: State;
  acts: Acts;
  menu: boolean;
  toggleMenu: () => void;
  closePane: () => void;
}

function useKeys(targets: KeyTargets): void {
  const latest = useRef(targets);
  latest.current = targets;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => onShortcut(event, latest.current);
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function onShortcut(event: KeyboardEvent, { state, acts, menu, toggleMenu, closePane }: KeyTargets): void {
  if (event.isComposing) return;
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  if (event.key === "Escape") {
    if (menu) toggleMenu();
    else if (state.pane !== null) closePane();
    else acts.stop();
  } else if (event.altKey && !event.ctrlKey && !event.metaKey && digit !== undefined) {
    if (openNumber(state, acts, Number(digit))) event.preventDefault();
  } else if (event.key === "/" && state.slashKey && !event.altKey && !event.ctrlKey && !event.metaKey) {
    if (event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    focusBox();
  }
}

/** Alt+number opens that source of the latest answer, or of the card while there is none. */
function openNumber({ messages, card }: State, acts: Acts, number: number): boolean {
  const message = messages.findLast(({ sources }) => sources.length > 0);
  const sources = message?.sources ?? (card === null ? [] : citesOfCard(card));
  const source = sources.filter(({ search }) => !search)[number - 1];
  if (source === undefined) return false;
  void acts.openSource(message?.id ?? "card", source.n);
  return true;
}

function useWide(): boolean {
  const query = useMemo(() => matchMedia("(min-width: 880px)"), []);
  const [wide, setWide] = useState(query.matches);
  useEffect(() => {
    const onChange = () => setWide(query.matches);
    query.addEventListener("change", onChange);
    return () => query.removeEventListener("change", onChange);
  }, [query]);
  return wide;
}

function reveal(acts: Acts): void {
  acts.dispatch({ type: "source-closed" });
  requestAnimationFrame(() => requestAnimationFrame(showAllergies));
}

/** Back to the chip that was chosen; after previous or next, to the first chip of the source shown last. */
function focusChip({ scope, n, sentence }: Pane, chosen: Element | null): void {
  if (chosen?.getAttribute("data-cite") === `${scope} ${n}` && chosen.isConnected) {
    focus(chosen);
    return;
  }
  const chips = [...document.querySelectorAll<HTMLElement>(`[data-cite="${CSS.escape(scope)} ${n}"]`)];
  const chip = chips.find(({ dataset }) => dataset.sentence === String(sentence)) ?? chips[0];
  if (chip === undefined) focusBox();
  else chip.focus();
}

function focus(element: Element | null): void {
  if (element instanceof HTMLElement && element.isConnected) element.focus();
}
