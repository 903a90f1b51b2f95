// One question with its answer, as far as it has come.

import { useMemo, useState } from "preact/hooks";
import type { Card, Gap, LookedAt, LookedAtLine, NotSeen, Snapshot } from "../api/events.gen";
import { copyText as copy } from "../ehr/platform";
import { numbers } from "../state/cites";
import { type Message, type Step, statements, withoutModel } from "../state/message";
import { announcementOfEnd } from "../state/reduce";
import { BlockNode } from "./Blocks";
import { useSeconds } from "./CardView";
import { ScopeContext, useActs } from "./context";
import { copyText } from "./copy_text";
import { amount } from "./counted";
import { Icon } from "./Icon";
import { Clinical } from "./markdown/Clinical";
import { Markdown } from "./markdown/Markdown";
import { Pieces } from "./Pieces";

interface MessageProps {
  message: Message;
  snapshot: Snapshot | null;
  card: Card | null;
  /** The source shown in the pane, if it was opened from this message. */
  open: number | null;
}

/** Drawn again only when something of its own changes: the frames of a later answer pass it by. */
export function MessageView({ message, snapshot, card, open }: MessageProps) {
  const scope = useMemo(
    () => ({ id: message.id, sources: message.sources, numbers: numbers(message.sources), open }),
    [message.id, message.sources, open],
  );
  return useMemo(
    () => (
      <ScopeContext.Provider value={scope}>
        <Turn message={message} snapshot={snapshot} card={card} />
      </ScopeContext.Provider>
    ),
    [scope, message, snapshot, card],
  );
}

type TurnProps = Omit<MessageProps, "open">;

function Turn({ message, snapshot, card }: TurnProps) {
  const plain = withoutModel(message, snapshot?.model.language_model ?? false);
  return (
    <>
      <article class="user" aria-label="Your question" data-question={message.id}>
        <p>{message.question}</p>
      </article>
      <article class="turn" aria-label={title(message, plain)} aria-busy={message.status === "streaming"}>
        <Head message={message} plain={plain} />
        <Parts message={message} leads={!plain} />
        {message.notSeen !== null && <Gaps notSeen={message.notSeen} />}
        <Foot message={message} snapshot={snapshot} card={card} />
      </article>
    </>
  );
}

function title({ status }: Message, plain: boolean): string {
  if (status === "streaming") return "Answer in progress";
  if (status === "cut" || status === "error") return "Not complete";
  return plain ? "Rows from the chart, no language model" : "Answer";
}

function Head({ message, plain }: { message: Message; plain: boolean }) {
  return (
    <>
      {plain && message.status !== "error" && (
        <p class="nomodel">
          <Icon name="off" small />
          <span>
            <b>No language model.</b> These rows are copied from the chart.
          </span>
        </p>
      )}
      {message.status === "streaming" ? <Steps message={message} /> : <LookedAtLines message={message} />}
      {(message.status === "cut" || message.status === "error") && <Failure message={message} />}
      <Check message={message} />
    </>
  );
}

function Parts({ message, leads }: { message: Message; leads: boolean }) {
  const { parts, citations, noSource, status } = message;
  const marks = useMemo(() => ({ citations, noSource }), [citations, noSource]);
  const growing = status === "streaming";
  return (
    <>
      {parts.map((part, index) =>
        part.kind === "text" ? (
          <Markdown
            key={index}
            text={part.text}
            marks={marks}
            growing={growing && index === parts.length - 1}
            leads={leads && index === 0}
          />
        ) : (
          <BlockNode key={index} block={part.block} />
        ),
      )}
      {growing && citations.some(({ verdict }) => verdict === "pending") && (
        <p class="para small muted">Dashed number: not checked against the record yet.</p>
      )}
    </>
  );
}

function Steps({ message: { steps, lookedAt } }: { message: Message }) {
  return (
    <ol class="steps" aria-label="Steps">
      {steps.length === 0 && <Waiting name="Question sent" />}
      {steps.map((step, index) => (
        <StepItem key={index} step={step} line={lookedAt?.lines.find(({ label }) => label === step.name)} />
      ))}
    </ol>
  );
}

