import { describe, expect, it } from "vitest";
import { counted, totalOf } from "./counted";

describe("the count in a list's title", () => {
  it("counts what is in view, not what was sent", () => {
    expect(counted("Active orders", 6, 9)).toBe("Active orders, 6 of 9 shown");
    expect(counted("Active problems, 60 of 182 shown", 6, 60)).toBe("Active problems, 6 of 182 shown");
  });

  it("never says that a part is all", () => {
    expect(counted("Active problems, 60 of 1,182 shown", 60, 60)).toBe("Active problems, 60 of 1,182 shown");
    expect(counted("Active orders, 4 of 9 shown", 9, 9)).toBe("Active orders");
    expect(counted("Active orders", 9, 9)).toBe("Active orders");
    expect(counted("", 6, 9)).toBe("");
    expect(totalOf("Active problems, 60 of 1,182 shown", 60)).toBe(1182);
  });
});
