/** Applying long log records: with turns for others, who see all of one or none of it. */
import { expect, test } from "vitest";
import { testBlockStore } from "../../testing/block-store.js";
import { TestEnvironment } from "../../testing/environment.js";
import { FaultInjectingStorage } from "../../testing/fault-injecting-storage.js";
import { openedEngine } from "../../testing/opened-engines.js";
import { ByteCache } from "../base/byte-cache.js";
import type { LogOperation, LogRecord } from "../base/operations.js";
import { compact } from "../compactor/compaction.js";
import { planConfiguration } from "../gateway/plan.js";
import { referenceKernel } from "../index/vector/reference-kernel.js";
import { limits } from "../limits.js";
import { emptyManifest } from "../sysdb/manifest.js";
import type { RecordBatch } from "../types.js";
import { CollectionState, type StateContext } from "./collection-state.js";
import { sectionKinds } from "./parts.js";

function batch(records: number, from = 0): RecordBatch {
  const ids = Array.from({ length: records }, (_, i) => `r${from + i}`);
  const embeddings = { dimension: 1, values: new Float32Array(records), present: null };
  return { ids, embeddings, documents: ids.map((id) => `the document of ${id}`), metadatas: null, uris: null };
}

const adding = (records: number, from = 0): LogOperation => ({ kind: "write", operation: "add", records: batch(records, from) });

function emptyState(blocks = testBlockStore()): Promise<CollectionState> {
  const scope = { tenant: "default_tenant", database: "default_database" };
  const row = { ...scope, id: "c", root: "c", sequence: 1, name: "things", metadata: null, configuration: planConfiguration({}) };
  return CollectionState.open(row, emptyManifest(sectionKinds.empty(), "c"), {
    blocks,
    log: { replay: async function* () {} },
    kernel: referenceKernel,
    vectorCache: new ByteCache(1000),
    tick: () => undefined,
    noteWork: () => undefined,
  } as Partial<StateContext> as StateContext);
}

async function applied(state: CollectionState, record: LogRecord): Promise<number> {
  const place = { offset: state.appliedOffset + 1, link: 0 };
  const steps = state.apply(place, record, 0, await state.prepareToApply(record));
  let count = 0;
  while (!steps.next().done) count++;
  return count;
}

test.each<[string, (records: number) => LogRecord]>([
  ["a write", (records) => adding(records)],
  ["a delete", (records) => ({ kind: "delete", ids: batch(records).ids })],
  [
    "a transaction",
    (records) => ({ kind: "transaction", operations: [adding(records, 50_000), { kind: "delete", ids: batch(records).ids }] }),
  ],
])("%s of twice as many records gives twice as many turns", async (_, record) => {
  const turns = async (records: number): Promise<number> => {
    const state = await emptyState();
    for (let from = 0; from < 8000; from += 1000) await applied(state, adding(1000, from + (record(1).kind === "write" ? 100_000 : 0)));
    return applied(state, record(records));
  };
  const [once, twice] = [await turns(4000), await turns(8000)];
  expect(once).toBeGreaterThan(10);
  expect(twice).toBeGreaterThan(1.7 * once);
});

test("a compaction that begins while a log record is applied waits until it is", async () => {
  const blocks = testBlockStore();
  const state = await emptyState(blocks);
  const record = adding(3000);
  const steps = state.apply({ offset: 1, link: 7 }, record, 0, await state.prepareToApply(record));
  let compaction: ReturnType<typeof compact> | undefined;
  await state.lock.exclusive(async () => {
    steps.next();
    compaction = compact(state, blocks.begin(), () => undefined);
    await Promise.resolve();
    while (!steps.next().done);
  });
  expect((await compaction!).manifest).toMatchObject({ offset: 1, link: 7, count: 3000, nextOrdinal: 3000 });
});

/** A clock that moves on whenever it is asked, so that each place at which a turn can be taken takes one; others look in these. */
class WatchedEnvironment extends TestEnvironment {
  #asked = 0;
  look: () => void = () => undefined;

  override now(): number {
    return super.now() + ++this.#asked * limits.sliceMs;
  }

  override yieldToEventLoop(): Promise<void> {
    this.look();
    return super.yieldToEventLoop();
  }
}

test("nobody sees a part of a log record", async () => {
  const RECORDS = 3000;
  const environment = new WatchedEnvironment();
  const storage = new FaultInjectingStorage();
  const engine = await openedEngine(storage, { environment });
  const scope = { tenant: "default_tenant", database: "default_database", name: "things", metadata: null };
  const { id: collectionId } = await engine.service.createCollection({ ...scope, configuration: {}, getOrCreate: false });
  const seen: Promise<number>[] = [];
  environment.look = () => {
    seen.push(
      engine.service.count({ collectionId }),
      engine.service.info().then(({ records }) => records),
    );
  };
  await engine.service.write({ collectionId, operation: "add", records: batch(RECORDS) });
  await engine.service.delete({ collectionId, ids: batch(RECORDS - 1).ids });
  environment.look = () => undefined;
  expect(new Set(await Promise.all(seen))).toEqual(new Set([0, RECORDS, 1]));
  expect(await engine.service.verifyCollection({ collectionId, deep: true })).toMatchObject({ isSound: true, findings: [] });
  expect(await engine.service.get({ collectionId, include: [] })).toMatchObject({ ids: [`r${RECORDS - 1}`] });
});
