// Rows of criteria, each a group of labelled fields.

import type { CohortSet } from "../api/events.gen";
import { EMPTY, JOINS, type Join, KINDS, type Kind, type Row, SIGNS, SYSTEMS } from "./criteria";

interface BuilderProps {
  rows: readonly Row[];
  sets: readonly CohortSet[];
  onChange: (rows: readonly Row[]) => void;
}

export function Builder({ rows, sets, onChange }: BuilderProps) {
  const put = (at: number, change: Partial<Row>) =>
    onChange(rows.map((row, index) => (index === at ? { ...row, ...change } : row)));
  return (
    <>
      {rows.length === 0 && <p class="small muted">No criterion: every patient counts.</p>}
      {rows.map((row, index) => (
        <fieldset class="criterion" key={index}>
          <legend>Criterion {index + 1}</legend>
          <Choice
            label="Patients"
            value={row.join}
            options={Object.entries(JOINS)}
            onChange={(join) => put(index, { join: join as Join })}
          />
          <Choice
            label="What"
            value={row.what}
            options={["age", "sex", ...KINDS].map((one) => [one, one])}
            onChange={(what) =>
              put(index, { ...EMPTY, join: row.join, what: what as Row["what"], ...ofKind(what) })
            }
          />
          <Fields row={row} sets={sets} put={(change) => put(index, change)} />
          <button
            type="button"
            class="btn quiet"
            aria-label={`Remove criterion ${index + 1}`}
            onClick={() => onChange(rows.filter((_, at) => at !== index))}
          >
            Remove
          </button>
        </fieldset>
      ))}
      <button type="button" class="btn" onClick={() => onChange([...rows, EMPTY])}>
        Add a criterion
      </button>
    </>
  );
}

function ofKind(what: string): Partial<Row> {
  return { system: what === "condition" ? "icd10" : what === "observation" ? "loinc" : "snomed" };
}

interface FieldsProps {
  row: Row;
  sets: readonly CohortSet[];
  put: (change: Partial<Row>) => void;
}

function Fields({ row, sets, put }: FieldsProps) {
  if (row.what === "age")
    return (
      <>
        <Text label="From (years)" value={row.low} onChange={(low) => put({ low })} numeric />
        <Text label="To (years)" value={row.high} onChange={(high) => put({ high })} numeric />
      </>
    );
  if (row.what === "sex") {
    const options = ["female", "male", "other"].map((one) => [one, one] as const);
    return <Choice label="Sex" value={row.sex} options={options} onChange={(sex) => put({ sex })} />;
  }
  return <RecordFields row={row} sets={sets} put={put} kind={row.what} />;
}

function RecordFields({ row, sets, put, kind }: FieldsProps & { kind: Kind }) {
  const able = sets.filter(({ kinds }) => kinds.includes(kind)).map(({ name }) => [name, name] as const);
  return (
    <>
      <Choice
        label="Value set"
        value={row.set}
        options={[["", "by codes, or any"], ...able]}
        onChange={(set) => put({ set })}
      />
      {row.set === "" && (
        <>
          <Choice
            label="Code system"
            value={row.system}
            options={SYSTEMS.map((one) => [one, one])}
            onChange={(system) => put({ system })}
          />
          <Text label="Codes" value={row.codes} onChange={(codes) => put({ codes })} />
        </>
      )}
      <Text label="Within days" value={row.days} onChange={(days) => put({ days })} numeric />
      {kind !== "observation" && (
        <Text label="On days at least" value={row.count} onChange={(count) => put({ count })} numeric />
      )}
      {kind === "observation" && (
        <>
          <Choice
            label="Newest value"
            value={row.sign}
            options={[["", "any"], ...SIGNS.map((one) => [one, one] as const)]}
            onChange={(sign) => put({ sign })}
          />
          {row.sign !== "" && (
            <>
              <Text label="Number" value={row.number} onChange={(number) => put({ number })} numeric />
              <Text label="Unit (UCUM)" value={row.unit} onChange={(unit) => put({ unit })} />
            </>
          )}
        </>
      )}
      {(kind === "condition" || kind === "medication" || kind === "allergy") && (
        <label class="tick">
          <input
            type="checkbox"
            checked={row.active}
            onChange={(e) => put({ active: e.currentTarget.checked })}
          />
          active only
        </label>
      )}
    </>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}

export function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([name, words]) => (
          <option value={name} key={name} selected={name === value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

interface TextProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  numeric?: boolean;
}

export function Text({ label, value, onChange, numeric = false }: TextProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="text"
        inputMode={numeric ? "decimal" : "text"}
        autoComplete="off"
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}
