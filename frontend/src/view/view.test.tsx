import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { card, kidneyTable, models, source, turns } from "../../dev/fixtures.mjs";
import type { Session } from "../api/session";
import { type Event, type Gate, reduce, START, type State } from "../state/reduce";
import { App } from "./App";
import { copyText } from "./copy_text";

type Scene = keyof typeof turns;

const session = {
  start: vi.fn(async () => undefined),
  readCard: vi.fn(async () => undefined),
  ask: vi.fn(async () => undefined),
  stop: vi.fn(),
  openSource: vi.fn(async () => undefined),
  goOn: vi.fn(),
  pause: vi.fn(),
  close: vi.fn(),
  end: vi.fn(async () => undefined),
} satisfies Session;

let root: HTMLElement;
let dispatched: Event[];

beforeEach(() => {
  root = document.createElement("div");
  document.body.replaceChildren(root);
  dispatched = [];
});
afterEach(() => {
  act(() => render(null, root));
  vi.clearAllMocks();
});

function opened(scenes: Scene[] = [], languageModel = false): State {
  const snapshot = {
    launch_id: "l",
    patient: { family: "EVERGREEN", given: "Marlena", born: "14-Mar-1958" },
    user_name: "A. Osei, MD",
    site_name: "Harbor Clinic",
    help_desk: "555-0142",
    model: languageModel ? models.claude : models.none,
    conversation: scenes.map((scene) => ({ turn_id: scene, ...turns[scene] })),
  };
  const state = reduce(START, { type: "opened", snapshot });
  return reduce(state, { type: "card-read", card });
}

function show(state: State): HTMLElement {
  act(() =>
    render(<App state={state} session={session} dispatch={(event) => dispatched.push(event)} />, root),
  );
  return root;
}

const words = (selector: string) => [...root.querySelectorAll(selector)].map((node) => node.textContent);
const click = (selector: string) => act(() => root.querySelector<HTMLElement>(selector)?.click());

describe("launch card", () => {
  it("shows who, allergies, the dangerous row first with its bar, and cites every row", () => {
    show(opened([], true));
    expect(words(".b-name b")).toEqual(["EVERGREEN, Marlena"]);
    expect(words(".b-all")).toEqual(["Known allergiespenicillin – anaphylaxis; sulfonamides – rash"]);
    expect(root.querySelector(".rows li")?.className).toBe("alarm");
    expect(words(".rows .alarm .n, .rows .alarm .flag, .rows .alarm .ref")).toEqual([
      "5.6\u00a0mmol/L",
      "▲ H high",
      "(3.5–5.1)",
    ]);
    expect(words(".card .cite:not(.search)").map((text) => text?.replace("\u2060", ""))).toEqual(
      Array.from({ length: 12 }, (_, index) => `${index + 1}`),
    );
    expect(words(".tag.ai")).toEqual(["AI"]);
    expect(words(".suggest .chip")).toEqual(card.suggestions);
  });

  it("has no AI tag and another foot line without a model", () => {
    show(opened());
    expect(words(".tag.ai")).toEqual([]);
    expect(words(".foot .short")).toEqual(["Can be incomplete. Check the source. Not for emergencies."]);
  });

  it("says that it is reading while there is no card, under the patient's name", () => {
    show({ ...opened(), card: null, cardReading: true });
    expect(words(".reading")).toEqual(["Reading the chart"]);
    expect(words(".banner")).toEqual(["EVERGREEN, MarlenaBorn14-Mar-1958"]);
  });

  it("sends a suggestion, and reads again on request", () => {
    show(opened());
    click(".suggest .chip");
    click(".cardfoot .btn");
    expect(session.ask).toHaveBeenCalledWith("Why did eGFR fall?");
    expect(session.readCard).toHaveBeenCalledWith(true);
  });
});

describe("answer without a model", () => {
  it("labels itself, tables results with one source per value, and shows all rows on request", () => {
    show(opened(["no-model"]));
    expect(words(".nomodel")).toEqual(["No language model. These rows are copied from the chart."]);
    expect(words(".labs caption")).toEqual([
      "Kidney results, newest first: potassium\u20601, creatinine\u20602, eGFR\u20603",
    ]);
    expect(words(".labs tbody tr:first-child > *")).toEqual([
      "19-Nov-2026",
      "5.6▲ H high",
      "1.64▲ H high",
      "34▼ L low",
    ]);
    click('.val[aria-label="34: eGFR, 19-Nov-2026"]');
    expect(session.openSource).toHaveBeenCalledWith("no-model", kidneyTable.lines[0]?.cells[2]?.n);
    expect(words(".turn .rows > li")).toHaveLength(4);
    click(".turn .sec .btn");
    expect(words(".turn .rows > li")).toHaveLength(9);
    expect(words(".turn .sec h2")).toEqual(["Active orders, all 9 shown"]);
  });

  it("says what was read and what was not", () => {
    show(opened(["no-model"]));
    expect(words(".looked summary")).toEqual(["Read 61 of 1,204 records, 2019 to today"]);
    expect(words(".looked li").at(-1)).toBe(" Medication fills: the EHR refused; 403");
    expect(words(".gaps > .touch dt")).toEqual(["Not readable"]);
    expect(words(".gaps > div:not(.touch) dt")).toEqual(["Not searched", "None found"]);
    expect(words(".prov")).toEqual(["Rule answer, no language model · chart read 20-Nov-2026 08:42"]);
  });
});

