/**
 * The page side of the kill test: a stream of operations that is the same every time, told apart only by their number,
 * and a plain model of what a collection holds after the first m of them. Two collections of one database are written to
 * side by side, so that their operations share transactions of the log.
 *
 * Each operation is one atomic batch, and a collection's operations follow each other. So whatever a collection looks
 * like after a crash, it must equal the model after some m, and m must be at least the number of operations that were
 * acknowledged.
 */
import { type Collection, type EngineInfo, TidepoolClient, type TidepoolClientOptions } from "tidepool-db";

/** The collections and the length of their embeddings. */
const DIMENSIONS = { large: 1536, small: 16 };
const BATCH = 100;

export type Name = keyof typeof DIMENSIONS;

interface Stored {
  n: number;
  document: string;
  embedding: Float32Array;
  metadata: Record<string, string | number | boolean>;
}

interface Batch {
  ids: string[];
  embeddings: Float32Array[];
  documents: string[];
  metadatas: Record<string, string | number | boolean>[];
}

type Operation =
  | { kind: "add" | "upsert"; batch: Batch }
  | { kind: "update"; ids: string[]; metadatas: { revision: number }[] }
  | { kind: "delete"; ids: string[] };

/** What the page tells while it works. */
export interface Reports {
  acknowledged(name: Name, operations: number): void;
  /** The compactor began to write blocks. */
  compacting(): void;
  /** A compaction was installed: the log it covers no longer counts. */
  compacted(): void;
  failed(message: string): void;
}

function numbers(seed: number, count: number): Float32Array {
  let state = (seed * 2654435761 + 97) >>> 0 || 1;
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) / 4294967296) * 2 - 1;
  });
}

function record(name: Name, n: number, operation: number): Stored {
  const words = Array.from(numbers(n + 31 * operation, 30), (value) => `w${Math.floor((value + 1) * 500)}`);
  return {
    n,
    document: `record ${n} of operation ${operation} ${words.join(" ")}`,
    embedding: numbers(n * 7919 + operation, DIMENSIONS[name]),
    metadata: { n, operation, even: n % 2 === 0, group: `g${n % 10}` },
  };
}

const idOf = (n: number): string => `id-${n}`;

function batchOf(records: Stored[]): Batch {
  return {
    ids: records.map(({ n }) => idOf(n)),
    embeddings: records.map(({ embedding }) => embedding),
    documents: records.map(({ document }) => document),
    metadatas: records.map(({ metadata }) => metadata),
  };
}

/** How many records the operations before this one have added. */
function addedBefore(operation: number): number {
  return (Math.floor(operation / 6) * 3 + [0, 1, 2, 2, 3, 3][operation % 6]!) * BATCH;
}

/** `count` distinct records that exist or once did, spread over all of them. */
function spread(operation: number, count: number): number[] {
  const added = addedBefore(operation);
  return Array.from({ length: count }, (_, i) => (operation * 13 + i * Math.floor(added / count)) % added);
}

/** Of six operations three add, one upserts, one updates metadata and one deletes. */
function operationOf(name: Name, operation: number): Operation {
  switch (operation % 6) {
    case 2:
      return { kind: "upsert", batch: batchOf(spread(operation, 40).map((n) => record(name, n, operation))) };
    case 4: {
      const ids = spread(operation, 30).map(idOf);
      return { kind: "update", ids, metadatas: ids.map(() => ({ revision: operation })) };
    }
    case 5:
      return { kind: "delete", ids: spread(operation, 10).map(idOf) };
    default: {
      const first = addedBefore(operation);
      return { kind: "add", batch: batchOf(Array.from({ length: BATCH }, (_, i) => record(name, first + i, operation))) };
    }
  }
}

async function perform(collection: Collection, operation: Operation): Promise<void> {
  if (operation.kind === "update") await collection.update({ ids: operation.ids, metadatas: operation.metadatas });
  else if (operation.kind === "delete") await collection.delete({ ids: operation.ids });
  else await collection[operation.kind](operation.batch);
}

