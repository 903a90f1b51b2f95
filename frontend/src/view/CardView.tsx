// The launch card: what changed and what is dangerous, before anyone types.

import { useEffect, useMemo, useState } from "preact/hooks";
import type { Card, CardSection, Problem } from "../api/events.gen";
import { citesOfCard, numbers } from "../state/cites";
import { ScopeContext, useActs } from "./context";
import { Icon } from "./Icon";
import { Pieces, Rows } from "./Pieces";

interface CardProps {
  card: Card;
  reading: boolean;
  problem: Problem | null;
  open: number | null;
}

export function CardView({ card, reading, problem, open }: CardProps) {
  const { readCard } = useActs();
  const scope = useMemo(() => {
    const sources = citesOfCard(card);
    return { id: "card", sources, numbers: numbers(sources), open };
  }, [card, open]);
  const columns = (["main", "side"] as const)
    .map((column) => card.sections.filter((section) => section.column === column))
    .filter((sections) => sections.length > 0);
  return (
    <ScopeContext.Provider value={scope}>
      <section class="card" aria-label="Launch card" aria-busy={reading}>
        {card.encounter !== null && (
          <div class="enc">
            <p class="h">
              <Pieces pieces={card.encounter.pieces} />
            </p>
            {card.encounter.meta.map((line, index) => (
              <p class="small" key={index}>
                <Pieces pieces={line} />
              </p>
            ))}
          </div>
        )}
        <div class={columns.length > 1 ? "cardgrid" : undefined}>
          {columns.map((sections) => (
            <div key={sections[0]?.id}>
              {sections.map((section) => (
                <Section key={section.id} section={section} />
              ))}
            </div>
          ))}
        </div>
        {problem !== null && (
          <p class="neg-unread small">
            <Icon name="warn" />
            <span>
              <b>Not read again.</b> {problem.title} These rows are from <time>{card.read_at}</time>.
            </span>
          </p>
        )}
        <div class="cardfoot">
          <span>
            Copied from the chart <time>{card.read_at}</time>. No language model.
          </span>
          <button type="button" class="btn low" aria-disabled={reading} onClick={() => void readCard(true)}>
            {reading ? <span class="spin" aria-hidden="true" /> : <Icon name="redo" small />}
            {reading ? "Reading" : "Read again"}
          </button>
        </div>
      </section>
    </ScopeContext.Provider>
  );
}

function Section({ section: { id, title, rows } }: { section: CardSection }) {
  return (
    <section class="sec" aria-labelledby={`sec-${id}`}>
      <h2 id={`sec-${id}`} tabIndex={-1}>
        <Pieces pieces={title} />
      </h2>
      <Rows rows={rows} />
    </section>
  );
}

/** Bring the card's allergy section into view, and the reader's focus with it. */
export function showAllergies(): void {
  const heading = document.getElementById("sec-allergies");
  heading?.scrollIntoView({ block: "center" });
  heading?.focus({ preventScroll: true });
}

/** Drawn while the chart is read for the first time; after two seconds it says so in words. */
export function CardSkeleton() {
  const seconds = useSeconds();
  return (
    <section class="card" aria-label="Launch card" aria-busy="true">
      <p class="reading small">
        <span class="spin" aria-hidden="true" />
        <span>
          {seconds < 2 ? "Reading the chart" : `Reading the chart, ${seconds} s. A large chart takes longer.`}
        </span>
      </p>
      <div class="bones" aria-hidden="true">
        {[70, 45, 85, 60, 75, 40].map((width) => (
          <i key={width} class={`w${width}`} />
        ))}
      </div>
    </section>
  );
}

/** Whole seconds since the component was drawn first. */
export function useSeconds(): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((now) => now + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return seconds;
}
