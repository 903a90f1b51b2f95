import { afterEach, describe, expect, it, vi } from "vitest";
import { randomId } from "./ids";

afterEach(() => vi.unstubAllGlobals());

describe("randomId", () => {
  it("is 128 bits in hex, another each time", () => {
    const found = new Set(Array.from({ length: 100 }, randomId));
    expect(found.size).toBe(100);
    for (const id of found) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });

  it("keeps the zeros in front of a byte", () => {
    vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array) => bytes.fill(7) });
    expect(randomId()).toBe("07".repeat(16));
  });
});
