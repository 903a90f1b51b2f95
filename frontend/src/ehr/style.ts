// The EHR's own look, as the server has checked it: our tokens in a sheet of our own, without markup and without inline style.

import type { PageStyle } from "../api/events.gen";

const NAMES: ReadonlySet<string> = new Set(["bg", "ink", "brand", "brand-ink"]);
const COLOR = /^#[0-9a-f]{6}$/;
const FAMILIES = /^"[A-Za-z][A-Za-z0-9 -]*"(,"[A-Za-z][A-Za-z0-9 -]*")*,(sans-)?serif$/;

/** Take the look over; the page's own sheet stays below it. Returns the rules, "" when nothing changes. */
export function applyStyle(style: PageStyle): string {
  const css = rulesOf(style);
  if (css === "" || !("adoptedStyleSheets" in document)) return "";
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [sheet];
  return css;
}

/** Nothing but a token, a number of pixels or a list of quoted names is written, whatever arrives. */
function rulesOf({ scheme, colors, font_size_px, font_family }: PageStyle): string {
  const taken = colors.filter(({ name, value }) => NAMES.has(name) && COLOR.test(value));
  const tokens = taken.map(({ name, value }) => `--${name}:${value}`).join(";");
  const size = font_size_px >= 12 && font_size_px <= 18 ? `--fs:${Math.round(font_size_px)}px` : "";
  const font = FAMILIES.test(font_family) ? `--font:${font_family}` : "";
  const both = [size, font].filter((rule) => rule !== "").join(";");
  const ours = scheme === "dark" ? "dark" : "light";
  return [tokens && `@media (prefers-color-scheme:${ours}){:root{${tokens}}}`, both && `:root{${both}}`]
    .filter((rule) => rule !== "")
    .join("\n");
}
