/**
 * Holds our client, as it is built, to its contract on a real Chroma server, which `../shared/chroma/server.mjs` starts and stops, as
 * npm `chromadb` brings it. Where that is not there, it says so and why, and exits with 3.
 *
 * Usage: npm run contract [-- --shared FOLDER]
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TidepoolClient } from "tidepool-db";
import { cases } from "./cases.js";
import type { Home } from "./home.js";

interface Server {
  pid: number;
  url: string;
}

interface ServerModule {
  startServer(options: { dir: string; modules: string }): Promise<Server>;
  stopServer(pid: number): Promise<void>;
}

const SKIPPED = 3;
const CHROMADB = "chromadb@3.5.0";
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const sharedArgument = process.argv.indexOf("--shared");
const script = join(sharedArgument < 0 ? join(root, "../shared/chroma") : resolve(process.argv[sharedArgument + 1]!), "server.mjs");

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Returns how many cases failed. */
async function runCases(home: Home): Promise<number> {
  let failed = 0;
  for (const { name, run } of cases) {
    try {
      await run(home);
    } catch (error) {
      failed++;
      say(`FAILED ${name}\n  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
  say(`contract on ${home.name}: ${cases.length - failed} passed, ${failed} failed`);
  return failed;
}

async function onRealServer({ startServer, stopServer }: ServerModule): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-contract-"));
  try {
    await writeFile(join(folder, "package.json"), "{}");
    const { status, stderr } = spawnSync("npm", ["install", "--no-audit", "--no-fund", CHROMADB], { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`${CHROMADB} could not be installed: ${stderr}`);
    const server = await startServer({ dir: join(folder, "data"), modules: folder });
    const client = new TidepoolClient({ remote: { url: server.url } });
    try {
      return await runCases({ name: `a Chroma server of ${CHROMADB}`, client, abilities: new Set() });
    } finally {
      await client.close();
      await stopServer(server.pid);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (existsSync(script)) {
  process.exitCode = (await onRealServer((await import(/* @vite-ignore */ pathToFileURL(script).href)) as ServerModule)) === 0 ? 0 : 1;
} else {
  say(`contract: skipped, since there is no ${script}, which starts a real Chroma server`);
  process.exitCode = SKIPPED;
}
