/**
 * The page side of `npm run torture`: makes records from what their numbers say, carries out single operations, and reads back
 * everything there is. What was acknowledged is remembered outside of the browser, by whoever asks for the operations.
 *
 * A record belongs to a lane, which is one stream of operations, and has the number of the operation that wrote it last as its
 * stamp. Everything else in it follows from these.
 */
import { type Collection, TidepoolClient, type TidepoolClientOptions } from "tidepool-db";

export interface Operation {
  lane: number;
  kind: "add" | "upsert" | "delete";
  /** Numbers of the records within the lane. */
  records: number[];
  stamp: number;
  /** Characters of each document, about. */
  documentLength: number;
}

/** A record as it was found. */
export type Found = [lane: number, record: number, stamp: number];

/** What a reading found. */
export interface Reading {
  found: Found[];
  /** Records that are not what their stamp says, and indexes that say something else than the records. */
  problems: string[];
}

const DIMENSION = 16;

const page = globalThis as unknown as {
  torture?: { client: TidepoolClient; collection: Collection };
  /** The latest that the client has started. */
  tortureWorker?: Worker;
};

function embeddingOf(lane: number, record: number, stamp: number): number[] {
  return Array.from({ length: DIMENSION }, (_, i) => ((lane * 31 + record * 17 + stamp * 7 + i * i) % 64) / 8);
}

function documentOf(lane: number, record: number, stamp: number, length: number): string {
  return `lane${lane} record${record} stamp${stamp} `.padEnd(length, "lorem ");
}

const idOf = (lane: number, record: number): string => `${lane}:${record}`;

/** Opens the database in this page, anew where it was open. Resolves once it answers. */
export async function open(options: TidepoolClientOptions): Promise<void> {
  const worker = (): Worker => (page.tortureWorker = new Worker("./package/worker.js", { type: "module" }));
  const client = new TidepoolClient({ ...options, worker });
  const collection = await client.getOrCreateCollection({ name: "torture", embeddingFunction: null });
  page.torture = { client, collection };
}

export async function perform({ lane, kind, records, stamp, documentLength }: Operation): Promise<void> {
  const { collection } = page.torture!;
  const ids = records.map((record) => idOf(lane, record));
  if (kind === "delete") {
    await collection.delete({ ids });
    return;
  }
  await collection[kind]({
    ids,
    embeddings: records.map((record) => embeddingOf(lane, record, stamp)),
    documents: records.map((record) => documentOf(lane, record, stamp, documentLength)),
    metadatas: records.map((record) => ({ lane, record, stamp, documentLength })),
  });
}

/** Whether this page's worker has the engine. */
export async function isHolder(): Promise<boolean> {
  return (await page.torture!.client.info()).role === "holder";
}

/** Ends this page's worker as a crash of it would, where it has one. */
export function terminate(): void {
  page.tortureWorker?.terminate();
}

export async function close(): Promise<void> {
  await page.torture?.client.close();
}

export async function read(lanes: number): Promise<Reading> {
  const { collection } = page.torture!;
  const { ids, embeddings, documents, metadatas } = await collection.get({ include: ["embeddings", "documents", "metadatas"] });
  const found: Found[] = [];
  const problems: string[] = [];
  ids.forEach((id, i) => {
    const { lane, record, stamp, documentLength } = metadatas![i] as Record<string, number>;
    found.push([lane!, record!, stamp!]);
    const isWhole =
      id === idOf(lane!, record!) &&
      documents![i] === documentOf(lane!, record!, stamp!, documentLength!) &&
      `${embeddings![i]}` === `${embeddingOf(lane!, record!, stamp!)}`;
    if (!isWhole) problems.push(`record ${id} is not what stamp ${stamp} says`);
  });
  for (let lane = 0; lane < lanes; lane++) problems.push(...(await askIndexes(collection, lane, found)));
  return { found, problems };
}

/** Filters, vectors and text must agree with the records. */
async function askIndexes(collection: Collection, lane: number, all: readonly Found[]): Promise<string[]> {
  const problems: string[] = [];
  const mine = all.filter(([of]) => of === lane);
  const { ids } = await collection.get({ where: { lane }, include: [] });
  if (ids.length !== mine.length) problems.push(`where lane ${lane} finds ${ids.length} of ${mine.length}`);
  const last = mine.at(-1);
  if (last === undefined) return problems;
  const nearest = await collection.query({ queryEmbeddings: [embeddingOf(...last)], nResults: 1, include: ["distances"] });
  if (nearest.distances![0]![0] !== 0) problems.push(`the vector of ${idOf(last[0], last[1])} is not found`);
  const texts = await collection.searchText({ query: `record${last[1]}`, nResults: 50 });
  if (!texts.ids.includes(idOf(last[0], last[1]))) problems.push(`the text of ${idOf(last[0], last[1])} is not found`);
  return problems;
}
