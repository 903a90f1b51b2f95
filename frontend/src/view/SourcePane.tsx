// What a citation points to: the claim and its verdict on top, then the record as it was sent.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Citation, Paragraph, Piece, Problem, Source, SourceFact } from "../api/events.gen";
import type { SourceRef } from "../state/cites";
import { ResultsTable } from "./Blocks";
import { useActs, useScope } from "./context";
import { Icon } from "./Icon";
import { Clinical } from "./markdown/Clinical";
import { Inline } from "./markdown/Inline";
import { cut, wordRanges } from "./markdown/marks";
import { Pieces } from "./Pieces";

interface PaneProps {
  n: number;
  source: Source | Problem | undefined;
  /** The citations of this source in the message; none on the launch card. */
  citations: readonly Citation[];
  of: "answer" | "card";
  onClose: () => void;
}

export function SourcePane({ n, source, citations, of, onClose }: PaneProps) {
  const { openSource } = useActs();
  const { id, sources, numbers } = useScope();
  const body = useRef<HTMLDivElement>(null);
  const read = source !== undefined;
  useEffect(() => body.current?.focus({ preventScroll: true }), [id, n]);
  useEffect(() => showMark(body.current), [id, n, read]);
  const place = sources.findIndex((known) => known.n === n);
  const name = paneName(n, sources[place], numbers, source);
  const go = (other: SourceRef | undefined) => other !== undefined && void openSource(id, other.n);
  return (
    <aside class="evidence open" aria-label={name}>
      <div class="ev-head">
        <h2>{name}</h2>
        {place !== -1 && sources.length > 1 && (
          <>
            <button
              type="button"
              class="icon"
              aria-label="Previous source"
              onClick={() => go(sources[(place + sources.length - 1) % sources.length])}
            >
              <Icon name="prev" />
            </button>
            <button
              type="button"
              class="icon"
              aria-label="Next source"
              onClick={() => go(sources[(place + 1) % sources.length])}
            >
              <Icon name="next" />
            </button>
          </>
        )}
        <span class="grow" />
        {sources.length > 0 && (
          <button type="button" class="btn quiet" onClick={() => showList(body.current)}>
            All sources
          </button>
        )}
        <button type="button" class="icon close" aria-label="Close source" onClick={onClose}>
          <Icon name="x" />
        </button>
      </div>
      <section class="ev-body" tabIndex={0} aria-label={`${name} content`} ref={body}>
        {citations.map((citation) => (
          <Claim key={citation.sentence} citation={citation} />
        ))}
        <SourceContent source={source} citations={citations} name={name} />
        <SourceList current={n} of={of} />
      </section>
    </aside>
  );
}

function paneName(
  n: number,
  ref: SourceRef | undefined,
  numbers: ReadonlyMap<number, number>,
  source: Source | Problem | undefined,
): string {
  const number = numbers.get(n);
  if (number !== undefined) return `Source ${number} of ${numbers.size}`;
  if (ref?.search) return "Search";
  return source !== undefined && "kind_label" in source && source.kind_label !== ""
    ? source.kind_label
    : "Source";
}

function Claim({ citation }: { citation: Citation }) {
  const { verdict, claim } = citation;
  return (
    <>
      {claim !== "" && (
        <p class={verdict === "mismatch" ? "claim bad" : "claim"}>
          <span class="k">The answer says: </span>
          <Inline
            runs={[{ text: claim, strong: false, em: false, code: false }]}
            marks={{ citations: [citation], noSource: [] }}
          />
        </p>
      )}
      <Verdict citation={citation} />
    </>
  );
}

