// What the first screen does not need: answers, sources, trends, menu and gates come in files of their own.

import { gateTitle } from "./gate_title";
import { part } from "./part";

export const MessageView = part(
  async () => (await import("./MessageView")).MessageView,
  ({ message: { id, question } }, broken) => (
    <>
      <article class="user" aria-label="Your question" data-question={id}>
        <p>{question}</p>
      </article>
      {!broken && (
        <article class="turn" aria-label="Answer in progress" aria-busy="true">
          <p class="reading small">
            <span class="spin" aria-hidden="true" />
            <span>Opening the conversation</span>
          </p>
        </article>
      )}
    </>
  ),
);

export const SourcePane = part(
  async () => (await import("./SourcePane")).SourcePane,
  ({ onClose }) => (
    <aside class="evidence open" aria-label="Source">
      <div class="ev-head">
        <h2>Source</h2>
        <span class="grow" />
        <button type="button" class="btn quiet always" onClick={onClose}>
          Close
        </button>
      </div>
    </aside>
  ),
);

export const Menu = part(
  async () => (await import("./Menu")).Menu,
  () => null,
);

export const GateView = part(
  async () => (await import("./Gates")).GateView,
  // The stop itself never waits: what was on the screen is gone at once.
  ({ gate }) => (
    <main class="gatewrap" tabIndex={0}>
      <div class="gate">
        <h1>{gateTitle(gate)}</h1>
      </div>
    </main>
  ),
);

/** Load all of them: called when the first screen stands. */
export async function loadParts(): Promise<void> {
  const { TrendFigure } = await import("./trend_part");
  await Promise.all([MessageView, SourcePane, Menu, GateView, TrendFigure].map((one) => one.load()));
}
