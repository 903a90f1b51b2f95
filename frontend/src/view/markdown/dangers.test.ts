import { describe, expect, it } from "vitest";
import { card } from "../../../dev/fixtures.mjs";
import { alarms, dangersOf, NO_DANGERS } from "./dangers";

describe("a dangerous opening", () => {
  const dangers = dangersOf(card);

  it("names a value that the launch card marks as dangerous", () => {
    expect([...dangers]).toEqual(["5.6 H"]);
    expect(alarms("Potassium 5.6 mmol/L H (3.5–5.1) on 19-Nov-2026.", dangers)).toBe(true);
    expect(alarms("Potassium 5.6 (H) on 19-Nov-2026.", dangers)).toBe(true);
  });

  it("names a value sent as critical, whatever the card says", () => {
    expect(alarms("Potassium 6.9 mmol/L HH on 19-Nov-2026.", NO_DANGERS)).toBe(true);
  });

  it("is not any flagged value, nor the same number without its flag", () => {
    expect(alarms("LDL 131 mg/dL H on 19-Nov-2026.", dangers)).toBe(false);
    expect(alarms("Potassium 5.6 mmol/L on 19-Nov-2026.", dangers)).toBe(false);
    expect(alarms("No results.", dangersOf(null))).toBe(false);
  });
});
