// Full-frame stops: one sentence, what was and was not done, one safe act. Nothing of the chart is drawn.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { PatientName, Problem } from "../api/events.gen";
import { copyText } from "../ehr/platform";
import { counted, type Gate } from "../state/reduce";
import { useActs } from "./context";
import { gateTitle } from "./gate_title";
import { Icon, type IconName } from "./Icon";
import { Clinical } from "./markdown/Clinical";

interface GateProps {
  gate: Gate;
  draft: string;
  reading: boolean;
  /** Why reading again failed. */
  problem: Problem | null;
}

export function GateView({ gate, draft, reading, problem }: GateProps) {
  const title = gateTitle(gate);
  switch (gate.kind) {
    case "expired":
      return (
        <Ended gate={gate} title={title} draft={draft} closes>
          Open Chartside again from the chart in the EHR. Nothing is shown until then.
        </Ended>
      );
    case "ended":
      return (
        <Ended gate={gate} title={title} draft={draft}>
          Open Chartside again from the chart in the EHR when you need it.
        </Ended>
      );
    case "closed":
      return (
        <Ended gate={gate} title={title} draft={draft}>
          Nothing of the chart is shown. Open Chartside again from the chart in the EHR.
        </Ended>
      );
    case "switched-off":
      return <SwitchedOff problem={gate.problem} title={title} draft={draft} />;
    case "ehr-down":
      if (gate.problem.code === "chart.merged") return <Merged problem={gate.problem} title={title} />;
      if (gate.problem.code === "chart.restricted")
        return <WholeRestricted problem={gate.problem} title={title} reading={reading} />;
      return <EhrDown gate={gate} title={title} draft={draft} reading={reading} />;
    case "restricted":
      return <RestrictedPart gate={gate} title={title} reading={reading} problem={problem} />;
    case "back":
    case "foreign":
      return <OtherPatient title={title} patient={gate.patient} helpDesk={gate.helpDesk} />;
    case "error": {
      const { text, reference, help_desk } = gate.page;
      return (
        <GateFrame icon={gate.page.code === "switched_off" ? "off" : "warn"} title={title}>
          <p>{text || "Open Chartside again from the chart in the EHR."}</p>
          <Help helpDesk={help_desk} reference={reference} last="Not for emergencies: use the EHR." />
        </GateFrame>
      );
    }
  }
}

interface FrameProps {
  icon: IconName;
  title: string;
  stops?: boolean;
  children: ComponentChildren;
}

function GateFrame({ icon, title, stops = false, children }: FrameProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <main class="gatewrap" tabIndex={0}>
      <div class={stops ? "gate stop-now" : "gate"}>
        <Icon name={icon} />
        <h1 tabIndex={-1} ref={heading}>
          {title}
        </h1>
        {children}
      </div>
    </main>
  );
}

interface EndedProps {
  gate: Extract<Gate, { helpDesk: string; reference: string }>;
  title: string;
  draft: string;
  closes?: boolean;
  children: ComponentChildren;
}

function Ended({ gate, title, draft, closes = false, children }: EndedProps) {
  const { close } = useActs();
  const rows: (readonly [string, string])[] = [["Written", "Nothing has been written to the EHR."]];
  if (gate.kind === "ended") rows.unshift(["Access", "This panel can read the chart no more."]);
  return (
    <GateFrame icon="clock" title={title}>
      <p>{children}</p>
      <Done rows={rows} />
      {draft.trim() !== "" && <Kept text={draft} />}
      {closes && (
        <div class="row">
          <button type="button" class="btn" onClick={close}>
            Close this panel
          </button>
        </div>
      )}
      <Help helpDesk={gate.helpDesk} reference={gate.reference} last="Not for emergencies: use the EHR." />
    </GateFrame>
  );
}

/** What was typed and not answered is the clinician's own: offered, and not shown to whoever passes by. */
function Kept({ text }: { text: string }) {
  const { dispatch } = useActs();
  const [byHand, setByHand] = useState(false);
  const copy = async () => {
    const copied = await copyText(text);
    setByHand(!copied);
    dispatch({ type: "said", text: copied ? "Copied" : "Copy it by hand" });
  };
  const words = text.trim().split(/\s+/).length;
  return (
    <section class="kept" aria-label="What you typed">
      <p>
        <b>What you typed is kept</b> in this panel until it is closed: {counted(words, "word")}.
      </p>
      <div class="row">
        <button type="button" class="btn" onClick={() => void copy()}>
          <Icon name="copy" />
          Copy what you typed
        </button>
        <button type="button" class="btn quiet" onClick={() => dispatch({ type: "typed", text: "" })}>
          Forget it
        </button>
      </div>
      {byHand && (
        <label class="byhand">
          This frame does not allow copying by a button. Select and copy:
          <textarea rows={4} readOnly value={text} onFocus={(event) => event.currentTarget.select()} />
        </label>
      )}
    </section>
  );
}

