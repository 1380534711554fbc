/**
 * The package as its users get it: packed, installed from the tarball into fresh apps without any configuration, and run
 * in Chromium. One line per app; the command fails if any app does. `npm run build` is part of packing.
 *
 * Usage: node scripts/run.mjs e2e/test-pack.ts [root of the package] [--only=part of an app's name]. Those of `server-apps.ts`, and
 * webpack's with parts of the package that Vite's apps have, too, are among them with `ALL=1`, or where they are asked for by name.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openBrowser } from "../tools/browser/browser.js";
import { bundledApps } from "./packed/bundled-apps.js";
import { chromaApps } from "./packed/chroma-apps.js";
import { componentApps } from "./packed/component-apps.js";
import { exampleApps } from "./packed/example-apps.js";
import { modelApps } from "./packed/model-apps.js";
import { packageChecks } from "./packed/package-checks.js";
import { type Apps, home, run } from "./packed/packed-app.js";
import { serverApps } from "./packed/server-apps.js";

const options = process.argv.slice(2);
const root = resolve(options.find((option) => !option.startsWith("--")) ?? home);
const only = options.find((option) => option.startsWith("--only="))?.slice("--only=".length) ?? "";

/** Of the tarball, of which the sentence encoder's model takes 6.9 MB. */
const PACKED_BYTES_MAX = 9_200_000;

const takesAll = process.env["ALL"] === "1" || only !== "";
const all: Apps = { ...packageChecks, ...bundledApps, ...modelApps, ...componentApps, ...chromaApps, ...exampleApps, ...serverApps };
const apps: Apps = Object.fromEntries(Object.entries(all).filter(([name]) => takesAll || !isCostly(name)));

function isCostly(name: string): boolean {
  return name in serverApps || /, webpack/.test(name);
}

async function main(): Promise<number> {
  const work = await mkdtemp(join(tmpdir(), "tidepool-pack-"));
  const context = await openBrowser(join(work, "profile"));
  const chosen = Object.entries(apps).filter(([name]) => name.includes(only));
  let failed = 0;
  try {
    const [{ filename, size, entryCount }] = JSON.parse(
      run("npm", ["pack", "--json", "--loglevel=error", "--ignore-scripts", "--pack-destination", work], root),
    ) as [{ filename: string; size: number; entryCount: number }];
    process.stdout.write(`packed ${filename}: ${entryCount} files, ${Math.round(size / 1000)} kB\n`);
    if (size > PACKED_BYTES_MAX) throw new Error(`the package has ${size} bytes, more than ${PACKED_BYTES_MAX}`);
    for (const [name, check] of chosen) {
      const start = performance.now();
      try {
        await check({ work, tarball: join(work, filename), context });
        process.stdout.write(`ok      ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)\n`);
      } catch (error) {
        failed += 1;
        process.stdout.write(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  } finally {
    await context.close();
    await rm(work, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
  process.stdout.write(`pack: ${chosen.length - failed} of ${chosen.length} apps work\n`);
  if (chosen.length === 0) throw new Error(`no app is called like ${JSON.stringify(only)}: ${Object.keys(apps).join(", ")}`);
  return failed;
}

if ((await main()) > 0) process.exitCode = 1;
