import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { AnalystDesk, CohortAnswer } from "../api/events.gen";
import { type AnalystApi, Stopped } from "./api";
import { Population } from "./Population";

const desk: AnalystDesk = {
  user: "A. Quinn",
  site_name: "Harbor Clinic",
  help_desk: "555-0142",
  as_of: "20-Nov-2026",
  idle_s: 1800,
  lists: false,
  whole: true,
  groups: [],
  sets: [{ name: "diabetes", kinds: ["condition"] }],
  queries: [],
  rules: [{ key: "influenza", title: "Influenza vaccine" }],
};
const counted: CohortAnswer = {
  refused: "",
  tables: [
    { words: "Counts patients.", columns: ["patients"], rows: [["fewer than 11"]], notes: [], marks: [] },
    {
      words: "By sex",
      columns: ["sex", "patients"],
      rows: [["female", "40"]],
      notes: [],
      marks: [{ label: "female", n: 40, shown: "40" }],
    },
  ],
  csv: "sex,patients\n",
};

let root: HTMLElement;
let api: { [name in keyof AnalystApi]: ReturnType<typeof vi.fn> };
const left = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  root = document.createElement("div");
  document.body.replaceChildren(root);
  left.mockClear();
  api = {
    desk: vi.fn(async () => desk),
    ask: vi.fn(async () => counted),
    list: vi.fn(async () => ({ refused: "", patients: [{ id: "p1", chart: "" }] })),
    group: vi.fn(async () => ({ refused: "not here", text: "" })),
    leave: vi.fn(async () => undefined),
  };
});
afterEach(() => {
  act(() => render(null, root));
  vi.useRealTimers();
});

async function shown(more: Partial<AnalystDesk> = {}): Promise<void> {
  api.desk.mockResolvedValue({ ...desk, ...more });
  await act(async () => render(<Population api={api as unknown as AnalystApi} onLeft={left} />, root));
}

async function press(name: string): Promise<void> {
  const found = [...root.querySelectorAll("button")].find((one) => one.textContent === name);
  expect(found, name).toBeDefined();
  await act(async () => found?.click());
}

it("asks for what the rows say, and shows counts as bars and as a table", async () => {
  await shown();
  await press("Describe");
  expect(api.ask.mock.calls[0]).toEqual([
    "cohort_describe",
    {
      criteria: { all: [{ of: "record", kind: "condition", set: "diabetes", status: ["active"] }] },
      parts: ["age", "sex", "condition", "medication", "visits"],
    },
    "",
  ]);
  expect(root.querySelector(".whole")?.textContent).toBe("fewer than 11 patients");
  expect(root.querySelector("svg")?.getAttribute("aria-label")).toBe("By sex: female 40.");
  expect(root.querySelector("details table")?.textContent).toContain("female40");
  await press("Save as FHIR Group");
  expect(root.textContent).toContain("not here");
});

it("offers lists only to whom the server gives them", async () => {
  await shown();
  await press("Count");
  expect(root.textContent).not.toContain("List the patients");
  await shown({ lists: true });
  await act(() => render(null, root));
  await shown({ lists: true });
  await press("Count");
  await press("List the patients");
  expect(root.querySelector(".patients")?.textContent).toBe("p1");
});

it("shows nothing any more when the session is over, by time or by the server", async () => {
  await shown();
  await press("Count");
  await act(async () => void vi.advanceTimersByTime(1799_000));
  expect(root.textContent).toContain("By sex");
  await act(async () => void vi.advanceTimersByTime(2000));
  expect(root.textContent).toContain("You are signed out.");
  expect(root.textContent).not.toContain("By sex");
  act(() => render(null, root));
  await shown();
  api.ask.mockRejectedValue(
    new Stopped({ status: 401, title: "x", detail: "", help_desk: "", reference: "" }),
  );
  await press("Count");
  expect(root.textContent).toContain("You are signed out.");
  expect(left).toHaveBeenCalledTimes(2);
});

it("names the group that is asked where nothing else is exported", async () => {
  await shown({ whole: false, groups: ["clinic-a", "clinic-b"] });
  expect([...root.querySelectorAll("option")].map((one) => one.textContent)).not.toContain("whole export");
  await press("Describe");
  expect(api.ask.mock.calls[0]?.[2]).toBe("clinic-a");
});
