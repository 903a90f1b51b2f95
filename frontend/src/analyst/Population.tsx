// The analyst's page: ask on one side, the answer on the other. No patient is open here, and none is opened from here.

import { useEffect, useRef, useState } from "preact/hooks";
import type { AnalystDesk, CohortAnswer, CohortPatients } from "../api/events.gen";
import { Asking, type Question, WAYS, type Way } from "./Asking";
import { type AnalystApi, Stopped, saveAs } from "./api";
import { Choice } from "./Builder";
import { Tables } from "./Tables";

type Stop = Pick<Stopped["problem"], "title" | "detail" | "help_desk" | "reference">;

interface Answered {
  readonly question: Question;
  readonly answer: CohortAnswer;
}

export function Population({ api, onLeft }: { api: AnalystApi; onLeft: () => void }) {
  const [desk, setDesk] = useState<AnalystDesk | null>(null);
  const [stop, setStop] = useState<Stop | null>(null);
  const [used, setUsed] = useState(0);
  const idle = desk?.idle_s ?? 0;
  // What nobody looks at any more is not left on the screen: the session ends by itself at the same time.
  useEffect(() => {
    if (idle === 0) return;
    const timer = setTimeout(() => {
      onLeft();
      setStop(OVER);
    }, idle * 1000);
    return () => clearTimeout(timer);
  }, [idle, used]);
  const doing = (work: Promise<void>) => {
    setUsed((times) => times + 1);
    return work.catch((error: unknown) => {
      if (!(error instanceof Stopped)) throw error;
      if (error.problem.status === 401) onLeft();
      setStop(error.problem.status === 401 ? OVER : error.problem);
    });
  };
  useEffect(() => {
    void doing(api.desk().then(setDesk));
  }, []);
  if (stop !== null) return <Stopping stop={stop} />;
  if (desk === null)
    return (
      <main class="population">
        <p role="status" class="wait">
          Opening the population
        </p>
      </main>
    );
  const leave = () => {
    onLeft();
    setStop(OVER);
    void api.leave().catch(() => undefined);
  };
  return (
    <>
      <header class="appbar analyst">
        <strong class="brand">
          <span class="mark-logo" aria-hidden="true" />
          Chartside
        </strong>
        <span class="tag">Population</span>
        <span class="grow" />
        <span class="user-name">{desk.user}</span>
        <button type="button" class="btn quiet" onClick={leave}>
          Sign out
        </button>
      </header>
      <Work desk={desk} api={api} doing={doing} />
    </>
  );
}

const OVER: Stop = {
  title: "You are signed out.",
  detail: "Open the population again from the EHR. Nothing is shown until then.",
  help_desk: "",
  reference: "",
};

interface WorkProps {
  desk: AnalystDesk;
  api: AnalystApi;
  doing: (work: Promise<void>) => Promise<void>;
}

function Work({ desk, api, doing }: WorkProps) {
  const [way, setWay] = useState<Way>("build");
  const [group, setGroup] = useState(desk.whole ? "" : (desk.groups[0] ?? ""));
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState<Answered | null>(null);
  const ask = (question: Question) => {
    if (busy) return;
    setBusy(true);
    setFound(null);
    void doing(
      api.ask(question.tool, question.args, group).then((answer) => setFound({ question, answer })),
    ).finally(() => setBusy(false));
  };
  return (
    <main class="population">
      <h1 class="vh">Questions about many patients</h1>
      <p class="asof">
        {desk.as_of === "" ? (
          <span class="notice">Nothing was exported yet, so there is nothing to count.</span>
        ) : (
          <>
            <b>{desk.site_name}</b>, data as of <time>{desk.as_of}</time>
          </>
        )}
      </p>
      <div class="halves">
        <section class="ask" aria-label="Ask">
          <nav class="ways" aria-label="Ways to ask">
            {(Object.keys(WAYS) as Way[]).map((one) => (
              <button
                key={one}
                type="button"
                class="chip"
                aria-pressed={one === way}
                onClick={() => {
                  setWay(one);
                  setFound(null);
                }}
              >
                {WAYS[one]}
              </button>
            ))}
          </nav>
          {desk.groups.length > 0 && (
            <Choice
              label="Data"
              value={group}
              options={[
                ...(desk.whole ? [["", "whole export"] as const] : []),
                ...desk.groups.map((one) => [one, `group ${one}`] as const),
              ]}
              onChange={(next) => {
                setGroup(next);
                setFound(null);
              }}
            />
          )}
          <Asking way={way} desk={desk} busy={busy} onAsk={ask} />
        </section>
        <section class="answer" aria-label="Answer">
          <p role="status" class="small muted">
            {busy ? "Counting" : found === null ? "No question was asked yet." : ""}
          </p>
          {found !== null && <Answer found={found} desk={desk} api={api} group={group} doing={doing} />}
        </section>
      </div>
      <footer class="small muted">
        1 to 10 patients are shown as “fewer than 11”. A count from which so few could be counted, with what
        was answered before, is not shown. It informs; a person decides.
      </footer>
    </main>
  );
}