function Verdict({ citation: { verdict, fields, differences } }: { citation: Citation }) {
  if (verdict === "pending" || verdict === "unchecked") {
    return (
      <p class="verdict">
        <Icon name="ask" small />
        <span>
          <b>{verdict === "pending" ? "Not checked yet" : "Not checked by rule"}</b>
        </span>
      </p>
    );
  }
  if (verdict === "match") {
    return (
      <p class="verdict ok">
        <Icon name="check" small />
        <span>
          <b>Matches the record</b> by rule{fields.length > 0 && `: ${fields.map(word).join(", ")}`}
        </span>
      </p>
    );
  }
  return (
    <p class="verdict bad">
      <Icon name="x" small />
      <span>
        <b>Does not match the record.</b>
        {differences.map(({ field, says, record }) => (
          <span key={field}>
            {" "}
            {capital(word(field))}: the answer says <Clinical text={says} />, the record says{" "}
            {record === "" ? "nothing" : <Clinical text={record} />}.
          </span>
        ))}
        {fields.length > 0 &&
          ` ${capital(listed(fields.map(word)))} ${fields.length === 1 ? "matches" : "match"}.`}
      </span>
    </p>
  );
}

interface ContentProps {
  source: Source | Problem | undefined;
  citations: readonly Citation[];
  /** What the pane's head says already. */
  name: string;
}

function SourceContent({ source, citations, name }: ContentProps) {
  if (source === undefined) {
    return (
      <p class="reading small">
        <span class="spin" aria-hidden="true" />
        <span>Reading the source</span>
      </p>
    );
  }
  if (!("kind_label" in source)) {
    return (
      <p class="neg-unread" role="alert">
        <Icon name="warn" />
        <span>
          <b>The source could not be read.</b> {source.title} {source.detail}
        </span>
      </p>
    );
  }
  const compared = comparedFields(citations);
  const isNote = source.note.length > 0;
  return (
    <>
      {source.kind_label !== "" && source.kind_label !== name && <p class="kind">{source.kind_label}</p>}
      <h3 class={isNote ? "kindh" : undefined}>
        <Heading source={source} compared={compared} />
      </h3>
      {source.facts.length > 0 && <Facts facts={source.facts} compared={compared} />}
      {source.as_sent !== "" && (
        <>
          <h4>As sent</h4>
          <blockquote class="note sent">
            <AsSent source={source} compared={compared} />
          </blockquote>
        </>
      )}
      {isNote && <Note paragraphs={source.note} />}
      {source.results !== null && <ResultsTable block={source.results} chips={false} />}
      {source.fhir_json !== "" && (
        <Json text={source.fhir_json} reference={source.reference} key={source.n} />
      )}
    </>
  );
}

/** What the verdicts name, as the source names it: an "ordered date" is the order's date. */
function comparedFields(citations: readonly Citation[]): ReadonlySet<string> {
  const named = citations.flatMap(({ fields, differences }) => [
    ...fields,
    ...differences.map(({ field }) => field),
  ]);
  return new Set(named.flatMap((field) => (field.endsWith(" date") ? [field, "date"] : [field])));
}

/** What a rule compared is marked where it stands. */
function Heading({ source, compared }: { source: Source; compared: ReadonlySet<string> }) {
  const fields = source.heading_fields ?? [];
  return (
    <Pieces
      pieces={source.heading}
      around={(index, node) => (compared.has(fields[index] ?? "") ? <mark>{node}</mark> : node)}
    />
  );
}

/** The record's own words, with the compared values marked where they stand in it letter by letter. */
function AsSent({ source, compared }: { source: Source; compared: ReadonlySet<string> }) {
  const fields = source.heading_fields ?? [];
  const said = [
    ...source.heading.filter((_, index) => compared.has(fields[index] ?? "")),
    ...source.facts.flatMap(({ field, pieces }) => (compared.has(field) ? pieces : [])),
  ].flatMap((piece) => (piece.kind === "cite" ? [] : [piece.text]));
  return (
    <>
      {cut(source.as_sent, wordRanges(source.as_sent, said)).map(({ text, inside }, index) =>
        inside ? <mark key={index}>{text}</mark> : text,
      )}
    </>
  );
}

