// Markdown to tokens, a growing text lexed again only at its unfinished end. Never HTML.

import { Lexer, type Token } from "marked";

export interface Lexed {
  /** Blocks that no later text can change; the same objects from one call to the next. */
  readonly frozen: readonly Token[];
  readonly frozenText: string;
  readonly tail: readonly Token[];
}

export const NOTHING: Lexed = { frozen: [], frozenText: "", tail: [] };

/** Lex `text`, keeping what `before` has frozen if it still stands at the start. */
export function lexMore(before: Lexed, text: string): Lexed {
  const source = text.replace(/\r\n?/g, "\n");
  const kept = source.startsWith(before.frozenText) ? before : NOTHING;
  const tokens = Lexer.lex(source.slice(kept.frozenText.length)) as Token[];
  const open = tokens.findLastIndex(({ type }) => type !== "space");
  if (open <= 0) return { ...kept, tail: tokens };
  const done = tokens.slice(0, open);
  return {
    frozen: [...kept.frozen, ...done],
    frozenText: kept.frozenText + done.map(({ raw }) => raw).join(""),
    tail: tokens.slice(open),
  };
}

/** A run of characters of one style. */
export interface Run {
  readonly text: string;
  readonly strong: boolean;
  readonly em: boolean;
  readonly code: boolean;
}

const PLAIN = { strong: false, em: false, code: false };

/** Flatten inline tokens. Links, images and HTML come out as the characters that were written. */
export function runs(tokens: readonly Token[], style: Omit<Run, "text"> = PLAIN): Run[] {
  return tokens.flatMap((token): Run[] => {
    const inner = "tokens" in token ? (token.tokens as Token[] | undefined) : undefined;
    switch (token.type) {
      case "strong":
        return runs(inner ?? [], { ...style, strong: true });
      case "em":
        return runs(inner ?? [], { ...style, em: true });
      case "text":
      case "paragraph":
        return inner === undefined ? [{ ...style, text: token.text as string }] : runs(inner, style);
      case "escape":
        return [{ ...style, text: token.text as string }];
      case "codespan":
        return [{ ...style, code: true, text: token.text as string }];
      case "br":
        return [{ ...style, text: "\n" }];
      default:
        return [{ ...style, text: token.raw }];
    }
  });
}

export function textOf(all: readonly Run[]): string {
  return all.map(({ text }) => text).join("");
}