function StepItem({ step: { name, done }, line }: { step: Step; line: LookedAtLine | undefined }) {
  if (!done) return <Waiting name={name} />;
  const unread = line !== undefined && line.state !== "complete" && line.state !== "truncated";
  return (
    <li class={unread ? undefined : "done"}>
      {unread && <span class="vh">Not readable: </span>}
      <Icon name={unread ? "warn" : "check"} small />
      <span>{line === undefined ? name : lineText(line)}</span>
    </li>
  );
}

function Waiting({ name }: { name: string }) {
  const seconds = useSeconds();
  return (
    <li class="now">
      <span class="spin" aria-hidden="true" />
      <span>
        {name}
        {seconds >= 2 && `, ${seconds} s`}
      </span>
    </li>
  );
}

const ENDS: Record<LookedAtLine["state"], string> = {
  complete: "",
  truncated: "not read to the end",
  denied: "the EHR refused",
  restricted: "restricted in the EHR",
  failed: "could not be read",
};

function lineText({ label, read, total, state, detail }: LookedAtLine): string {
  const unread = read === 0 && state !== "complete" && state !== "truncated";
  const counts =
    read === 0 && total !== null && state === "complete"
      ? `${amount(total)} searched, none matched`
      : total === null
        ? `${amount(read)} read`
        : `${amount(read)} of ${amount(total)} read`;
  const parts = [unread ? "" : counts, ENDS[state], detail].filter((part) => part !== "");
  return `${label}: ${parts.join("; ")}`;
}

/** "Read 81 of 268 records"; where nothing matched, what was searched is what counts. */
function Amount({ records_read, records_total }: LookedAt) {
  if (records_read === 0 && records_total === 0) return <>No record read</>;
  if (records_read === 0 && records_total !== null)
    return (
      <>
        Searched <b>{records(records_total)}</b>
      </>
    );
  const of = records_total === null ? "" : `${amount(records_read)} of `;
  return (
    <>
      Read <b>{of + records(records_total ?? records_read)}</b>
    </>
  );
}

function records(n: number): string {
  return `${amount(n)} record${n === 1 ? "" : "s"}`;
}

function LookedAtLines({ message: { lookedAt, notSeen, status } }: { message: Message }) {
  if (lookedAt === null) return null;
  const { span, lines } = lookedAt;
  const none = notSeen === null || (notSeen.not_readable.length === 0 && notSeen.not_searched.length === 0);
  const whole = status === "done" && none && lines.every(({ state }) => state === "complete");
  return (
    <details class="looked">
      <summary>
        <Icon name="search" small />
        <span>
          <Amount {...lookedAt} />
          {span !== "" && (
            <>
              , <Clinical text={span} />
            </>
          )}
          {whole && ". Read to the end"}
        </span>
        <Icon name="chev" small extra="chev" />
      </summary>
      <ul>
        {lines.map((line, index) => (
          <li key={index}>
            {line.state !== "complete" && <Icon name="warn" small />} <Clinical text={lineText(line)} />
          </li>
        ))}
      </ul>
    </details>
  );
}

function Failure({ message }: { message: Message }) {
  const { problem, status, parts } = message;
  const detail = [problem?.detail, problem?.reference && `Reference ${problem.reference}.`];
  return (
    <section class="neg-unread" aria-label="Not complete">
      <Icon name="warn" />
      <p>
        <b>{announcementOfEnd(message).replace(/\.$/, "")}.</b> {detail.filter(Boolean).join(" ")}
        {parts.length > 0 && " What came before is not an answer."}
        {status === "cut" && parts.length === 0 && " Send the question again."}
      </p>
    </section>
  );
}

