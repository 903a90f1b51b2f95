// Full-frame stops: one sentence, what was and was not done, one safe act. Nothing of the chart is drawn.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { PatientName, Problem } from "../api/events.gen";
import type { Gate } from "../state/reduce";
import { useActs } from "./context";
import { Icon, type IconName } from "./Icon";
import { Clinical } from "./markdown/Clinical";

export function GateView({ gate, draft, reading }: { gate: Gate; draft: string; reading: boolean }) {
  switch (gate.kind) {
    case "expired":
      return (
        <Ended title="Your session has ended." helpDesk={gate.helpDesk} reference={gate.reference}>
          Open Chartside again from the chart in the EHR. Nothing is shown until then.
        </Ended>
      );
    case "ended":
      return (
        <Ended title="You ended this session." helpDesk={gate.helpDesk} reference={gate.reference}>
          Open Chartside again from the chart in the EHR when you need it.
        </Ended>
      );
    case "closed":
      return (
        <Ended title="This panel is closed." helpDesk={gate.helpDesk} reference={gate.reference}>
          Nothing of the chart is shown. Open Chartside again from the chart in the EHR.
        </Ended>
      );
    case "ehr-down":
      return <EhrDown problem={gate.problem} draft={draft} reading={reading} />;
    case "back":
      return (
        <OtherPatient
          title="You came back to an earlier panel."
          patient={gate.patient}
          helpDesk={gate.helpDesk}
        />
      );
    case "foreign":
      return (
        <OtherPatient
          title="Stopped: an answer from another chart came to this panel. It was not shown."
          patient={gate.patient}
          helpDesk={gate.helpDesk}
        />
      );
    case "error": {
      const { title, text, reference, help_desk } = gate.page;
      return (
        <GateFrame icon="warn" title={title}>
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
  title: string;
  helpDesk: string;
  reference: string;
  children: ComponentChildren;
}

function Ended({ title, helpDesk, reference, children }: EndedProps) {
  return (
    <GateFrame icon="clock" title={title}>
      <p>{children}</p>
      <Done rows={[["Written", "Nothing has been written to the EHR."]]} />
      <Help helpDesk={helpDesk} reference={reference} last="Not for emergencies: use the EHR." />
    </GateFrame>
  );
}

function EhrDown({ problem, draft, reading }: { problem: Problem; draft: string; reading: boolean }) {
  const { readCard } = useActs();
  const down = problem.code === "ehr.unavailable";
  const kept =
    draft.trim() === ""
      ? "Nothing has been written."
      : "Nothing has been written. Your question is kept in the box.";
  return (
    <GateFrame icon="off" title={down ? "The EHR does not answer." : problem.title}>
      <p>
        {!down && problem.detail !== ""
          ? problem.detail
          : "The chart cannot be read. Use the EHR itself, or your downtime procedure."}
      </p>
      <Done rows={[["Written", kept]]} />
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
