// Draws every scene of dev/server.mjs in a real browser under the production CSP, runs axe on it and checks the
// layout rules of the design and its checklist (docs/design-checklist.md). `npm run build && node dev/pictures.mjs [scene ...]`; pictures go to dev/pictures/.
// CHROMIUM=path of the browser (default /usr/bin/chromium); PNG=0 skips the pictures.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { STORED, start } from "./server.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SIZES = [
  [350, 600],
  [400, 860],
  [1200, 900],
];
const RULES_ONLY = [
  [320, 600],
  [400, 600],
  [768, 900],
];

const openChip =
  (label, where = ".turn") =>
  async (page) => {
    await page.locator(`${where} .cite[aria-label*="${label}"]`).first().click();
    await page.locator(".ev-body h3").waitFor();
  };
const ask = async (page) => {
  await page
    .locator("#q")
    .fill("Why has her kidney function dropped since the summer, and which of her medicines does it affect?");
  await page.keyboard.press("Enter");
  await page.locator(".caret").waitFor();
  await page.waitForTimeout(400);
};
const scrollTo = (selector) => (page) =>
  page
    .locator(selector)
    .first()
    .evaluate((element) => element.scrollIntoView({ block: "start" }));
const toEnd = (page) => page.locator(".log").evaluate((log) => log.scrollTo(0, log.scrollHeight));
const openMenu = (page) => page.locator('[aria-label="Menu"]:visible').click();

/** Name of the picture: [scene of the server, what to do there]. */
const SHOTS = {
  card: ["card"],
  reading: ["reading", (page) => page.waitForTimeout(2300)],
  answer: ["answer"],
  "answer-trend": ["answer", scrollTo(".trend")],
  "answer-table": ["answer", scrollTo(".stack")],
  "answer-criteria": ["answer", scrollTo(".criteria")],
  "answer-foot": ["answer", toEnd],
  "trend-table": [
    "answer",
    async (page) => {
      await page.locator(".trend summary").click();
      await scrollTo(".trend details")(page);
    },
  ],
  source: ["answer", openChip("telephone")],
  "source-order": [
    "answer",
    async (page) => {
      await page.locator('.turn .cite[aria-label*="ibuprofen"]').nth(1).click();
      await page.locator(".ev-body h3").waitFor();
    },
  ],
  uncited: ["uncited"],
  failed: ["failed", toEnd],
  "failed-whole": ["failed-whole", toEnd],
  picker: [
    "card",
    async (page) => {
      await openMenu(page);
      await page.locator(".picker").waitFor();
    },
  ],
  "opt-out": [
    "opt-out",
    async (page) => {
      await page.locator("header .diedbar").waitFor();
    },
  ],
  "no-model": ["no-model"],
  "no-model-all": ["no-model", (page) => page.getByRole("button", { name: "Show all 9" }).click()],
  "no-model-foot": ["no-model", toEnd],
  negative: ["negative"],
  mismatch: ["mismatch"],
  "source-mismatch": ["mismatch", openChip("ibuprofen")],
  "source-note": ["mismatch", openChip("pre-visit")],
  "source-series": ["no-model", openChip("potassium")],
  "source-value": [
    "no-model",
    async (page) => {
      await page.getByRole("button", { name: "34: eGFR, 19-Nov-2026" }).click();
      await page.locator(".ev-body h3").waitFor();
    },
  ],
  "source-card": ["card", openChip("ibuprofen", ".card")],
  suggestions: [
    "card",
    (page) =>
      page
        .getByRole("button", { name: "More" })
        .click({ timeout: 900 })
        .catch(() => undefined),
  ],
  slim: ["slim"],
  "slim-answer": ["slim-answer"],
  styled: ["styled"],
  "styled-night": ["styled-night"],
  short: [
    "short",
    async (page) => {
      await page.locator("#q").fill("Urine albumin?");
      await page.keyboard.press("Enter");
      await page.locator(".turn .prov").waitFor();
      await page.waitForTimeout(200);
    },
  ],
  "gate-allergies": [
    "restricted",
    (page) =>
      page
        .locator(".b-algbtn:visible")
        .click({ timeout: 900 })
        .catch(() => undefined),
  ],
  "gate-menu": ["restricted", openMenu],
  streaming: ["streaming", ask],
  stopped: ["stopped"],
  cut: ["cut"],
  menu: ["card", openMenu],
  ending: ["ending", (page) => page.locator(".endsbar").waitFor()],
  longest: ["longest", (page) => page.locator(".endsbar").waitFor()],
  "gate-ended": [
    "card",
    async (page) => {
      await openMenu(page);
      await page.getByRole("button", { name: "End this launch" }).click();
      await page.locator(".gate").waitFor();
    },
  ],
  "gate-kept": [
    "ended-asking",
    async (page) => {
      await page.locator("#q").fill("Why has her kidney function dropped since the summer?");
      await page.keyboard.press("Enter");
      await page.locator(".kept").waitFor();
    },
  ],
  "gate-down": ["down"],
  "gate-merged": ["merged"],
  "gate-glass": ["glass"],
  "gate-off": ["switched-off"],
  labelled: ["labelled"],
  "chat-off": [
    "chat-off",
    async (page) => {
      await page.locator("#q").fill("Why has her kidney function dropped since the summer?");
      await page.keyboard.press("Enter");
      await page.locator(".turn .failure").waitFor();
    },
  ],
  "banner-inactive": ["inactive"],
  "gate-expired": ["expired"],
  "gate-restricted": ["restricted"],
  "gate-foreign": [
    "foreign",
    async (page) => {
      await page.locator(".card .cite").first().click();
      await page.locator(".gate.stop-now").waitFor();
    },
  ],
  "gate-error": ["error"],
  "gate-back": [
    "mismatch",
    async (page) => {
      await page.goto("about:blank");
      await page.goBack();
      await page.locator(".gate").waitFor();
    },
  ],
  "banner-none": ["none"],
  "banner-unasked": ["unasked"],
  "banner-unread": ["unread"],
  "banner-deceased": ["deceased"],
  "banner-long": ["long"],
};

