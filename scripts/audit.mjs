/**
 * Asks the registry for known vulnerabilities of the packages that ship (`dist/sbom.cdx.json`: what is bundled, and what users may
 * install beside it), in the versions of the lock file. Run after `npm run build`.
 *
 * Ends with 1 when there are any, and with 3, and says so, when the registry cannot be asked: some mirrors do not answer audits.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** @type {{ components: { name: string, version: string }[] }} */
const { components } = JSON.parse(readFileSync(join(root, "dist/sbom.cdx.json"), "utf8"));
const shipped = new Set(components.map(({ name }) => name));

const { stdout, stderr } = spawnSync("npm", ["audit", "--json", "--package-lock-only"], { cwd: root, encoding: "utf8", timeout: 120_000 });

/** @returns {{ vulnerabilities?: Record<string, { severity: string, via: unknown[] }>, message?: string }} */
function report() {
  try {
    return JSON.parse(stdout);
  } catch {
    return { message: stderr.trim() || "npm audit said nothing" };
  }
}

const { vulnerabilities, message } = report();
if (vulnerabilities === undefined) {
  process.stdout.write(`NOT AUDITED: the registry did not answer (${message}). Known vulnerabilities of what ships were not looked for.\n`);
  process.exitCode = 3;
} else {
  const found = Object.entries(vulnerabilities).filter(([name]) => shipped.has(name));
  for (const [name, { severity, via }] of found) process.stdout.write(`${name}: ${severity}: ${JSON.stringify(via)}\n`);
  process.stdout.write(`audit: ${found.length} vulnerable of ${shipped.size} packages that ship: ${[...shipped].join(", ")}\n`);
  if (found.length > 0) process.exitCode = 1;
}
