/**
 * Holds the built package, in a page of Chromium, to what a Chroma server does: (a) the project's own cases, and (b), where
 * `../shared/chroma` is there, the official client's probe against what it saw of a real server. The only differences
 * allowed are those of `allowed-differences.ts`; every other one fails the command, as does one of those that is gone.
 *
 * Usage: npm run conformance [-- --shared FOLDER]
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { allowedDifferences } from "./allowed-differences.js";
import { type Bridge, openBridge } from "./bridge.js";
import { type Answer, cases, Rest } from "./cases.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const sharedArgument = process.argv.indexOf("--shared");
const reference = sharedArgument < 0 ? join(root, "../shared/chroma") : resolve(process.argv[sharedArgument + 1]!);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Our own cases. Returns how many failed. */
async function replay(url: string): Promise<number> {
  const ask = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const headers = body === undefined ? undefined : { "content-type": "application/json" };
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(url + path, { method, headers, body: text });
    const answer = await response.text();
    return { status: response.status, body: response.headers.get("content-type") === "application/json" ? JSON.parse(answer) : answer };
  };
  let failed = 0;
  for (const { name, run } of cases) {
    try {
      await run(new Rest(ask));
    } catch (error) {
      failed++;
      say(`FAILED ${name}\n  ${String(error instanceof Error ? error.message : error)}`);
    }
  }
  say(`own cases: ${cases.length - failed} passed, ${failed} failed`);
  return failed;
}

/** The official client's probe, in a folder of its own. Returns how many differences are not as they should be. */
async function compare(url: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-probe-"));
  try {
    await cp(reference, folder, { recursive: true });
    install(folder);
    const output = await probe(folder, url);
    const summary = /^\d+ same, \d+ differ, of \d+$/m.exec(output)?.[0];
    if (summary === undefined) throw new Error(`the probe did not reach its end:\n${output.slice(-3000)}`);
    say(`probe: ${summary}`);
    return judge(output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function install(folder: string): void {
  const { status, stderr } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts"], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the official client could not be installed: ${stderr}`);
}

/** It exits with an error when anything differs, which is for us to judge. */
async function probe(folder: string, url: string): Promise<string> {
  const child = spawn(process.execPath, ["probe.mjs", url, "--compare", "golden.json"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((settle) => child.on("close", settle));
  return output;
}

function judge(output: string): number {
  const found = new Map([...output.matchAll(/^DIFF (.*)\n((?: {2}.*\n?)*)/gm)].map((match) => [match[1]!, match[2]!]));
  let faults = 0;
  for (const { why, cases } of allowedDifferences) {
    const gone = cases.filter((name) => !found.delete(name));
    say(`  ${cases.length - gone.length} allowed: ${why}`);
    for (const name of gone) say(`NO LONGER DIFFERENT ${name}: take it off the list`);
    faults += gone.length;
  }
  for (const [name, difference] of found) say(`DIFFERENT ${name}\n${difference.trimEnd()}`);
  return faults + found.size;
}

async function run(bridge: Bridge): Promise<number> {
  const failed = await replay(bridge.url);
  if (existsSync(reference)) return failed + (await compare(bridge.url));
  say(`probe: skipped, ${reference} is not there`);
  return failed;
}

const bridge = await openBridge();
let failed: number;
try {
  failed = await run(bridge);
} finally {
  await bridge.close();
}
say(failed === 0 ? "conformance: ok" : `conformance: ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
