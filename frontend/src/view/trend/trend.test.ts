import { describe, expect, it } from "vitest";
import { kidneyTrend } from "../../../dev/fixtures.mjs";
import type { Cell, ResultsBlock, SupplyBar } from "../../api/events.gen";
import { labelOf, layOut, NARROW, WIDE } from "./layout";
import { choose, type Panel } from "./points";
import { spoken } from "./TrendFigure";
import { axisStart, place, printedDay, ticks } from "./time";

const UNTIL = "2026-11-20T08:42";
const all = () => true;
const fits = (panels: readonly Panel[], until: number) => layOut(panels, [], until, NARROW).fits;

function cell(number: number | null, more: Partial<Cell> = {}): Cell {
  const text = String(number ?? "<5");
  return { text, n: 1, label: "", flag: "", direction: null, critical: false, status: "", number, ...more };
}

/** One test, newest first. */
function block(
  results: readonly (readonly [at: string, cell: Cell])[],
  more: Partial<ResultsBlock> = {},
): ResultsBlock {
  return {
    caption: "Results, newest first",
    date_role: "Collected",
    series: [
      {
        label: "Potassium",
        unit: "mmol/L",
        range: "3.5–5.1",
        n: 20,
        cite_label: "potassium",
        low: { number: 3.5, text: "3.5" },
        high: { number: 5.1, text: "5.1" },
        plotted: true,
      },
    ],
    lines: results.map(([at, one]) => ({ date: at, at, cells: [one] })),
    note: "",
    trend: { title: "Results", until: UNTIL, bars: [] },
    kind: "results",
    ...more,
  };
}

const days = (count: number, from = "2026-11-19") =>
  Array.from({ length: count }, (_, index) => {
    const at = printedIso(place(from) - index * 86_400_000);
    return [at, cell(4 + (index % 3) / 10)] as const;
  });
const printedIso = (at: number) => new Date(at).toISOString().slice(0, 10);

function bar(more: Partial<SupplyBar>): SupplyBar {
  return {
    label: "ibuprofen 600 mg three times a day",
    n: 51,
    cite_label: "",
    ordered: "02-Oct-2026",
    starts: "2026-10-02",
    ends: "2026-11-01",
    days: "30",
    refill: true,
    ...more,
  };
}

describe("what is drawn", () => {
  it("is the last 12 months where they hold two results, else the shortest longer span", () => {
    expect(choose(kidneyTrend, all)).toMatchObject({
      title: "Kidney results, last 12 months",
      note: "All 15 final. Flags as sent by the laboratory.",
    });
    const older = [
      ["2026-11-19", cell(5)],
      ["2025-10-02", cell(4)],
      ["2019-03-03", cell(4)],
    ] as const;
    expect(choose(block(older), all)).toMatchObject({
      title: "Results, last 2 years",
      note: "All 2 final. 1 more in the table.",
    });
  });

  it("leaves a result without a plain number or a day to the table", () => {
    const { panels, note } = choose(
      block([
        ["2026-11-19", cell(5)],
        ["2026-11-18", cell(null)],
        ["", cell(4)],
        ["2026-11-01", cell(4.4)],
      ]),
      all,
    );
    expect(panels[0]?.points.map(({ text }) => text)).toEqual(["4.4", "5"]);
    expect(note).toBe("All 2 final. 2 more in the table.");
  });

  it("prints every value: the axis begins later where there is no room for all", () => {
    const drawn = choose(block(days(40)), fits);
    const shown = drawn.panels[0]?.points.length ?? 0;
    expect(shown).toBeGreaterThan(3);
    expect(shown).toBeLessThan(40);
    expect(drawn.title).toBe(`Results, since ${printedDay(drawn.from)}`);
    expect(drawn.note).toBe(`All ${shown} final. ${40 - shown} more in the table.`);
    const { panels } = layOut(drawn.panels, [], drawn.until, NARROW);
    expect(panels[0]?.marks).toHaveLength(shown);
  });

  it("says how many are not final", () => {
    const results = [
      ["2026-11-19", cell(5, { status: "preliminary" })],
      ["2026-11-10", cell(4.4, { status: "corrected" })],
      ["2026-11-01", cell(4.4)],
    ] as const;
    expect(choose(block(results), all).note).toBe("3 results; 1 corrected, 1 preliminary.");
  });
});

