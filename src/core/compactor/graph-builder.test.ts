import { expect, test } from "vitest";
import { TestEnvironment } from "../../testing/environment.js";
import { Turns } from "../base/turns.js";
import { ReadWriteLock } from "../collection/read-write-lock.js";
import { limits } from "../limits.js";
import type { TidepoolWarning } from "../service.js";
import { GraphBuilder } from "./graph-builder.js";
import { Jobs } from "./jobs.js";

/** A collection whose graph takes some slices to build. */
class SlowCollection {
  readonly row = { id: "id-of-things", name: "things" };
  readonly lock = new ReadWriteLock();
  dropped = false;
  closed = false;
  readonly steps: string[] = [];
  /** What fetching vectors meets with. */
  onPrepare: () => Promise<void> | void = () => undefined;
  onBuild: () => void = () => undefined;
  readonly vectors = {
    slicesLeft: 0,
    graphBacklog: 0,
    get isGraphBuilt(): boolean {
      return this.slicesLeft === 0;
    },
    prepareGraph: async () => {
      this.steps.push("prepare");
      await this.onPrepare();
    },
    buildGraphTogether: async () => false,
    buildGraph: (isOver: () => boolean) => {
      this.onBuild();
      this.steps.push(isOver() ? "late" : "build");
      return --this.vectors.slicesLeft === 0;
    },
  };

  constructor(slices: number) {
    this.vectors.slicesLeft = slices;
  }
}

function builderOf(...collections: SlowCollection[]) {
  const environment = new TestEnvironment();
  const warnings: TidepoolWarning[] = [];
  const turns = new Turns(environment);
  const built: string[] = [];
  const builder = new GraphBuilder({ turns, warn: (warning) => warnings.push(warning), built: ({ row }) => built.push(row.id) });
  const jobs = new Jobs<SlowCollection>({ environment, states: () => collections, jobs: [builder] });
  return { environment, warnings, built, turns, builder, jobs };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("a graph is built slice by slice once nobody has written for a moment", async () => {
  const collection = new SlowCollection(3);
  const { environment, built, jobs } = builderOf(collection);
  jobs.noteWrite();
  environment.advance(limits.graphIdleMs - 1);
  await turns();
  expect(collection.steps).toEqual([]);
  environment.advance(1);
  await turns();
  expect(collection.steps).toEqual(["prepare", "build", "prepare", "build", "prepare", "build"]);
  expect(built).toEqual(["id-of-things"]);
  expect(jobs.isBusy).toBe(false);
});

test("many waiting vectors are built in although writes go on, until they are few", async () => {
  const collection = new SlowCollection(100);
  const { environment, jobs } = builderOf(collection);
  collection.vectors.graphBacklog = limits.graphBacklogMax + 1;
  collection.onBuild = () => {
    collection.vectors.graphBacklog--;
    jobs.noteWrite();
  };
  jobs.noteWrite();
  environment.advance(limits.graphIdleMs / 2);
  jobs.noteWrite();
  environment.advance(limits.graphIdleMs / 2);
  await turns();
  expect(collection.steps.filter((step) => step === "build")).toHaveLength(2);
});

test("each slice begins with a turn for others, and its time with the vectors at hand", async () => {
  const collection = new SlowCollection(1);
  const { environment, turns, builder } = builderOf(collection);
  const order: string[] = [];
  collection.onPrepare = () => {
    order.push("prepare");
    environment.advance(limits.sliceMs);
  };
  const before = turns.next().then(() => order.push("request"));
  expect(await builder.run(collection, () => false)).toBe(true);
  await before;
  expect(order).toEqual(["request", "prepare"]);
  expect(collection.steps).toEqual(["prepare", "build"]);
});

test("vectors are fetched while nothing moves, and not for a collection that is dropped by then", async () => {
  const collection = new SlowCollection(1);
  const { builder } = builderOf(collection);
  let release = (): void => undefined;
  const writing = collection.lock.exclusive(() => new Promise<void>((resolve) => (release = resolve)));
  const running = builder.run(collection, () => collection.dropped);
  await turns();
  expect(collection.steps).toEqual([]);
  collection.dropped = true;
  release();
  await writing;
  expect(await running).toBe(true);
  expect(collection.steps).toEqual([]);
});

test("nothing is built of what was closed while vectors were fetched", async () => {
  const collection = new SlowCollection(1);
  const { builder } = builderOf(collection);
  let isOver = false;
  collection.onPrepare = () => {
    isOver = true;
  };
  expect(await builder.run(collection, () => isOver)).toBe(true);
  expect(collection.steps).toEqual(["prepare"]);
});

test("a graph that cannot be built is told once and not tried again", async () => {
  const collection = new SlowCollection(1);
  const { environment, warnings, jobs, builder } = builderOf(collection);
  collection.onBuild = () => {
    throw new Error("out of memory");
  };
  for (let write = 0; write < 2; write++) {
    jobs.noteWrite();
    environment.advance(limits.graphIdleMs);
    await turns();
  }
  expect(warnings).toEqual([
    {
      code: "GRAPH_NOT_BUILT",
      message: 'The graph of collection "things" could not be built, so queries scan: out of memory',
      collection: "things",
    },
  ]);
  expect([collection.steps, builder.isDue(collection), jobs.isBusy]).toEqual([["prepare"], false, false]);
});