interface AnswerProps extends Omit<WorkProps, "desk"> {
  found: Answered;
  desk: AnalystDesk;
  group: string;
}

function Answer({ found: { question, answer }, desk, api, group, doing }: AnswerProps) {
  const [said, setSaid] = useState("");
  const [listed, setListed] = useState<CohortPatients | null>(null);
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), [answer]);
  const { criteria, rules } = question;
  const rule = rules?.length === 1 ? rules[0] : undefined;
  const save = (members: boolean) =>
    doing(
      api.group({ criteria, name: "Cohort", members, group }).then(({ refused, text }) => {
        if (refused === "") saveAs("cohort-group.json", "application/fhir+json", text);
        setSaid(refused === "" ? "Saved as a FHIR Group." : refused);
      }),
    );
  const list = () =>
    doing(api.list(criteria === undefined ? { rule, group } : { criteria, group }).then(setListed));
  return (
    <>
      <h2 ref={head} tabIndex={-1}>
        Answer
      </h2>
      {answer.refused !== "" && <p class="notice">{answer.refused}</p>}
      <Tables tables={answer.tables} />
      <div class="row">
        {answer.csv !== "" && (
          <button type="button" class="btn" onClick={() => saveAs("cohort.csv", "text/csv", answer.csv)}>
            Download CSV
          </button>
        )}
        {criteria !== undefined && answer.refused === "" && (
          <button type="button" class="btn" onClick={() => void save(false)}>
            Save as FHIR Group
          </button>
        )}
        {desk.lists && criteria !== undefined && (
          <button type="button" class="btn" onClick={() => void save(true)}>
            Save with its members
          </button>
        )}
        {desk.lists && (criteria !== undefined || rule !== undefined) && (
          <button type="button" class="btn" onClick={() => void list()}>
            {rule === undefined ? "List the patients" : "List whom it is not met for"}
          </button>
        )}
      </div>
      <p role="status" class="small">
        {said}
      </p>
      {listed !== null && <Patients listed={listed} />}
    </>
  );
}

const MOST_SHOWN = 200;

function Patients({ listed: { refused, patients } }: { listed: CohortPatients }) {
  if (refused !== "") return <p class="notice">{refused}</p>;
  const shown = patients.slice(0, MOST_SHOWN);
  return (
    <section class="counted" aria-label="Patients">
      <h3>
        {patients.length} patients{patients.length > shown.length && `, the first ${shown.length} here`}
      </h3>
      <p class="small muted">
        That this list was opened is recorded. A chart is opened by the EHR, which decides.
      </p>
      <ul class="patients">
        {shown.map(({ id, chart }) => (
          <li key={id}>
            {chart === "" ? (
              id
            ) : (
              <a href={chart} target="_blank" rel="noreferrer noopener">
                {id}, open in the EHR
              </a>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Stopping({ stop: { title, detail, help_desk, reference } }: { stop: Stop }) {
  return (
    <main class="gatewrap" tabIndex={0}>
      <div class="gate">
        <h1>{title}</h1>
        {detail !== "" && <p>{detail}</p>}
        <p class="help">
          {help_desk !== "" && `Help desk: ${help_desk}. `}
          {reference !== "" && `Reference: ${reference}.`}
        </p>
      </div>
    </main>
  );
}