function Check({ message }: { message: Message }) {
  const { all, differ, unsourced } = statements(message);
  if (differ === 0) return null;
  return (
    <p class="check">
      <Icon name="x" small />
      <span>
        <b>
          {differ} of {all} statements{" "}
          {differ === 1 ? "does not match its source" : "do not match their sources"}
        </b>
        {unsourced > 0 && `, and ${unsourced} ${unsourced === 1 ? "has" : "have"} no source`}. Use the record,
        not the sentence.
      </span>
    </p>
  );
}

const KINDS = [
  ["not_readable", "Not readable"],
  ["not_searched", "Not searched"],
  ["none_found", "None found"],
] as const;

function Gaps({ notSeen }: { notSeen: NotSeen }) {
  const groups = KINDS.flatMap(([kind, name]) =>
    [true, false].map((touches) => ({
      name,
      touches,
      gaps: notSeen[kind].filter((gap) => gap.touches === touches),
    })),
  ).filter(({ gaps }) => gaps.length > 0);
  if (groups.length === 0) return null;
  return (
    <dl class="gaps" aria-label="What this answer did not see">
      {groups.map(({ name, touches, gaps }) => (
        <GapGroup key={name + touches} name={name} touches={touches} gaps={gaps} />
      ))}
    </dl>
  );
}

function GapGroup({ name, touches, gaps }: { name: string; touches: boolean; gaps: readonly Gap[] }) {
  return (
    <div class={touches ? "touch" : undefined}>
      <dt>
        {touches && <Icon name="warn" small />}
        {name}
      </dt>
      <dd>
        {gaps.map(({ pieces }, index) => (
          <span class="gap" key={index}>
            <Pieces pieces={pieces} />
          </span>
        ))}
      </dd>
    </div>
  );
}

function Foot({ message, snapshot, card }: TurnProps) {
  const { status, answered, parts } = message;
  if (status !== "done" && status !== "stopped") return null;
  const copies = snapshot !== null && (status === "done" || parts.length > 0);
  return (
    <>
      {status === "stopped" && (
        <p class="prov end">
          <b>Stopped: not complete</b>
        </p>
      )}
      {status === "done" && answered !== null && (
        <Provenance model={answered.model} text={answered.provenance} />
      )}
      {copies && <Tools textOf={() => copyText(message, snapshot, card)} />}
    </>
  );
}

/** The model's name stands out, its version and the data label do not. */
function Provenance({ model, text }: { model: string; text: string }) {
  const name = model.replace(/\s*\(.*$/, "");
  const bold = name !== "" && text.startsWith(name);
  return (
    <p class="prov">
      {bold && <b>{name}</b>}
      <Clinical text={bold ? text.slice(name.length) : text} />
    </p>
  );
}

function Tools({ textOf }: { textOf: () => string }) {
  const { dispatch } = useActs();
  const [copied, setCopied] = useState(false);
  const [byHand, setByHand] = useState("");
  const onCopy = async () => {
    const text = textOf();
    const done = await copy(text);
    setCopied(done);
    setByHand(done ? "" : text);
    dispatch({
      type: "said",
      text: done ? "Copied" : "Copying is not allowed here. The text is shown, selected.",
    });
    if (done) setTimeout(() => setCopied(false), 2000);
  };
  return (
    <>
      <div class="tools" role="toolbar" aria-label="Answer actions">
        <button type="button" class="btn" onClick={() => void onCopy()}>
          <Icon name={copied ? "check" : "copy"} />
          {copied ? "Copied" : "Copy"}
        </button>
      </div>
      {byHand !== "" && <Selectable text={byHand} onClose={() => setByHand("")} />}
    </>
  );
}

/** The last resort where the frame allows no copying: the text, selected, to be copied by hand. */
function Selectable({ text, onClose }: { text: string; onClose: () => void }) {
  return (
    <div class="byhand">
      <label>
        Copying is not allowed here. Copy this text by hand:
        <textarea readOnly rows={6} value={text} ref={(box) => box?.select()} />
      </label>
      <button type="button" class="btn low" onClick={onClose}>
        Close
      </button>
    </div>
  );
}
