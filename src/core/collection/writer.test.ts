import { expect, test } from "vitest";
import { Availability } from "../base/availability.js";
import type { LogPlace } from "../base/log-chain.js";
import type { Steps } from "../base/steps.js";
import { TidepoolError } from "../errors.js";
import type { RecordFilter } from "../gateway/filter.js";
import { checkDimension, planDelete, planWrite } from "../gateway/plan.js";
import { planCommit, planOperation } from "../gateway/plan-conditional.js";
import { checkSelected } from "../gateway/selected-ids.js";
import { Log } from "../log/log.js";
import { encodeLogRecord } from "../log/log-record.js";
import { IndexPolicy } from "../schema.js";
import type { DeleteRequest } from "../service.js";
import { type Applied, AppliedListeners } from "./applied-listeners.js";
import { AppliedRequests } from "./applied-requests.js";
import type { CollectionState } from "./collection-state.js";
import { ReadWriteLock } from "./read-write-lock.js";
import { WriteLine } from "./write-line.js";
import { Writer } from "./writer.js";

/** A collection that does nothing but note its steps, count its records and lend its dimension. */
class CountingCollection {
  readonly row = { id: "c", name: "things" };
  readonly lock = new ReadWriteLock();
  readonly writeLine = new WriteLine();
  readonly requests = new AppliedRequests();
  readonly indexes = new IndexPolicy(undefined);
  dropped = false;
  applied = { offset: 0, link: 0 };
  dimension: number | null = null;
  claims = 0;
  /** What applying a record meets with. */
  onApply: (offset: number) => void = () => undefined;
  readonly #steps: string[];

  constructor(steps: string[]) {
    this.#steps = steps;
  }

  readonly vectors = {
    claimDimension: (dimension: number): void => {
      this.dimension = dimension;
      this.claims++;
    },
    unclaimDimension: (): void => {
      if (--this.claims === 0) this.dimension = null;
    },
    quantize: (): null => {
      this.#steps.push("plan");
      return null;
    },
  };

  async findIds(): Promise<void> {}

  async prepareToApply(): Promise<void> {}

  isCurrent(): boolean {
    return true;
  }

  *apply(place: LogPlace): Steps<{ deleted: number }> {
    this.#steps.push(`apply ${place.offset}`);
    this.onApply(place.offset);
    yield;
    this.applied = place;
    return { deleted: 1 };
  }
}

/** The ids of a selection that names some and asks nothing else. */
function idsIn(filter: RecordFilter | null): string[] {
  return filter?.kind === "condition" && filter.condition.operator === "id" ? [...filter.condition.ids] : [];
}

/** A writer whose steps are noted. */
class Walk {
  readonly steps: string[] = [];
  readonly reported: TidepoolError[] = [];
  readonly told: Applied[] = [];
  readonly availability = new Availability(() => undefined);
  readonly listeners = new AppliedListeners((error) => this.reported.push(error));
  readonly collection = new CountingCollection(this.steps);
  /** What the memtable's bound makes writers wait for. */
  room: Promise<void> = Promise.resolve();
  readonly #writer: Writer;

  constructor() {
    this.listeners.add((applied) => {
      this.told.push(applied);
      this.steps.push(`listener ${applied.offset}`);
    });
    const noted = <Args extends unknown[], T>(step: string, work: (...args: Args) => T) => {
      return (...args: Args): T => {
        this.steps.push(step);
        return work(...args);
      };
    };
    this.#writer = new Writer({
      availability: this.availability,
      tick: () => undefined,
      planWrite: noted("validation", planWrite),
      checkDimension,
      checkSelected,
      planDelete: noted("validation", async (...asked: Parameters<typeof planDelete>) => planDelete(...asked)),
      planCommit: noted("conditions", planCommit),
      planOperation: noted("validation", planOperation),
      compactor: { waitForRoom: noted("back-pressure", () => this.room) },
      checkMemory: () => undefined,
      executor: { selectIds: noted("plan", async (_state, plan) => idsIn(plan.filter)) },
      encode: noted("encode", encodeLogRecord),
      log: new Log({ append: noted("log", async () => undefined), read: async () => [], tail: async () => null }),
      listeners: this.listeners,
    });
  }

  write(id: string, dimension = 2): Promise<void> {
    const embeddings = { dimension, values: new Float32Array(dimension), present: null };
    const records = { ids: [id], embeddings, documents: null, metadatas: null, uris: null };
    return this.#acknowledged(this.#writer.write(this.#state, { collectionId: "c", operation: "add", records }));
  }

  delete(request: Partial<DeleteRequest>): Promise<{ deleted: number }> {
    return this.#acknowledged(this.#writer.delete(this.#state, { collectionId: "c", ...request }));
  }

  get #state(): CollectionState {
    return this.collection as unknown as CollectionState;
  }

  async #acknowledged<T>(call: Promise<T>): Promise<T> {
    const result = await call;
    this.steps.push("acknowledgement");
    return result;
  }
}

