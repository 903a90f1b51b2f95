import { expect, it } from "vitest";
import { layOutBars, spokenBars } from "./bars";

const FEW = "fewer than 11";
const marks = [
  { label: "female", n: 40, shown: "40" },
  { label: "male", n: 20, shown: "20" },
  { label: "other", n: null, shown: FEW },
];

it("draws no bar for a count that is not shown, and measures by what is", () => {
  const { rows } = layOutBars(marks, 330);
  expect(rows.map(({ shown }) => shown)).toEqual(["40", "20", FEW]);
  const [first, second, third] = rows.map(({ bar }) => bar?.width);
  expect(first).toBeGreaterThan(150);
  expect(second).toBe((first ?? 0) / 2);
  expect(third).toBeUndefined();
  expect(spokenBars("By sex", marks)).toBe("By sex: female 40, male 20, other fewer than 11.");
});

it("is the same drawing whatever the hidden count is", () => {
  const hidden = marks.map((mark) => (mark.n === null ? { ...mark, shown: "not shown" } : mark));
  expect(layOutBars(hidden, 640).rows.map(({ bar }) => bar)).toEqual(
    layOutBars(marks, 640).rows.map(({ bar }) => bar),
  );
});

it("keeps everything inside its width, and cuts no label", () => {
  const long = marks.map((mark) => ({
    ...mark,
    label: "hydrochlorothiazide 25 mg oral tablet (rxnorm 310798) ".repeat(2),
  }));
  for (const width of [330, 640]) {
    const { left, rows } = layOutBars(long, width);
    expect(Math.max(...rows.map(({ bar }) => left + (bar?.width ?? 0)))).toBeLessThanOrEqual(width - 90);
    expect(rows.map(({ lines }) => lines.join(" "))).toEqual(long.map(({ label }) => label));
    expect(
      Math.max(...rows.flatMap(({ lines }) => lines.map((line) => line.length * 6.4))),
    ).toBeLessThanOrEqual(width);
  }
});
