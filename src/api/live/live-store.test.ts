/** Stores of live results, against a source that the test drives. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { Collection } from "../collection.js";
import type { LiveOptions } from "./live-query.js";
import type { LiveUpdate } from "./live-results.js";
import { type LiveSnapshot, liveStore } from "./live-store.js";

interface Opened {
  what: LiveOptions;
  listener(update: LiveUpdate<number>): void;
}

let opened: Opened[];
let failure: TidepoolError | null;

const source = {
  subscribe: async (what: LiveOptions, listener: Opened["listener"]) => {
    opened.push({ what, listener });
    if (failure !== null) throw failure;
    return { initial: 1, refresh: async () => 7, unsubscribe: () => undefined };
  },
} as unknown as Collection;

beforeEach(() => {
  vi.useFakeTimers();
  opened = [];
  failure = null;
});
afterEach(() => void vi.useRealTimers());

function hearing(store: { subscribe(run: (snapshot: LiveSnapshot<number>) => void): () => void }) {
  const heard: LiveSnapshot<number>[] = [];
  return { heard, off: store.subscribe((snapshot) => heard.push(snapshot)) };
}

const settled = () => vi.advanceTimersByTimeAsync(0);

test("it asks nothing before somebody subscribes, and its snapshot is another object only after a change", async () => {
  const store = liveStore(source, { count: {} });
  const first = store.getSnapshot();
  expect([opened.length, first]).toEqual([0, { results: undefined, update: undefined, error: undefined, isLoading: true }]);
  await store.refresh();
  expect(opened).toEqual([]);
  const { heard, off } = hearing(store);
  expect(heard[0]).toBe(first);
  await settled();
  expect(heard.at(-1)).toMatchObject({ results: 1, isLoading: false });
  expect(store.getSnapshot()).toBe(heard.at(-1));
  const update = { results: 2, added: [], changed: [], removed: [] };
  opened[0]!.listener(update);
  expect(store.getSnapshot()).toEqual({ results: 2, update, error: undefined, isLoading: false });
  expect(heard.length).toBe(3);
  off();
});

test("who leaves and comes back at once finds it as it was; later it is opened anew", async () => {
  const store = liveStore(source, { count: {} });
  hearing(store).off();
  const { off } = hearing(store);
  await settled();
  off();
  off();
  await vi.advanceTimersByTimeAsync(limits.liveLingerMs - 1);
  const again = hearing(store);
  await vi.advanceTimersByTimeAsync(limits.liveLingerMs);
  expect([opened.length, opened[0]!.what.signal!.aborted]).toEqual([1, false]);
  again.off();
  await vi.advanceTimersByTimeAsync(limits.liveLingerMs);
  expect(opened[0]!.what.signal!.aborted).toBe(true);
  hearing(store);
  expect(opened.length).toBe(2);
});

test("errors are in the snapshot, beside the latest results, until there are others", async () => {
  const store = liveStore(source, { count: {} });
  hearing(store);
  await settled();
  const error = new TidepoolError("CONNECTION_LOST", "gone");
  opened[0]!.what.onError!(error, { isFinal: false });
  expect(store.getSnapshot()).toMatchObject({ results: 1, error });
  await store.refresh();
  expect(store.getSnapshot()).toMatchObject({ results: 7, error: undefined });
  opened[0]!.what.onError!(error, { isFinal: true });
  await store.refresh();
  expect(opened.length).toBe(2);
});

test("one that cannot be opened says why, and is tried again when it is asked to", async () => {
  failure = new TidepoolError("NOT_FOUND", "none");
  const store = liveStore(source, { count: {} });
  hearing(store);
  await settled();
  expect(store.getSnapshot()).toMatchObject({ results: undefined, error: failure, isLoading: false });
  failure = null;
  await store.refresh();
  expect(store.getSnapshot()).toMatchObject({ error: undefined, isLoading: false });
});
