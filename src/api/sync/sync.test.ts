/** `client.sync` against a gateway as the server: directions, rules, what is told, what is sealed, and when rounds come. */
import { afterEach, describe, expect, test } from "vitest";
import { rejectionOf } from "../../testing/failure-of.js";
import { openedClient as local, opened } from "../../testing/opened-clients.js";
import { countingRecords } from "../../testing/rest/counting-records.js";
import { TidepoolClient } from "../client.js";
import { createGateway } from "../rest/create-gateway.js";
import type { Sync } from "./sync-handle.js";
import type { SyncEvents, SyncOptions } from "./sync-options.js";

const syncs: Sync[] = [];
afterEach(() => Promise.all(syncs.splice(0).map((sync) => sync.stop())));

/**
 * A server that is a gateway, a client of it, and the paths that it was asked for. It can count operations as Chroma's log does, where
 * everything is written through it.
 */
function serverOf(behind = local(), { counts = "writes", hasCommits = true } = {}) {
  const plain = createGateway(behind, { enableTransactions: hasCommits });
  const gateway = counts === "records" ? countingRecords(plain).gateway : plain;
  const seen: string[] = [];
  const state = { isDown: false };
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (state.isDown) return new Response(JSON.stringify({ error: "x", message: "it is down" }), { status: 500 });
    seen.push(url.split("/").slice(-1)[0]!);
    return gateway(new Request(url, init));
  };
  const remote = { url: "http://chroma.test", fetch };
  return { remote, seen, state, behind };
}

async function begin(client: TidepoolClient, options: Partial<SyncOptions> & Pick<SyncOptions, "remote">): Promise<Sync> {
  const sync = await client.sync({ collections: ["notes"], intervalMs: null, ...options });
  syncs.push(sync);
  return sync;
}

function heard<T extends keyof SyncEvents>(sync: Sync, type: T): SyncEvents[T][] {
  const events: SyncEvents[T][] = [];
  sync.on(type, (event) => events.push(event));
  return events;
}

const notesOf = (client: TidepoolClient) => client.getOrCreateCollection({ name: "notes", embeddingFunction: null });

async function write(client: TidepoolClient, id: string, document: string, more: object = {}): Promise<void> {
  await (await notesOf(client)).upsert({ ids: [id], embeddings: [[1, 2]], documents: [document], ...more });
}

async function documentsOf(client: TidepoolClient): Promise<Record<string, string | null>> {
  const { ids, documents } = await (await notesOf(client)).get();
  return Object.fromEntries(ids.map((id, i) => [id, documents[i]!]));
}

