/**
 * What a run of a suite leaves out in which browser, unless `ALL=1` asks for everything everywhere. `scripts/run-suite.mjs` prints it.
 *
 * @typedef {import("./ensure-browser.mjs").BrowserName} BrowserName
 */

/** Suites that open no page, or hold what is written to the code. */
const pageless = ["cli", "compatibility", "documentation", "node", "shipped", "start", "types"];

/** Suites of what the package makes of calls, in the page or the engine: what they need of the browser others try in each. */
const ofCalls = ["bad-inputs", "official-client", "reembed"];

const onceIsEnough = [...pageless, ...ofCalls].map((name) => `e2e/${name}.e2e.ts`);

/** The index itself is tried there, and so is the worker: only both at once, with 69 MB of vectors, takes WebKitGTK minutes. */
const heavy = ["src/api/create-hnswlib-worker.browser.test.ts"];

/** @type {Record<string, Partial<Record<BrowserName, string[]>>>} */
const files = { e2e: { firefox: onceIsEnough }, browser: { webkit: heavy } };

export const isAll = process.env["ALL"] === "1";

/** Of the other suites, tests of what every browser makes of the same document or the same numbers: `test.runIf(isTriedIn(target))`. */
export const elsewhere = ["what axe finds", "the map of a large library", "the numbers of a transformer", "the inspector's way to stop"];

/** Whether they run. @param {BrowserName} browser */
export function isTriedIn(browser) {
  return isAll || browser === "chromium";
}

/** Paths of test files. @param {"e2e" | "browser"} suite @param {BrowserName} browser @returns {string[]} */
export function leftOut(suite, browser) {
  return isAll ? [] : (files[suite]?.[browser] ?? []);
}
