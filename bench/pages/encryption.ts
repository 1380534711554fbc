/** The page of the bench of encryption: one database that is encrypted, one that is not, with the same records. */
import { type Collection, TidepoolClient, type TidepoolClientOptions } from "tidepool-db";
import { clusteredVectors } from "../clustered.js";
import { fillClustered } from "../clustered-collection.js";
import { expose } from "../page.js";
import { quantile } from "../statistics.js";

const worker = (): Worker => new Worker(new URL("./tidepool/worker.js", location.href), { type: "module" });
/** One key for all runs of the page, which open what earlier ones have made. */
const key = () => crypto.subtle.importKey("raw", new Uint8Array(32).fill(7), "AES-GCM", false, ["encrypt", "decrypt"]);
const clients = new Map<string, TidepoolClient>();

function optionsOf(path: string, isEncrypted: boolean): TidepoolClientOptions {
  return { path, worker, ...(isEncrypted && { encryption: { key } }) };
}

/** Milliseconds until all are acknowledged. */
async function fill(path: string, isEncrypted: boolean, records: number): Promise<number> {
  const client = new TidepoolClient(optionsOf(path, isEncrypted));
  clients.set(path, client);
  const collection = await client.createCollection({ name: "bench", embeddingFunction: null });
  const from = performance.now();
  await fillClustered(collection, records);
  return performance.now() - from;
}

async function settled(path: string): Promise<boolean> {
  const info = await clients.get(path)!.info();
  return !info.compacting && info.blockBytesUsed > 0;
}

async function close(path: string): Promise<void> {
  await clients.get(path)!.close();
}

async function query(collection: Collection, vector: Float32Array): Promise<number> {
  const from = performance.now();
  await collection.query({ queryEmbeddings: [vector], nResults: 10 });
  return performance.now() - from;
}

/** Milliseconds from nothing to the first answer, and the median of first and later queries. */
async function open(path: string, isEncrypted: boolean, queries: number): Promise<{ openMs: number; coldMs: number; warmMs: number }> {
  const flat = clusteredVectors(queries + 1, 12);
  const dimension = flat.length / (queries + 1);
  const vectors = Array.from({ length: queries + 1 }, (_, i) => flat.subarray(i * dimension, (i + 1) * dimension));
  const from = performance.now();
  const client = new TidepoolClient(optionsOf(path, isEncrypted));
  const collection = await client.getCollection({ name: "bench", embeddingFunction: null });
  await query(collection, vectors[queries]!);
  const openMs = performance.now() - from;
  const rounds: number[][] = [[], []];
  for (const round of rounds) for (let i = 0; i < queries; i++) round.push(await query(collection, vectors[i]!));
  await client.close();
  const [coldMs, warmMs] = rounds.map((times) => quantile(times, 0.5));
  return { openMs, coldMs: coldMs!, warmMs: warmMs! };
}

const exposed = { fill, settled, close, open };
export type EncryptionPage = typeof exposed;
expose(exposed);
