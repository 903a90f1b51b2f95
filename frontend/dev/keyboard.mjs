// Does by keyboard alone what the design's "Behaviour" asks, in a real browser under the production CSP.
// `npm run build && node dev/keyboard.mjs`; CHROMIUM=path of the browser (default /usr/bin/chromium).

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { start } from "./server.mjs";

const { server, port } = await start();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
});

async function opened(scene, ready, width = 1200) {
  const page = await (await browser.newContext({ viewport: { width, height: 860 } })).newPage();
  page.on("pageerror", (error) => assert.fail(String(error)));
  await page.goto(`http://localhost:${port}/l/${scene}/`);
  await page.locator(ready).first().waitFor();
  return page;
}
const focused = (page) =>
  page.evaluate(() => {
    const { className, dataset, textContent } = document.activeElement ?? {};
    return { className, cite: dataset?.cite, sentence: dataset?.sentence, text: textContent?.trim() };
  });

const CHECKS = {
  async "a chip opens its source, and Escape gives the focus back to that very chip"() {
    for (const width of [400, 1200]) {
      const page = await opened("answer", ".turn .prov", width);
      await page.locator('.turn .cite[data-sentence="2"][aria-label*="ibuprofen"]').first().focus();
      await page.keyboard.press("Enter");
      await page.locator(".ev-body h3").waitFor();
      assert.equal((await focused(page)).className, "ev-body");
      assert.equal(await page.locator(".claim").count(), 1);
      await page.keyboard.press("Escape");
      await page.waitForFunction(() => document.activeElement?.matches(".cite"));
      assert.deepEqual(await focused(page), {
        className: "cite",
        cite: "turn-answer 51",
        sentence: "2",
        text: "3",
      });
    }
  },
  async "Alt and a number open that source; next and previous go round"() {
    const page = await opened("answer", ".turn .prov");
    await page.keyboard.press("Alt+2");
    await page.locator(".ev-head h2", { hasText: "Source 2 of" }).waitFor();
    await page.locator('[aria-label="Next source"]').focus();
    await page.keyboard.press("Enter");
    await page.locator(".ev-head h2", { hasText: "Source 3 of" }).waitFor();
    await page.locator('[aria-label="Previous source"]').focus();
    await page.keyboard.press("Enter");
    await page.locator(".ev-head h2", { hasText: "Source 2 of" }).waitFor();
  },
  async "Enter sends, Shift+Enter does not, Escape stops and keeps what was written"() {
    const page = await opened("streaming", ".cardfoot");
    await page.keyboard.press("/");
    await page.keyboard.type("Any");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("fall?");
    assert.equal(await page.locator("#q").inputValue(), "Any\nfall?");
    await page.keyboard.press("Enter");
    await page.locator(".caret").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".prov", { hasText: "Stopped: not complete" }).waitFor();
    assert.match(await page.locator(".first.alarm").innerText(), /Potassium/);
    assert.equal((await focused(page)).className, "");
  },
  async "a model is chosen in the menu, and the label in the app bar follows"() {
    const page = await opened("card", ".cardfoot");
    await page.locator(".appbar [aria-label=Menu]").focus();
    await page.keyboard.press("Enter");
    await page.locator(".picker").waitFor();
    const choice = page.locator("button.model", { hasText: "Qwen" });
    for (let tabs = 0; tabs < 20 && !(await focused(page)).text?.startsWith("Qwen"); tabs += 1)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator(".modellabel", { hasText: "Qwen 3 32B · stays in this hospital" }).waitFor();
    assert.equal(await choice.getAttribute("aria-pressed"), "true");
    await page.keyboard.press("Escape");
    await page.locator(".menu").waitFor({ state: "detached" });
    assert.match((await focused(page)).className, /icon/);
  },
  async "after a failure the question is in its turn, and goes back to the box"() {
    const page = await opened("failed-whole", ".turn .failure");
    await page.locator(".failure .btn", { hasText: "Edit question" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.id === "q");
    assert.match(await page.locator("#q").inputValue(), /^Why has her kidney function/);
    assert.match(await page.locator("article.user").innerText(), /^Why has her kidney function/);
  },
  async "a trend's table is opened by keyboard"() {
    const page = await opened("answer", ".trend summary");
    await page.locator(".trend summary").focus();
    await page.keyboard.press("Enter");
    await page.locator(".trend details[open] table").waitFor();
  },
  async "an EHR that is down is tried again, and the card comes"() {
    const page = await opened("down", ".gate .btn.primary");
    await page.locator(".gate .btn.primary").focus();
    await page.keyboard.press("Enter");
    await page.locator(".gate li", { hasText: "Tried2 times" }).waitFor();
  },
};

for (const [name, check] of Object.entries(CHECKS)) {
  await check();
  process.stdout.write(`${name}\n`);
}
await browser.close();
server.close();
