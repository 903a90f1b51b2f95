import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findKey, keepKey, takeBind } from "./carriers";
import { leaveBind } from "./leave_bind";

function blockStorage() {
  vi.spyOn(window, "sessionStorage", "get").mockImplementation(() => {
    throw new DOMException("blocked", "SecurityError");
  });
}

beforeEach(() => {
  sessionStorage.clear();
  window.name = "ehr-frame";
});
afterEach(() => vi.restoreAllMocks());

describe("bind secret", () => {
  it("travels in storage, once, per state, and leaves the frame's name alone", () => {
    leaveBind("s1", "b1");
    leaveBind("s2", "b2");
    expect([takeBind("s1"), takeBind("s1"), takeBind("s2"), window.name]).toEqual([
      "b1",
      null,
      "b2",
      "ehr-frame",
    ]);
  });

  it("travels in window.name where storage throws, and gives the name back", () => {
    blockStorage();
    leaveBind("s1", "b1");
    expect(JSON.parse(window.name)).toEqual({ n: "ehr-frame", s: "s1", b: "b1" });
    expect([takeBind("s1"), window.name]).toEqual(["b1", "ehr-frame"]);
  });

  it("is not taken for another state, from a foreign name, or without a state", () => {
    blockStorage();
    leaveBind("s1", "b1");
    const left = window.name;
    expect([takeBind("s2"), takeBind(null), window.name]).toEqual([null, null, left]);
    window.name = "null";
    expect(takeBind("s1")).toBeNull();
  });
});

describe("launch key", () => {
  it("is mirrored per launch where storage works, and missed quietly where not", () => {
    keepKey("l1", "k1");
    expect([findKey("l1"), findKey("l2")]).toEqual(["k1", null]);
    blockStorage();
    keepKey("l2", "k2");
    expect(findKey("l2")).toBeNull();
  });
});