/** What a collection holds after some operations, in insertion order. */
class Model {
  readonly records = new Map<string, Omit<Stored, "n">>();
  readonly #name: Name;
  operations = 0;

  constructor(name: Name) {
    this.#name = name;
  }

  advance(): void {
    const operation = operationOf(this.#name, this.operations++);
    if (operation.kind === "delete") for (const id of operation.ids) this.records.delete(id);
    else if (operation.kind === "update") this.#update(operation.ids, operation.metadatas);
    else this.#write(operation.kind, operation.batch);
  }

  #update(ids: string[], metadatas: { revision: number }[]): void {
    ids.forEach((id, i) => {
      const stored = this.records.get(id);
      if (stored) this.records.set(id, { ...stored, metadata: { ...stored.metadata, ...metadatas[i]! } });
    });
  }

  #write(kind: "add" | "upsert", { ids, embeddings, documents, metadatas }: Batch): void {
    ids.forEach((id, i) => {
      const old = this.records.get(id);
      if (old && kind === "add") return;
      this.records.set(id, { document: documents[i]!, embedding: embeddings[i]!, metadata: { ...old?.metadata, ...metadatas[i]! } });
    });
  }
}

function open(client: TidepoolClient, name: Name): Promise<Collection> {
  return client.getOrCreateCollection({ name, embeddingFunction: null });
}

