/** What the contract says of records: writing, reading, filters, queries, limits. */
import assert from "node:assert/strict";
import type { Collection, Where, WhereDocument } from "tidepool-db";
import { copyCollection } from "tidepool-db/copy";
import { type ContractCase, freshName, type Home, near, rejects } from "./home.js";

function points(home: Home, space?: "l2" | "cosine" | "ip"): Promise<Collection> {
  const configuration = space === undefined ? undefined : { hnsw: { space } };
  return home.client.createCollection({ name: freshName("points"), embeddingFunction: null, ...(configuration && { configuration }) });
}

const rows = (count: number): number[][] => Array.from({ length: count }, (_, i) => [i, 1]);
const idsOf = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `id-${from + i}`);

/** Records that the filters tell apart. */
async function filtered(home: Home): Promise<Collection> {
  const collection = await points(home);
  await collection.add({
    ids: ["a", "b", "c", "d"],
    embeddings: rows(4),
    documents: ["The ebb tide at dawn", "spring tide, new moon", "100% of_it 潮汐", "Neap Tide"],
    metadatas: [
      { year: 1, name: "ebb", wet: true, tags: ["sea", "low"] },
      { year: 2, name: "spring", wet: false, tags: ["sea", "high"] },
      { year: 3.5, name: "neap" },
      null,
    ],
  });
  return collection;
}

const WHERES: readonly [where: Where, ids: string[]][] = [
  [{ year: 2 }, ["b"]],
  [{ name: { $eq: "ebb" } }, ["a"]],
  [{ wet: true }, ["a"]],
  [{ year: { $ne: 2 } }, ["a", "c", "d"]],
  [{ year: { $gt: 1 } }, ["b", "c"]],
  [{ year: { $gte: 2 } }, ["b", "c"]],
  [{ year: { $lt: 2 } }, ["a"]],
  [{ year: { $lte: 3.5 } }, ["a", "b", "c"]],
  [{ name: { $in: ["ebb", "neap", "none"] } }, ["a", "c"]],
  [{ name: { $nin: ["ebb", "neap"] } }, ["b", "d"]],
  [{ tags: { $contains: "high" } }, ["b"]],
  [{ tags: { $not_contains: "high" } }, ["a", "c", "d"]],
  [{ $and: [{ year: { $gt: 1 } }, { wet: false }] }, ["b"]],
  [{ $or: [{ name: "neap" }, { $and: [{ wet: true }, { year: 1 }] }] }, ["a", "c"]],
];

const WHERE_DOCUMENTS: readonly [whereDocument: WhereDocument, ids: string[]][] = [
  [{ $contains: "tide" }, ["a", "b"]],
  [{ $not_contains: "tide" }, ["c", "d"]],
  [{ $contains: "% of_" }, ["c"]],
  [{ $contains: "潮" }, ["c"]],
  [{ $regex: "(?i)tide$" }, ["d"]],
  [{ $not_regex: "[a-z]+ tide" }, ["c", "d"]],
  [{ $and: [{ $contains: "tide" }, { $not_contains: "moon" }] }, ["a"]],
  [{ $or: [{ $contains: "moon" }, { $contains: "Neap" }] }, ["b", "d"]],
];