describe("negative answer", () => {
  it("cites the search for none found, and never calls unread none", () => {
    show(opened(["negative", "unread"]));
    expect(words(".neg-none b")).toEqual(["Urine albumin: none found."]);
    expect(words(".neg-none .cite.search")).toEqual(["See the search"]);
    expect(words(".neg-unread b")).toEqual(["Notes could not be read."]);
    expect(words(".neg-unread")[0]).toContain("This is not “none”");
  });
});

describe("checked answer", () => {
  it("counts and marks what differs and what has no source", () => {
    show(opened(["mismatch"], true));
    expect(words(".check")).toEqual([
      "1 of 3 statements does not match its source, and 1 has no source. Use the record, not the sentence.",
    ]);
    expect(words(".turn .wrong")).toEqual(["800\u00a0mg"]);
    expect(words(".turn .tag")).toEqual(["Does not match: record says 600 mg", "No source"]);
    expect(words(".prov b")).toEqual(["Claude Sonnet 4.5"]);
  });

  it("marks a cut answer on top and offers no copy of it", () => {
    show(opened(["cut"], true));
    expect(root.querySelector(".turn")?.getAttribute("aria-label")).toBe("Not complete");
    expect(words(".neg-unread b")).toEqual(["Not complete: the connection was cut."]);
    expect(words(".tools .btn")).toEqual([]);
  });

  it("puts the stopped line in place of the model line", () => {
    show(opened(["stopped"], true));
    expect(words(".prov")).toEqual(["Stopped: not complete"]);
  });
});

describe("source pane", () => {
  function paned(scene: Scene, n: number): State {
    const state = reduce(opened([scene], true), { type: "source-opened", pane: { scope: scene, n } });
    return reduce(state, { type: "source-read", n, source: source(n) });
  }

  it("puts the claim and its verdict on top and marks the compared fields", () => {
    show(paned("mismatch", 51));
    expect(words(".ev-head h2")).toEqual(["Source 1 of 2"]);
    expect(words(".claim.bad .wrong")).toEqual(["800\u00a0mg"]);
    expect(words(".verdict.bad")).toEqual([
      "Does not match the record. Dose: the answer says 800\u00a0mg, the record says 600\u00a0mg. Frequency and order date match.",
    ]);
    expect(words(".facts mark")).toEqual(["600\u00a0mg", "three times a day", "02-Oct-2026 17:20"]);
    expect(root.querySelector(".turn .cite.bad")?.getAttribute("aria-current")).toBe("true");
  });

  it("shows copied text at its first author, opens the first note, goes on to the next source", () => {
    show(paned("mismatch", 8));
    expect(words(".verdict.ok")).toEqual(["Matches the record by rule: words, date, author"]);
    expect(words(".copied b")).toEqual(["Copied forward from 14-Nov-2026 by T. Alvarez, RN."]);
    expect(words(".note .old mark")).toEqual(["3 times a day most days", "eating and drinking less"]);
    click(".copied .link");
    expect(session.openSource).toHaveBeenLastCalledWith("mismatch", 7);
    click('[aria-label="Next source"]');
    expect(session.openSource).toHaveBeenLastCalledWith("mismatch", 51);
  });

  it("shows a series as a table and a record as it came", () => {
    show(paned("no-model", 20));
    expect(words(".evidence .labs tbody tr")).toHaveLength(5);
    show(paned("mismatch", 51));
    click(".evidence .btn.quiet[aria-expanded]");
    expect(words(".raw")[0]).toContain('"resourceType": "MedicationRequest"');
  });

  it("says so when the source cannot be read", () => {
    const state = reduce(opened(["mismatch"], true), {
      type: "source-opened",
      pane: { scope: "mismatch", n: 51 },
    });
    const problem = {
      status: 503,
      code: "ehr.unavailable",
      title: "The EHR does not answer.",
      detail: "",
      reference: "",
      help_desk: "",
      retry_after_s: null,
    };
    show(reduce(state, { type: "source-read", n: 51, source: problem }));
    expect(words(".evidence .neg-unread")[0]).toContain(
      "The source could not be read. The EHR does not answer.",
    );
  });

  it("closes on Escape", () => {
    show(paned("mismatch", 51));
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect(dispatched).toContainEqual({ type: "source-closed" });
  });
});