function Facts({ facts, compared }: { facts: readonly SourceFact[]; compared: ReadonlySet<string> }) {
  return (
    <dl class="facts">
      {facts.map(({ label, pieces, field }, index) => (
        <div key={index}>
          <dt>{label}</dt>
          <dd>
            {field !== "" && compared.has(field) ? <Marked pieces={pieces} /> : <Pieces pieces={pieces} />}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Marked({ pieces }: { pieces: readonly Piece[] }) {
  return (
    <mark>
      <Pieces pieces={pieces} />
    </mark>
  );
}

/** Neighbouring paragraphs copied from one note share one double line. */
function Note({ paragraphs }: { paragraphs: readonly Paragraph[] }) {
  const groups: Paragraph[][] = [];
  for (const paragraph of paragraphs) {
    const last = groups.at(-1);
    if (last?.[0]?.copied_from === paragraph.copied_from) last.push(paragraph);
    else groups.push([paragraph]);
  }
  const copied = paragraphs.some(({ copied_from }) => copied_from !== "");
  return (
    <>
      <div class="note">
        {groups.map((group, index) => (
          <NoteGroup key={index} group={group} />
        ))}
      </div>
      {copied && <p class="small muted top">Double line: copied text, cited at its first author and date.</p>}
    </>
  );
}

function NoteGroup({ group }: { group: readonly Paragraph[] }) {
  const { openSource } = useActs();
  const { id } = useScope();
  const [first] = group;
  if (first === undefined) return null;
  const { copied_from, copied_n } = first;
  const text = group.map(({ segments }, index) => (
    <p key={index}>
      {segments.map((segment, place) =>
        segment.mark ? <mark key={place}>{segment.text}</mark> : segment.text,
      )}
    </p>
  ));
  if (copied_from === "") return <>{text}</>;
  return (
    <>
      <p class="copied">
        <Icon name="copy" small />
        <span>
          <b>
            Copied forward from <Clinical text={copied_from} />.
          </b>{" "}
          {copied_n !== null && (
            <button type="button" class="link" onClick={() => void openSource(id, copied_n)}>
              Open first note
            </button>
          )}
        </span>
      </p>
      <div class="old">{text}</div>
    </>
  );
}

function Json({ text, reference }: { text: string; reference: string }) {
  const [shown, setShown] = useState(false);
  return (
    <>
      <div class="row top">
        <button
          type="button"
          class="btn quiet flushleft"
          aria-expanded={shown}
          onClick={() => setShown(!shown)}
        >
          FHIR JSON
        </button>
      </div>
      {shown && (
        <section class="raw" tabIndex={0} aria-label={`FHIR JSON of ${reference}`}>
          <pre>{text}</pre>
        </section>
      )}
    </>
  );
}

function SourceList({ current, of }: { current: number; of: "answer" | "card" }) {
  const { openSource } = useActs();
  const { id, sources, numbers } = useScope();
  if (sources.length === 0) return null;
  return (
    <div class="listpane">
      <h4 tabIndex={-1}>All sources of this {of}</h4>
      <ol class="srcs">
        {sources.map(({ n, label, summary, search }) => (
          <li key={n}>
            <button
              type="button"
              aria-current={n === current ? "true" : undefined}
              onClick={() => void openSource(id, n)}
            >
              <b>{search ? <Icon name="search" small /> : numbers.get(n)}</b>
              <span>
                {capital(label)}
                {summary !== "" && (
                  <small>
                    <Clinical text={summary} />
                  </small>
                )}
              </span>
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** "status_reason" and "ordered date" in the rule are "status reason" and "order date" in a sentence. */
function word(field: string): string {
  return field === "ordered date" ? "order date" : field.replaceAll("_", " ");
}

function capital(text: string): string {
  // A name such as eGFR keeps its own first letter.
  return /^\p{Ll}[\p{Ll}\s]/u.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function showList(body: HTMLElement | null): void {
  const heading = body?.querySelector<HTMLElement>(".listpane h4");
  heading?.scrollIntoView({ block: "start" });
  heading?.focus({ preventScroll: true });
}

/** The words that the answer used are in view without scrolling. */
function showMark(body: HTMLElement | null): void {
  if (body === null) return;
  body.scrollTop = 0;
  const mark = body.querySelector("mark");
  if (mark === null) return;
  const below = mark.getBoundingClientRect().bottom - body.getBoundingClientRect().bottom;
  if (below > 0) body.scrollTop = below + 24;
}