export const recordCases: ContractCase[] = [
  {
    name: "records are read in the order in which they were added, whatever ids are asked for",
    async run(home) {
      const collection = await points(home);
      await Promise.all([
        collection.add({ ids: ["c", "a"], embeddings: rows(2), uris: ["file:///c", null] }),
        collection.add({ ids: ["b", "ü 潮"], embeddings: rows(2) }),
      ]);
      const all = await collection.get({ include: ["uris", "embeddings", "documents"] });
      assert.deepEqual(all.ids, ["c", "a", "b", "ü 潮"]);
      assert.deepEqual(all.uris, ["file:///c", null, null, null]);
      assert.deepEqual(all.embeddings, [...rows(2), ...rows(2)]);
      assert.deepEqual(all.documents, [null, null, null, null]);
      assert.deepEqual((await collection.get({ ids: ["b", "none", "c"] })).ids, ["c", "b"]);
      assert.deepEqual((await collection.get({ limit: 2, offset: 1 })).ids, ["a", "b"]);
      assert.deepEqual((await collection.get({ limit: 0 })).ids, []);
      await rejects(collection.get({ ids: [] }), "INVALID_ARGUMENT", /ids/);
      assert.deepEqual((await collection.peek({ limit: 1 })).ids, ["c"]);
      assert.equal(await collection.count(), 4);
    },
  },
  {
    name: "add leaves what is there, upsert and update merge, and null deletes a key",
    async run(home) {
      const collection = await points(home);
      await collection.add({ ids: ["a"], embeddings: [[1, 0]], documents: ["one"], metadatas: [{ x: 1, y: 2 }] });
      await collection.add({ ids: ["a", "b"], embeddings: rows(2), documents: ["other", "two"] });
      await collection.update({ ids: ["a", "nobody"], metadatas: [{ y: 3, z: "new" }, { z: "none" }] });
      await collection.upsert({ ids: ["b", "c"], embeddings: rows(2), documents: ["two, again", "three"] });
      await collection.update({ ids: ["a"], metadatas: [{ x: null }] });
      const { ids, documents, metadatas, embeddings } = await collection.get({ include: ["documents", "metadatas", "embeddings"] });
      assert.deepEqual(ids, ["a", "b", "c"]);
      assert.deepEqual(documents, ["one", "two, again", "three"]);
      assert.deepEqual(metadatas, [{ y: 3, z: "new" }, null, null]);
      assert.deepEqual(embeddings, [[1, 0], ...rows(2)]);
      await collection.update({ ids: ["b", "c"], embeddings: [[7, 7], null], documents: [null, "three, again"] });
      const changed = await collection.get({ ids: ["b", "c"], include: ["documents", "embeddings"] });
      assert.deepEqual(changed.documents, ["two, again", "three, again"]);
      assert.deepEqual(changed.embeddings, [
        [7, 7],
        [1, 1],
      ]);
    },
  },
  {
    name: "delete takes ids and filters together, and nothing without either",
    async run(home) {
      const collection = await filtered(home);
      assert.deepEqual(await collection.delete({}), { deleted: 0 });
      await rejects(collection.delete({ ids: [] }), "INVALID_ARGUMENT", /ids/);
      assert.deepEqual(await collection.delete({ ids: ["a", "b"], where: { wet: true } }), { deleted: 1 });
      assert.deepEqual(await collection.delete({ whereDocument: { $contains: "moon" } }), { deleted: 1 });
      await rejects(collection.delete({ limit: 1 }), "INVALID_ARGUMENT", /limit/);
      assert.deepEqual(await collection.delete({ where: { name: { $ne: "none" } }, limit: 1 }), { deleted: 1 });
      assert.deepEqual((await collection.get()).ids, ["d"]);
    },
  },
  {
    name: "every operator of where selects what it says",
    async run(home) {
      const collection = await filtered(home);
      for (const [where, ids] of WHERES) {
        assert.deepEqual((await collection.get({ where })).ids, ids, JSON.stringify(where));
        assert.equal(await collection.count({ where }), ids.length, JSON.stringify(where));
      }
      await rejects(collection.get({ where: { year: { $in: [] } } }), "INVALID_ARGUMENT");
      await rejects(collection.get({ where: { year: { $between: 1 } } as never }), "INVALID_ARGUMENT");
    },
  },
  {
    name: "every operator of whereDocument selects what it says",
    async run(home) {
      const collection = await filtered(home);
      for (const [whereDocument, ids] of WHERE_DOCUMENTS) {
        assert.deepEqual((await collection.get({ whereDocument })).ids, ids, JSON.stringify(whereDocument));
      }
      await rejects(collection.get({ whereDocument: { $regex: "(" } }), "INVALID_ARGUMENT");
    },
  },
  {
    name: "query gives the nearest first, with the distances of each space",
    async run(home) {
      for (const [space, expected] of [
        ["l2", [0, 1, 9]],
        ["cosine", [0, 0.2929, 1]],
        ["ip", [-1, 0, 1]],
      ] as const) {
        const collection = await points(home, space);
        const embeddings = {
          l2: [
            [0, 0],
            [1, 0],
            [3, 0],
          ],
          cosine: [
            [2, 0],
            [1, 1],
            [0, 5],
          ],
          ip: [
            [2, 0],
            [1, 9],
            [0, 1],
          ],
        }[space];
        await collection.add({ ids: ["x", "y", "z"], embeddings, metadatas: [{ n: 1 }, { n: 2 }, { n: 3 }] });
        const queryEmbeddings = [space === "l2" ? [0, 0] : [1, 0], space === "l2" ? [3, 0] : [0, 1]];
        const hits = await collection.query({ queryEmbeddings, nResults: 5, include: ["distances", "metadatas", "embeddings"] });
        assert.deepEqual(hits.ids[0], ["x", "y", "z"], space);
        near(hits.distances[0], [...expected]);
        assert.equal(hits.ids[1]?.length, 3);
        assert.deepEqual(hits.metadatas[0], [{ n: 1 }, { n: 2 }, { n: 3 }]);
        // A server keeps vectors of cosine spaces normalized, and tells them as long as they were, but for a rounding.
        for (const [i, embedding] of embeddings.entries()) near(hits.embeddings[0]?.[i] ?? [], embedding);
        const some = await collection.query({ queryEmbeddings: [[0, 0.5]], where: { n: { $gt: 1 } }, ids: ["x", "y"], nResults: 3 });
        assert.deepEqual(some.ids, [["y"]]);
        assert.deepEqual(some.documents, [[null]]);
      }
    },
  },
  {
    name: "an empty collection answers queries with nothing, and a wrong dimension is refused once there is one",
    async run(home) {
      const collection = await points(home);
      assert.deepEqual((await collection.query({ queryEmbeddings: [[1, 2, 3]] })).ids, [[]]);
      await collection.add({ ids: ["a"], embeddings: [[1, 2]] });
      await rejects(collection.query({ queryEmbeddings: [[1, 2, 3]] }), "DIMENSION_MISMATCH", /3/);
      const again = await home.client.getCollection({ name: collection.name });
      assert.equal(again.dimension, 2);
      await rejects(again.add({ ids: ["b"], embeddings: [[1]] }), "DIMENSION_MISMATCH");
    },
  },
  {
    name: "metadata comes back as it was given",
    async run(home) {
      const metadata = {
        text: "潮 \"'\u0000",
        int: 7,
        float: 0.1,
        negative: -3,
        yes: true,
        words: ["a", "b"],
        numbers: [1.5, 2.5],
        flags: [true, false],
      };
      const collection = await points(home);
      await collection.add({ ids: ["a", "b"], embeddings: rows(2), metadatas: [metadata, null] });
      assert.deepEqual((await collection.get()).metadatas, [metadata, null]);
      await rejects(collection.add({ ids: ["c"], embeddings: [[1, 1]], metadatas: [{ mixed: [1, "a"] } as never] }), "INVALID_ARGUMENT");
    },
  },
  {
    name: "a call has any number of records, tells its progress, and stops by its signal",
    async run(home) {
      const { max_batch_size: atOnce } = await home.client.getPreflightChecks();
      assert.ok(atOnce >= 100, String(atOnce));
      const collection = await points(home);
      const count = 2500;
      const told: number[] = [];
      await collection.add({ ids: idsOf(count), embeddings: rows(count), onProgress: ({ done }) => told.push(done) });
      assert.equal(told.at(-1), count);
      assert.deepEqual(
        told,
        [...told].sort((a, b) => a - b),
      );
      assert.deepEqual((await collection.get({ include: [] })).ids, idsOf(count));
      const stopped = new AbortController();
      const more = collection.add({
        ids: idsOf(count, count),
        embeddings: rows(count),
        signal: stopped.signal,
        onProgress: () => stopped.abort(),
      });
      const { details } = await rejects(more, "ABORTED");
      const stays = details["acknowledged"] as number;
      assert.ok(stays > 0 && stays < count, String(stays));
      await rejects(collection.get({ signal: AbortSignal.abort() }), "ABORTED");
    },
  },
  {
    name: "a copy is what its source is, also through a file",
    async run(home) {
      const { client } = home;
      const collection = await filtered(home);
      await collection.update({ ids: ["c"], uris: ["file:///c"] });
      const from = { client, name: collection.name };
      const direct = await copyCollection({ from, to: { client, name: freshName("direct") } });
      const pipe = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
      const kept = new Response(pipe.readable).blob();
      const written = await copyCollection({ from, to: { file: pipe.writable } });
      const read = await copyCollection({ from: { file: await kept }, to: { client, name: freshName("read") } });
      assert.deepEqual([direct.digest, read.digest], [written.digest, written.digest]);
      const include = ["documents", "metadatas", "uris", "embeddings"] as const;
      const expected = await collection.get({ include: [...include] });
      for (const { name } of [direct, read]) {
        const copy = await client.getCollection({ name });
        const found = await copy.get({ include: [...include] });
        assert.deepEqual({ ...found }, { ...expected });
        assert.deepEqual(copy.configuration, collection.configuration);
      }
      await rejects(copyCollection({ from, to: { client, name: direct.name } }), "ALREADY_EXISTS");
    },
  },
  {
    name: "an export has all records, in their order",
    async run(home) {
      const collection = await filtered(home);
      const text = await new Response(collection.export({ format: "jsonl", where: { year: { $gt: 1 } } })).text();
      const lines = text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { id: string; text_chunk: string; embedding: number[] });
      assert.deepEqual(
        lines.map(({ id }) => id),
        ["b", "c"],
      );
      assert.deepEqual(
        lines.map(({ embedding }) => embedding),
        [
          [1, 1],
          [2, 1],
        ],
      );
    },
  },
];
