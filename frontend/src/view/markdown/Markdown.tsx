// A model's or the rule assistant's text as nodes: blocks that are finished are drawn once.

import type { Token, Tokens } from "marked";
import type { ComponentChildren, VNode } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { alarms, type Dangers, NO_DANGERS } from "./dangers";
import { Inline } from "./Inline";
import { type Lexed, lexMore, NOTHING, runs, textOf } from "./lex";
import type { Marks } from "./marks";

interface MarkdownProps {
  text: string;
  marks: Marks;
  /** Still being written: a caret stands at the end. */
  growing: boolean;
  /** The answer opens with this text: its first paragraph is larger. */
  leads: boolean;
  /** Values that the launch card marks as dangerous: an opening that names one gets the red bar. */
  dangers?: Dangers;
}

export function Markdown({ text, marks, growing, leads, dangers = NO_DANGERS }: MarkdownProps) {
  const lexed = useRef<Lexed>(NOTHING);
  lexed.current = useMemo(() => lexMore(lexed.current, text), [text]);
  const { frozen, tail } = lexed.current;
  const blocks = [...frozen, ...tail].filter(({ type }) => type !== "space");
  return (
    <>
      {blocks.map((token, index) => (
        <BlockView
          key={index}
          token={token}
          marks={marks}
          caret={growing && index === blocks.length - 1}
          dangers={leads && index === 0 ? dangers : undefined}
        />
      ))}
    </>
  );
}

interface BlockProps {
  token: Token;
  marks: Marks;
  caret?: boolean;
  /** Given to the paragraph that opens the answer, and only to it. */
  dangers?: Dangers | undefined;
}

/** Drawn again only when its token or a verdict changes: an unchanged node stops Preact at once. */
function BlockView({ token, marks, caret = false, dangers }: BlockProps) {
  return useMemo(() => draw(token, marks, caret, dangers), [token, marks, caret, dangers]);
}

function draw(token: Token, marks: Marks, caret: boolean, dangers: Dangers | undefined): VNode | null {
  const inner = "tokens" in token ? ((token.tokens as Token[] | undefined) ?? []) : [];
  const inline = (tokens: readonly Token[]) => <Inline runs={runs(tokens)} marks={marks} caret={caret} />;
  switch (token.type) {
    case "space":
    case "hr":
      return null;
    case "heading":
      return <h2 class="para h">{inline(inner)}</h2>;
    case "paragraph":
      return <p class={lookOf(inner, dangers)}>{inline(inner)}</p>;
    case "list":
      return <List list={token as Tokens.List} marks={marks} caret={caret} />;
    case "table":
      return <Table table={token as Tokens.Table} marks={marks} />;
    case "blockquote":
      return <blockquote class="para quoted">{all(inner, marks)}</blockquote>;
    case "code":
      return <pre class="para raw">{token.text as string}</pre>;
    default:
      // HTML, link definitions and whatever a later Markdown brings: the characters that were written.
      return (
        <p class="para">
          {inline([{ type: "text", raw: token.raw, text: token.raw.trim() } as Tokens.Text])}
        </p>
      );
  }
}

function all(tokens: readonly Token[], marks: Marks): ComponentChildren {
  return tokens.map((token, index) => <BlockView key={index} token={token} marks={marks} />);
}

function lookOf(tokens: readonly Token[], dangers: Dangers | undefined): string {
  if (dangers !== undefined) return alarms(textOf(runs(tokens)), dangers) ? "first alarm" : "first";
  return whollyEmphasised(tokens) ? "para small muted" : "para";
}

function whollyEmphasised(tokens: readonly Token[]): boolean {
  const solid = tokens.filter((token) => token.raw.trim() !== "");
  return solid.length === 1 && solid[0]?.type === "em";
}

function List({ list, marks, caret }: { list: Tokens.List; marks: Marks; caret: boolean }) {
  const items = list.items.map((item, index) => (
    <li key={index}>
      {item.tokens.map((token, place) =>
        token.type === "text" ? (
          <Inline
            key={place}
            runs={runs([token])}
            marks={marks}
            caret={caret && index === list.items.length - 1 && place === item.tokens.length - 1}
          />
        ) : (
          <BlockView key={place} token={token} marks={marks} />
        ),
      )}
    </li>
  ));
  return list.ordered ? (
    <ol class="para md" start={Number(list.start) || 1}>
      {items}
    </ol>
  ) : (
    <ul class="para md">{items}</ul>
  );
}

function Table({ table, marks }: { table: Tokens.Table; marks: Marks }) {
  const cell = (tokens: readonly Token[]) => <Inline runs={runs(tokens)} marks={marks} />;
  return (
    <section class="tblwrap" tabIndex={0} aria-label="Table">
      <table class="stack">
        <thead>
          <tr>
            {table.header.map((head, index) => (
              <th scope="col" key={index}>
                {cell(head.tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((one, place) =>
                place === 0 ? (
                  <th scope="row" key={place}>
                    {cell(one.tokens)}
                  </th>
                ) : (
                  <td key={place} data-l={textOf(runs(table.header[place]?.tokens ?? []))}>
                    {cell(one.tokens)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