describe("directions", () => {
  test("both: a collection that is missing is made, with all that its records have, in either direction", async () => {
    const [one, other, { remote, behind }] = [local(), local(), serverOf()];
    const configuration = { hnsw: { space: "cosine" } } as const;
    const notes = await one.createCollection({ name: "notes", embeddingFunction: null, configuration, metadata: { topic: "tides" } });
    const metadatas = [{ n: 1.5, tags: ["a"] }, null];
    await notes.add({
      ids: ["a", "b"],
      embeddings: [
        [3, 4],
        [1, 0],
      ],
      documents: ["ebb", null],
      metadatas,
      uris: [null, "file:///b"],
    });
    const report = await (await begin(one, { remote })).now();
    expect(report.collections).toEqual([
      { collection: "notes", pushed: 2, pulled: 0, deletedRemote: 0, deletedLocal: 0, conflicts: 0, rejected: [] },
    ]);
    await (await begin(other, { remote })).now();
    const include = ["documents", "embeddings", "metadatas", "uris"] as const;
    const got = await Promise.all([one, behind, other].map(async (client) => (await notesOf(client)).get({ include: [...include] })));
    expect(got[1]).toEqual(got[0]);
    expect(got[2]).toEqual(got[0]);
    expect(await notesOf(other)).toMatchObject({ metadata: { topic: "tides" }, configuration: { hnsw: { space: "cosine" } } });
    expect((await one.listCollections()).map(({ name }) => name)).toEqual(["notes"]);
  });

  test("what is taken away from a record goes on both sides: metadata keys, document and URI", async () => {
    const [one, { remote, behind }] = [local(), serverOf()];
    await write(one, "a", "ebb", { metadatas: [{ keep: 1, drop: 2 }], uris: ["file:///a"] });
    await write(behind, "b", "flood", { metadatas: [{ keep: 1, drop: 2 }], uris: ["file:///b"] });
    const sync = await begin(one, { remote });
    await sync.now();
    for (const [client, id] of [
      [one, "a"],
      [behind, "b"],
    ] as const) {
      const notes = await notesOf(client);
      await notes.delete({ ids: [id] });
      await notes.add({ ids: [id], embeddings: [[1, 2]], metadatas: [{ keep: 1 }] });
    }
    await sync.now();
    for (const client of [one, behind]) {
      const { documents, metadatas, uris } = await (await notesOf(client)).get({ include: ["documents", "metadatas", "uris"] });
      expect({ documents, metadatas, uris }).toEqual({
        documents: [null, null],
        metadatas: [{ keep: 1 }, { keep: 1 }],
        uris: [null, null],
      });
    }
  });

  test("push leaves alone what has changed there, pull what has changed here", async () => {
    const [one, { remote, behind }] = [local(), serverOf()];
    await write(one, "a", "ebb");
    await write(one, "b", "flood");
    const push = await begin(one, { remote, direction: "push" });
    await push.now();
    await write(one, "a", "ebb here");
    await write(behind, "b", "flood there");
    await write(behind, "c", "there alone");
    await push.now();
    expect(await documentsOf(behind)).toEqual({ a: "ebb here", b: "flood there", c: "there alone" });
    expect(await documentsOf(one)).toEqual({ a: "ebb here", b: "flood" });
    await push.stop();
    await write(one, "d", "here alone");
    const pull = await begin(one, { remote, direction: "pull" });
    await pull.now();
    expect(await documentsOf(one)).toEqual({ a: "ebb here", b: "flood there", c: "there alone", d: "here alone" });
    expect(Object.keys(await documentsOf(behind))).toEqual(["a", "b", "c"]);
    await pull.stop();
    await (await begin(one, { remote })).now();
    expect(await documentsOf(behind)).toEqual(await documentsOf(one));
  });

  test("a collection that was made anew has met nobody: nothing is deleted", async () => {
    const [one, { remote, behind }] = [local(), serverOf()];
    await write(one, "a", "ebb");
    const sync = await begin(one, { remote });
    await sync.now();
    await one.deleteCollection({ name: "notes" });
    await write(one, "b", "flood");
    await sync.now();
    expect(await documentsOf(behind)).toEqual({ a: "ebb", b: "flood" });
    await behind.deleteCollection({ name: "notes" });
    await sync.now();
    expect(await documentsOf(behind)).toEqual({ b: "flood", a: "ebb" });
  });
});

describe("conflicts", () => {
  async function inConflict(options: Partial<SyncOptions>) {
    const [one, { remote, behind }] = [local(), serverOf()];
    for (const id of ["a", "b"]) await write(one, id, "first", { metadatas: [{ rev: 1 }] });
    const sync = await begin(one, { remote, ...options });
    await sync.now();
    await write(one, "a", "here", { metadatas: [{ rev: 2 }] });
    await write(behind, "a", "there", { metadatas: [{ rev: 3 }] });
    await (await notesOf(one)).delete({ ids: ["b"] });
    await write(behind, "b", "there", { metadatas: [{ rev: 3 }] });
    const told = heard(sync, "conflict");
    await sync.now();
    const documents = await documentsOf(one);
    expect(await documentsOf(behind)).toEqual(documents);
    return { told: told.map(({ id, winner, reason }) => `${id} ${winner} ${reason}`).sort(), documents };
  }

  test.each<[string, Partial<SyncOptions>, string[], object]>([
    ["local", { conflict: "local" }, ["a local changed", "b local changed"], { a: "here" }],
    ["remote", { conflict: "remote" }, ["a remote changed", "b remote changed"], { a: "there", b: "there" }],
    ["newest", { conflict: "newest", revisionKey: "rev" }, ["a remote changed", "b remote changed"], { a: "there", b: "there" }],
    [
      "a function",
      { conflict: ({ local, remote }) => (local === null ? "remote" : { document: `${local.document} and ${remote?.document}` }) },
      ["a merged changed", "b remote changed"],
      { a: "here and there", b: "there" },
    ],
  ])("%s", async (_, options, told, documents) => {
    expect(await inConflict(options)).toEqual({ told, documents });
  });

  test("a server that was set back gets again what it lacks, and it is told", async () => {
    const [one, first] = [local(), serverOf()];
    await write(one, "a", "ebb");
    const sync = await begin(one, { remote: first.remote });
    await sync.now();
    const file = await new Response(first.behind.backup()).blob();
    await write(one, "b", "flood");
    await sync.now();
    await sync.stop();
    const restored = local();
    await restored.restore(file, { mode: "new" });
    const again = await begin(one, { remote: serverOf(restored).remote });
    const [told, compared] = [heard(again, "conflict"), heard(again, "comparison")];
    await again.now();
    expect(told).toMatchObject([{ id: "b", reason: "restored", winner: "local", remote: null }]);
    expect(compared).toEqual([{ collection: "notes", side: "remote", reason: "restored" }]);
    expect(await documentsOf(restored)).toEqual({ a: "ebb", b: "flood" });
  });
});

