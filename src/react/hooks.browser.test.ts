/** The hooks in a page under StrictMode, with the real engine: what is rendered, how often it is asked, and what ends. */
import { Activity, type ActivityProps, createElement, type ReactNode, StrictMode, useEffect } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, expectTypeOf, test, vi } from "vitest";
import { TidepoolClient } from "../api/client.js";
import type { Collection } from "../api/collection.js";
import type { QueryResult } from "../api/results.js";
import { Knn } from "../api/search/rank.js";
import { Search } from "../api/search/search.js";
import {
  type CollectionState,
  type Ingest,
  type LiveState,
  TidepoolProvider,
  useCollection,
  useIngest,
  useLiveQuery,
  useLiveSearch,
} from "../react.js";

type Tide = { year: number };

/** The states that a component was rendered with. */
class Seen<T> {
  readonly all: T[] = [];
  #waiting: { fits: (state: T) => boolean; found: (state: T) => void }[] = [];

  tell(state: T): void {
    if (this.all.at(-1) === state) return;
    this.all.push(state);
    const [found, others] = [this.#waiting.filter(({ fits }) => fits(state)), this.#waiting.filter(({ fits }) => !fits(state))];
    this.#waiting = others;
    for (const { found: tell } of found) tell(state);
  }

  /** The latest state, or the next that fits. */
  until(fits: (state: T) => boolean): Promise<T> {
    const latest = this.all.at(-1);
    if (latest !== undefined && fits(latest)) return Promise.resolve(latest);
    return new Promise((found) => this.#waiting.push({ fits, found }));
  }
}

/** A component that shows what a hook gives. */
function Show<T>({ seen, use }: { seen: Seen<T>; use: () => T }): null {
  const state = use();
  useEffect(() => seen.tell(state));
  return null;
}

function show<T>(seen: Seen<T>, use: () => T): ReactNode {
  return createElement(Show<T>, { seen, use });
}

let root: Root;
let client: TidepoolClient;
let collection: Collection<Tide>;

beforeEach(async () => {
  root = createRoot(document.body.appendChild(document.createElement("div")));
  client = new TidepoolClient({ path: `react-${crypto.randomUUID()}`, storage: "memory" });
  collection = await client.createCollection<Tide>({ name: "tides", embeddingFunction: null });
  await write("a", 1);
});

afterEach(async () => {
  root.unmount();
  await client.close();
  vi.restoreAllMocks();
});

const write = (id: string, year: number) => collection.upsert({ ids: [id], embeddings: [[year, 1]], metadatas: [{ year }] });
const render = (...children: ReactNode[]): void => root.render(createElement(StrictMode, null, ...children));
const idsOf = ({ results }: LiveState<{ ids: unknown }>): string => JSON.stringify(results?.ids);

test("a provider's own client lives through StrictMode, shows writes, and is closed once the tree has left for good", async () => {
  const closing = new Seen<TidepoolClient>();
  const close = vi.spyOn(TidepoolClient.prototype, "close").mockImplementation(async function (this: TidepoolClient) {
    closing.tell(this);
  });
  const collections = new Seen<CollectionState<Tide>>();
  const live = new Seen<LiveState<{ ids: string[] }>>();
  const use = () => {
    const state = useCollection<Tide>({ name: "own", embeddingFunction: null });
    useEffect(() => collections.tell(state));
    return useLiveQuery(state.collection, { get: {} });
  };
  const path = `react-${crypto.randomUUID()}`;
  const app = (mode: "visible" | "hidden") => {
    const provider = createElement(TidepoolProvider, { options: { path, storage: "memory" } }, show(live, use));
    render(createElement(Activity, { mode } as ActivityProps, provider));
  };
  app("visible");
  const { collection: own } = await collections.until(({ collection }) => collection !== undefined);
  await live.until(({ results }) => results !== undefined);
  await own!.add({ ids: ["w"], embeddings: [[1]] });
  expect((await live.until((state) => idsOf(state) === '["w"]')).update).toMatchObject({ added: ["w"] });
  expect(close).not.toHaveBeenCalled();

  app("hidden");
  const first = await closing.until(() => true);
  close.mockRestore();
  const renewed = collections.until(({ collection }) => collection !== undefined && collection !== own);
  await first.close();
  app("visible");
  await (await renewed).collection!.add({ ids: ["x"], embeddings: [[1]] });
  await live.until((state) => idsOf(state) === '["x"]');
});

test("a client that is given is not closed, and arguments that say the same ask once", async () => {
  const close = vi.spyOn(client, "close");
  const asked = vi.spyOn(client, "getOrCreateCollection");
  const subscribed = vi.spyOn(collection, "subscribe");
  const states = new Seen<CollectionState>();
  const seen = new Seen<LiveState<{ ids: string[] }>>();
  const app = (year: number) =>
    render(
      createElement(
        TidepoolProvider,
        { client },
        show(states, () => useCollection({ name: "tides", embeddingFunction: null })),
        show(seen, () => useLiveQuery(collection, { get: { where: { year } } })),
      ),
    );
  app(1);
  await seen.until((state) => idsOf(state) === '["a"]');
  await states.until(({ collection }) => collection?.name === "tides");
  const renderings = seen.all.length;
  for (let i = 0; i < 3; i++) app(1);
  app(2);
  await seen.until((state) => idsOf(state) === "[]");
  // One that asks and one that has been answered: what says the same renders nothing else.
  expect(seen.all.length).toBe(renderings + 2);
  expect(seen.all.at(-2)).toMatchObject({ results: undefined, isLoading: true });
  expect([asked.mock.calls.length, subscribed.mock.calls.length]).toEqual([1, 2]);
  const [, before, now] = [null, ...subscribed.mock.calls.map(([what]) => (what as unknown as { signal: AbortSignal }).signal)];
  const ended = [before, now].map((signal) => signal!.aborted || new Promise((done) => signal!.addEventListener("abort", done)));
  root.unmount();
  await Promise.all(ended);
  expect(close).not.toHaveBeenCalled();
});

test("two components with one query see the same, and one that mounts again does", async () => {
  const [one, two] = [new Seen<LiveState<QueryResult<Tide>>>(), new Seen<LiveState<QueryResult<Tide>>>()];
  const use = () => {
    const state = useLiveQuery(collection, { query: { queryEmbeddings: [[1, 1]], nResults: 2 } });
    expectTypeOf(state.results).toEqualTypeOf<QueryResult<Tide> | undefined>();
    return state;
  };
  render(show(one, use), show(two, use));
  await Promise.all([one, two].map((seen) => seen.until((state) => idsOf(state) === '[["a"]]')));
  await write("b", 2);
  await Promise.all([one, two].map((seen) => seen.until((state) => idsOf(state) === '[["a","b"]]')));
  render();
  const again = new Seen<LiveState<QueryResult<Tide>>>();
  render(show(again, use));
  await again.until((state) => idsOf(state) === '[["a","b"]]');
});

test("errors are in the state, with the results of before, and go when the reason does", async () => {
  const seen = new Seen<LiveState<{ ids: string[] }>>();
  const app = (limit: number) =>
    render(
      createElement(
        TidepoolProvider,
        { client },
        show(seen, () => useLiveQuery(collection, { get: { limit } })),
      ),
    );
  app(-1);
  const failed = await seen.until(({ error }) => error !== undefined);
  expect(failed).toMatchObject({ results: undefined, isLoading: false, error: { code: "INVALID_ARGUMENT" } });
  app(1);
  expect(await seen.until(({ results }) => results !== undefined)).toMatchObject({ error: undefined });
  await client.deleteCollection({ name: "tides" });
  const gone = await seen.until(({ error }) => error !== undefined);
  expect([gone.error?.code, gone.results?.ids]).toEqual(["NOT_FOUND", ["a"]]);
});

test("components that show one read of one collection ask once, and the last of them ends it", async () => {
  const subscribed = vi.spyOn(Object.getPrototypeOf(collection) as Collection, "subscribe");
  const opened = vi.spyOn(client, "getOrCreateCollection");
  const seen = ["left", "right"].map((name) => ({ name, live: new Seen<LiveState<{ ids: string[] }>>() }));
  const use = () => useLiveQuery(useCollection({ name: "tides", embeddingFunction: null }).collection, { get: { limit: 5 } });
  const part = ({ name, live }: (typeof seen)[number]) => createElement(Show<LiveState<{ ids: string[] }>>, { key: name, seen: live, use });
  const app = (...shown: typeof seen) => render(createElement(TidepoolProvider, { client }, shown.map(part)));
  const ids = (expected: string, ...of: typeof seen) => Promise.all(of.map(({ live }) => live.until((state) => idsOf(state) === expected)));
  const [left, right] = seen as [(typeof seen)[number], (typeof seen)[number]];
  app(left, right);
  await ids('["a"]', left, right);
  await write("b", 2);
  await ids('["a","b"]', left, right);
  expect([opened.mock.calls.length, subscribed.mock.calls.length]).toEqual([1, 1]);
  const { signal } = subscribed.mock.calls[0]![0] as unknown as { signal: AbortSignal };
  const ended = new Promise((done) => signal.addEventListener("abort", done));

  app(right);
  await write("c", 3);
  await ids('["a","b","c"]', right);
  // One that comes later sees at once what is known.
  left.live.all.length = 0;
  app(left, right);
  await ids('["a","b","c"]', left);
  expect(left.live.all.every(({ isLoading, results }) => results !== undefined || isLoading)).toBe(true);
  expect([opened.mock.calls.length, subscribed.mock.calls.length, signal.aborted]).toEqual([1, 1, false]);

  app();
  await ended;
  right.live.all.length = 0;
  app(right);
  await ids('["a","b","c"]', right);
  expect([opened.mock.calls.length, subscribed.mock.calls.length]).toEqual([2, 2]);
});

test("a collection that cannot be had says why, and is there once it can", async () => {
  const states = new Seen<CollectionState>();
  const app = (name: string) =>
    render(
      createElement(
        TidepoolProvider,
        { client },
        show(states, () => useCollection(name)),
      ),
    );
  app("?");
  expect((await states.until(({ error }) => error !== undefined)).error?.code).toBe("INVALID_ARGUMENT");
  vi.spyOn(client, "getOrCreateCollection").mockRejectedValueOnce(new Error("not yet"));
  app("pools");
  const { refresh } = await states.until(({ error }) => error?.message === "not yet");
  await refresh();
  expect(await states.until(({ collection }) => collection?.name === "pools")).toMatchObject({ error: undefined, isLoading: false });
});

test("another search keeps the results of the one before until its own are there", async () => {
  await write("b", 2);
  const seen = new Seen<LiveState<{ ids: unknown }>>();
  const searchOf = (limit: number) => new Search().rank(Knn({ query: [1, 1] })).limit(limit);
  const app = (limit: number | null) => render(show(seen, () => useLiveSearch(collection, limit === null ? null : searchOf(limit))));
  app(1);
  await seen.until((state) => idsOf(state) === '[["a"]]');
  const before = seen.all.length;
  app(2);
  await seen.until((state) => idsOf(state) === '[["a","b"]]');
  expect(new Set(seen.all.slice(before).map((state) => `${idsOf(state)} ${state.isLoading}`))).toEqual(
    new Set(['[["a"]] true', '[["a","b"]] false']),
  );
  app(null);
  expect(await seen.until(({ results }) => results === undefined)).toMatchObject({ isLoading: false });
});

test("writes tell how far they have come, and why one failed, and reject never", async () => {
  const seen = new Seen<Ingest<Tide>>();
  const app = (target: Collection<Tide> | undefined) => render(show(seen, () => useIngest(target)));
  app(undefined);
  const without = await seen.until(() => true);
  expect(await without.ingest({ ids: ["x"] })).toBe(false);
  expect((await seen.until(({ error }) => error !== undefined)).error?.message).toContain("no collection yet");
  app(collection);
  const { ingest, abort } = await seen.until((state) => state.ingest !== without.ingest);
  const ids = Array.from({ length: 1500 }, (_, i) => `r${i}`);
  const records = { ids, embeddings: ids.map((_, i) => [i, 1]), metadatas: ids.map((_, year) => ({ year })) };
  const [whole, other] = [ingest(records), ingest({ ids: ["y"], embeddings: [[1, 2]] })];
  expect(await Promise.all([whole, other])).toEqual([true, true]);
  await seen.until(({ isIngesting, done, total }) => !isIngesting && done === 1501 && total === 1501);
  expect(seen.all.some(({ isIngesting, done }) => isIngesting && done < 1501)).toBe(true);
  const stopped = ingest(records);
  abort();
  expect(await stopped).toBe(false);
  expect((await seen.until(({ error }) => error !== undefined)).error?.code).toBe("ABORTED");
  expect(await ingest({ ids: ["z"], embeddings: [[1, 2, 3]] })).toBe(false);
  expect((await seen.until(({ error }) => error?.code === "DIMENSION_MISMATCH")).isIngesting).toBe(false);
});
