/**
 * Holds our client, as it is built, to its contract on a real Chroma server, and syncs to theirs, with faults. The server is one that
 * `../shared/chroma/server.mjs` starts and stops, as npm `chromadb` brings it. Where that is not there, it says so and why, and exits
 * with 3.
 *
 * Usage: npm run contract [-- --shared FOLDER] [--schedules N]
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TidepoolClient } from "tidepool-db";
import { NodeClient } from "tidepool-db/node";
import { cases } from "./cases.js";
import type { Home } from "./home.js";
import { runSchedule, type Home as SyncHome } from "./sync-model.js";

interface Server {
  pid: number;
  port: number;
  url: string;
}

interface ServerModule {
  startServer(options: { dir: string; modules: string; port?: number }): Promise<Server>;
  stopServer(pid: number): Promise<void>;
}

const SKIPPED = 3;
const CHROMADB = "chromadb@3.5.0";
/** Schedules of syncs, and the first of them in which the server may be set back, which takes seconds. */
const SCHEDULES = Number(argument("--schedules") ?? 8);
const SET_BACK = 2;
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const script = join(resolve(argument("--shared") ?? join(root, "../shared/chroma")), "server.mjs");

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

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

/** Returns how many schedules of syncs failed. `setBack` tells the state to which the server can be set back. */
async function runSchedules(url: string, setBack: NonNullable<SyncHome["snapshot"]>): Promise<number> {
  let failed = 0;
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const server = new TidepoolClient({ remote: { url } });
    const home: SyncHome = {
      openDevice: () => new NodeClient({ storage: "memory" }),
      fetch,
      url,
      server: () => server,
      isConditional: false,
      snapshot: seed > SET_BACK ? null : setBack,
      begin: (client, options) => client.sync(options),
    };
    try {
      await runSchedule(home, { seed, actions: 25, name: `schedule-${seed}` });
    } catch (error) {
      failed++;
      say(`FAILED schedule ${seed}\n  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
    await server.close();
    if (seed % 10 === 0) say(`schedules of syncs: ${seed} of ${SCHEDULES} done`);
  }
  say(`schedules of syncs: ${SCHEDULES - failed} passed, ${failed} failed`);
  return failed;
}

async function onRealServer({ startServer, stopServer }: ServerModule): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-contract-"));
  try {
    await writeFile(join(folder, "package.json"), "{}");
    const { status, stderr } = spawnSync("npm", ["install", "--no-audit", "--no-fund", CHROMADB], { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`${CHROMADB} could not be installed: ${stderr}`);
    const dir = join(folder, "data");
    let server = await startServer({ dir, modules: folder });
    const restart = async (between: () => Promise<void>): Promise<void> => {
      await stopServer(server.pid);
      await between();
      server = await startServer({ dir, modules: folder, port: server.port });
    };
    const setBack = async () => {
      const kept = await mkdtemp(join(folder, "kept-"));
      await restart(() => cp(dir, kept, { recursive: true }));
      return () =>
        restart(async () => {
          await rm(dir, { recursive: true });
          await cp(kept, dir, { recursive: true });
        });
    };
    const client = new TidepoolClient({ remote: { url: server.url } });
    try {
      const failed = await runCases({ name: `a Chroma server of ${CHROMADB}`, client, abilities: new Set() });
      return failed + (await runSchedules(server.url, setBack));
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