describe("what is read and told", () => {
  test("nothing is read while nothing has changed; with a revision, what is newer", async () => {
    const [one, { remote, seen, behind }] = [local(), serverOf()];
    await write(one, "a", "ebb", { metadatas: [{ rev: 1 }] });
    const sync = await begin(one, { remote, revisionKey: "rev" });
    const compared = heard(sync, "comparison");
    await sync.now();
    await sync.now();
    const reads = () => seen.splice(0).filter((path) => path === "get").length;
    reads();
    await sync.now();
    expect(reads()).toBe(1); // Of the mark alone.
    await write(behind, "b", "flood", { metadatas: [{ rev: 2 }] });
    await (await notesOf(behind)).delete({ ids: ["a"] });
    await sync.now();
    expect(await documentsOf(one)).toEqual({ b: "flood" });
    expect(compared.map(({ side, reason }) => `${side} ${reason}`)).toEqual(["local first", "remote first"]);
  });

  test.each([
    ["writes", true],
    ["writes", false],
    ["records", true],
    ["records", false],
  ])(
    "what was pushed is not read again, nor hides it what others write: a server that counts %s, conditional: %s",
    async (unit, hasCommits) => {
      const [one, other, { remote, seen }] = [local(), local(), serverOf(local(), { counts: unit, hasCommits })];
      for (const id of ["a", "b", "c"]) await write(one, id, "ebb");
      const [sync, another] = [await begin(one, { remote }), await begin(other, { remote })];
      await sync.now();
      await another.now();
      const compared = heard(sync, "comparison");
      const reads = async () => {
        seen.splice(0);
        await sync.now();
        return seen.filter((path) => path === "get").length;
      };
      expect(await reads()).toBe(1); // Of the mark alone.
      const notes = await notesOf(one);
      const embeddings = ["a", "b"].map(() => [1, 2]);
      await notes.upsert({ ids: ["a", "b"], embeddings, documents: ["flood", "flood"] });
      await notes.delete({ ids: ["c"] });
      await sync.now();
      expect([await reads(), compared]).toEqual([1, []]);
      await write(one, "a", "spring");
      await write(other, "d", "neap");
      await another.now();
      await sync.now();
      expect(compared).toEqual([{ collection: "notes", side: "remote", reason: "unknown" }]);
      expect(await documentsOf(one)).toEqual({ a: "spring", b: "flood", d: "neap" });
    },
  );

  test("one record that is refused does not keep back the others", async () => {
    const behind = local();
    await behind.createCollection({ name: "notes", embeddingFunction: null });
    const [one, { remote }] = [local(), serverOf(behind)];
    for (const id of ["a", "b", "c"]) await write(one, id, id);
    const fetch: typeof remote.fetch = async (url, init) => {
      const body = init.body instanceof Blob ? await init.body.text() : String(init.body);
      if (url.endsWith("/commit") && body.includes('"b"')) {
        return new Response(JSON.stringify({ error: "InvalidArgumentError", message: "not b" }), { status: 400 });
      }
      return remote.fetch(url, init);
    };
    const [report] = (await (await begin(one, { remote: { ...remote, fetch } })).now()).collections;
    expect(report).toMatchObject({
      pushed: 2,
      rejected: [{ id: "b", side: "remote", error: { code: "INVALID_ARGUMENT", message: "not b" } }],
    });
    expect(Object.keys(await documentsOf(behind))).toEqual(["a", "c"]);
    await (await begin(one, { remote })).now().catch(() => undefined);
  });

  test("by itself: changes here are sent, a failure waits and is told, and one of two syncs stands by", async () => {
    const [one, { remote, state, behind }] = [local(), serverOf()];
    await write(one, "a", "ebb");
    const sync = await begin(one, { remote, intervalMs: 100_000 });
    const round = () => new Promise<void>((resolve) => sync.on("round", () => resolve()));
    await round();
    const other = await begin(one, { remote, intervalMs: 100_000 });
    expect(await rejectionOf(other.now())).toMatchObject({ code: "LOCKED" });
    const sent = round();
    await write(one, "b", "flood");
    await sent;
    expect(await documentsOf(behind)).toEqual({ a: "ebb", b: "flood" });
    state.isDown = true;
    const waits = new Promise((resolve) => sync.on("status", (status) => status.state === "waiting" && resolve(status)));
    expect(await rejectionOf(sync.now())).toMatchObject({ code: "SERVER_ERROR" });
    expect(await waits).toMatchObject({ state: "waiting", error: { code: "SERVER_ERROR" }, retryAt: expect.any(Number) });
    state.isDown = false;
    sync.pause();
    expect(sync.status.state).toBe("paused");
    expect((await sync.now()).collections).toHaveLength(1);
    const takesOver = new Promise<void>((resolve) => other.on("round", () => resolve()));
    await sync.stop();
    expect(sync.status.state).toBe("stopped");
    expect(await rejectionOf(sync.now())).toMatchObject({ code: "CLOSED" });
    await takesOver;
  });
});

