// One line of text as nodes: chips, values, dates, bold, and what the check found in it.

import type { ComponentChildren } from "preact";
import type { Citation } from "../../api/events.gen";
import { Chip, type ChipState } from "../Chip";
import { useScope } from "../context";
import { ValueNode } from "./Clinical";
import { type AnyAtom, atoms, type ChipAtom } from "./clinical";
import { type Run, textOf } from "./lex";
import { type Marks, type Range, saidRanges, type Uncited, uncitedRanges, wrongRanges } from "./marks";

interface InlineProps {
  runs: readonly Run[];
  marks: Marks;
  caret?: boolean;
}

export function Inline({ runs, marks, caret = false }: InlineProps) {
  const text = textOf(runs);
  const wrong = wrongRanges(text, marks);
  const uncited = uncitedRanges(text, marks);
  const said = saidRanges(text, uncited);
  const unsourced = uncited.filter(({ kind }) => kind === "no_source");
  const borders = [...wrong, ...uncited, ...said].flatMap(({ from, to }) => [from, to]);
  const cuts = [...styleBorders(runs), ...borders];
  const pieces = atoms(text).flatMap((atom) => (atom.kind === "text" ? split(atom, cuts) : [atom]));
  return (
    <>
      {pieces.map((atom) => {
        const ends = uncited.find(({ to }) => to > atom.from && to <= atom.to);
        const tag = ends === undefined ? null : <UncitedTag kind={ends.kind} />;
        if (atom.kind === "text" && covered(said, atom)) return tag;
        return (
          <Styled
            key={atom.from}
            run={runAt(runs, atom.from)}
            wrong={atom.kind !== "value" && covered(wrong, atom)}
            unsourced={covered(unsourced, atom)}
            after={tag}
          >
            {drawAtom(atom, covered(wrong, atom), marks)}
          </Styled>
        );
      })}
      {caret && <span class="caret" aria-hidden="true" />}
    </>
  );
}

function drawAtom(atom: AnyAtom, wrong: boolean, marks: Marks): ComponentChildren {
  switch (atom.kind) {
    case "text":
      return atom.text;
    case "date":
      return <time>{atom.text}</time>;
    case "value":
      return <ValueNode atom={atom} wrong={wrong} />;
    case "chip":
      return <TextChip atom={atom} marks={marks} />;
  }
}

const LOOKS: Record<Citation["verdict"], ChipState> = {
  pending: "wait",
  match: "plain",
  unchecked: "plain",
  mismatch: "bad",
};

function TextChip({ atom: { n, sentence }, marks }: { atom: ChipAtom; marks: Marks }) {
  const { sources } = useScope();
  const source = sources.find((known) => known.n === n);
  const citation = marks.citations.find((known) => known.n === n && known.sentence === sentence);
  if (source === undefined || citation === undefined) return null;
  return (
    <>
      <Chip
        n={n}
        label={citation.label}
        search={source.search}
        text={source.text}
        state={LOOKS[citation.verdict]}
        sentence={sentence}
      />
      {citation.verdict === "mismatch" && <MismatchTag citation={citation} />}
    </>
  );
}

function MismatchTag({ citation: { differences } }: { citation: Citation }) {
  const record = differences.map((difference) => difference.record).filter((said) => said !== "");
  return (
    <>
      {" "}
      <span class="tag bad">Does not match{record.length > 0 && `: record says ${record.join(", ")}`}</span>
    </>
  );
}

const TAGS: Record<Uncited["kind"], readonly [look: string, words: string]> = {
  no_source: ["nosrc", "No source"],
  general_knowledge: ["gk", "General knowledge"],
  unchecked: ["unchecked", "Not checked by rule"],
};

function UncitedTag({ kind }: { kind: Uncited["kind"] }) {
  const [look, words] = TAGS[kind];
  return (
    <>
      {" "}
      <span class={`tag ${look}`}>{words}</span>
    </>
  );
}

interface StyledProps {
  run: Run | undefined;
  wrong: boolean;
  unsourced: boolean;
  after: ComponentChildren;
  children: ComponentChildren;
}

function Styled({ run, wrong, unsourced, after, children }: StyledProps) {
  let node = children;
  if (run?.code) node = <code>{node}</code>;
  if (run?.em) node = <em>{node}</em>;
  if (run?.strong) node = <strong>{node}</strong>;
  if (wrong) node = <span class="wrong">{node}</span>;
  if (unsourced) node = <span class="unsourced">{node}</span>;
  return (
    <>
      {node}
      {after}
    </>
  );
}

function styleBorders(runs: readonly Run[]): number[] {
  let at = 0;
  return runs.map(({ text }) => {
    at += text.length;
    return at;
  });
}

function runAt(runs: readonly Run[], place: number): Run | undefined {
  let at = 0;
  return runs.find(({ text }) => {
    at += text.length;
    return place < at;
  });
}

function covered(ranges: readonly Range[], { from, to }: Range): boolean {
  return ranges.some((range) => range.from < to && range.to > from);
}

function split(atom: AnyAtom & { kind: "text" | "date" }, cuts: readonly number[]): AnyAtom[] {
  const inside = [...new Set(cuts.filter((cut) => cut > atom.from && cut < atom.to))].sort((a, b) => a - b);
  const borders = [atom.from, ...inside, atom.to];
  return borders.slice(1).map((to, index) => {
    const from = borders[index] ?? atom.from;
    return { ...atom, from, to, text: atom.text.slice(from - atom.from, to - atom.from) };
  });
}
