// One question with its answer, as far as it has come.

import { type ComponentChildren, Fragment } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type {
  Answered,
  Card,
  Gap,
  LookedAt,
  LookedAtLine,
  ModelChoices,
  NotSeen,
  Snapshot,
} from "../api/events.gen";
import { copyText as copy } from "../ehr/platform";
import { numbers } from "../state/cites";
import {
  type Failure,
  failureOf,
  type Message,
  NO_MODEL,
  type Step,
  statements,
  type Way,
  withoutModel,
} from "../state/message";
import { BlockNode } from "./Blocks";
import { useSeconds } from "./CardView";
import { focusBox } from "./Composer";
import { ScopeContext, useActs } from "./context";
import { copyText } from "./copy_text";
import { amount } from "./counted";
import { Icon } from "./Icon";
import { Clinical } from "./markdown/Clinical";
import { type Dangers, dangersOf } from "./markdown/dangers";
import { Markdown } from "./markdown/Markdown";
import { Pieces } from "./Pieces";
import { provenanceText } from "./provenance";

interface MessageProps {
  message: Message;
  snapshot: Snapshot | null;
  card: Card | null;
  models: ModelChoices | null;
  /** An answer is being written, this one or another: no further question can be asked now. */
  busy: boolean;
  /** The newest turn: its question can be put back into the box. */
  last: boolean;
  /** The source shown in the pane, if it was opened from this message. */
  open: number | null;
}

/** Drawn again only when something of its own changes: the frames of a later answer pass it by. */
export function MessageView({ message, snapshot, card, models, busy, last, open }: MessageProps) {
  const scope = useMemo(
    () => ({ id: message.id, sources: message.sources, numbers: numbers(message.sources), open }),
    [message.id, message.sources, open],
  );
  return useMemo(
    () => (
      <ScopeContext.Provider value={scope}>
        <Turn message={message} snapshot={snapshot} card={card} models={models} busy={busy} last={last} />
      </ScopeContext.Provider>
    ),
    [scope, message, snapshot, card, models, busy, last],
  );
}

type TurnProps = Omit<MessageProps, "open">;

function Turn(props: TurnProps) {
  const { message, snapshot, card, models } = props;
  const plain = withoutModel(message, snapshot?.model.language_model ?? false);
  const failure = failureOf(message);
  const dangers = useMemo(() => dangersOf(card), [card]);
  return (
    <>
      <article class="user" aria-label="Your question" data-question={message.id}>
        <p>{message.question}</p>
      </article>
      <article class="turn" aria-label={title(message, plain)} aria-busy={message.status === "streaming"}>
        <Head message={message} plain={plain} whyNone={models?.why_none ?? ""} />
        <Parts message={message} leads={!plain} dangers={dangers} />
        {message.notSeen !== null && <Gaps notSeen={message.notSeen} />}
        {failure === null ? <Foot {...props} plain={plain} /> : <Failed {...props} failure={failure} />}
      </article>
    </>
  );
}

const COPIED = "These rows are copied from the chart.";
const COMPUTED = "Rows are copied from the chart; results are computed from them by the rule they name.";

function title({ status }: Message, plain: boolean): string {
  if (status === "streaming") return "Answer in progress";
  if (status === "cut" || status === "error") return "Not complete";
  return plain ? "Rows from the chart, no language model" : "Answer";
}

/** `whyNone`: why no language model answers now; an answer knows at its end why none answered it. */
function Head({ message, plain, whyNone }: { message: Message; plain: boolean; whyNone: string }) {
  // A conversation kept by an earlier version does not say it.
  const why = message.answered === null ? whyNone : (message.answered.why_no_model ?? "");
  return (
    <>
      {plain && copiesRows(message) && (
        <p class="nomodel">
          <Icon name="off" small />
          <span>
            <b>No language model.</b> {computes(message) ? COMPUTED : COPIED}{" "}
            {why !== "" && <span class="muted">{why}</span>}
          </span>
        </p>
      )}
      {failureOf(message) !== null && message.parts.length > 0 && (
        <p class="nomodel partly">
          <Icon name="warn" small />
          <b>Not complete.</b>
        </p>
      )}
      {message.status === "streaming" ? <Steps message={message} /> : <LookedAtLines message={message} />}
      <Check message={message} />
    </>
  );
}

function computes({ parts }: Message): boolean {
  return parts.some(
    (part) => part.kind === "block" && part.block.kind === "rows" && part.block.by === "rule",
  );
}

/** A negative alone says itself what was searched: it has no rows to speak of. */
function copiesRows({ parts }: Message): boolean {
  const blocks = parts.flatMap((part) => (part.kind === "block" ? [part.block] : []));
  return parts.length > 0 && (blocks.length === 0 || blocks.some(({ kind }) => kind !== "negative"));
}