describe("keys", () => {
  it("opens sources of the latest answer by Alt and number, and stops by Escape", () => {
    show(opened(["negative", "mismatch"], true));
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "2", code: "Digit2", altKey: true }));
    expect(session.openSource).toHaveBeenCalledWith("mismatch", 8);
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect(session.stop).toHaveBeenCalled();
  });

  it("sends on Enter, not on Shift+Enter, and keeps what is written while an answer streams", () => {
    const state = opened();
    show({ ...state, draft: "Any urine albumin?" });
    const box = root.querySelector("textarea");
    box?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", shiftKey: true, bubbles: true }));
    expect(session.ask).not.toHaveBeenCalled();
    box?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    expect(session.ask).toHaveBeenCalledWith("Any urine albumin?");
    const busy = reduce(state, { type: "asked", runId: "r", question: "First?" });
    show({ ...busy, draft: "Next?" });
    box?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    expect(session.ask).toHaveBeenCalledTimes(1);
    expect([box?.value, words(".stop")]).toEqual(["Next?", ["Stop"]]);
  });
});

describe("gates", () => {
  const patient = { family: "EVERGREEN", given: "Marlena", born: "14-Mar-1958" };
  const problem = {
    status: 503,
    code: "ehr.unavailable",
    title: "No.",
    detail: "",
    reference: "7Q4K-27D6",
    help_desk: "555-0142",
    retry_after_s: null,
  };
  const page = { page: "error", title: "No.", text: "Why.", code: "x", reference: "r", help_desk: "1" };
  const GATES: [Gate, string, string[]][] = [
    [{ kind: "expired", helpDesk: "1", reference: "r" }, "Your session has ended.", []],
    [{ kind: "ended", helpDesk: "1", reference: "r" }, "You ended this session.", []],
    [{ kind: "ehr-down", problem }, "The EHR does not answer.", ["Try now"]],
    [{ kind: "error", page }, "No.", []],
    [
      { kind: "back", patient, helpDesk: "1" },
      "You came back to an earlier panel.",
      ["Continue with EVERGREEN, Marlena", "Close this panel"],
    ],
    [
      { kind: "foreign", patient, helpDesk: "1" },
      "Stopped: an answer from another chart came to this panel. It was not shown.",
      ["Continue with EVERGREEN, Marlena", "Close this panel"],
    ],
  ];
  it.each(GATES)("%o hides the chart and offers safe acts", (gate, title, buttons) => {
    show(reduce(opened(["mismatch"], true), { type: "gated", gate }));
    expect(words("h1")).toEqual([title]);
    expect(words("button")).toEqual(buttons);
    expect(root.querySelector(".card,.turn,.b-all,.b-enc,textarea")).toBeNull();
    expect(root.querySelector(".btn.primary:focus")).toBeNull();
  });

  it("names the patient of an earlier panel, and nobody when the session ended", () => {
    show(reduce(opened(), { type: "gated", gate: { kind: "back", patient, helpDesk: "" } }));
    expect(words(".gate p")[0]).toBe(
      "This panel belongs to EVERGREEN, Marlena, born 14-Mar-1958. Its content is hidden until you choose.",
    );
    show(reduce(opened(), { type: "gated", gate: { kind: "expired", helpDesk: "", reference: "" } }));
    expect(root.textContent).not.toContain("EVERGREEN");
  });
});

describe("copied text", () => {
  const copied = (scene: Scene) => {
    const state = opened([scene], true);
    const [message] = state.messages;
    if (message === undefined || state.snapshot === null) throw new Error("no message");
    return copyText(message, state.snapshot, state.card);
  };

  it("says who it is about, carries the marks, and lists the sources", () => {
    expect(
      copied("mismatch"),
    ).toBe(`EVERGREEN, Marlena, born 14-Mar-1958, MRN 00471182. Chart read 20-Nov-2026 08:42.

1 of 3 statements does not match the source. 1 of 3 statements has no source.

The chart has an active order for ibuprofen 800 mg three times a day, ordered 02-Oct-2026 [1] (does not match: record says 600 mg).

On 14-Nov-2026 she reported taking it “3 times a day most days” [2].

Physical therapy was tried first.

Not readable: Medication fills; 12 scanned documents (newest 02-Nov-2026).

Claude Sonnet 4.5 (20250929) · BAA · US · not retained · chart read 20-Nov-2026 08:42.

Sources:
[1] medication request, ibuprofen
[2] pre-visit note, 19-Nov-2026`);
  });

  it("copies tables as lines with tabs, and every row", () => {
    const text = copied("no-model");
    expect(text).toContain(
      "Collected\tPotassium mmol/L (3.5–5.1) [1]\tCreatinine mg/dL (0.50–1.10) [2]\teGFR",
    );
    expect(text).toContain("19-Nov-2026\t5.6 H\t1.64 H\t34 L");
    expect(text).toContain("Active orders\n- spironolactone 25 mg once daily [4]; Ordered 18-Sep-2026");
    expect(text).toContain("- cholecalciferol");
    expect(text).not.toMatch(/[\ue000-\uf8ff]/);
  });
});
