/**
 * Runs a suite in a browser: `node scripts/run-suite.mjs e2e [--browser chromium|firefox|webkit] [what vitest takes]`. Makes sure of the
 * browser first. `TIDEPOOL_BROWSER` tells the suite which it is (`tools/browser/target.ts`); vitest has a `--browser` of its own,
 * which means something else.
 */
import { spawnSync } from "node:child_process";
import { ensureBrowser } from "../tools/browser/ensure-browser.mjs";
import { elsewhere, isTriedIn, leftOut } from "../tools/browser/left-out.mjs";

const [suite, ...rest] = process.argv.slice(2);
const at = rest.indexOf("--browser");
const browser = at < 0 ? (process.env["TIDEPOOL_BROWSER"] ?? "chromium") : (rest.splice(at, 2)[1] ?? "");
const allowed = suite === "browser" ? ["chromium", "firefox", "webkit"] : ["chromium", "firefox"];
if (!allowed.includes(browser)) {
  process.stderr.write(`--browser must be one of ${allowed.join(", ")} for the ${suite} suite, got ${JSON.stringify(browser)}\n`);
  process.exit(1);
}
process.stdout.write(`the ${suite} suite in ${browser}: ${await ensureBrowser(/** @type {any} */ (browser))}\n`);
const left = [...leftOut(/** @type {any} */ (suite), /** @type {any} */ (browser))];
if (suite === "e2e" && !isTriedIn(/** @type {any} */ (browser))) left.push(...elsewhere);
if (left.length > 0) process.stdout.write(`with ALL=1 only, since Chromium has run them: ${left.join(", ")}\n`);
// What `scripts/write-browsers.ts` reads, of the whole suite only.
const isWhole = rest.length === 0;
const report = ["--reporter=default", "--reporter=json", `--outputFile.json=.cache/test-results/${suite}.${browser}.json`];
const { status } = spawnSync("npx", ["vitest", "run", "--project", String(suite), ...(isWhole ? report : []), ...rest], {
  stdio: "inherit",
  shell: process.platform === "win32",
  env: { ...process.env, TIDEPOOL_BROWSER: browser },
});
process.exit(status ?? 1);
