/** A tab of the bench of takeovers: it has the database open, and can be asked how long it waited for an answer. */
import { type Collection, TidepoolClient } from "tidepool-db";
import { clusteredVectors } from "../clustered.js";
import { fillClustered, isPublished } from "../clustered-collection.js";
import { expose } from "../page.js";
import { quantile } from "../statistics.js";

const PATH = "takeover";
const ROUND_TRIPS = 500;

let client: TidepoolClient;
let collection: Collection;
let waited: Promise<number> | null = null;
let worker: Worker;

/** Opens the database; what this tab is to it. */
async function open(): Promise<string> {
  const start = (): Worker => (worker = new Worker(new URL("./tidepool/worker.js", location.href), { type: "module" }));
  client = new TidepoolClient({ path: PATH, worker: start });
  collection = await client.getOrCreateCollection({ name: "bench", embeddingFunction: null });
  return (await client.info()).role;
}

async function fill(records: number): Promise<void> {
  await fillClustered(collection, records);
}

/** Once another tab's worker waits for the lease. */
async function hasStandby(): Promise<boolean> {
  return (await navigator.locks.query()).pending!.some(({ name }) => name === `tidepool:${PATH}`);
}

/** Asks one query after the other, until this tab has taken over and answered once more. */
function watch(): void {
  const [query] = [clusteredVectors(1, 12)];
  let took = false;
  const off = client.on("lease", ({ role }) => (took ||= role === "holder"));
  waited = (async () => {
    let longest = 0;
    for (let over = false; !over; ) {
      over = took;
      const from = performance.now();
      await collection.query({ queryEmbeddings: [query!], nResults: 10 });
      longest = Math.max(longest, performance.now() - from);
    }
    off();
    return longest;
  })();
}

/** The longest time that one of its queries took. */
async function watched(): Promise<number> {
  return waited!;
}

function terminate(): void {
  worker.terminate();
}

async function close(): Promise<void> {
  await client.close();
}

async function roundTripMs(): Promise<{ p50Ms: number; p95Ms: number }> {
  const times: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const from = performance.now();
    await client.heartbeat();
    times.push(performance.now() - from);
  }
  return { p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95) };
}

const exposed = { open, fill, isPublished: () => isPublished(client), hasStandby, watch, watched, terminate, close, roundTripMs };
export type TakeoverPage = typeof exposed;
expose(exposed);