/** Rows of docs/design-checklist.md: a selector and the picture in which it must be found. */
const CHECKLIST = readFileSync(join(here, "..", "..", "docs", "design-checklist.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, element, selector, , picture] = /^\| ([^|]+) \| (`([^`]+)`)? ?\| ([\w-]+)? ?\|/.exec(line) ?? [];
    return selector === undefined ? [] : [{ element, selector: selector.slice(1, -1), picture }];
  });

let failures = 0;
const fail = (...words) => {
  failures += 1;
  process.stdout.write(`FAIL ${words.join(" ")}\n`);
};

function measure() {
  const box = (selector) => document.querySelector(selector)?.getBoundingClientRect();
  const inside = ".vh,.skip,svg,.chip.off,.tblwrap,.raw";
  const off = [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && !element.closest(inside))
    .filter((element) => {
      const { width, right, left } = element.getBoundingClientRect();
      return width > 1 && (right > innerWidth + 1 || left < -1);
    })
    .map((element) => element.className || element.tagName);
  const targets = [...document.querySelectorAll("button,summary,input,textarea")]
    .filter((element) => element.checkVisibility() && !element.closest(".vh,.skip"))
    .filter((element) => !element.matches(".cite,.link,input") && element.getBoundingClientRect().height < 24)
    .map((element) => element.className);
  return {
    height: innerHeight,
    header: box("header")?.height,
    log: box(".log")?.height,
    sheet: box(".evidence.open")?.height,
    mark: box(".ev-body mark"),
    body: box(".ev-body"),
    question: [...document.querySelectorAll(".user")].at(-1)?.getBoundingClientRect().top,
    cutChips: [...document.querySelectorAll(".suggest,.followrow")].flatMap((row) =>
      [...row.querySelectorAll(".chip:not(.off)")].filter(
        (chip) => chip.getBoundingClientRect().right > row.getBoundingClientRect().right + 1,
      ),
    ).length,
    logTop: box(".log")?.top,
    wide: document.documentElement.scrollWidth > innerWidth,
    off: off.slice(0, 5),
    targets: targets.slice(0, 5),
  };
}

