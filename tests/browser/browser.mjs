// A headless Chromium of the distribution, and what every page in it must not do.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Starts the browser; every `*.test` host is this machine. */
export function start() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--host-resolver-rules=MAP *.test 127.0.0.1", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])],
  });
}

/** Opens a window whose console has to stay silent, but for what `expected` matches. */
export async function open(browser, { expected = /^$/, ...options } = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  page.isSilent = () => assert.deepEqual(said.filter((text) => !expected.test(text)), []);
  return page;
}

/** Chromium says this of every page with such a status, whatever is on it. */
export const REFUSED = /^Failed to load resource: the server responded with a status of 4\d\d/;

/** No rule of WCAG 2.2 A or AA, as far as a program can tell, is broken on the page. */
export async function isAccessible(page) {
  // From outside of the page: its policy lets no script in.
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  const broken = found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(broken, [], page.url());
  assert.ok(found.passes.length > 5, "axe looked at the page");
}
