/**
 * A tab of the bench of calls: it has the database open, asks one call after the other, and says how long each takes from the call to
 * its result; beside it a worker that only sends back what it is sent.
 */
import { type Collection, TidepoolClient } from "tidepool-db";
import { clusteredVectors, DIMENSION } from "../clustered.js";
import { fillClustered } from "../clustered-collection.js";
import { expose } from "../page.js";

const PATH = "calls";
const K = 10;
const QUERIES = 200;
const WARM_UP = 50;
/** Answers with the message itself. */
const ECHO = "onmessage = ({ data }) => postMessage(data);";

let client: TidepoolClient;
let collection: Collection;
let queries: Float32Array[] = [];
let ids: string[] = [];

/** Opens the database; what this tab is to it. */
async function open(seed: number): Promise<string> {
  client = new TidepoolClient({ path: PATH, cores: 1 });
  collection = await client.getOrCreateCollection({
    name: "bench",
    embeddingFunction: null,
    configuration: { hnsw: { space: "cosine" } },
  });
  const values = clusteredVectors(QUERIES, seed);
  queries = Array.from({ length: QUERIES }, (_, q) => values.slice(q * DIMENSION, (q + 1) * DIMENSION));
  return (await client.info()).role;
}

async function fill(records: number): Promise<void> {
  await fillClustered(collection, records);
}

async function info(): ReturnType<TidepoolClient["info"]> {
  return client.info();
}

async function timed(call: (i: number) => Promise<unknown>): Promise<number[]> {
  ids = ids.length > 0 ? ids : (await collection.get({ limit: QUERIES, include: [] })).ids;
  for (let i = 0; i < WARM_UP; i++) await call(i);
  const times: number[] = [];
  for (let i = 0; i < QUERIES; i++) {
    const from = performance.now();
    await call(i);
    times.push(performance.now() - from);
  }
  return times;
}

const query = (i: number): Float32Array => queries[i % QUERIES]!;

/** Each by its name in the tables. */
const calls = {
  heartbeat: () => client.heartbeat(),
  count: () => collection.count(),
  "get one id": (i: number) => collection.get({ ids: [ids[i % ids.length]!] }),
  query: (i: number) => collection.query({ queryEmbeddings: query(i), nResults: K }),
  "query, distances only": (i: number) => collection.query({ queryEmbeddings: query(i), nResults: K, include: ["distances"] }),
  "query, filter of 1 %": (i: number) => collection.query({ queryEmbeddings: query(i), nResults: K, where: { number: i % 100 } }),
  "query, 100 hits": (i: number) => collection.query({ queryEmbeddings: query(i), nResults: 100 }),
};

export type CallName = keyof typeof calls;

function measure(name: CallName): Promise<number[]> {
  return timed(calls[name]);
}

/** Two messages with as much in them as a query and its vector have, and nothing else. */
async function measureEcho(): Promise<number[]> {
  const worker = new Worker(URL.createObjectURL(new Blob([ECHO], { type: "text/javascript" })));
  const times = await timed(
    (i) =>
      new Promise((resolve) => {
        worker.onmessage = resolve;
        worker.postMessage(query(i));
      }),
  );
  worker.terminate();
  return times;
}

/** Milliseconds of one call that asks so many queries, of each of several calls. */
async function measureTogether(count: number, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const queryEmbeddings = Array.from({ length: count }, (_, i) => query(round * count + i));
    const from = performance.now();
    await collection.query({ queryEmbeddings, nResults: K, include: ["distances"] });
    if (round > 0) times.push(performance.now() - from);
  }
  return times;
}

/** Asks for so long, `lanes` calls at a time; how long each took. */
async function sustain(ms: number, lanes: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + ms;
  const lane = async (first: number): Promise<void> => {
    for (let i = first; performance.now() < end; i += lanes) {
      const from = performance.now();
      await calls.query(i);
      times.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, i) => lane(i)));
  return times;
}

const functions = { open, fill, info, measure, measureEcho, measureTogether, sustain };

export type CallsPage = typeof functions;

expose(functions);