/** Goes on where the collections stopped, until something stops it, and tells every acknowledgement. */
export async function ingest(options: TidepoolClientOptions, from: Record<Name, number>, reports: Reports): Promise<void> {
  try {
    const client = new TidepoolClient(options);
    const large = await open(client, "large");
    const small = await open(client, "small");
    const watch = await Watch.start(client, reports);
    const next = async (collection: Collection, name: Name, operation: number): Promise<void> => {
      await perform(collection, operationOf(name, operation));
      reports.acknowledged(name, operation + 1);
    };
    for (let step = 0; ; step++) {
      await Promise.all([next(large, "large", from.large + step), next(small, "small", from.small + step)]);
      await watch.look();
    }
  } catch (error) {
    reports.failed(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}

/** Asks the engine beside the writes what its compactor does. */
class Watch {
  readonly #client: TidepoolClient;
  readonly #reports: Reports;
  #last: EngineInfo;

  private constructor(client: TidepoolClient, reports: Reports, last: EngineInfo) {
    this.#client = client;
    this.#reports = reports;
    this.#last = last;
  }

  static async start(client: TidepoolClient, reports: Reports): Promise<Watch> {
    return new Watch(client, reports, await client.info());
  }

  async look(): Promise<void> {
    const now = await this.#client.info();
    if (now.compactionError !== null) throw new Error(now.compactionError);
    if (now.blockBytesUsed > this.#last.blockBytesUsed) this.#reports.compacting();
    if (now.logRecords < this.#last.logRecords) this.#reports.compacted();
    this.#last = now;
  }
}

/** What was found in a collection after a crash. */
export interface Findings {
  /** The operations that the collection holds, all of each of them; `null` when it equals no such state. */
  operations: number | null;
  /** Why it equals no state, told of the nearest. */
  difference: string | null;
  records: number;
}

/** Opens the database and says for each collection after how many operations one would look exactly like it. */
export async function inspect(options: TidepoolClientOptions): Promise<Record<Name, Findings>> {
  const client = new TidepoolClient(options);
  try {
    const large = await inspectOne(await open(client, "large"), "large");
    return { large, small: await inspectOne(await open(client, "small"), "small") };
  } finally {
    await client.close();
  }
}

async function inspectOne(collection: Collection, name: Name): Promise<Findings> {
  const found = await readAll(collection);
  const last = Math.max(-1, ...found.map(({ metadata }) => metadata.operation as number));
  const model = new Model(name);
  // Up to two operations in a row leave no record that carries their number.
  let difference: string | null = null;
  for (; model.operations <= last + 3; model.advance()) {
    if (model.operations <= last) continue;
    const different = compare(found, model);
    if (different === null) return { operations: model.operations, difference: null, records: found.length };
    difference ??= `after ${model.operations} operations: ${different}`;
  }
  return { operations: null, difference, records: found.length };
}

interface Found {
  id: string;
  document: string | null;
  embedding: number[] | null;
  metadata: Record<string, unknown>;
}

async function readAll(collection: Collection): Promise<Found[]> {
  const found: Found[] = [];
  const include = ["documents", "metadatas", "embeddings"] as const;
  for (;;) {
    const page = await collection.get({ limit: 2000, offset: found.length, include: [...include] });
    if (page.ids.length === 0) return found;
    page.ids.forEach((id, i) => {
      found.push({ id, document: page.documents[i]!, embedding: page.embeddings[i]!, metadata: page.metadatas[i]! });
    });
  }
}

function compare(found: Found[], model: Model): string | null {
  if (found.length !== model.records.size) return `${found.length} records instead of ${model.records.size}`;
  let i = 0;
  for (const [id, expected] of model.records) {
    const actual = found[i++]!;
    if (actual.id !== id) return `record ${i - 1} is ${actual.id} instead of ${id}`;
    if (actual.document !== expected.document) return `${id} has the document ${actual.document}`;
    if (!sameMetadata(actual.metadata, expected.metadata)) return `${id} has the metadata ${JSON.stringify(actual.metadata)}`;
    if (!expected.embedding.every((value, d) => actual.embedding![d] === value)) return `${id} has another embedding`;
  }
  return null;
}

function sameMetadata(actual: Record<string, unknown>, expected: Record<string, unknown>): boolean {
  const keys = Object.keys(expected);
  return Object.keys(actual).length === keys.length && keys.every((key) => actual[key] === expected[key]);
}

/** Searches for records by what they hold, and writes more; resolves with what went wrong. */
export async function use(options: TidepoolClientOptions, operations: Record<Name, number>): Promise<string[]> {
  const client = new TidepoolClient(options);
  try {
    const faults: string[] = [];
    for (const name of ["large", "small"] as const) {
      const model = new Model(name);
      while (model.operations < operations[name]) model.advance();
      const collection = await open(client, name);
      faults.push(...(await search(collection, model)), ...(await change(collection, name, model)));
    }
    return faults;
  } finally {
    await client.close();
  }
}

async function search(collection: Collection, model: Model): Promise<string[]> {
  const faults: string[] = [];
  const all = [...model.records];
  for (const share of [0, 0.3, 0.6, 0.999]) {
    const [id, { embedding, metadata, document }] = all[Math.floor(share * all.length)]!;
    const n = metadata.n as number;
    const nearest = await collection.query({ queryEmbeddings: [embedding], nResults: 1 });
    if (nearest.ids[0]![0] !== id || nearest.distances[0]![0] !== 0)
      faults.push(`query for ${id}: ${nearest.ids[0]![0]} at ${nearest.distances[0]![0]}`);
    const filtered = await collection.get({ where: { n } });
    if (filtered.ids.join() !== id) faults.push(`where n is ${n}: ${filtered.ids}`);
    const text = await collection.searchText({ query: document.split(" ").slice(-3).join(" "), where: { n } });
    if (text.ids.join() !== id) faults.push(`text of ${id}: ${text.ids}`);
  }
  const { ids } = await collection.get({ where: { group: "g3" }, include: [] });
  const expected = all.filter(([, { metadata }]) => metadata.group === "g3").map(([id]) => id);
  if (ids.join() !== expected.join()) faults.push(`group g3 has ${ids.length} records instead of ${expected.length}`);
  return faults;
}

/** Adds a record and takes it back. */
async function change(collection: Collection, name: Name, model: Model): Promise<string[]> {
  const record = { embeddings: [numbers(1, DIMENSIONS[name])], documents: ["one more"], metadatas: [{ operation: -1 }] };
  await collection.add({ ids: ["further"], ...record });
  const more = await collection.count();
  const { deleted } = await collection.delete({ ids: ["further"] });
  if (more === model.records.size + 1 && deleted === 1) return [];
  return [`after one more there are ${more} records instead of ${model.records.size + 1}, and ${deleted} were deleted`];
}