describe("sealed", () => {
  const keyOf = () => crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]) as Promise<CryptoKey>;

  test("the server holds ids, and what only the key opens", async () => {
    const [one, other, { remote, behind }, key] = [local(), local(), serverOf(), await keyOf()];
    const metadatas = [{ topic: "hidden tides" }];
    const configuration = { hnsw: { space: "cosine" } } as const;
    await one.createCollection({ name: "notes", embeddingFunction: null, configuration, metadata: { about: "hidden" } });
    await write(one, "a", "hidden ebb", { metadatas, uris: ["file:///hidden"] });
    await (await begin(one, { remote, encryption: { key } })).now();
    const stored = await behind.getCollection({ name: "notes" });
    const all = JSON.stringify([
      stored.metadata,
      stored.configuration,
      await stored.get({ include: ["documents", "embeddings", "metadatas", "uris"] }),
    ]);
    expect(all).toContain('"ids":["a"]');
    for (const word of ["hidden", "cosine", "topic", "about"]) expect(all).not.toContain(word);
    await (await begin(other, { remote, encryption: { key } })).now();
    expect(await (await notesOf(other)).get()).toMatchObject({ ids: ["a"], documents: ["hidden ebb"], metadatas });
    expect(await notesOf(other)).toMatchObject({ metadata: { about: "hidden" }, configuration });
  });

  test("another key, none, and a record in another's place are refused before anything is written", async () => {
    const [one, { remote, behind }, key] = [local(), serverOf(), await keyOf()];
    for (const id of ["a", "b"]) await write(one, id, id);
    await (await begin(one, { remote, encryption: { key } })).now();
    const refusal = async (options: Partial<SyncOptions>) => {
      const other = local();
      const error = await rejectionOf((await begin(other, { remote, ...options })).now());
      expect(await other.listCollections()).toEqual([]);
      return error;
    };
    expect(await refusal({ encryption: { key: await keyOf() } })).toMatchObject({ code: "FORBIDDEN" });
    expect(await refusal({})).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining("is sealed") });
    const stored = await behind.getCollection({ name: "notes" });
    const { documents } = await stored.get({ ids: ["a"] });
    await stored.update({ ids: ["b"], embeddings: [[1]], documents });
    const third = await begin(local(), { remote, encryption: { key } });
    expect(await rejectionOf(third.now())).toMatchObject({ code: "FORBIDDEN", message: expect.stringContaining('"b"') });
  });
});

test("arguments that cannot be used are refused", async () => {
  const [client, { remote }] = [local(), serverOf()];
  const refused = async (options: object) =>
    (await rejectionOf(client.sync({ remote, collections: ["notes"], ...options } as SyncOptions))) as Error;
  for (const [options, message] of [
    [{ collections: [] }, /at least one/],
    [{ collections: ["notes", "notes"] }, /twice/],
    [{ collections: ["tidepool-sync"] }, /keep for themselves/],
    [{ direction: "up" }, /direction/],
    [{ conflict: "newest" }, /revisionKey/],
    [{ conflict: "me" }, /conflict/],
    [{ intervalMs: 5 }, /intervalMs/],
    [{ remote: { url: "ftp://x" } }, /remote.url/],
    [{ encryption: { key: "secret" } }, /encryption.key/],
    [{ every: 5 }, /every/],
  ] as const) {
    expect(await refused(options)).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  }
  const there = opened(new TidepoolClient({ remote }));
  expect(await rejectionOf(there.sync({ remote, collections: ["notes"] }))).toMatchObject({ code: "INVALID_ARGUMENT" });
});
