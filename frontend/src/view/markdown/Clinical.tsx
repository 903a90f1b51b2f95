// Plain words of the chart as nodes: dates and values kept whole. No chips, no Markdown.

import { Flag } from "../Flag";
import { type AnyAtom, atoms, meaning, type ValueAtom } from "./clinical";

export function Clinical({ text }: { text: string }) {
  return <>{atoms(text).map(drawPlain)}</>;
}

function drawPlain(atom: AnyAtom) {
  switch (atom.kind) {
    case "text":
      return atom.text;
    case "date":
      return <time>{atom.text}</time>;
    case "value":
      return <ValueNode atom={atom} />;
    case "chip":
      return null;
  }
}

export function ValueNode({ atom, wrong = false }: { atom: ValueAtom; wrong?: boolean }) {
  const { text, flag, range } = atom;
  const look = `${flag === "" ? "nw" : "n"}${wrong ? " wrong" : ""}`;
  return (
    <>
      <span class="nw">
        <span class={look}>{text}</span>
        {flag !== "" && <Flag flag={flag} {...meaning(flag)} />}
      </span>
      {range !== "" && " "}
      {range !== "" && <span class="ref">{range}</span>}
    </>
  );
}