const NEXT_TRY_S = 30;
/** No answer, too busy, down for now: what may be over in half a minute. A merged record stays merged. */
const PASSING: readonly number[] = [0, 429, 502, 503, 504];

interface DownProps {
  gate: Extract<Gate, { kind: "ehr-down" }>;
  title: string;
  draft: string;
  reading: boolean;
}

/** An EHR that is down is tried again by itself: its return is not waited for twice. */
function EhrDown({ gate: { problem, tries }, title, draft, reading }: DownProps) {
  const { readCard } = useActs();
  const passes = PASSING.includes(problem.status);
  const seconds = passes ? Math.max(problem.retry_after_s ?? 0, NEXT_TRY_S) : null;
  const wait = useCountdown(seconds, tries, () => void readCard(false));
  const said = problem.code !== "ehr.unavailable" && problem.detail !== "";
  const times = `${tries} time${tries === 1 ? "" : "s"}`;
  const kept = draft.trim() === "" ? "" : " Your question is kept in the box.";
  return (
    <GateFrame icon="off" title={title}>
      <p>
        {said ? problem.detail : "The chart cannot be read. Use the EHR itself, or your downtime procedure."}
      </p>
      <Done
        rows={[
          ["Tried", reading ? `${times}, trying now` : passes ? `${times}, next try in ${wait} s` : times],
          ["Last read", "Not yet. Nothing of this chart is known here."],
          ["Written", `Nothing has been written.${kept}`],
        ]}
      />
      <div class="row">
        <button
          type="button"
          class="btn primary"
          aria-disabled={reading}
          onClick={() => void readCard(false)}
        >
          {reading ? "Trying" : "Try now"}
        </button>
      </div>
      <Help
        helpDesk={problem.help_desk}
        reference={problem.reference}
        last="Not for emergencies: use the EHR."
      />
    </GateFrame>
  );
}

interface StopProps {
  problem: Problem;
  title: string;
}

/** IT has switched it off: what, why and whom to call are the server's words. */
function SwitchedOff({ problem, title, draft }: StopProps & { draft: string }) {
  const { tryAgain } = useActs();
  const kept = draft.trim() === "" ? "" : " Your question is kept in the box.";
  return (
    <GateFrame icon="off" title={title}>
      <p>{problem.detail || "Use the EHR itself."}</p>
      <Done
        rows={[
          ["Shown", "Nothing of the chart, until it is switched on again"],
          ["Written", `Nothing has been written to the EHR.${kept}`],
        ]}
      />
      <div class="row">
        <button type="button" class="btn" onClick={() => void tryAgain()}>
          Try again
        </button>
      </div>
      <Help
        // The server's words end with it.
        helpDesk={problem.detail.includes(problem.help_desk) ? "" : problem.help_desk}
        reference={problem.reference}
        last="Not for emergencies: use the EHR."
      />
    </GateFrame>
  );
}

/** A merged record stays merged: there is nothing to try. */
function Merged({ problem, title }: StopProps) {
  const { close } = useActs();
  return (
    <GateFrame icon="hand" title={title} stops>
      <p>{problem.detail}</p>
      <Done
        rows={[
          ["Shown", "Nothing of either record"],
          ["Written", "Nothing has been written to either record."],
        ]}
      />
      <div class="row">
        <button type="button" class="btn" onClick={close}>
          Close this panel
        </button>
      </div>
      <Help
        helpDesk={problem.help_desk}
        reference={problem.reference}
        last="Not for emergencies: use the EHR."
      />
    </GateFrame>
  );
}

