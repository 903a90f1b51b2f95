import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  apixabanCriteria,
  card,
  choices,
  kidneyTable,
  models,
  restricted,
  source,
  turns,
} from "../../dev/fixtures.mjs";
import type { Session } from "../api/session";
import { type Event, type Gate, reduce, START, type State } from "../state/reduce";
import { App } from "./App";
import { whole } from "./Composer";
import { copyText } from "./copy_text";
import { loadParts } from "./parts";

type Scene = keyof typeof turns;

const session = {
  start: vi.fn(async () => undefined),
  readCard: vi.fn(async () => undefined),
  ask: vi.fn(async () => undefined),
  askAfresh: vi.fn(async () => undefined),
  chooseModel: vi.fn(async () => null),
  stop: vi.fn(),
  openSource: vi.fn(async () => undefined),
  goOn: vi.fn(),
  tryAgain: vi.fn(async () => undefined),
  pause: vi.fn(),
  used: vi.fn(),
  extend: vi.fn(async () => undefined),
  check: vi.fn(async () => undefined),
  close: vi.fn(),
  end: vi.fn(async () => undefined),
} satisfies Session;

let root: HTMLElement;
let dispatched: Event[];

beforeAll(loadParts);
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
    safety_contact: "",
    locale: "en-US",
    patient_banner: true,
    styled: false,
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

describe("where the EHR shows the patient's banner", () => {
  it("keeps one line with who it is and the allergies in words, and unfolds none of it away", () => {
    const state = opened();
    const snapshot = state.snapshot && { ...state.snapshot, patient_banner: false };
    show({ ...state, snapshot });
    expect(root.querySelector(".banner")?.className).toBe("banner slim");
    expect(words(".b-name b, .b-ids time, .b-ids dd, .b-algbtn")).toEqual([
      "EVERGREEN, Marlena",
      "14-Mar-1958 (68y)",
      "14-Mar-1958",
      "Female",
      "00471182",
      "2 known allergies",
    ]);
    show(state);
    expect(root.querySelector(".banner")?.className).toBe("banner");
  });
});

describe("suggestions", () => {
  it("stand whole in one row, and the rest behind More", () => {
    expect([whole([100, 100, 100], 312), whole([100, 100, 100], 311)]).toEqual([3, 2]);
    expect([whole([100, 100, 100], 271), whole([400, 100], 300), whole([], 300)]).toEqual([1, 1, 0]);
  });

  it("are all there when More is pressed, and out of the keyboard's way before", () => {
    const width = vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(230);
    const chip = vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockReturnValue(75);
    show(opened());
    const out = () => words(".suggest .chip.off");
    expect([out(), words(".suggest .more")]).toEqual([["All potassium results"], ["More"]]);
    click(".suggest .more");
    expect([out(), words(".suggest .more")]).toEqual([[], ["Fewer"]]);
    width.mockRestore();
    chip.mockRestore();
  });
});

describe("answer without a model", () => {
  it("says of what a rule computed that it is not copied", () => {
    const state = opened(["no-model"]);
    const ruled = { title: "Computed: BMI", rows: [], more: [], kind: "rows", by: "rule" } as const;
    const messages = state.messages.map((message) => ({
      ...message,
      parts: [...message.parts, { kind: "block", block: ruled } as const],
    }));
    show({ ...state, messages });
    expect(words(".nomodel")[0]).toMatch(
      /^No language model\. Rows are copied from the chart; results are computed from them by the rule/,
    );
  });

  it("labels itself, tables results with one source per value, and shows all rows on request", () => {
    show(opened(["no-model"]));
    expect(words(".nomodel")).toEqual([
      "No language model. These rows are copied from the chart. This site has set up no language model here.",
    ]);
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
    expect(words(".looked li").at(-1)).toBe(" Medication fills: the EHR refused (403)");
    expect(words(".gaps > .touch dt")).toEqual(["Not readable"]);
    expect(words(".gaps > div:not(.touch) dt")).toEqual(["Not searched", "None found"]);
    expect(words(".prov")).toEqual(["Chart read 20-Nov-2026 08:42."]);
  });
});

