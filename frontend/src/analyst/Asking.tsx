// The four ways to ask: criteria, a query that ships, the rules of care, one SELECT.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { AnalystDesk, CohortQuery } from "../api/events.gen";
import { Builder, Choice, Text } from "./Builder";
import { type Criteria, criteriaOf, EMPTY, type Row } from "./criteria";

/** What is asked, and whose patients can be listed or saved afterwards. */
export interface Question {
  readonly tool: string;
  readonly args: object;
  readonly criteria?: Criteria;
  readonly rules?: readonly string[];
}

export interface AskingProps {
  desk: AnalystDesk;
  busy: boolean;
  onAsk: (question: Question) => void;
}

export const WAYS = { build: "Criteria", queries: "Queries", measures: "Measures", sql: "SQL" } as const;
export type Way = keyof typeof WAYS;

export function Asking({ way, ...props }: AskingProps & { way: Way }) {
  switch (way) {
    case "build":
      return <ByCriteria {...props} />;
    case "queries":
      return <ByQuery {...props} />;
    case "measures":
      return <ByMeasure {...props} />;
    case "sql":
      return <BySql {...props} />;
  }
}

const FIRST: readonly Row[] = [{ ...EMPTY, set: "diabetes", active: true }];

function ByCriteria({ desk, busy, onAsk }: AskingProps) {
  const [rows, setRows] = useState(FIRST);
  const [by, setBy] = useState<readonly string[]>([]);
  const criteria = criteriaOf(rows);
  const toggle = (name: string) =>
    setBy(by.includes(name) ? by.filter((one) => one !== name) : [...by, name]);
  return (
    <Form
      busy={busy}
      onSubmit={() => onAsk({ tool: "cohort_count", args: { criteria, by }, criteria })}
      word="Count"
      beside={
        <button
          type="button"
          class="btn"
          aria-disabled={busy}
          onClick={() => onAsk({ tool: "cohort_describe", args: { criteria, parts: PARTS }, criteria })}
        >
          Describe
        </button>
      }
    >
      <Builder rows={rows} sets={desk.sets} onChange={setRows} />
      <fieldset class="ticks">
        <legend>Split the count by</legend>
        {["age", "sex"].map((name) => (
          <label class="tick" key={name}>
            <input type="checkbox" checked={by.includes(name)} onChange={() => toggle(name)} />
            {name}
          </label>
        ))}
      </fieldset>
    </Form>
  );
}

const PARTS = ["age", "sex", "condition", "medication", "visits"];

function ByQuery({ desk, busy, onAsk }: AskingProps) {
  const [name, setName] = useState(desk.queries[0]?.name ?? "");
  const [given, setGiven] = useState<Readonly<Record<string, string>>>({});
  const query = desk.queries.find((one) => one.name === name);
  const parameters = query?.parameters ?? [];
  const value = ({ name: of, default: usual }: CohortQuery["parameters"][number]) =>
    given[of] ?? String(usual);
  const ask = () => {
    const numbers = Object.fromEntries(parameters.map((one) => [one.name, Number(value(one))]));
    onAsk({ tool: "cohort_named", args: { name, parameters: numbers } });
  };
  return (
    <Form busy={busy} onSubmit={ask} word="Count">
      <Choice
        label="Query"
        value={name}
        options={desk.queries.map((one) => [one.name, one.title])}
        onChange={(next) => {
          setName(next);
          setGiven({});
        }}
      />
      {parameters.map((one) => (
        <Text
          key={one.name}
          label={`${one.words} (${one.low} to ${one.high})`}
          value={value(one)}
          onChange={(text) => setGiven({ ...given, [one.name]: text })}
          numeric
        />
      ))}
    </Form>
  );
}

function ByMeasure({ desk, busy, onAsk }: AskingProps) {
  const [key, setKey] = useState("");
  const rules = key === "" ? [] : [key];
  return (
    <Form
      busy={busy}
      onSubmit={() => onAsk({ tool: "cohort_measures", args: { rules }, rules })}
      word="Count"
    >
      <Choice
        label="Rule of care"
        value={key}
        options={[
          ["", `All ${desk.rules.length}`],
          ...desk.rules.map((one) => [one.key, one.title] as const),
        ]}
        onChange={setKey}
      />
      <p class="small muted">
        A registry for finding whom to look at, by the rules that show care gaps in a chart. It is no report
        of a measure.
      </p>
    </Form>
  );
}

const EXAMPLE = "SELECT sex, count(DISTINCT patient_key) AS patients FROM patient GROUP BY sex";

function BySql({ busy, onAsk }: AskingProps) {
  const [sql, setSql] = useState(EXAMPLE);
  return (
    <Form busy={busy} onSubmit={() => onAsk({ tool: "cohort_query", args: { sql } })} word="Run">
      <label class="field">
        <span>One SELECT of counts over the de-identified tables</span>
        <textarea
          rows={5}
          value={sql}
          spellcheck={false}
          onInput={(event) => setSql(event.currentTarget.value)}
        />
      </label>
      <p class="small muted">
        Tables: patient, condition, observation, medication, encounter, immunization, procedure, report,
        allergy, joined USING (patient_key). Rows of fewer than 11 patients are left out.
      </p>
    </Form>
  );
}

interface FormProps {
  busy: boolean;
  word: string;
  onSubmit: () => void;
  children: ComponentChildren;
  beside?: ComponentChildren;
}

function Form({ busy, word, onSubmit, children, beside }: FormProps) {
  return (
    <form
      class="asking"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) onSubmit();
      }}
    >
      {children}
      <div class="row">
        <button type="submit" class="btn primary" aria-disabled={busy}>
          {word}
        </button>
        {beside}
      </div>
    </form>
  );
}