test("a write is validated, waits for room, is planned, logged and applied, listeners are told, and then it is acknowledged", async () => {
  const walk = new Walk();
  await walk.write("a");
  expect(walk.steps).toEqual(["validation", "back-pressure", "plan", "encode", "log", "apply 1", "listener 1", "acknowledgement"]);
});

test("a deletion walks the same way; one that selects nothing needs no room and no log", async () => {
  const walk = new Walk();
  expect(await walk.delete({ ids: ["a"] })).toEqual({ deleted: 1 });
  expect(walk.steps).toEqual(["validation", "plan", "back-pressure", "encode", "log", "apply 1", "listener 1", "acknowledgement"]);
  walk.steps.length = 0;
  expect(await walk.delete({})).toEqual({ deleted: 0 });
  expect(walk.steps).toEqual(["validation", "acknowledgement"]);
});

test("a batch that is refused is refused while there is no room, and claims nothing", async () => {
  const walk = new Walk();
  walk.room = new Promise(() => undefined);
  await expect(walk.write("")).rejects.toThrow("Empty ID");
  expect(walk.collection.claims).toBe(0);
});

test("when no room can be made, the write fails with the compactor's error and gives the dimension free", async () => {
  const walk = new Walk();
  walk.room = Promise.reject(new TidepoolError("QUOTA_EXCEEDED", "the disk is full"));
  await expect(walk.write("a")).rejects.toThrow("the disk is full");
  walk.room = Promise.resolve();
  await walk.write("a", 3);
  expect(walk.collection.claims).toBe(0);
});

test("a first write holds its dimension from the check until it is applied", async () => {
  const walk = new Walk();
  const first = walk.write("a", 2);
  await expect(walk.write("b", 3)).rejects.toMatchObject({ code: "DIMENSION_MISMATCH" });
  await first;
  expect(walk.told).toHaveLength(1);
});

test.each([
  ["NOT_FOUND", "a collection that is dropped", (walk: Walk) => void (walk.collection.dropped = true)],
  ["CLOSED", "an engine that is closed", (walk: Walk) => walk.availability.close()],
])("%s: for %s while a write waits for room, nothing is logged", async (code, _, happens) => {
  const walk = new Walk();
  walk.room = Promise.resolve().then(() => happens(walk));
  await expect(walk.write("a")).rejects.toMatchObject({ code });
  expect(walk.steps).not.toContain("log");
  expect(walk.collection.claims).toBe(0);
});

test("a record that cannot be applied poisons the engine: no later one is applied, nobody is told of it", async () => {
  const walk = new Walk();
  walk.collection.onApply = (offset) => {
    if (offset === 1) throw new Error("out of memory");
  };
  const results = await Promise.allSettled([walk.write("a"), walk.write("b")]);
  expect(results).toEqual([
    { status: "rejected", reason: expect.objectContaining({ code: "POISONED" }) },
    { status: "rejected", reason: expect.objectContaining({ code: "POISONED" }) },
  ]);
  expect(walk.steps.filter((step) => step.startsWith("apply"))).toEqual(["apply 1"]);
  expect(walk.told).toEqual([]);
  expect(() => walk.availability.check()).toThrow("The record is in the log");
});

test("listeners are told of all records in the order of the log, before the next is applied", async () => {
  const walk = new Walk();
  await Promise.all([walk.write("a"), walk.write("b"), walk.delete({ ids: ["a", "b"] })]);
  expect(walk.told.map(({ offset, record, state }) => [offset, record.kind, state.row.name])).toEqual([
    [1, "write", "things"],
    [2, "write", "things"],
    [3, "delete", "things"],
  ]);
  expect(walk.steps.filter((step) => /^(?:apply|listener)/.test(step))).toEqual([
    "apply 1",
    "listener 1",
    "apply 2",
    "listener 2",
    "apply 3",
    "listener 3",
  ]);
});

test("a listener that throws takes no acknowledgement and keeps nobody uninformed; its error is reported", async () => {
  const walk = new Walk();
  const told: number[] = [];
  const cause = new Error("no such graph");
  const remove = walk.listeners.add(() => {
    throw cause;
  });
  walk.listeners.add(({ offset }) => told.push(offset));
  await walk.write("a");
  expect(walk.reported).toMatchObject([{ code: "INTERNAL", message: expect.stringContaining("no such graph"), cause }]);
  expect(() => walk.availability.check()).not.toThrow();
  remove();
  await walk.write("b");
  expect(told).toEqual([1, 2]);
  expect(walk.reported).toHaveLength(1);
});
