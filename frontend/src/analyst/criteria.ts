// What the builder's rows come to: the criteria that the server reads. Nothing is asked for that a row does not say.

export const KINDS = [
  "condition",
  "observation",
  "medication",
  "encounter",
  "immunization",
  "procedure",
  "report",
  "allergy",
] as const;
export const SYSTEMS = ["icd10", "snomed", "loinc", "cvx", "rxnorm", "cpt", "ndc"] as const;
export const SIGNS = ["<", "<=", ">", ">=", "="] as const;
export const JOINS = { all: "Must have", any: "One of", none: "Must not have" } as const;

export type Kind = (typeof KINDS)[number];
export type Join = keyof typeof JOINS;

/** One row as it is typed; texts stay texts, so that nothing typed is lost. */
export interface Row {
  readonly join: Join;
  readonly what: "age" | "sex" | Kind;
  readonly low: string;
  readonly high: string;
  readonly sex: string;
  readonly set: string;
  readonly system: string;
  readonly codes: string;
  readonly active: boolean;
  readonly days: string;
  readonly count: string;
  readonly sign: string;
  readonly number: string;
  readonly unit: string;
}

export const EMPTY: Row = {
  join: "all",
  what: "condition",
  low: "",
  high: "",
  sex: "female",
  set: "",
  system: "icd10",
  codes: "",
  active: false,
  days: "",
  count: "",
  sign: "",
  number: "",
  unit: "",
};

type Criterion = Readonly<Record<string, unknown>>;
export type Criteria = Readonly<Partial<Record<Join, readonly Criterion[]>>>;

export function criteriaOf(rows: readonly Row[]): Criteria {
  const parts = (Object.keys(JOINS) as Join[]).map((join) => {
    const found = rows.filter((row) => row.join === join).map(criterion);
    return [join, found] as const;
  });
  return Object.fromEntries(parts.filter(([, found]) => found.length > 0));
}

function criterion(row: Row): Criterion {
  if (row.what === "age") return { of: "age", ...whole("at_least", row.low), ...whole("at_most", row.high) };
  if (row.what === "sex") return { of: "sex", is: row.sex };
  return {
    of: "record",
    kind: row.what,
    ...meant(row),
    ...(row.active ? { status: ["active"] } : {}),
    ...whole("within_days", row.days),
    ...whole("count", row.count),
    ...(row.what === "observation" && row.sign !== "" && row.number.trim() !== ""
      ? { value: { is: row.sign, number: Number(row.number), unit: row.unit.trim() } }
      : {}),
  };
}

function meant(row: Row): Criterion {
  if (row.set !== "") return { set: row.set };
  const codes = row.codes.split(/[\s,;]+/).filter((code) => code !== "");
  return codes.length > 0 ? { codes: { [row.system]: codes } } : {};
}

/** What is no number is sent as it is: the server says which field is wrong. */
function whole(name: string, text: string): Criterion {
  if (text.trim() === "") return {};
  const number = Number(text);
  return { [name]: Number.isInteger(number) ? number : text };
}
