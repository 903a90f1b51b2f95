// An answer on the screen: each table with its bars where it can be drawn, and always as a table too.

import type { CohortTable } from "../api/events.gen";
import { type Bars, LABEL_LINE, layOutBars, spokenBars } from "./bars";

export function Tables({ tables }: { tables: readonly CohortTable[] }) {
  return (
    <>
      {tables.map((table, index) => (
        <OneTable key={index} table={table} />
      ))}
    </>
  );
}

function OneTable({ table }: { table: CohortTable }) {
  const { words, columns, rows, notes, marks } = table;
  const single = columns.length === 1 && rows.length === 1;
  return (
    <section class="counted">
      <h3>{words}</h3>
      {single ? (
        <p class="whole">
          <b>{rows[0]?.[0]}</b> patients
        </p>
      ) : marks.length > 0 ? (
        <figure class="trend">
          <Drawing look="narrow" bars={layOutBars(marks, 330)} sentence={spokenBars(words, marks)} />
          <Drawing look="wide" bars={layOutBars(marks, 640)} sentence={spokenBars(words, marks)} />
          <details>
            <summary>Show as table</summary>
            <Rows table={table} />
          </details>
        </figure>
      ) : (
        columns.length > 0 &&
        (rows.length > 0 ? <Rows table={table} /> : <p class="small">No row of 11 patients or more.</p>)
      )}
      {notes.map((note) => (
        <p class="small muted" key={note}>
          {note}
        </p>
      ))}
    </section>
  );
}

function Rows({ table }: { table: CohortTable }) {
  const { words } = table;
  // The key of a rule is for files; its title names it here.
  const from = table.columns[0] === "rule" ? 1 : 0;
  const columns = table.columns.slice(from);
  const rows = table.rows.map((row) => row.slice(from));
  return (
    // biome-ignore lint/a11y/useSemanticElements: a region that scrolls has to be reached by keyboard
    <div class="tblwrap" role="group" aria-label={words} tabIndex={0}>
      <table class="counts">
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" key={column}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, place) =>
                place === 0 ? (
                  <th scope="row" key={place}>
                    {cell}
                  </th>
                ) : (
                  <td key={place}>{cell}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Drawing({ look, bars, sentence }: { look: string; bars: Bars; sentence: string }) {
  const { width, height, left, beside, rows } = bars;
  return (
    <svg class={look} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={sentence}>
      {beside && <path class="axis" d={`M${left} 0V${height}`} />}
      {rows.map(({ lines, labelY, y, bar, shown }, index) => (
        <g key={index}>
          {lines.map((line, at) => (
            <text
              key={at}
              x={beside ? left - 6 : 0}
              y={labelY + at * LABEL_LINE}
              text-anchor={beside ? "end" : "start"}
            >
              {line}
            </text>
          ))}
          {bar !== null && (
            <rect class="bar" x={left} y={bar.y} width={bar.width} height={bar.height} rx={1.5} />
          )}
          <text class={bar === null ? "evl" : "v"} x={left + (bar === null ? 0 : bar.width + 6)} y={y}>
            {shown}
          </text>
        </g>
      ))}
    </svg>
  );
}
