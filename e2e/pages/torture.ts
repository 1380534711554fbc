/**
 * The page side of `npm run torture`: makes records from what their numbers say, carries out single operations, and reads back
 * everything there is. What was acknowledged is remembered outside of the browser, by whoever asks for the operations.
 *
 * A record belongs to a lane, which is one stream of operations, and has the number of the operation that wrote it last as its
 * stamp. Everything else in it follows from these. A page has several databases open at once, each by its path.
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

interface Opened {
  client: TidepoolClient;
  collection: Collection;
}

const page = globalThis as unknown as {
  torture?: Map<string, Opened>;
  /** The latest that the client of each path has started. */
  tortureWorkers?: Map<string, Worker>;
};
const opened = (page.torture ??= new Map<string, Opened>());
const workers = (page.tortureWorkers ??= new Map<string, Worker>());

function embeddingOf(lane: number, record: number, stamp: number): number[] {
  return Array.from({ length: DIMENSION }, (_, i) => ((lane * 31 + record * 17 + stamp * 7 + i * i) % 64) / 8);
}

function documentOf(lane: number, record: number, stamp: number, length: number): string {
  return `lane${lane} record${record} stamp${stamp} `.padEnd(length, "lorem ");
}

const idOf = (lane: number, record: number): string => `${lane}:${record}`;

/** Opens a database in this page, anew where it was open. Resolves once it answers. */
export async function open(options: TidepoolClientOptions): Promise<void> {
  const path = options.path!;
  const worker = (): Worker => {
    const started = new Worker("./package/worker.js", { type: "module" });
    workers.set(path, started);
    return started;
  };
  const client = new TidepoolClient({ ...options, worker });
  const collection = await client.getOrCreateCollection({ name: "torture", embeddingFunction: null });
  opened.set(path, { client, collection });
}

export async function perform(path: string, { lane, kind, records, stamp, documentLength }: Operation): Promise<void> {
  const { collection } = opened.get(path)!;
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

/** Of these databases, those whose engine this page's worker has. */
export async function holderOf(paths: string[]): Promise<string[]> {
  const infos = await Promise.all(paths.map((path) => opened.get(path)!.client.info()));
  return paths.filter((_, i) => infos[i]!.role === "holder");
}

/** The locks of the origin, and what of each database answers within some seconds. */
export async function diagnose(paths: string[]): Promise<unknown> {
  const { held = [], pending = [] } = await navigator.locks.query();
  const named = (locks: LockInfo[]): string[] => locks.map(({ name, clientId }) => `${name} by ${clientId}`);
  const late = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve("late"), 5_000));
  const asked = paths.map(async (path) => {
    const { client, collection } = opened.get(path)!;
    const calls = [client.info(), client.heartbeat(), collection.count(), collection.get({ limit: 1, include: [] })];
    return Promise.all(calls.map((call) => Promise.race([call.catch(String), late()])));
  });
  return { held: named(held), pending: named(pending), answers: await Promise.all(asked) };
}

/** Ends this page's workers as a crash of them would. */
export function terminate(): void {
  for (const worker of workers.values()) worker.terminate();
}

export async function close(): Promise<void> {
  await Promise.all([...opened.values()].map(({ client }) => client.close()));
}

export async function read(path: string, lanes: number[]): Promise<Reading> {
  const { collection } = opened.get(path)!;
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
  const asked = await Promise.all(lanes.map((lane) => askIndexes(collection, lane, found)));
  return { found, problems: [...problems, ...asked.flat()] };
}

/** Filters, vectors and text must agree with the records. */
async function askIndexes(collection: Collection, lane: number, all: readonly Found[]): Promise<string[]> {
  const mine = all.filter(([of]) => of === lane);
  const last = mine.at(-1);
  const byFilter = collection.get({ where: { lane }, include: [] });
  if (last === undefined) {
    const { ids } = await byFilter;
    return ids.length === 0 ? [] : [`where lane ${lane} finds ${ids.length} of none`];
  }
  const [{ ids }, nearest, texts] = await Promise.all([
    byFilter,
    collection.query({ queryEmbeddings: [embeddingOf(...last)], nResults: 1, include: ["distances"] }),
    collection.searchText({ query: `record${last[1]}`, nResults: 50 }),
  ]);
  const id = idOf(last[0], last[1]);
  return [
    ...(ids.length === mine.length ? [] : [`where lane ${lane} finds ${ids.length} of ${mine.length}`]),
    ...(nearest.distances![0]![0] === 0 ? [] : [`the vector of ${id} is not found`]),
    ...(texts.ids.includes(id) ? [] : [`the text of ${id} is not found`]),
  ];
}