function check(at, width, m) {
  if (m.cutChips > 0) fail(at, "suggestions cut:", m.cutChips);
  if (at.startsWith("short ") && !(Math.abs(m.question - m.logTop) <= 1))
    fail(at, "question not at the top:", m.question);
  if (m.wide) fail(at, "scrolls sideways");
  if (m.off.length > 0) fail(at, "outside the frame:", m.off.join(", "));
  if (m.targets.length > 0) fail(at, "target under 24 px:", m.targets.join(", "));
  if (m.log !== undefined && m.log / m.height < 0.6) fail(at, "conversation", m.log, "of", m.height);
  if (m.sheet !== undefined && width < 880 && m.sheet / m.height > 0.601) fail(at, "sheet", m.sheet);
  if (m.mark && m.body && m.mark.bottom > m.body.bottom + 1) fail(at, "marked words out of view");
}

for (const { element, picture } of CHECKLIST)
  if (!(picture in SHOTS)) fail("checklist:", element, "names no picture of ours:", picture);

const wanted = process.argv.slice(2);
const { server, port } = await start();
mkdirSync(join(here, "pictures"), { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--font-render-hinting=none",
  ],
});
for (const [name, [scene, act]] of Object.entries(SHOTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height] of [...SIZES, ...RULES_ONLY]) {
      const viewport = { width, height };
      const context = await browser.newContext({
        viewport,
        colorScheme,
        reducedMotion: "reduce",
        deviceScaleFactor: width > 1000 ? 1 : 1.5,
      });
      const page = await context.newPage();
      const at = `${name} ${width}x${height} ${colorScheme}`;
      page.on("pageerror", (error) => fail(at, String(error)));
      page.on("console", (message) => {
        // The browser's own line for the 401 and 503 of the gate scenes, and for the icon nobody serves.
        if (message.type() === "error" && !/status of (401|403|409|503|404)/.test(message.text()))
          fail(at, message.text());
      });
      const ready = scene === "reading" ? ".reading" : ".cardfoot, .gate";
      await page.goto(`http://localhost:${port}/${scene === "error" ? "error" : `l/${scene}/`}`);
      await page.locator(ready).first().waitFor();
      // The conversation comes in a file of its own, after the first screen.
      if (scene in STORED) await page.locator(".turn .prov, .turn .failure").first().waitFor();
      if (act !== undefined) await act(page);
      // Opening an answer scrolls to it: what a reader of that scene looks at.
      if (act === undefined) await page.evaluate(() => document.querySelector(".user")?.scrollIntoView());
      // Before axe, which scrolls to what it looks at.
      const drawn = SIZES.some(([w, h]) => w === width && h === height);
      if (drawn && process.env.PNG !== "0") {
        const file = `${name}-${width}${colorScheme === "dark" ? "-dark" : ""}.png`;
        await page.screenshot({ path: join(here, "pictures", file), animations: "disabled", caret: "hide" });
      }
      await page.evaluate(axeSource);
      const violations = await page.evaluate(() =>
        axe
          .run(document, {
            runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
          })
          .then((found) => {
            // What the reader has scrolled half out of view is small only there.
            const log = document.querySelector(".log")?.getBoundingClientRect();
            const clipped = ({ target: [selector] }) => {
              const box = document.querySelector(selector)?.getBoundingClientRect();
              return log && box && (box.top < log.top || box.bottom > log.bottom);
            };
            for (const violation of found.violations)
              if (violation.id === "target-size")
                violation.nodes = violation.nodes.filter((node) => !clipped(node));
            return found.violations.filter(({ nodes }) => nodes.length > 0);
          })
          .then((violations) =>
            violations.map(
              (v) =>
                `${v.id}: ${v.nodes
                  .slice(0, 3)
                  .map((n) => n.target.join(" "))
                  .join(" | ")}`,
            ),
          ),
      );
      for (const violation of violations) fail(at, violation);
      check(at, width, await page.evaluate(measure));
      for (const row of CHECKLIST.filter(({ picture }) => picture === name)) {
        const found = await page.evaluate(
          (selector) => document.querySelector(selector) !== null,
          row.selector,
        );
        if (!found) fail(at, "checklist:", row.element, row.selector);
      }
      await context.close();
    }
  }
  process.stdout.write(`${name} done\n`);
}
await browser.close();
server.close();
process.stdout.write(failures > 0 ? `${failures} failures\n` : "all rules hold\n");
process.exit(failures > 0 ? 1 : 0);