function Parts({ message, leads, dangers }: { message: Message; leads: boolean; dangers: Dangers }) {
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
            dangers={dangers}
          />
        ) : (
          <BlockNode key={index} block={part.block} trends={leads} />
        ),
      )}
      {citations.some(({ verdict }) => verdict === "pending") && (
        <p class="para small muted">Dashed number: not checked against the record{growing ? " yet" : ""}.</p>
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
  not_offered: "this EHR does not offer them",
};

function lineText({ label, read, total, state, detail }: LookedAtLine): string {
  const unread = read === 0 && state !== "complete" && state !== "truncated";
  const counts = unread ? "" : countsText(read, total, state === "complete");
  // Of a list that was cut the detail repeats the count; of any other end it is the whole sentence.
  const end = state === "truncated" ? ENDS.truncated : detail || ENDS[state];
  const parts = [counts, end].filter((part) => part !== "");
  return `${label}: ${parts.join("; ")}`;
}

function countsText(read: number, total: number | null, complete: boolean): string {
  if (total === null) return `${amount(read)} read`;
  if (complete && read === 0) return `${amount(total)} searched, none matched`;
  if (complete && read < total) return `${amount(total)} searched, ${amount(read)} read`;
  return `${amount(read)} of ${amount(total)} read`;
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

/** Under what was written: what happened, what is lost, and one button for each way on. */
function Failed({ message, models, busy, last, failure }: TurnProps & { failure: Failure }) {
  const { text, lost, ways, retryAfterS } = failure;
  const { ask } = useActs();
  const wait = useWait(Math.ceil(retryAfterS));
  const other = models?.choices.find(
    ({ id, language_model, why_not }) =>
      language_model && why_not === "" && id !== (message.model ?? models.current),
  );
  const again = (model: string | null) => {
    if (busy) return;
    void (model === null ? ask(message.question) : ask(message.question, model));
    focusBox();
  };
  const buttons: Record<Way, ComponentChildren> = {
    retry: (
      <button
        type="button"
        class="btn"
        aria-disabled={busy || wait > 0}
        onClick={() => wait === 0 && again(message.model)}
      >
        <Icon name="redo" />
        {wait > 0 ? `Retry in ${wait} s` : "Retry"}
      </button>
    ),
    other_model: other !== undefined && (
      <button type="button" class="btn" aria-disabled={busy} onClick={() => again(other.id)}>
        Ask {other.name} instead
      </button>
    ),
    no_model: (
      <button type="button" class="btn" aria-disabled={busy} onClick={() => again(NO_MODEL)}>
        Show chart rows without a model
      </button>
    ),
  };
  return (
    <section class="neg-unread failure" aria-label="Not complete">
      <Icon name="warn" />
      <div>
        <p>
          <b>Not complete.</b> {text} {lost}
        </p>
        <div class="row top4">
          {ways.map((way) => (
            <Fragment key={way}>{buttons[way]}</Fragment>
          ))}
          {last && <EditQuestion question={message.question} />}
        </div>
      </div>
    </section>
  );
}

/** Seconds still to wait, from when it was drawn first; no clock runs when there is nothing to wait for. */
function useWait(seconds: number): number {
  const [left, setLeft] = useState(seconds);
  const over = left <= 0;
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setLeft((now) => now - 1), 1000);
    return () => clearInterval(timer);
  }, [over]);
  return Math.max(left, 0);
}

/** Puts the question back into the box, to be changed before it is sent again. */
function EditQuestion({ question }: { question: string }) {
  const { dispatch } = useActs();
  const onClick = () => {
    dispatch({ type: "typed", text: question });
    focusBox();
  };
  return (
    <button type="button" class="btn quiet" onClick={onClick}>
      Edit question
    </button>
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

function Foot({ message, snapshot, card, busy, last, plain }: TurnProps & { plain: boolean }) {
  const { status, answered, parts } = message;
  if (status !== "done" && status !== "stopped") return null;
  const copies = snapshot !== null && (status === "done" || parts.length > 0);
  return (
    <>
      {status === "stopped" && (
        <p class="prov">
          <b>Stopped: not complete</b>
        </p>
      )}
      {status === "done" && answered !== null && (
        <Provenance answered={answered} ruled={plain && !copiesRows(message)} />
      )}
      {copies && (
        <Tools
          textOf={() => copyText(message, snapshot, card)}
          question={message.question}
          plain={plain}
          busy={busy}
          last={last}
        />
      )}
    </>
  );
}

/** The model's name stands out, its version and the data label do not. `ruled`: no line above says what answered. */
function Provenance({ answered, ruled }: { answered: Answered; ruled: boolean }) {
  const text = provenanceText(answered, ruled);
  const name = answered.model.replace(/\s*\(.*$/, "");
  const bold = name !== "" && text.startsWith(name);
  return (
    <p class="prov">
      {bold && <b>{name}</b>}
      <Clinical text={bold ? text.slice(name.length) : text} />
    </p>
  );
}

interface ToolsProps {
  textOf: () => string;
  question: string;
  plain: boolean;
  busy: boolean;
  last: boolean;
}

function Tools({ textOf, question, plain, busy, last }: ToolsProps) {
  const { ask, askAfresh, dispatch } = useActs();
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
        <button
          type="button"
          class="btn"
          aria-disabled={busy}
          onClick={() => void (plain ? askAfresh(question) : ask(question))}
        >
          <Icon name="redo" />
          {plain ? "Read again" : "Redo"}
        </button>
        {last && !busy && <EditQuestion question={question} />}
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
