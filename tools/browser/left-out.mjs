/**
 * What a run of a suite leaves out in which browser, unless `ALL=1` asks for everything everywhere. `scripts/run-suite.mjs` prints it.
 *
 * @typedef {import("./ensure-browser.mjs").BrowserName} BrowserName
 */

/** Suites that open no page, or hold what is written to the code. */
const onceIsEnough = ["cli", "compatibility", "documentation", "node", "shipped", "start", "types"].map((name) => `e2e/${name}.e2e.ts`);

/** The index itself is tried there, and so is the worker: only both at once, with 69 MB of vectors, takes WebKitGTK minutes. */
const heavy = ["src/api/create-hnswlib-worker.browser.test.ts"];

/** @type {Record<string, Partial<Record<BrowserName, string[]>>>} */
const files = { e2e: { firefox: onceIsEnough }, browser: { webkit: heavy } };

export const isAll = process.env["ALL"] === "1";

/** Paths of test files. @param {"e2e" | "browser"} suite @param {BrowserName} browser @returns {string[]} */
export function leftOut(suite, browser) {
  return isAll ? [] : (files[suite]?.[browser] ?? []);
}
