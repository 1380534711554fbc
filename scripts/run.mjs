/**
 * Runs a TypeScript program in Node: `node scripts/run.mjs bench/eval.ts [arguments]`; the program sees them from `process.argv[2]`
 * on. `--browser chromium|firefox` among them is also told to `tools/browser/target.ts`.
 */
import { resolve } from "node:path";
import { runnerImport } from "vite";

const [, , program, ...rest] = process.argv;
if (!program) {
  process.stderr.write("usage: node scripts/run.mjs PROGRAM.ts [arguments]\n");
  process.exit(2);
}
const browser = rest[rest.indexOf("--browser") + 1];
if (rest.includes("--browser") && browser !== undefined) process.env["TIDEPOOL_BROWSER"] = browser;
process.argv = [process.argv[0] ?? "node", resolve(program), ...rest];
await runnerImport(resolve(program), { configFile: false, logLevel: "warn" });
