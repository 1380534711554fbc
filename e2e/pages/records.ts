/** Records for tests that care about storage and not about content: any number of them, told apart by their number. */
import type { AddArguments, Collection, TidepoolClient, TidepoolClientOptions } from "tidepool-db";

export const DIMENSION = 256;

export function idsOf(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `r${first + i}`);
}

export function embeddingOf(n: number): Float32Array {
  let state = (n * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length: DIMENSION }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296 - 0.5;
  });
}

/** What a collection is given of the records `first … first + count − 1`. */
export function recordsOf(first: number, count: number): AddArguments {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  return {
    ids: idsOf(first, count),
    embeddings: numbers.map(embeddingOf),
    documents: numbers.map((n) => `word${n} shared text number ${n}`),
    metadatas: numbers.map((n) => ({ n, parity: n % 2 === 0 ? "even" : "odd" })),
  };
}

export function open(client: TidepoolClient, name = "notes"): Promise<Collection> {
  return client.getOrCreateCollection({ name, embeddingFunction: null });
}

/** A short life: open, do something with the collection, close. */
export async function visit<T>(
  options: TidepoolClientOptions,
  body: (collection: Collection, client: TidepoolClient) => Promise<T>,
  name?: string,
): Promise<T> {
  const { TidepoolClient } = tidepool;
  const client = new TidepoolClient(options);
  try {
    return await body(await open(client, name), client);
  } finally {
    await client.close();
  }
}

/** What is wrong with a collection that should hold exactly the records `0 … count − 1`. */
export async function faultsOf(collection: Collection, count: number): Promise<string[]> {
  const { ids, documents, metadatas, embeddings } = await collection.get({ include: ["documents", "metadatas", "embeddings"] });
  const expected = recordsOf(0, count);
  if (ids.join() !== expected.ids.join()) return [`${ids.length} records from ${ids[0]} to ${ids.at(-1)} instead of ${count}`];
  const faults: string[] = [];
  ids.forEach((id, i) => {
    if (documents[i] !== expected.documents![i]) faults.push(`${id}: ${documents[i]}`);
    if (metadatas[i]!.n !== i) faults.push(`${id}: ${JSON.stringify(metadatas[i])}`);
    const embedding = embeddingOf(i);
    if (embeddings[i]!.some((value, d) => value !== embedding[d])) faults.push(`${id}: another embedding`);
  });
  const probe = Math.floor(count / 2);
  const nearest = await collection.query({ queryEmbeddings: [embeddingOf(probe)], nResults: 2, where: { n: { $gte: 0 } } });
  if (nearest.ids[0]![0] !== `r${probe}`) faults.push(`query: ${nearest.ids[0]}`);
  const text = await collection.searchText({ query: `word${probe}` });
  if (text.ids.join() !== `r${probe}`) faults.push(`text: ${text.ids}`);
  return faults;
}

/** What a promise is rejected with, as far as it crosses to the test; `null` when it is not. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; details: Record<string, unknown> } | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: Record<string, unknown> };
    return { code: String(code), message, details: { ...details } };
  }
}
