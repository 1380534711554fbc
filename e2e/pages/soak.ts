/** The page side of `npm run soak`: mixed work on records that do not grow in number, with the time of every call, and openings. */
import { type Collection, TidepoolClient } from "tidepool-db";

const DIMENSION = 128;
const RECORDS = 10_000;
const WORDS = ["wave", "kelp", "crab", "tide", "salt", "reef", "moon", "sand"];

/** Milliseconds of every call since it was last asked. */
export interface Times {
  reads: number[];
  writes: number[];
}

/** What is in use. */
export interface Usage {
  engineBytes: number;
  blockBytesUsed: number;
  blockBytesReserved: number;
  logBytes: number;
  originBytes: number;
}

const page = globalThis as unknown as { soak?: { client: TidepoolClient; stop: boolean; ended: Promise<void>; times: Times } };

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}

function vector(): number[] {
  return Array.from({ length: DIMENSION }, () => Math.random() * 2 - 1);
}

function text(): string {
  return Array.from({ length: 30 }, () => WORDS[below(WORDS.length)]!).join(" ");
}

async function write(collection: Collection): Promise<void> {
  const ids = [...new Set(Array.from({ length: 50 }, () => `r${below(RECORDS)}`))];
  if (Math.random() < 0.2) {
    await collection.delete({ ids });
    return;
  }
  await collection.upsert({ ids, embeddings: ids.map(vector), documents: ids.map(text), metadatas: ids.map(() => ({ kind: below(20) })) });
}

async function read(collection: Collection): Promise<void> {
  const dice = Math.random();
  if (dice < 0.6) await collection.query({ queryEmbeddings: [vector()], nResults: 10 });
  else if (dice < 0.8) await collection.get({ where: { kind: below(20) }, limit: 20 });
  else await collection.searchText({ query: `${WORDS[below(8)]} ${WORDS[below(8)]}`, nResults: 10 });
}

async function timed(into: number[], work: Promise<void>): Promise<void> {
  const begun = performance.now();
  await work;
  into.push(performance.now() - begun);
}

/** Works until it is stopped: a write now and then, reads otherwise, with a moment of rest between them. */
export async function start(path: string): Promise<void> {
  const client = new TidepoolClient({ path });
  const collection = await client.getOrCreateCollection({ name: "soak", embeddingFunction: null });
  const state = { client, stop: false, ended: Promise.resolve(), times: { reads: [], writes: [] } as Times };
  page.soak = state;
  state.ended = (async () => {
    while (!state.stop) {
      if (Math.random() < 0.1) await timed(state.times.writes, write(collection));
      else await timed(state.times.reads, read(collection));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
}

export function takeTimes(): Times {
  const { times } = page.soak!;
  page.soak!.times = { reads: [], writes: [] };
  return times;
}

export async function usage(): Promise<Usage> {
  const { memoryBytes, blockBytesUsed, blockBytesReserved, logBytes } = await page.soak!.client.info();
  const { usage: originBytes = 0 } = await navigator.storage.estimate();
  return { engineBytes: memoryBytes, blockBytesUsed, blockBytesReserved, logBytes, originBytes };
}

export async function stop(): Promise<void> {
  page.soak!.stop = true;
  await page.soak!.ended;
  await page.soak!.client.close();
}

/** Opens a database and closes it again, so many times. */
export async function cycle(path: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const client = new TidepoolClient({ path });
    const collection = await client.getOrCreateCollection({ name: "cycle", embeddingFunction: null });
    await collection.upsert({ ids: ["a"], embeddings: [[1, 2, 3]], documents: ["wave"] });
    await collection.count();
    await client.close();
  }
}
