/**
 * Runs a suite in a browser: `node scripts/run-suite.mjs e2e [--browser chromium|firefox] [what vitest takes]`. Makes sure of the
 * browser first. `TIDEPOOL_BROWSER` tells the suite which it is (`tools/browser/target.ts`); vitest has a `--browser` of its own,
 * which means something else.
 */
import { spawnSync } from "node:child_process";
import { ensureBrowser } from "../tools/browser/ensure-browser.mjs";

const [suite, ...rest] = process.argv.slice(2);
const at = rest.indexOf("--browser");
const browser = at < 0 ? (process.env["TIDEPOOL_BROWSER"] ?? "chromium") : (rest.splice(at, 2)[1] ?? "");
if (browser !== "chromium" && browser !== "firefox") {
  process.stderr.write(`--browser must be chromium or firefox, got ${JSON.stringify(browser)}\n`);
  process.exit(1);
}
process.stdout.write(`the ${suite} suite in ${browser}: ${await ensureBrowser(browser)}\n`);
const { status } = spawnSync("npx", ["vitest", "run", "--project", String(suite), ...rest], {
  stdio: "inherit",
  shell: process.platform === "win32",
  env: { ...process.env, TIDEPOOL_BROWSER: browser },
});
process.exit(status ?? 1);