/** The whole chart is behind the glass: there is nothing to go on with. */
function WholeRestricted({ problem, title, reading }: StopProps & { reading: boolean }) {
  const { readCard } = useActs();
  return (
    <GateFrame icon="lock" title={title}>
      <p>{problem.detail}</p>
      <Done
        rows={[
          ["Restricted", "The whole chart. What it holds is not known here."],
          ["Readable", "Nothing"],
          ["Written", "Nothing has been written to the EHR."],
        ]}
      />
      <div class="row">
        <button
          type="button"
          class="btn primary"
          aria-disabled={reading}
          onClick={() => void readCard(false)}
        >
          {reading ? "Reading" : "Read again"}
        </button>
      </div>
      <Help
        helpDesk={problem.help_desk}
        reference={problem.reference}
        last="Not for emergencies: use the EHR."
      />
    </GateFrame>
  );
}

/** Count down from `seconds`, again for each `round`, and act at its end; null: wait for nothing. */
function useCountdown(seconds: number | null, round: number, act: () => void): number {
  const [left, setLeft] = useState(seconds ?? 0);
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (seconds === null) return;
    let rest = seconds;
    setLeft(rest);
    const timer = setInterval(() => {
      rest -= 1;
      setLeft(Math.max(rest, 0));
      if (rest > 0) return;
      clearInterval(timer);
      latest.current();
    }, 1000);
    return () => clearInterval(timer);
  }, [seconds, round]);
  return left;
}

/** Chartside does not break the glass: it says what it will not say, and goes on without. */
function RestrictedPart({
  gate: { restricted, helpDesk },
  title,
  reading,
  problem,
}: {
  gate: Extract<Gate, { kind: "restricted" }>;
  title: string;
  reading: boolean;
  problem: Problem | null;
}) {
  const { goOn, readCard } = useActs();
  return (
    <GateFrame icon="lock" title={title}>
      <p>
        If you need it, open it in the EHR, which asks for your reason. Then read again here, or open
        Chartside again from the chart. Chartside does not break the glass.
      </p>
      <Done
        rows={[
          ["Restricted", restricted.held],
          ["Readable", restricted.readable],
          [
            "Answers",
            "Each one says that part of the chart is restricted. “None” is not said for what it could hold.",
          ],
          ["Recorded", "That this message was shown to you"],
        ]}
      />
      {problem !== null && (
        <p role="alert">
          <b>Not read again.</b> {problem.title}
        </p>
      )}
      <div class="row">
        <button type="button" class="btn primary" aria-disabled={reading} onClick={() => void readCard(true)}>
          {reading ? "Reading" : "Read again"}
        </button>
        <button type="button" class="btn" onClick={goOn}>
          Continue without it
        </button>
      </div>
      <Help helpDesk={helpDesk} reference="" last="Not for emergencies: use the EHR." />
    </GateFrame>
  );
}

/** No button is the default: the clinician names the patient by choosing. */
function OtherPatient({
  title,
  patient,
  helpDesk,
}: {
  title: string;
  patient: PatientName;
  helpDesk: string;
}) {
  const { goOn, close } = useActs();
  const name = `${patient.family}, ${patient.given}`;
  return (
    <GateFrame icon="hand" title={title} stops>
      <p>
        This panel belongs to{" "}
        <b>
          {name}, born <time>{patient.born}</time>
        </b>
        . Its content is hidden until you choose.
      </p>
      <Done
        rows={[
          ["Your question", "Not sent"],
          ["Written", "Nothing has been written to either chart."],
        ]}
      />
      <div class="row">
        <button type="button" class="btn" onClick={goOn}>
          Continue with {name}
        </button>
        <button type="button" class="btn" onClick={close}>
          Close this panel
        </button>
      </div>
      <Help helpDesk={helpDesk} reference="" first="For another patient, open Chartside from that chart." />
    </GateFrame>
  );
}

function Done({ rows }: { rows: readonly (readonly [string, string])[] }) {
  return (
    <ul>
      {rows.map(([name, what]) => (
        <li key={name}>
          <b>{name}</b>
          <span>
            <Clinical text={what} />
          </span>
        </li>
      ))}
    </ul>
  );
}

interface HelpProps {
  helpDesk: string;
  reference: string;
  first?: string;
  last?: string;
}

function Help({ helpDesk, reference, first = "", last = "" }: HelpProps) {
  const desk = [helpDesk && `Help desk ${helpDesk}`, reference && `reference ${reference}`]
    .filter(Boolean)
    .join(" · ");
  return <p class="help">{[first, desk && `${capital(desk)}.`, last].filter(Boolean).join(" ")}</p>;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
