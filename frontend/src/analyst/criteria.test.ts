import { describe, expect, it } from "vitest";
import { criteriaOf, EMPTY } from "./criteria";

describe("the builder's rows", () => {
  it("come to the criteria that the server reads", () => {
    const rows = [
      { ...EMPTY, what: "age", low: "18", high: " 75 " },
      { ...EMPTY, set: "diabetes", active: true },
      {
        ...EMPTY,
        what: "observation",
        set: "hemoglobin A1c",
        days: "365",
        sign: ">",
        number: "9.0",
        unit: " % ",
      },
      { ...EMPTY, join: "none", what: "medication", system: "rxnorm", codes: "314076, 617314;1" },
      { ...EMPTY, join: "any", what: "sex", sex: "other" },
    ] as const;
    expect(criteriaOf(rows)).toEqual({
      all: [
        { of: "age", at_least: 18, at_most: 75 },
        { of: "record", kind: "condition", set: "diabetes", status: ["active"] },
        {
          of: "record",
          kind: "observation",
          set: "hemoglobin A1c",
          within_days: 365,
          value: { is: ">", number: 9, unit: "%" },
        },
      ],
      any: [{ of: "sex", is: "other" }],
      none: [{ of: "record", kind: "medication", codes: { rxnorm: ["314076", "617314", "1"] } }],
    });
  });

  it("ask for nothing that they do not say, and keep what is no number for the server to refuse", () => {
    expect(criteriaOf([])).toEqual({});
    expect(criteriaOf([{ ...EMPTY, count: "two", sign: "<", number: "" }])).toEqual({
      all: [{ of: "record", kind: "condition", count: "two" }],
    });
  });
});
