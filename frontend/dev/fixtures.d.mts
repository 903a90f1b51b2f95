import type {
  Banner,
  Card,
  CriteriaBlock,
  ModelChoices,
  ModelLabel,
  Restricted,
  ResultsBlock,
  Source,
  StoredTurn,
} from "../src/api/events.gen";

type Turn = Omit<StoredTurn, "turn_id">;
export const banner: Banner;
export const banners: Readonly<Record<string, Banner>>;
export const card: Card;
export const restricted: Restricted;
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };
export const apixabanCriteria: Mutable<CriteriaBlock>;
export const kidneyTable: ResultsBlock;
export const kidneyTrend: ResultsBlock;
export const choices: Readonly<Record<"several" | "optOut" | "none", ModelChoices>>;
export const models: Readonly<Record<"none" | "claude", ModelLabel>>;
export const turns: Readonly<
  Record<
    | "answer"
    | "no-model"
    | "negative"
    | "unread"
    | "mismatch"
    | "uncited"
    | "streaming"
    | "failed"
    | "failed-whole"
    | "cut"
    | "stopped",
    Turn
  >
>;
export function source(n: number): Source;
