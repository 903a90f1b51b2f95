import { render } from "preact";
import { describe, expect, it } from "vitest";
import type { Citation } from "../../api/events.gen";
import type { SourceRef } from "../../state/cites";
import { numbers } from "../../state/cites";
import { type Acts, ActsContext, ScopeContext } from "../context";
import { atoms } from "./clinical";
import { lexMore, NOTHING } from "./lex";
import { Markdown } from "./Markdown";
import type { Marks } from "./marks";

const SOURCES: SourceRef[] = [
  { n: 51, label: "medication request, ibuprofen", summary: "", search: false, text: "" },
  { n: 13, label: "412 searched: results", summary: "", search: true, text: "412 searched" },
];
const chip = (n: number, sentence = 0) => `\ue000${n}.${sentence}\ue001`;

function citation(more: Partial<Citation>): Citation {
  return {
    message_id: "m",
    sentence: 0,
    n: 51,
    label: "medication request, ibuprofen",
    summary: "",
    search: false,
    verdict: "match",
    claim: "",
    fields: [],
    differences: [],
    ...more,
  };
}

function drawn(
  text: string,
  marks: Marks = {
    citations: [citation({}), citation({ n: 13, label: "412 searched: results" })],
    noSource: [],
  },
) {
  const root = document.createElement("div");
  render(
    <ActsContext.Provider value={{} as Acts}>
      <ScopeContext.Provider value={{ id: "m", sources: SOURCES, numbers: numbers(SOURCES), open: null }}>
        <Markdown text={text} marks={marks} growing={false} leads={false} />
      </ScopeContext.Provider>
    </ActsContext.Provider>,
    root,
  );
  return root;
}

describe("hostile text", () => {
  const HOSTILE = [
    "![x](https://evil.example/a.png)",
    "[click](javascript:alert(1))",
    "[click](https://evil.example)",
    "https://evil.example/?q=1",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "text <iframe src='https://evil.example'></iframe> text",
    "<div style='position:fixed'>\n\n# big\n\n</div>",
    "[ref]: https://evil.example\n\n[ref]",
    "<a href='data:text/html,x'>x</a>",
    "<https://evil.example>",
    "- [x] <svg onload=alert(1)>",
    "| a |\n|---|\n| ![x](//evil.example) |",
  ];
  it.each(HOSTILE)("%s stays the characters that were written", (text) => {
    const root = drawn(text);
    expect(
      root.querySelectorAll("a,img,script,iframe,svg,object,style,input,[href],[src],[style],[onerror]"),
    ).toHaveLength(0);
    for (const word of text.match(/evil\.example|javascript:|onerror/g) ?? []) {
      expect(root.textContent).toContain(word);
    }
  });

  it("makes no chip of a forged number or of a sentinel that nobody announced", () => {
    const root = drawn(`[1] [^1] (1) \ue000\ue001 \ue00051\ue001 \ue0009.0\ue001 \ue00051.7\ue001`);
    expect(root.querySelectorAll(".cite")).toHaveLength(0);
    expect(root.textContent).toContain("[1] [^1] (1)");
  });
});

describe("blocks", () => {
  it("draws headings, lists, tables, emphasis and code as nodes", () => {
    const root = drawn("## Plan\n\n- one\n- **two**\n\n3. three\n\n|a|b|\n|-|-|\n|1|2|\n\n*aside*\n\n`x`");
    expect(root.querySelector("h2")?.textContent).toBe("Plan");
    expect([...root.querySelectorAll("ul.md li")].map((li) => li.textContent)).toEqual(["one", "two"]);
    expect(root.querySelector("ol.md")?.getAttribute("start")).toBe("3");
    expect(root.querySelector("th")?.getAttribute("scope")).toBe("col");
    expect(root.querySelector("p.small.muted")?.textContent).toBe("aside");
    expect(root.querySelector("code")?.textContent).toBe("x");
  });

  it("freezes finished blocks and lexes only the end, with the same result as at once", () => {
    const text = "One.\n\n- a\n- b\n\nTwo **bold**.\n\n| a |\n|---|\n| 1 |\n\nThree ![x](y) end.";
    const whole = lexMore(NOTHING, text);
    let lexed = NOTHING;
    for (let end = 1; end <= text.length; end += 1) {
      const before = lexed;
      lexed = lexMore(before, text.slice(0, end));
      before.frozen.forEach((token, index) => {
        expect(lexed.frozen[index]).toBe(token);
      });
    }
    expect([...lexed.frozen, ...lexed.tail]).toEqual([...whole.frozen, ...whole.tail]);
    expect([...lexed.frozen, ...lexed.tail].map(({ raw }) => raw).join("")).toBe(text);
  });
});

