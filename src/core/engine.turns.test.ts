/**
 * Work that others wait for gives them turns in proportion to its size: twice as much gives about twice as many. A loop over all of it
 * without a turn gives as many for any size. No clock is asked: what is counted are the places at which a turn can be taken.
 */
import { expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import { crc32InSteps } from "./base/checksum.js";
import { jsonParts } from "./base/json-parts.js";
import type { LogOperation } from "./base/operations.js";
import { sha256Hex } from "./base/sha256.js";
import { atOnce } from "./base/steps.js";
import { Block } from "./blockstore/block.js";
import { type PatchEntry, prepareMetadata } from "./collection/memtable.js";
import type { Engine } from "./engine.js";
import { planWrite } from "./gateway/plan.js";
import { checkSelected } from "./gateway/selected-ids.js";
import { limits } from "./limits.js";
import { decodeInSteps, encodeLogRecord } from "./log/log-record.js";
import { gramFilterOf, knowsGrams } from "./segment/gram-filter.js";
import { prepareKeys } from "./segment/posting-key.js";
import type { RecordBatch } from "./types.js";

const ids = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `r${from + i}`);
const sparse = { indices: [1, 7], values: [1, 2] };

function batch(records: number, of: { document?: string; keys?: number }, from = 0): RecordBatch {
  const named = ids(records, from);
  const metadata = (i: number) => Object.fromEntries(Array.from({ length: of.keys ?? 0 }, (_, k) => [`key${k}`, (i * 7 + k) % 5]));
  return {
    ids: named,
    embeddings: { dimension: 1, values: new Float32Array(records), present: null },
    documents: of.document === undefined ? null : named.map(() => of.document!),
    metadatas: of.keys === undefined ? null : named.map((_, i) => metadata(i)),
    uris: null,
  };
}

function write(records: RecordBatch): LogOperation {
  return { kind: "write", operation: "upsert", records };
}

const text = (units: number): string => "low tide, high tide; ".repeat(units / 20);
const block = Block.decode(atOnce(gramFilterOf(Uint32Array.of(0), [text(1000)]))!);

const wideEntry: PatchEntry = {
  kind: "patch",
  id: "r0",
  vector: undefined,
  document: undefined,
  uri: undefined,
  metadata: batch(1, { keys: 200 }).metadatas![0]!,
};

test.each<[string, size: number, work: (size: number) => Iterator<unknown>]>([
  ["the check of many records", 400, (size) => planWrite({ collectionId: "c", operation: "upsert", records: batch(size, { keys: 3 }) })],
  ["a log record of many records", 2000, (size) => encodeLogRecord(write(batch(size, { keys: 20 })))],
  ["a log record of a long document", 2_000_000, (size) => encodeLogRecord(write(batch(1, { document: text(size) })))],
  ["a log record of many ids", 40_000, (size) => encodeLogRecord({ kind: "delete", ids: ids(size) })],
  ["laying metadata over that of other records", 400, (size) => prepareMetadata(batch(size, { keys: 100 }), () => wideEntry)],
  [
    "reading a long log record",
    16_000_000,
    (size) => decodeInSteps(atOnce(encodeLogRecord(write(batch(1, { document: text(size) })))), ""),
  ],
  ["reading a log record of wide metadata", 200, (size) => decodeInSteps(atOnce(encodeLogRecord(write(batch(size, { keys: 200 })))), "")],
  ["reading a log record of many ids", 100_000, (size) => decodeInSteps(atOnce(encodeLogRecord({ kind: "delete", ids: ids(size) })), "")],
  [
    "reading a log record of sparse vectors",
    400,
    (size) => decodeInSteps(atOnce(encodeLogRecord(write({ ...batch(size, {}), metadatas: ids(size).map(() => ({ sparse })) }))), ""),
  ],
  ["the check of ids that select", 20_000, (size) => checkSelected({ ids: ids(size) })],
  ["a checksum", 8_000_000, (size) => crc32InSteps(new Uint8Array(size))],
  ["a digest", 1_000_000, (size) => sha256Hex(new Uint8Array(size))],
  ["keys of a long value", 500_000, (size) => prepareKeys([text(size)])],
  ["JSON of a long list", 100_000, (size) => jsonParts(Array.from({ length: size }, (_, i) => i))],
  ["the check of a filter on a long document", 1_000_000, (size) => knowsGrams(block, 0, text(size))],
])("%s", (_, size, work) => {
  const steps = (of: number): number => {
    const iterator = work(of);
    let count = 0;
    while (!iterator.next().done) count++;
    return count;
  };
  const [once, twice] = [steps(size), steps(2 * size)];
  expect(once).toBeGreaterThan(4);
  expect(twice).toBeGreaterThan(1.7 * once);
});

/** A clock that moves on whenever it is asked: each place at which a turn can be taken takes one. No timer comes due. */
class CountingEnvironment extends TestEnvironment {
  turns = 0;
  #asked = 0;

  override now(): number {
    return super.now() + ++this.#asked * limits.sliceMs;
  }

  override yieldToEventLoop(): Promise<void> {
    this.turns++;
    return super.yieldToEventLoop();
  }
}

interface Prepared {
  engine: Engine;
  collectionId: string;
}

/** A collection with so many records, compacted or not. */
async function filled(environment: TestEnvironment, records: number, isCompacted: boolean): Promise<Prepared> {
  const engine = await openedEngine(new FaultInjectingStorage(), { environment });
  const scope = { tenant: "default_tenant", database: "default_database", name: "things", metadata: null };
  const { id: collectionId } = await engine.service.createCollection({ ...scope, configuration: {}, getOrCreate: false });
  for (let from = 0; from < records; from += 500) {
    const document = "low tide, high tide";
    await engine.service.write({ collectionId, operation: "add", records: batch(500, { keys: 8, document }, from) });
  }
  if (isCompacted) await engine.compact(collectionId);
  return { engine, collectionId };
}

test.each<[string, isCompacted: boolean, work: (prepared: Prepared, records: number) => Promise<unknown>]>([
  ["a compaction", false, ({ engine, collectionId }) => engine.compact(collectionId)],
  [
    "a compaction of updates",
    true,
    async ({ engine, collectionId }, records) => {
      for (let from = 0; from < records; from += 500) {
        const records = { ...batch(500, { keys: 9 }, from), embeddings: null };
        await engine.service.write({ collectionId, operation: "update", records });
      }
      await engine.compact(collectionId);
    },
  ],
  [
    "a compaction of deletes",
    true,
    async ({ engine, collectionId }) => {
      await engine.service.delete({ collectionId, where: { key0: { $gte: 1 } } });
      await engine.compact(collectionId);
    },
  ],
  ["a deep verification", true, ({ engine, collectionId }) => engine.service.verifyCollection({ collectionId, deep: true })],
  [
    "a filter by a scan",
    true,
    ({ engine, collectionId }) => engine.service.get({ collectionId, where: { key0: { $ne: 9 } }, include: [] }),
  ],
])("%s of many records", async (_, isCompacted, work) => {
  const turns = async (records: number): Promise<number> => {
    const environment = new CountingEnvironment();
    const prepared = await filled(environment, records, isCompacted);
    environment.turns = 0;
    await work(prepared, records);
    return environment.turns;
  };
  const [once, twice] = [await turns(2000), await turns(4000)];
  expect(once).toBeGreaterThan(4);
  expect(twice).toBeGreaterThan(1.5 * once);
});
