/** Makes the calls of the bench of turns, and is told by the worker how long its steps took. */
import { Knn, Schema, SparseVectorIndexConfig, TidepoolClient } from "tidepool-db";
import { expose } from "../page.js";
import { heavyCalls, Site } from "../turns/heavy-calls.js";
import { TURN_CHANNEL, type TurnWatchMessage } from "../turns/turn-channel.js";

const PATH = "turns";
const QUIET_POLLS = 25;
const QUIET_POLL_MS = 300;

let client: TidepoolClient;
let site: Site;
const engine = new BroadcastChannel(TURN_CHANNEL);

/** A worker in which the watch runs beside the engine. */
function startWorker(): Worker {
  const scripts = ["./engines/turn-watch.js", "./tidepool/worker.js"].map((path) => `import "${new URL(path, location.href)}";`);
  return new Worker(URL.createObjectURL(new Blob(scripts, { type: "text/javascript" })), { type: "module" });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The last of what waits for silence waits for five seconds of it. */
async function settle(of: TidepoolClient): Promise<void> {
  for (let quiet = 0; quiet < QUIET_POLLS; ) {
    await pause(QUIET_POLL_MS);
    quiet = (await of.info()).compacting ? 0 : quiet + 1;
  }
}

async function reopen(): Promise<TidepoolClient> {
  await client?.close();
  client = new TidepoolClient({ path: PATH, worker: startWorker });
  await client.heartbeat();
  return client;
}

async function begin(scale: number): Promise<void> {
  const tools = {
    sparseSchema: (key: string) => new Schema().createIndex(new SparseVectorIndexConfig({}), key),
    sparseRank: (query: { indices: number[]; values: number[] }, key: string, limit: number) => Knn({ query, key, limit }),
  };
  site = new Site({ reopen, settle, tools, scale });
  await site.reopen();
}

async function prepare(name: string): Promise<void> {
  await callOf(name).prepare?.(site);
}

interface Made {
  /** How long the call took. */
  ms: number;
  /** The longest time in which the worker did nothing else. */
  workerMs: number;
  /** The longest time in which the page did nothing else. */
  pageMs: number;
  failure: string | null;
}

async function make(name: string): Promise<Made> {
  let isOver = false;
  engine.postMessage("begin" satisfies TurnWatchMessage);
  const longest = longestTask(() => isOver);
  const from = performance.now();
  const failure = await callOf(name)
    .run(site)
    .then(
      () => null,
      (error: Error) => error.message,
    );
  const ms = performance.now() - from;
  isOver = true;
  return { ms, workerMs: await workersLongest(), pageMs: await longest, failure };
}

function workersLongest(): Promise<number> {
  return new Promise((resolve) => {
    engine.onmessage = ({ data }: MessageEvent<TurnWatchMessage>) => typeof data === "object" && resolve(data.longestMs);
    engine.postMessage("end" satisfies TurnWatchMessage);
  });
}

function callOf(name: string): (typeof heavyCalls)[number] {
  return heavyCalls.find((call) => call.name === name)!;
}

async function longestTask(isOver: () => boolean): Promise<number> {
  let longest = 0;
  for (let last = performance.now(); !isOver(); ) {
    await pause(0);
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return longest;
}

function names(): string[] {
  return heavyCalls.map(({ name }) => name);
}

const exposed = { begin, prepare, make, names };
export type TurnsPage = typeof exposed;
expose(exposed);
