// Parts of an answer that the server copied from the chart.

import { useMemo, useState } from "preact/hooks";
import type {
  Block,
  Cell,
  CriteriaBlock,
  NegativeBlock,
  Piece,
  QuoteBlock,
  ResultsBlock,
  RowsBlock,
  Series,
} from "../api/events.gen";
import { Chip } from "./Chip";
import { useActs, useScope } from "./context";
import { amount, counted, totalOf } from "./counted";
import { Flag } from "./Flag";
import { Icon } from "./Icon";
import { Clinical } from "./markdown/Clinical";
import { bracketed, Pieces, Rows } from "./Pieces";
import { TrendFigure } from "./trend_part";

/** `trends`: results that can be drawn over time are; rows copied without a model stay a table. */
export function BlockNode({ block, trends }: { block: Block; trends: boolean }) {
  switch (block.kind) {
    case "results":
      // A conversation kept by an earlier version has no trend in its tables.
      return trends && block.trend ? <TrendFigure block={block} /> : <ResultsTable block={block} />;
    case "rows":
      return <RowsPart block={block} />;
    case "negative":
      return <Negative block={block} />;
    case "quote":
      return <Quote block={block} />;
    case "criteria":
      return <Criteria block={block} />;
  }
}

/** A rule that counts: every input with its date, its age where it is old, and what is missing. It recommends nothing. */
function Criteria({ block: { title, reason, rule, criteria, sum } }: { block: CriteriaBlock }) {
  return (
    <section class="criteria" aria-label="Dose criteria">
      <p class="h">
        <Pieces pieces={title} />
      </p>
      <p class="small">
        <Pieces pieces={reason} />
      </p>
      <p class="small">
        <Clinical text={rule} /> <span class="tag gk">General knowledge</span>
      </p>
      <ul class="crit">
        {criteria.map(({ name, pieces, age, meets }) => (
          <li key={name}>
            <span>
              <Pieces pieces={pieces} />
              {age !== "" && (
                <>
                  {" "}
                  <span class="old nw">{age}</span>
                </>
              )}
            </span>
            <b class={meets === "missing" ? "old" : undefined}>{meets}</b>
          </li>
        ))}
      </ul>
      <p class="small">
        <Clinical text={sum} />
      </p>
    </section>
  );
}

