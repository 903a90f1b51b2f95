// An answer as plain text for another program: who it is about, the words with their marks, the sources.

import { Lexer, type Token, type Tokens } from "marked";
import type {
  Block,
  Card,
  Cell,
  Citation,
  CriteriaBlock,
  Gap,
  Piece,
  ResultsBlock,
  Row,
  RowsBlock,
  Snapshot,
} from "../api/events.gen";
import { numbers } from "../state/cites";
import { type Message, statements } from "../state/message";
import { counted } from "./counted";
import { runs, textOf } from "./markdown/lex";
import { provenanceText } from "./provenance";
import { spaceBetween } from "./spacing";

type Numbers = ReadonlyMap<number, number>;

export function copyText(message: Message, snapshot: Snapshot, card: Card | null): string {
  const shown = numbers(message.sources);
  const body = message.parts.map((part) =>
    part.kind === "text" ? markdownText(part.text, message, shown) : blockText(part.block, shown),
  );
  return [
    identity(snapshot, card),
    warning(message),
    ...body,
    gapsText(message, shown),
    foot(message),
    sourcesText(message, shown),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function identity({ patient }: Snapshot, card: Card | null): string {
  const who = `${patient.family}, ${patient.given}, born ${patient.born}`;
  return card === null ? `${who}.` : `${who}, MRN ${card.banner.mrn}. Chart read ${card.read_at}.`;
}

/** What the screen marks red or dotted must not arrive elsewhere as an ordinary sentence. */
function warning(message: Message): string {
  const { all, differ, unsourced } = statements(message);
  const lines = [
    differ > 0 ? `${differ} of ${all} statements ${differ === 1 ? "does" : "do"} not match the source.` : "",
    unsourced > 0 ? `${unsourced} of ${all} statements ${unsourced === 1 ? "has" : "have"} no source.` : "",
  ];
  return lines.filter((line) => line !== "").join(" ");
}

function foot(message: Message): string {
  return message.status === "stopped"
    ? "Stopped: not complete."
    : message.answered === null
      ? ""
      : provenanceText(message.answered, true);
}

function markdownText(text: string, message: Message, shown: Numbers): string {
  const words = (tokens: readonly Token[]) => withNumbers(textOf(runs(tokens)), message, shown);
  const one = (token: Token): string => {
    switch (token.type) {
      case "space":
      case "hr":
        return "";
      case "list":
        return (token as Tokens.List).items
          .map((item, index) => `${token.ordered ? `${index + 1}.` : "-"} ${item.tokens.map(one).join("\n")}`)
          .join("\n");
      case "table":
        return [(token as Tokens.Table).header, ...(token as Tokens.Table).rows]
          .map((row) => row.map((cell) => words(cell.tokens)).join("\t"))
          .join("\n");
      case "blockquote":
        return (token as Tokens.Blockquote).tokens.map(one).join("\n");
      default:
        return words("tokens" in token && token.tokens ? token.tokens : [token]).trim();
    }
  };
  const blocks = Lexer.lex(text).map(one);
  return blocks.filter((block) => block !== "").join("\n\n");
}

function withNumbers(text: string, message: Message, shown: Numbers): string {
  return text.replace(/\ue000(\d+)\.(\d+)\ue001/g, (_, n: string, sentence: string) => {
    const citation = message.citations.find((c) => c.n === Number(n) && c.sentence === Number(sentence));
    return chipText(Number(n), shown) + (citation === undefined ? "" : verdictText(citation));
  });
}

function verdictText({ verdict, differences }: Citation): string {
  if (verdict !== "mismatch") return "";
  const record = differences.map((difference) => difference.record).filter((said) => said !== "");
  return ` (does not match${record.length > 0 ? `: record says ${record.join(", ")}` : ""})`;
}

function chipText(n: number, shown: Numbers): string {
  const number = shown.get(n);
  return number === undefined ? "" : ` [${number}]`;
}

export function piecesText(pieces: readonly Piece[], shown: Numbers): string {
  return pieces
    .map((piece, index) => spaceBetween(pieces[index - 1], piece) + pieceText(piece, shown))
    .join("")
    .trim();
}

function pieceText(piece: Piece, shown: Numbers): string {
  switch (piece.kind) {
    case "text":
    case "date":
      return piece.text;
    case "value":
      return [piece.text, piece.unit, piece.flag, piece.range && `(${piece.range.replace(/^\(|\)$/g, "")})`]
        .filter((part) => part !== "")
        .join(" ");
    case "cite":
      return piece.search ? `(${piece.text})` : chipText(piece.n, shown);
  }
}

function rowText(row: Row, shown: Numbers): string {
  return [row.pieces, ...row.meta].map((line) => piecesText(line, shown)).join("; ");
}

function blockText(block: Block, shown: Numbers): string {
  switch (block.kind) {
    case "results":
      return resultsText(block, shown);
    case "rows":
      return rowsText(block, shown);
    case "negative":
      return `${block.title} ${piecesText(block.pieces, shown)}`;
    case "criteria":
      return criteriaText(block, shown);
    case "quote": {
      const copied = block.copied_from === "" ? "" : ` (copied forward from ${block.copied_from})`;
      return `${piecesText(block.title, shown)}${copied}: "${block.passage}"`;
    }
  }
}

function criteriaText({ title, reason, rule, criteria, sum }: CriteriaBlock, shown: Numbers): string {
  const lines = criteria.map(
    ({ pieces, age, meets }) => `- ${piecesText(pieces, shown)}${age === "" ? "" : ` (${age})`}: ${meets}`,
  );
  const head = [piecesText(title, shown), piecesText(reason, shown), `${rule} (General knowledge)`];
  return [...head, ...lines, sum].join("\n");
}

function rowsText({ title, rows, more }: RowsBlock, shown: Numbers): string {
  const listed = [...rows, ...more];
  return [counted(title, listed.length, listed.length), ...listed.map((row) => `- ${rowText(row, shown)}`)]
    .filter((line) => line !== "")
    .join("\n");
}

function resultsText({ caption, date_role, series, lines, note }: ResultsBlock, shown: Numbers): string {
  const head = series.map(({ label, unit, range, n }) => {
    const reference = range === "" ? "" : ` (${range.replace(/^\(|\)$/g, "")})`;
    return `${label}${unit && ` ${unit}`}${reference}${chipText(n, shown)}`;
  });
  const rows = lines.map(({ date, cells }) => [date, ...cells.map(cellText)].join("\t"));
  return [caption, [date_role, ...head].join("\t"), ...rows, note].filter((line) => line !== "").join("\n");
}

function cellText(cell: Cell | null): string {
  if (cell === null) return "";
  return [cell.text, cell.flag, cell.status].filter((part) => part !== "").join(" ");
}

function gapsText({ notSeen }: Message, shown: Numbers): string {
  if (notSeen === null) return "";
  const line = (name: string, gaps: readonly Gap[]) =>
    gaps.length === 0
      ? ""
      : `${name}: ${gaps.map(({ pieces }) => piecesText(pieces, shown).replace(/\.$/, "")).join("; ")}.`;
  return [
    line("Not readable", notSeen.not_readable),
    line("Not searched", notSeen.not_searched),
    line("None found", notSeen.none_found),
  ]
    .filter((text) => text !== "")
    .join("\n");
}

function sourcesText({ sources }: Message, shown: Numbers): string {
  const cited = sources.filter(({ n }) => shown.has(n));
  if (cited.length === 0) return "";
  const lines = cited.map(
    ({ n, label, summary }) => `[${shown.get(n)}] ${label}${summary && `; ${summary}`}`,
  );
  return ["Sources:", ...lines].join("\n");
}
