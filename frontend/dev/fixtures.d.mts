import type { Banner, Card, ModelLabel, ResultsBlock, Source, StoredTurn } from "../src/api/events.gen";

type Turn = Omit<StoredTurn, "turn_id">;
export const banner: Banner;
export const banners: Readonly<Record<string, Banner>>;
export const card: Card;
export const kidneyTable: ResultsBlock;
export const models: Readonly<Record<"none" | "claude", ModelLabel>>;
export const turns: Readonly<
  Record<"no-model" | "negative" | "unread" | "mismatch" | "streaming" | "cut" | "stopped", Turn>
>;
export function source(n: number): Source;