/** `chips`: the caption cites each series; not where the series itself is the source that is shown. */
export function ResultsTable({ block, chips = true }: { block: ResultsBlock; chips?: boolean }) {
  const { caption, date_role, series, lines, note } = block;
  const [all, setAll] = useState(false);
  const short = useMemo(() => (chips ? newest(lines) : lines), [chips, lines]);
  return (
    <>
      <section class="tblwrap" tabIndex={0} aria-label={caption}>
        <table class="labs">
          <caption>
            <div class="inview">
              {caption}
              {chips &&
                series.map((one, index) => (
                  <span key={one.n}>
                    {index === 0 ? ": " : ", "}
                    {inSentence(one.label)}
                    <Chip n={one.n} label={one.cite_label} />
                  </span>
                ))}
            </div>
          </caption>
          <thead>
            <tr>
              <th scope="col">{date_role}</th>
              {series.map((one) => (
                <SeriesHead key={one.n} series={one} />
              ))}
            </tr>
          </thead>
          <tbody>
            {(all ? lines : short).map(({ date, cells }, index) => (
              <tr key={index}>
                <th scope="row">
                  <time>{date}</time>
                </th>
                {cells.map((cell, place) => (
                  <td key={series[place]?.n}>{cell !== null && <CellValue cell={cell} />}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {note !== "" && (
        <p class="small muted top4">
          <Clinical text={note} />
        </p>
      )}
      {short.length < lines.length && (
        <div class="row top4">
          <button type="button" class="btn low" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? `Show ${short.length} dates` : `Show all ${amount(lines.length)} dates`}
          </button>
        </div>
      )}
    </>
  );
}

const NEWEST = 6;

/** The newest dates, and the newest value of every test; a few more dates are not worth a button. */
function newest(lines: ResultsBlock["lines"]): ResultsBlock["lines"] {
  if (lines.length <= NEWEST + 2) return lines;
  const seen = new Set<number>();
  return lines.filter(({ cells }, index) => {
    const fresh = cells.flatMap((cell, place) => (cell === null || seen.has(place) ? [] : [place]));
    for (const place of fresh) seen.add(place);
    return index < NEWEST || fresh.length > 0;
  });
}

function SeriesHead({ series: { label, unit, range } }: { series: Series }) {
  return (
    <th scope="col">
      {label}
      {(unit !== "" || range !== "") && (
        <small>
          <Breakable text={unit} />
          {unit !== "" && range !== "" && <br />}
          {range !== "" && <span class="nw">{bracketed(range)}</span>}
        </small>
      )}
    </th>
  );
}

/** A long unit may break after a slash, a short one nowhere. */
function Breakable({ text }: { text: string }) {
  if (text.length < 9) return <span class="nw">{text}</span>;
  return (
    <>
      {text.split(/(?<=\/)/).map((part, index) => (
        <span key={index}>
          {part}
          <wbr />
        </span>
      ))}
    </>
  );
}

/** The value itself opens its own source: one click from a number to the record. */
function CellValue({ cell }: { cell: Cell }) {
  const { openSource } = useActs();
  const { id, open } = useScope();
  return (
    <>
      <button
        type="button"
        class="val"
        data-cite={`${id} ${cell.n}`}
        aria-label={`${cell.text}: ${cell.label}`}
        aria-current={open === cell.n ? "true" : undefined}
        onClick={() => void openSource(id, cell.n)}
      >
        {cell.text}
      </button>
      <Flag {...cell} />
      {cell.status !== "" && <span class="st"> {cell.status}</span>}
    </>
  );
}

/** "Potassium" reads "potassium" inside a line; "eGFR" and "HbA1c" stay. */
function inSentence(label: string): string {
  return /^\p{Lu}\p{Ll}+\b/u.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label;
}

function RowsPart({ block: { title, rows, more } }: { block: RowsBlock }) {
  const [all, setAll] = useState(false);
  const listed = rows.length + more.length;
  const whole = listed === totalOf(title, listed);
  return (
    <div class="sec">
      {title !== "" && (
        <h2 class="h">
          <Clinical text={counted(title, all ? listed : rows.length, listed)} />
          {all && whole && `, all ${listed} shown`}
        </h2>
      )}
      <Rows rows={all ? [...rows, ...more] : rows} />
      {more.length > 0 && (
        <button type="button" class="btn low" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? `Show first ${rows.length}` : `Show ${whole ? "all " : ""}${listed}`}
        </button>
      )}
    </div>
  );
}

function Negative({ block: { state, title, pieces } }: { block: NegativeBlock }) {
  if (state === "none_found") {
    return (
      <div class="neg-none">
        <Icon name="search" />
        <div>
          <p class="first flush">
            <b>{title}</b>
          </p>
          {afterSearch(pieces).map((line, index) => (
            <p class="para" key={index}>
              <Pieces pieces={line} />
            </p>
          ))}
        </div>
      </div>
    );
  }
  return (
    <div class="neg-unread">
      <Icon name="warn" />
      <div>
        <p>
          <b>{title}</b> <Pieces pieces={pieces.slice(0, 1)} />
        </p>
        {pieces.length > 1 && (
          <p class="small top4">
            <Pieces pieces={pieces.slice(1)} />
          </p>
        )}
      </div>
    </div>
  );
}

/** What was searched stands first, with its chip; what follows from it is a line of its own. */
function afterSearch(pieces: readonly Piece[]): readonly (readonly Piece[])[] {
  const place = pieces.findIndex((piece) => piece.kind === "cite" && piece.search) + 1;
  return place === 0
    ? [pieces]
    : [pieces.slice(0, place), pieces.slice(place)].filter((line) => line.length > 0);
}

function Quote({ block: { title, passage, copied_from } }: { block: QuoteBlock }) {
  return (
    <figure class="quote">
      <figcaption class="h">
        <Pieces pieces={title} />
      </figcaption>
      {copied_from !== "" && (
        <p class="copied">
          <Icon name="copy" small />
          <b>
            Copied forward from <Clinical text={copied_from} />.
          </b>
        </p>
      )}
      <blockquote class="note">
        <p class={copied_from === "" ? undefined : "old"}>
          <Clinical text={passage} />
        </p>
      </blockquote>
    </figure>
  );
}