describe("clinical words", () => {
  const kinds = (text: string) =>
    atoms(text)
      .filter(({ kind }) => kind !== "text")
      .map((atom) => (atom.kind === "value" ? [atom.text, atom.flag, atom.range] : [atom.kind, atom.text]));

  it.each([
    [
      "Potassium 5.6 mmol/L H (3.5–5.1) on 19-Nov-2026.",
      [
        ["5.6\u00a0mmol/L", "H", "(3.5–5.1)"],
        ["date", "19-Nov-2026"],
      ],
    ],
    ["eGFR 34 mL/min/1.73 m² L (≥ 60)", [["34\u00a0mL/min/1.73\u00a0m²", "L", "(≥ 60)"]]],
    [
      "from 52 (L) to 1.64 H",
      [
        ["52", "L", ""],
        ["1.64", "H", ""],
      ],
    ],
    ["troponin 812 ng/L HH", [["812\u00a0ng/L", "HH", ""]]],
    ["1,000 mg twice a day", [["1,000\u00a0mg", "", ""]]],
    ["at 20-Nov-2026 08:42, read", [["date", "20-Nov-2026 08:42"]]],
    ["oxygen 2 L by cannula", [["2\u00a0L", "", ""]]],
    ["HbA1c 7.2 % A", [["7.2\u00a0%", "A", ""]]],
    ["weight 71 kg", [["71\u00a0kg", "", ""]]],
  ])("%s", (text, expected) => {
    expect(kinds(text)).toEqual(expected);
  });

  it.each([
    "2 Hospital visits",
    "3 times a day",
    "Room 5 High Street",
    "grade 2 Lesion",
    "B12 and T4",
    "take 4 a day",
    "1 A. Osei",
    "5 mg A1c",
  ])("sees no flag in %s", (text) => {
    expect(kinds(text).every(([, flag]) => flag === "" || flag === undefined)).toBe(true);
  });

  it("keeps every character, whatever the text", () => {
    const text = "K 5.6 mmol/L H (3.5–5.1)a\u00a0b ≥ 60 12-Foo-2026 \ue00051.0\ue001 1.5 mg/kg/day";
    expect(
      atoms(text)
        .map(({ from, to }) => text.slice(from, to))
        .join(""),
    ).toBe(text);
  });

  it("keeps units that are sent as UCUM codes whole, with their flag and range", () => {
    expect(kinds("WBC 3.9 10*3/uL L (4.5-11.0), then 37.9 Cel H (36.1-37.8)")).toEqual([
      ["3.9\u00a010*3/uL", "L", "(4.5–11.0)"],
      ["37.9\u00a0Cel", "H", "(36.1–37.8)"],
    ]);
    expect(kinds("eGFR 9 mL/min/{1.73_m2} L (60-200)")).toEqual([
      ["9\u00a0mL/min/{1.73_m2}", "L", "(60–200)"],
    ]);
    expect(kinds("LDL 148 mg/dL H (<=100)")).toEqual([["148\u00a0mg/dL", "H", "(≤ 100)"]]);
    expect(kinds("HDL 39 mg/dL (>= 40)")).toEqual([["39\u00a0mg/dL", "", "(≥ 40)"]]);
  });

  it("draws the flag with its sign and its word", () => {
    expect(drawn("5.6 mmol/L H").querySelector(".flag.hi")?.textContent).toBe("▲ H high");
    expect(drawn("812 ng/L HH").querySelector(".flag.crit")?.textContent).toBe("▲ ‼ HH critical high");
  });
});

describe("chips and verdicts", () => {
  it("numbers chips and names searches", () => {
    const root = drawn(`Order${chip(51)}. None${chip(13)}.`);
    expect(
      [...root.querySelectorAll(".cite")].map((c) => [c.textContent, c.getAttribute("aria-label")]),
    ).toEqual([
      ["1", "Source 1: medication request, ibuprofen"],
      ["412 searched", "412 searched: results"],
    ]);
  });

  it("strikes the wrong value in its own sentence only, and names the record's", () => {
    const claim = "The chart has ibuprofen 800 mg three times a day.";
    const wrong = citation({
      verdict: "mismatch",
      claim,
      differences: [{ field: "dose", says: "800 mg", record: "600 mg" }],
    });
    const root = drawn(`Before 800 mg. The chart has **ibuprofen** 800 mg three times a day${chip(51)}.`, {
      citations: [wrong],
      noSource: [],
    });
    expect([...root.querySelectorAll(".wrong")].map((node) => node.textContent)).toEqual(["800\u00a0mg"]);
    expect(root.querySelector(".cite.bad")?.getAttribute("aria-label")).toBe(
      "Source 1: medication request, ibuprofen, does not match",
    );
    expect(root.querySelector(".tag.bad")?.textContent).toBe("Does not match: record says 600 mg");
    expect(root.textContent?.indexOf("Before")).toBe(0);
  });

  it("strikes nothing when the value is not in the sentence", () => {
    const wrong = citation({
      verdict: "mismatch",
      claim: "Takes 1800 mg.",
      differences: [{ field: "dose", says: "800 mg", record: "" }],
    });
    const root = drawn(`Takes 1800 mg${chip(51)}.`, { citations: [wrong], noSource: [] });
    expect(root.querySelector(".wrong")).toBeNull();
    expect(root.querySelector(".tag.bad")?.textContent).toBe("Does not match");
  });

  it("marks a sentence without a source, across bold words", () => {
    const root = drawn("Known. Physical **therapy** was tried first. Then more.", {
      citations: [],
      noSource: [
        { message_id: "m", sentence: 1, claim: "Physical therapy was tried first.", kind: "no_source" },
      ],
    });
    expect([...root.querySelectorAll(".unsourced")].map((node) => node.textContent).join("")).toBe(
      "Physical therapy was tried first.",
    );
    expect(root.querySelectorAll(".tag.nosrc")).toHaveLength(1);
    expect(root.textContent).toBe("Known. Physical therapy was tried first. No source Then more.");
  });

  it("shows a chip as waiting until its verdict came", () => {
    const root = drawn(`Order${chip(51)}.`, { citations: [citation({ verdict: "pending" })], noSource: [] });
    expect(root.querySelector(".cite.wait")?.getAttribute("aria-label")).toContain("not checked yet");
  });
});
