import { afterEach, describe, expect, it } from "vitest";
import type { PageStyle } from "../api/events.gen";
import { applyStyle } from "./style";

const NOTHING: PageStyle = { scheme: "light", colors: [], font_size_px: 0, font_family: "" };

afterEach(() => {
  document.adoptedStyleSheets = [];
});

describe("the EHR's look", () => {
  it("is a sheet of our tokens, for the scheme it was made for", () => {
    const css = applyStyle({
      scheme: "dark",
      colors: [
        { name: "bg", value: "#0b0f14" },
        { name: "ink", value: "#f2f2f2" },
      ],
      font_size_px: 15,
      font_family: '"Georgia","Times New Roman",serif',
    });
    expect(css).toBe(
      '@media (prefers-color-scheme:dark){:root{--bg:#0b0f14;--ink:#f2f2f2}}\n:root{--fs:15px;--font:"Georgia","Times New Roman",serif}',
    );
    expect(document.adoptedStyleSheets).toHaveLength(1);
    expect(document.documentElement.getAttribute("style")).toBeNull();
  });

  it("writes nothing that is no token, colour, size or name", () => {
    const hostile: PageStyle = {
      scheme: "light}body{" as "light",
      colors: [
        { name: "high", value: "#ffffff" },
        { name: "ink", value: "red;}*{display:none" },
        { name: "ink}*{x", value: "#ffffff" },
      ],
      font_size_px: 400,
      font_family: 'x;}@import "http://evil.test"',
    };
    expect([applyStyle(hostile), applyStyle(NOTHING), document.adoptedStyleSheets]).toEqual(["", "", []]);
  });
});