describe("the drawing", () => {
  const drawn = choose(kidneyTrend, fits);
  const narrow = layOut(drawn.panels, kidneyTrend.trend?.bars ?? [], drawn.until, NARROW);
  const wide = layOut(drawn.panels, kidneyTrend.trend?.bars ?? [], drawn.until, WIDE);

  it("has one axis that ends today, in the width it is drawn for", () => {
    expect([narrow.width, narrow.right, wide.width, wide.right]).toEqual([330, 274, 640, 584]);
    expect([narrow.today, wide.ticks.map(({ text }) => text)]).toEqual([
      "today 20-Nov",
      ["Dec-2025", "Mar-2026", "Jun-2026", "Sep-2026"],
    ]);
    expect(narrow.fits).toBe(true);
  });

  it("keeps the reference range inside, its edges printed as sent", () => {
    for (const { band, edges, top } of narrow.panels) {
      expect(band?.y).toBeGreaterThanOrEqual(top);
      expect((band?.y ?? 0) + (band?.height ?? 0)).toBeLessThanOrEqual(top + narrow.panelHeight);
      expect(edges.every(({ y }) => y >= top && y <= top + narrow.panelHeight)).toBe(true);
    }
    expect(narrow.panels.map(({ edges }) => edges.map(({ text }) => text))).toEqual([
      ["60"],
      ["1.10", "0.50"],
      ["5.1", "3.5"],
    ]);
  });

  it("prints every value with its letter, the newest beside its point", () => {
    expect(narrow.panels.map(({ marks }) => marks.map(({ label }) => label))).toEqual([
      ["55 L", "54 L", "52 L", "43 L", "34 L"],
      ["1.10", "1.11 H", "1.15 H", "1.34 H", "1.64 H"],
      ["4.4", "4.5", "4.6", "5.0", "5.6 H"],
    ]);
    expect(narrow.panels.every(({ marks }) => marks.filter(({ last }) => last).length === 1)).toBe(true);
    expect(
      labelOf({ ...cell(7.1), flag: "HH", critical: true, at: 0, date: "", number: 7.1, preliminary: false }),
    ).toBe("7.1 ‼ HH");
  });

  it("draws no line to a preliminary result", () => {
    const results = [
      ["2026-11-19", cell(6, { status: "preliminary" })],
      ["2026-11-10", cell(5)],
      ["2026-11-01", cell(4)],
    ] as const;
    const { panels, until } = choose(block(results), all);
    const [panel] = layOut(panels, [], until, WIDE).panels;
    expect([panel?.line.length, panel?.marks.map(({ point }) => point.preliminary)]).toEqual([
      2,
      [false, false, true],
    ]);
  });

  it("spaces results by time, not by count", () => {
    const [panel] = wide.panels;
    const [a = 0, b = 0, , d = 0, e = 0] = panel?.marks.map(({ x }) => x) ?? [];
    expect((b - a) / (e - d)).toBeCloseTo(105 / 36, 1);
  });

  it("draws ordered supply solid, and dashed only what a refill could be", () => {
    const [first, second] = wide.bars;
    expect([first?.solid?.[1], first?.dashed]).toEqual([wide.right, null]);
    expect(second?.solid?.[1]).toBeLessThan(wide.right);
    expect(second?.dashed?.[1]).toBeCloseTo(wide.right - 0.6);
    const one = (more: Partial<SupplyBar>) => layOut(drawn.panels, [bar(more)], drawn.until, WIDE).bars[0];
    expect(one({ refill: false })?.dashed).toBeNull();
    expect(one({ ends: "", days: "" })).toMatchObject({
      solid: null,
      dashed: null,
      lines: ["ibuprofen 600 mg three times a day, supply not known"],
    });
    expect(one({ starts: "2025-01-01", ends: "2025-02-01" })).toMatchObject({ solid: null, start: null });
    expect(one({ starts: "2025-01-01", ends: "2025-02-01", refill: false })).toBeUndefined();
    expect(one({ starts: "2018-12-15", ends: "", days: "" })).toBeUndefined();
  });

  it("never cuts the name of a medicine: it takes lines of its own where it finds no room", () => {
    const label = "amoxicillin/clavulanate potassium 875 mg/125 mg twice a day with food for ten days";
    const [laid] = layOut(drawn.panels, [bar({ label, starts: "2025-12-10" })], drawn.until, NARROW).bars;
    expect(laid?.lines.join(" ")).toBe(label);
    expect(laid?.lines.length).toBeGreaterThan(1);
    expect(laid?.y).toBeGreaterThan(laid?.labelY ?? 0);
  });

  it("draws one value, equal values, and no reference range", () => {
    const same = [
      ["2026-11-19", cell(0)],
      ["2026-11-10", cell(0)],
    ] as const;
    const bare = block(same);
    const [series] = bare.series;
    if (series === undefined) throw new Error("no series");
    const { panels, until } = choose(
      { ...bare, series: [{ ...series, low: null, high: null, range: "" }] },
      fits,
    );
    const layout = layOut(panels, [], until, NARROW);
    const numbers = JSON.stringify(layout).match(/null|NaN|Infinity/g) ?? [];
    expect(layout.panels[0]?.band).toBeNull();
    expect(numbers.filter((word) => word !== "null")).toEqual([]);
    expect(layout.panels[0]?.marks.every(({ y }) => Number.isFinite(y))).toBe(true);
  });

  it("is a sentence for those who do not see it", () => {
    const [potassium] = drawn.panels.slice(2);
    if (potassium === undefined) throw new Error("no panel");
    expect(spoken([potassium], [bar({}), bar({ refill: false }), bar({ ends: "", days: "" })])).toBe(
      "Potassium in mmol/L, reference 3.5–5.1: 4.4 on 03-Dec-2025, 4.5 on 18-Mar-2026, 4.6 on 11-Jun-2026, 5.0 on 14-Oct-2026, 5.6 high on 19-Nov-2026. " +
        "Ordered supply: ibuprofen 600 mg three times a day from 02-Oct-2026, 30 days, then only if refilled; " +
        "ibuprofen 600 mg three times a day from 02-Oct-2026, 30 days; " +
        "ibuprofen 600 mg three times a day from 02-Oct-2026, supply not known.",
    );
  });
});

describe("the time axis", () => {
  it("knows a day, a minute, and that a month is neither", () => {
    expect([place("2026-11-19"), place("2026-11-19T09:10") - place("2026-11-19")]).toEqual([
      Date.UTC(2026, 10, 19),
      550 * 60_000,
    ]);
    expect([place(""), place("2026-11")].every(Number.isNaN)).toBe(true);
  });

  it("has round dates for years, months and days", () => {
    const until = place(UNTIL);
    const words = (from: string) => ticks(axisStart(place(from), until), until).map(({ text }) => text);
    expect(words("2026-11-10")).toEqual(["10-Nov-2026", "13-Nov-2026", "16-Nov-2026", "19-Nov-2026"]);
    expect(words("2026-06-15")).toEqual(["Jun-2026", "Sep-2026"]);
    expect(words("2019-03-03")).toEqual(["Mar-2019", "Mar-2021", "Mar-2023", "Mar-2025"]);
  });
});
