import { describe, expect, it } from "vitest";
import css from "./tokens.css?raw";

// Pairs that meet on a screen: words 4.5:1, shapes and edges of controls 3:1 (WCAG 2.2, 1.4.3 and 1.4.11).
const WORDS =
  "ink/surface ink/bg ink-2/surface ink-2/surface-2 ink-2/bg brand/surface brand/surface-2 brand/brand-soft brand-ink/brand " +
  "warn/surface-2 ink/surface-2 high/surface high/high-soft high-ink/high low/surface low-ink/low warn/warn-soft ink/warn-soft ok/surface ink/mark " +
  "ink/brand-soft ref-edge/surface warn/surface high/brand-soft banner-ink/banner banner-ink-2/banner";
const SHAPES =
  "focus-ring/surface focus-ring/bg line-strong/surface line-strong/surface-2 line-strong/bg brand-line/surface brand-line/brand-soft brand-line/bg " +
  "ref-edge/ref-band ref-edge/surface low/ref-band high/ref-band ink/ref-band ink-2/ref-band line-strong/ref-band " +
  "low/surface high/surface ink-2/surface line-strong/warn-soft warn-line/warn-soft warn-line/surface copied/surface banner-line/banner banner-alert/banner";

function tokens(part: string): Record<string, string> {
  return Object.fromEntries(
    [...part.matchAll(/--([a-z0-9-]+):(#[0-9a-f]{6})/g)].map(([, name, hex]) => [name, hex]),
  );
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

const [lightPart = "", darkPart = ""] = css.split("@media (prefers-color-scheme:dark)");
const SETS = { light: tokens(lightPart), dark: { ...tokens(lightPart), ...tokens(darkPart) } };

describe.each(Object.entries(SETS))("%s", (_, set) => {
  it.each([
    ...WORDS.split(" ").map((pair) => [pair, 4.5] as const),
    ...SHAPES.split(" ").map((pair) => [pair, 3] as const),
  ])("%s has a contrast of %d or more", (pair, least) => {
    const [front = "", ground = ""] = pair.split("/");
    expect(contrast(set[front] ?? "", set[ground] ?? "")).toBeGreaterThanOrEqual(least);
  });
});