describe("negative answer", () => {
  it("cites the search for none found, and never calls unread none", () => {
    show(opened(["negative", "unread"]));
    expect(words(".neg-none b")).toEqual(["Urine albumin: none found."]);
    expect(words(".neg-none .cite.search")).toEqual(["See the search"]);
    expect(words(".neg-unread b")).toEqual(["Notes could not be read."]);
    expect(words(".neg-unread")[0]).toContain("This is not “none”");
    expect(words(".neg-unread .small")[0]).toMatch(/^Missing permission: /);
  });

  it("puts what follows from a search on its own line, and says that a rule answered", () => {
    show(opened(["negative"], true));
    expect(words(".neg-none .para")).toEqual([
      "Searched 412 laboratory results, 03-Mar-2019 to 20-Nov-2026, all that the EHR shows you. See the search",
      "One order has no result: urine albumin/creatinine ratio, ordered 18-Sep-2026\u20601.",
    ]);
    expect(words(".nomodel")).toEqual([]);
    expect(words(".prov")).toEqual(["Rule answer, no language model · chart read 20-Nov-2026 08:42."]);
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

  it("marks a cut answer above and below what came, and offers no copy of it", () => {
    show(opened(["cut"], true));
    expect(root.querySelector(".turn")?.getAttribute("aria-label")).toBe("Not complete");
    expect(words(".nomodel.partly")).toEqual(["Not complete."]);
    expect(words(".failure p")).toEqual([
      "Not complete. The connection was cut. What came before is not a whole answer.",
    ]);
    expect(words(".tools .btn")).toEqual([]);
    click(".failure .btn");
    expect(session.ask).toHaveBeenCalledWith("What does she take for her back pain?");
  });

  it("marks each sentence that cites nothing by its own reason, and takes the words for its tag", () => {
    show(opened(["uncited"], true));
    expect(words(".turn .first")).toEqual([
      "Physical therapy was tried first. No source NSAIDs can lower kidney function. General knowledge She seems to follow the plan. Not checked by rule",
    ]);
    expect(words(".turn .tag.nosrc, .turn .tag.gk, .turn .tag.unchecked")).toHaveLength(3);
    expect(words(".turn .unsourced")).toEqual(["Physical therapy was tried first."]);
    expect(words(".check")).toEqual([]);
  });

  it("puts the stopped line in place of the model line", () => {
    show(opened(["stopped"], true));
    expect(words(".prov")).toEqual(["Stopped: not complete"]);
  });
});

describe("answer", () => {
  it("gives an opening that names a danger of the launch card the red bar, and no other", () => {
    show(opened(["answer"], true));
    expect(words(".first.alarm b, .first.alarm strong")[0]).toBe("Potassium");
    show(opened(["mismatch"], true));
    expect(words(".first")).toHaveLength(1);
    expect(words(".first.alarm")).toEqual([]);
  });

  it("draws results over time with the orders beneath, and the same as a table", () => {
    show(opened(["answer"], true));
    expect(words(".trend figcaption b")).toEqual(["Kidney results, last 12 months"]);
    expect(words(".trend .wide .v.last")).toEqual(["34 L", "1.64 H", "5.6 H"]);
    expect(words(".trend .wide .evl")).toEqual([
      "spironolactone 25 mg once daily",
      "ibuprofen 600 mg three times a day",
    ]);
    expect(root.querySelectorAll(".trend .wide .bar, .trend .wide .bar2")).toHaveLength(3);
    expect(words(".trend details tbody tr")).toHaveLength(5);
    const [narrow, wide] = [...root.querySelectorAll(".trend svg")].map((svg) =>
      svg.getAttribute("aria-label"),
    );
    expect(narrow).toBe(wide);
    expect(wide).toMatch(
      /^eGFR in mL\/min\/1\.73 m², reference ≥ 60: 55 low on 03-Dec-2025, .*34 low on 19-Nov-2026; /,
    );
    expect(wide).toMatch(
      /ibuprofen 600 mg three times a day from 02-Oct-2026, 30 days, then only if refilled\.$/,
    );
  });

  it("counts a label's criteria with each input, its age where it is old, and what could change the count", () => {
    show(opened(["answer"], true));
    expect(words(".criteria .h, .criteria .small").map((line) => line?.replaceAll("\u2060", ""))).toEqual([
      "apixaban 5\u00a0mg twice a day8",
      "For atrial fibrillation9",
      "Label, for nonvalvular atrial fibrillation: 2.5\u00a0mg twice a day if 2 of 3 are met. General knowledge",
      "1 of 3 on these inputs; a new weight could change it.",
    ]);
    expect(words(".crit li > b")).toEqual(["no", "yes", "no"]);
    expect(words(".crit .old")).toEqual(["3 years 6 months old"]);
    const missing = structuredClone(apixabanCriteria);
    missing.criteria[2] = { name: "weight", pieces: [], meets: "missing", age: "" };
    const value = { message_id: "m", block: missing };
    const event = { type: "CUSTOM", name: "chartside.block", value } as const;
    let state = reduce(opened(), { type: "asked", runId: "r", question: "Dose?" });
    state = reduce(state, { type: "streamed", runId: "r", event });
    show(state);
    expect(words(".crit b.old")).toEqual(["missing"]);
  });

  it("keeps rows copied without a model a table", () => {
    show(opened(["no-model"]));
    expect(root.querySelector(".trend")).toBeNull();
    expect(root.querySelector(".labs")).not.toBeNull();
  });

  it("still draws the table of a conversation that an earlier version kept", () => {
    const state = opened(["answer"], true);
    const drop = (key: string, value: unknown) => (key === "trend" ? undefined : value);
    const old = JSON.parse(JSON.stringify(state), drop) as State;
    show(old);
    expect(root.querySelector(".trend")).toBeNull();
    expect(words(".turn .labs tbody tr")).toHaveLength(5);
  });

  it("names model, version and where the words went, and asks again or lets the question be changed", () => {
    show(opened(["answer"], true));
    expect(words(".prov")).toEqual([
      "Claude Sonnet 4.5 (20250929) · BAA · US · not retained · chart read 20-Nov-2026 08:42. Rows marked “General knowledge” do not come from this chart.",
    ]);
    expect(words(".tools .btn")).toEqual(["Copy", "Redo", "Edit question"]);
    click(".tools .btn:nth-child(2)");
    expect(session.ask).toHaveBeenCalledWith(turns.answer.question);
    click(".tools .btn.quiet");
    expect(dispatched).toContainEqual({ type: "typed", text: turns.answer.question });
  });

  it("reads the chart again before it copies rows again", () => {
    show(opened(["no-model"]));
    click(".tools .btn:nth-child(2)");
    expect(session.askAfresh).toHaveBeenCalledWith(turns["no-model"].question);
  });

  it("writes a model's table as labelled rows", () => {
    show(opened(["answer"], true));
    expect(words(".stack tbody th")).toEqual(["spironolactone", "ibuprofen", "metformin"]);
    expect(
      [...root.querySelectorAll(".stack tr:first-child td")].map((cell) => cell.getAttribute("data-l")),
    ).toEqual(["In the chart", "Why it matters"]);
  });

  it("says what each step found", () => {
    show(opened(["answer"], true));
    expect(words(".looked li").map((text) => text?.trim())).toEqual([
      "Laboratory results: 412 searched, 15 read",
      "Orders: 9 of 9 read",
      "Notes, last 12 months: 23 of 23 read",
      "Medication fills: the EHR does not give them to this app",
    ]);
  });
});

describe("failure", () => {
  const failing = (scene: Scene) =>
    reduce(opened([scene], true), { type: "models-read", models: choices.several });

  it("keeps what came, says what is lost, and offers each way on", () => {
    show(failing("failed"));
    expect(words(".first.alarm")).toHaveLength(1);
    expect(words(".failure p")).toEqual([
      "Not complete. The language model is overloaded. The end of the answer is missing. Your question and what came are kept.",
    ]);
    expect(words(".failure .btn")).toEqual([
      "Retry in 20 s",
      "Ask Qwen 3 32B instead",
      "Show chart rows without a model",
      "Edit question",
    ]);
    click(".failure .btn:nth-child(1)");
    expect(session.ask).not.toHaveBeenCalled();
    click(".failure .btn:nth-child(2)");
    expect(session.ask).toHaveBeenLastCalledWith(turns.failed.question, "local");
    click(".failure .btn:nth-child(3)");
    expect(session.ask).toHaveBeenLastCalledWith(turns.failed.question, "none");
    click(".failure .btn:nth-child(4)");
    expect(dispatched).toContainEqual({ type: "typed", text: turns.failed.question });
  });

  it("lets the clinician retry when the time has passed", () => {
    vi.useFakeTimers();
    show(failing("failed"));
    act(() => {
      vi.advanceTimersByTime(20_000);
    });
    expect(words(".failure .btn")[0]).toBe("Retry");
    click(".failure .btn:nth-child(1)");
    expect(session.ask).toHaveBeenLastCalledWith(turns.failed.question);
    vi.useRealTimers();
  });

  it("offers no other model where there is none", () => {
    show(opened(["failed-whole"], true));
    expect(words(".failure .btn")).toEqual(["Show chart rows without a model", "Edit question"]);
    expect(words(".nomodel")).toEqual([]);
  });
});

describe("model picker", () => {
  const menu = (models: State["models"]) => {
    const state = opened([], true);
    show(models === null ? state : reduce(state, { type: "models-read", models }));
    click('[aria-label="Menu"]');
  };

  it("names each model, where words go, when it retires, and why one cannot be chosen", () => {
    menu(choices.several);
    expect(words(".models > li")).toEqual([
      "Claude Sonnet 4.5BAA · US · not retained · cloudRetires 30-Sep-2027 In use",
      "Qwen 3 32Bstays in this hospital · local",
      "GPT-5BAA · US · kept 30 days · cloudIT switched it off at 20-Nov-2026 08:30.",
      "No language modelchart rows only",
    ]);
    expect(
      [...root.querySelectorAll("button.model")].map((button) => button.getAttribute("aria-pressed")),
    ).toEqual(["true", "false", "false"]);
    click(".models > li:nth-child(2) button");
    expect(session.chooseModel).toHaveBeenCalledWith("local");
  });

  it("is absent where nothing can be chosen, and says why where the patient opted out", () => {
    menu(choices.none);
    expect(root.querySelector(".picker")).toBeNull();
    menu(null);
    expect(root.querySelector(".picker")).toBeNull();
    act(() => render(null, root));
    menu(choices.optOut);
    expect(root.querySelector(".picker")).toBeNull();
    expect(words("header .diedbar")).toEqual([
      "This patient asked that AI not be used. Chart rows are shown without a language model.",
    ]);
  });

  it("says why a choice was not taken", async () => {
    menu(choices.several);
    session.chooseModel.mockResolvedValueOnce({ title: "This model was switched off." } as never);
    await act(async () => root.querySelector<HTMLElement>(".models > li:nth-child(2) button")?.click());
    expect(words(".picker [role=alert]")[0]?.trim()).toBe("Not changed: This model was switched off.");
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
    expect(words(".ev-body h3 mark, .facts mark, .note.sent mark")).toEqual([
      "600\u00a0mg",
      "three times a day",
      "02-Oct-2026 17:20",
      "600 mg",
    ]);
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

  it("shows only the claim whose chip was chosen, and every claim when a number was", () => {
    const chosen = (sentence?: number) => {
      const pane = { scope: "answer", n: 51, sentence };
      const state = reduce(opened(["answer"], true), { type: "source-opened", pane });
      show(reduce(state, { type: "source-read", n: 51, source: source(51) }));
      return words(".verdict");
    };
    expect(chosen(2)).toEqual(["Matches the record by rule: drug, dose, frequency, order date, site"]);
    expect(chosen()).toHaveLength(2);
    click('.turn .cite[data-sentence="2"][aria-label*="ibuprofen"]');
    expect(session.openSource).toHaveBeenLastCalledWith("answer", 51, 2);
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
    [{ kind: "expired", helpDesk: "1", reference: "r" }, "Your session has ended.", ["Close this panel"]],
    [{ kind: "ended", helpDesk: "1", reference: "r" }, "You ended this launch.", []],
    [{ kind: "ehr-down", problem, tries: 4 }, "The EHR does not answer.", ["Try now"]],
    [
      { kind: "restricted", restricted, helpDesk: "1" },
      "The EHR restricts part of this chart.",
      ["Read again", "Continue without it"],
    ],
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
    expect(words(".gate button")).toEqual(buttons);
    // Part of this chart is restricted, but it is this chart: its banner stays.
    const hidden = gate.kind === "restricted" ? ".card,.turn,textarea" : ".card,.turn,.b-all,.b-enc,textarea";
    expect(root.querySelector(hidden)).toBeNull();
    expect(root.querySelector(".btn.primary:focus")).toBeNull();
  });

  it("goes on without what is restricted, and tries an EHR that is down again by itself", () => {
    vi.useFakeTimers();
    show(reduce(opened(), { type: "gated", gate: { kind: "restricted", restricted, helpDesk: "" } }));
    click(".gate .btn.primary");
    expect([session.readCard.mock.calls, session.goOn.mock.calls]).toEqual([[[true]], []]);
    click(".gate .btn:not(.primary)");
    expect(session.goOn).toHaveBeenCalled();
    session.readCard.mockClear();
    show(reduce(opened(), { type: "gated", gate: { kind: "ehr-down", problem, tries: 2 } }));
    expect(words(".gate li")[0]).toBe("Tried2 times, next try in 30 s");
    act(() => {
      vi.advanceTimersByTime(30_000);
    });
    expect(session.readCard).toHaveBeenCalledTimes(1);
    const merged = { ...problem, status: 409, code: "ehr.merged", title: "This record was merged." };
    act(() => render(null, root));
    show(reduce(opened(), { type: "gated", gate: { kind: "ehr-down", problem: merged, tries: 1 } }));
    expect(words(".gate li")[0]).toBe("Tried1 time");
    act(() => {
      vi.advanceTimersByTime(60_000);
    });
    expect(session.readCard).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  });

  const stop = (code: string, title: string, detail: string): Gate => ({
    kind: code === "switched_off" ? "switched-off" : "ehr-down",
    problem: { ...problem, code, title, detail },
    tries: 1,
  });
  it("says what IT switched off, why and whom to call, and keeps what was typed", () => {
    const off = stop("switched_off", "Chartside is switched off.", "Reason: drill. Help desk: 555-0142.");
    show(reduce({ ...opened(["mismatch"]), draft: "Potassium?" }, { type: "gated", gate: off }));
    expect(words(".gate h1, .gate > p, .gate li")).toEqual([
      "Chartside is switched off.",
      "Reason: drill. Help desk: 555-0142.",
      "ShownNothing of the chart, until it is switched on again",
      "WrittenNothing has been written to the EHR. Your question is kept in the box.",
      "Reference 7Q4K-27D6. Not for emergencies: use the EHR.",
    ]);
    expect(root.querySelector(".card,.turn,textarea")).toBeNull();
    click(".gate .btn");
    expect(session.tryAgain).toHaveBeenCalledOnce();
  });

  it("names nobody where two records became one, and has nothing to try", () => {
    show(reduce(opened(), { type: "gated", gate: stop("chart.merged", "Merged.", "Re-open the chart.") }));
    expect([words(".gate button"), words(".banner")]).toEqual([["Close this panel"], []]);
  });

  it("goes on with nothing where the whole chart is behind the glass", () => {
    show(reduce(opened(), { type: "gated", gate: stop("chart.restricted", "Restricted.", "Open it.") }));
    expect(words(".gate button")).toEqual(["Read again"]);
    expect(words(".gate li")[0]).toBe("RestrictedThe whole chart. What it holds is not known here.");
  });

  it("keeps the allergies in two words in a short frame, and unfolds them", () => {
    show(reduce(opened(), { type: "gated", gate: { kind: "restricted", restricted, helpDesk: "" } }));
    expect(words(".b-algbtn")).toEqual(["2 known allergies"]);
    click(".b-algbtn");
    expect(root.querySelector(".b-algbtn")?.getAttribute("aria-expanded")).toBe("true");
    expect(words(".b-all.open b")).toEqual(["Known allergies"]);
  });

  it("can be left by ending the launch, from the menu, where the launch still lives", () => {
    show(reduce(opened(), { type: "gated", gate: { kind: "ehr-down", problem, tries: 1 } }));
    click(".appbar button");
    expect(words(".menu h2")).toEqual(["About this session"]);
    expect(words(".menu dt")).toEqual(["User", "Site", "Answers by", "Help desk"]);
    act(() => {
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    });
    expect(words(".menu")).toEqual([]);
    show(reduce(opened(), { type: "gated", gate: { kind: "expired", helpDesk: "", reference: "" } }));
    expect(words(".appbar button")).toEqual([]);
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

describe("time left", () => {
  afterEach(() => vi.useRealTimers());

  it("is said in words while the answer streams and what is typed stays, and can be put off", () => {
    vi.useFakeTimers({ now: 0 });
    let state = reduce(opened(), { type: "asked", runId: "r", question: "Potassium?" });
    state = reduce(state, { type: "typed", text: "and what" });
    state = reduce(state, { type: "warned", warning: { kind: "idle", until: 100_000 } });
    show(state);
    expect(words(".endsbar")).toEqual([
      "Ends in 1 min 40 s because nothing was done. What you typed is kept.Stay signed in",
    ]);
    expect([words(".stop"), root.querySelector("textarea")?.value]).toEqual([["Stop"], "and what"]);
    act(() => {
      vi.advanceTimersByTime(60_000);
    });
    expect(words(".endsbar [role=timer]")).toEqual(["40 s"]);
    click(".endsbar .btn");
    expect(session.extend).toHaveBeenCalledOnce();
    show(reduce(state, { type: "warned", warning: null }));
    expect([words(".endsbar"), words("[role=status]")]).toEqual([[], ["Still signed in"]]);
  });

  it("cannot be put off at the longest time", () => {
    vi.useFakeTimers({ now: 0 });
    show(reduce(opened(), { type: "warned", warning: { kind: "absolute", until: 60_000 } }));
    expect(words(".endsbar")).toEqual([
      "Ends in 1 min because no launch lasts longer. Then open Chartside again from the chart. What you typed is kept.",
    ]);
  });
});

describe("what was typed when the launch ended", () => {
  const expired: Gate = { kind: "expired", helpDesk: "1", reference: "r" };

  it("is offered for copying and not shown, with the question whose answer was under way", async () => {
    let state = reduce(opened(), { type: "asked", runId: "r", question: "Why did eGFR fall?" });
    state = reduce(state, { type: "typed", text: "and potassium" });
    state = reduce(state, { type: "gated", gate: expired });
    expect([state.draft, state.messages, state.card]).toEqual([
      "Why did eGFR fall?\n\nand potassium",
      [],
      null,
    ]);
    show(state);
    expect(words(".kept p")).toEqual(["What you typed is kept in this panel until it is closed: 6 words."]);
    expect(root.textContent).not.toContain("potassium");
    const write = vi.fn(async () => undefined);
    vi.stubGlobal("navigator", { clipboard: { writeText: write } });
    click(".kept .btn");
    await vi.waitFor(() => expect(write).toHaveBeenCalledWith("Why did eGFR fall?\n\nand potassium"));
    vi.unstubAllGlobals();
    click(".kept .quiet");
    show(dispatched.reduce(reduce, state));
    expect(words(".kept")).toEqual([]);
  });

  it("can be selected where the frame allows no copying", async () => {
    vi.stubGlobal("navigator", {});
    document.execCommand = () => false;
    show(reduce({ ...opened(), draft: "my words" }, { type: "gated", gate: expired }));
    click(".kept .btn");
    await vi.waitFor(() => expect(root.querySelector("textarea")?.value).toBe("my words"));
    vi.unstubAllGlobals();
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

Claude Sonnet 4.5 (20250929) · BAA · US · not retained · chart read 20-Nov-2026 08:42. Rows marked “General knowledge” do not come from this chart.

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
