/**
 * The contract of our client: what it does wherever the databases are. One file of cases for collections and databases, beside that
 * of records; what a home cannot do it says by name.
 */
import assert from "node:assert/strict";
import {
  AdminClient,
  ChromaNotFoundError,
  ChromaUniqueError,
  ChromaValueError,
  K,
  Knn,
  registerEmbeddingFunction,
  Schema,
  Search,
  SparseVectorIndexConfig,
  StringInvertedIndexConfig,
} from "tidepool-db";
import { type ContractCase, freshName, inDatabase, near, rejects, whereAble } from "./home.js";
import { recordCases } from "./record-cases.js";

/** Embeds a text as its length. */
class LengthEmbeddingFunction {
  readonly name = "contract-length";
  readonly scale: number;

  constructor(scale: number) {
    this.scale = scale;
  }

  static buildFromConfig(config: { scale?: number }): LengthEmbeddingFunction {
    return new LengthEmbeddingFunction(config.scale ?? 1);
  }

  async generate(texts: string[]): Promise<number[][]> {
    return texts.map((text) => [text.length * this.scale, 1]);
  }

  getConfig(): object {
    return { scale: this.scale };
  }
}

registerEmbeddingFunction("contract-length", LengthEmbeddingFunction);

const collectionCases: ContractCase[] = [
  {
    name: "tenants and databases are made, found, listed and deleted",
    async run(home) {
      const admin = new AdminClient({ client: home.client });
      const [tenant, name] = [freshName("tenant"), freshName("base")];
      await admin.createTenant({ name: tenant });
      assert.equal(await admin.getTenant({ name: tenant }), tenant);
      await rejects(admin.createTenant({ name: tenant }), "ALREADY_EXISTS");
      await admin.createDatabase({ name, tenant });
      await rejects(admin.createDatabase({ name, tenant }), "ALREADY_EXISTS");
      assert.equal((await admin.getDatabase({ name, tenant })).name, name);
      assert.deepEqual(
        (await admin.listDatabases({ tenant })).map((one) => one.name),
        [name],
      );
      const client = inDatabase(home, tenant, name);
      const { id } = await client.createCollection({ name: "notes", embeddingFunction: null });
      assert.equal(await client.countCollections(), 1);
      await client.collection(id).add({ ids: ["a"], embeddings: [[1, 2]] });
      assert.equal(await client.collection(id).count(), 1);
      await rejects(home.client.getCollection({ name: `notes-of-${tenant}` }), "NOT_FOUND");
      await admin.deleteDatabase({ name, tenant });
      await rejects(admin.getDatabase({ name, tenant }), "NOT_FOUND");
      await rejects(admin.getTenant({ name: freshName("nobody") }), "NOT_FOUND");
    },
  },
  {
    name: "collections are made, found, renamed, listed and deleted",
    async run(home) {
      const name = freshName("notes");
      const made = await home.client.createCollection({ name, metadata: { topic: "tides", depth: 2 } });
      assert.deepEqual(made.metadata, { topic: "tides", depth: 2 });
      const taken = await rejects(home.client.createCollection({ name }), "ALREADY_EXISTS");
      assert.ok(taken instanceof ChromaUniqueError);
      const found = await home.client.getOrCreateCollection({ name, metadata: { other: 1 } });
      assert.deepEqual([found.id, found.metadata], [made.id, made.metadata]);
      assert.equal((await home.client.getCollectionById(made.id)).name, name);
      assert.ok((await home.client.listCollections({ limit: 1000 })).some(({ id }) => id === made.id));
      const [next, other] = [freshName("renamed"), freshName("other")];
      await made.modify({ name: next, metadata: { topic: "pools" } });
      assert.deepEqual([made.name, made.metadata], [next, { topic: "pools" }]);
      await home.client.createCollection({ name: other });
      await rejects(made.modify({ name: other }), "ALREADY_EXISTS");
      await rejects(home.client.getCollection({ name }), "NOT_FOUND");
      await home.client.deleteCollection({ name: next });
      const gone = await rejects(made.count(), "NOT_FOUND");
      assert.ok(gone instanceof ChromaNotFoundError);
      await rejects(home.client.deleteCollection({ name: next }), "NOT_FOUND");
      const odd = await rejects(home.client.createCollection({ name: "a" }), "INVALID_ARGUMENT", /name/);
      assert.ok(odd instanceof ChromaValueError);
    },
  },
  {
    name: "the configuration and the schema come back, and both can be asked for by the space",
    async run(home) {
      const configuration = { hnsw: { space: "cosine", ef_construction: 50, max_neighbors: 8 } } as const;
      const { name } = await home.client.createCollection({ name: freshName("configured"), configuration });
      const found = await home.client.getCollection({ name });
      assert.equal(found.configuration.hnsw.space, "cosine");
      assert.equal(found.configuration.hnsw.ef_construction, 50);
      assert.equal(found.configuration.hnsw.max_neighbors, 8);
      await found.modify({ configuration: { hnsw: { ef_search: 77 } } });
      assert.equal(found.configuration.hnsw.ef_search, 77);
      assert.equal((await home.client.getCollection({ name })).configuration.hnsw.ef_search, 77);
      const schema = new Schema().deleteIndex(new StringInvertedIndexConfig(), "secret");
      const made = await home.client.createCollection({ name: freshName("schema"), schema, embeddingFunction: null });
      assert.equal(made.schema.keys["secret"]?.string?.string_inverted_index?.enabled, false);
      await made.add({ ids: ["a"], embeddings: [[1]], metadatas: [{ secret: "x", open: "y" }] });
      await rejects(made.get({ where: { secret: "x" } }), "INVALID_ARGUMENT", /secret/);
      assert.deepEqual((await made.get({ where: { open: "y" } })).ids, ["a"]);
    },
  },
  {
    name: "texts are embedded by the collection's function, which comes back with it",
    async run(home) {
      const embeddingFunction = new LengthEmbeddingFunction(2);
      const made = await home.client.createCollection({ name: freshName("embedded"), embeddingFunction });
      await made.add({ ids: ["short", "long"], documents: ["ab", "abcdefgh"] });
      const found = await home.client.getCollection({ name: made.name });
      assert.ok(found.embeddingFunction instanceof LengthEmbeddingFunction);
      assert.deepEqual((await found.get({ include: ["embeddings"] })).embeddings, [
        [4, 1],
        [16, 1],
      ]);
      const hits = await found.query({ queryTexts: ["abc", "abcdefg"], nResults: 1 });
      assert.deepEqual(hits.ids, [["short"], ["long"]]);
      near(
        hits.distances.map(([first]) => first ?? null),
        [4, 4],
      );
      class Other extends LengthEmbeddingFunction {
        override readonly name = "contract-other" as never;
      }
      await rejects(home.client.getCollection({ name: made.name, embeddingFunction: new Other(1) }), "EMBEDDING_FUNCTION");
      const plain = await home.client.createCollection({ name: freshName("hashed") });
      await plain.add({ ids: ["a", "b"], documents: ["spring tide", "new moon"] });
      const again = await home.client.getCollection({ name: plain.name });
      assert.deepEqual((await again.query({ queryTexts: ["tide"], nResults: 1 })).ids, [["a"]]);
      const none = await home.client.createCollection({ name: freshName("none"), embeddingFunction: null });
      await rejects(none.add({ ids: ["a"], documents: ["text"] }), "EMBEDDING_FUNCTION");
    },
  },
  {
    name: "the server of the calls tells its clock and who asks",
    async run(home) {
      assert.ok((await home.client.heartbeat()) > 1e18);
      assert.equal(typeof (await home.client.getUserIdentity()).tenant, "string");
      assert.equal(await home.client.supportsBase64Encoding(), true);
    },
  },
];

const abilityCases: ContractCase[] = [
  {
    name: "fork",
    async run(home) {
      const made = await home.client.createCollection({ name: freshName("forked"), embeddingFunction: null });
      await made.add({ ids: ["a"], embeddings: [[1]] });
      const fork = await whereAble(home, "fork", /fork/, () => made.fork({ name: freshName("fork") }));
      if (fork === null) return;
      await fork.add({ ids: ["b"], embeddings: [[2]] });
      assert.deepEqual([await made.count(), await fork.count(), await made.forkCount()], [1, 2, 1]);
    },
  },
  {
    name: "search",
    async run(home) {
      const made = await home.client.createCollection({ name: freshName("searched"), embeddingFunction: null });
      await made.add({
        ids: ["a", "b"],
        embeddings: [
          [1, 0],
          [0, 1],
        ],
        documents: ["one", "two"],
        metadatas: [{ n: 1 }, { n: 2 }],
      });
      const search = new Search()
        .where(K("n").gt(0))
        .rank(Knn({ query: [1, 0] }))
        .limit(2)
        .select(K.DOCUMENT, K.SCORE, K.EMBEDDING, K("n"));
      const found = await whereAble(home, "search", /search/, () => made.search(search));
      if (found === null) return;
      assert.deepEqual(found.ids, [["a", "b"]]);
      assert.deepEqual(found.documents, [["one", "two"]]);
      assert.deepEqual(found.embeddings, [
        [
          [1, 0],
          [0, 1],
        ],
      ]);
      assert.deepEqual(found.metadatas, [[{ n: 1 }, { n: 2 }]]);
      near(found.scores[0] ?? [], [0, 2]);
    },
  },
  {
    name: "sparse vectors",
    async run(home) {
      const schema = new Schema().createIndex(new SparseVectorIndexConfig({}), "words");
      const create = () => home.client.createCollection({ name: freshName("sparse"), schema, embeddingFunction: null });
      const made = await whereAble(home, "sparse", /createCollection/, create);
      if (made === null) return;
      const words = { indices: [1, 7], values: [0.5, 2] };
      await made.add({ ids: ["a"], embeddings: [[1]], metadatas: [{ words, n: 1 }] });
      assert.deepEqual((await made.get()).metadatas, [{ words, n: 1 }]);
      const found = await made.search(new Search().rank(Knn({ query: { indices: [7], values: [1] }, key: "words" })).select(K.SCORE));
      near(found.scores[0] ?? [], [-1]);
    },
  },
  {
    name: "conditional transactions",
    async run(home) {
      const made = await home.client.createCollection({ name: freshName("transacted"), embeddingFunction: null });
      await made.add({ ids: ["a"], embeddings: [[1]], metadatas: [{ n: 1 }] });
      const run = () =>
        made.conditional().run(async (txn) => {
          const { ids } = await txn.get({ ids: ["a", "b"] });
          await txn.update({ ids: ["a"], metadatas: [{ n: 2 }] });
          await txn.add({ ids: ["b"], embeddings: [[2]] });
          return ids;
        });
      if ((await whereAble(home, "transactions", /conditional/, run)) === null) return;
      assert.deepEqual((await made.get()).metadatas, [{ n: 2 }, null]);
      const late = made.conditional();
      await late.get({ ids: ["a"] });
      await made.update({ ids: ["a"], metadatas: [{ n: 3 }] });
      await late.update({ ids: ["a"], metadatas: [{ n: 4 }] });
      await rejects(late.commit(), "CONFLICT");
    },
  },
  {
    name: "the indexing status",
    async run(home) {
      const made = await home.client.createCollection({ name: freshName("indexed"), embeddingFunction: null });
      await made.add({ ids: ["a"], embeddings: [[1]] });
      const status = await whereAble(home, "indexing status", /getIndexingStatus/, () => made.getIndexingStatus());
      if (status !== null) assert.ok(status.total_ops >= 1);
    },
  },
  {
    name: "what only Tidepool has is NOT_SUPPORTED by name elsewhere",
    async run(home) {
      if (home.abilities.has("own calls")) return;
      const { client } = home;
      const made = await client.createCollection({ name: freshName("own"), embeddingFunction: null });
      const refused: [name: RegExp, call: () => Promise<unknown>][] = [
        [/searchText/, () => made.searchText({ query: "tide" })],
        [/hybrid/, () => made.hybrid({ queryText: "tide", queryEmbedding: [1] })],
        [/facets/, () => made.facets({ keys: ["a"] })],
        [/distinct/, () => made.distinct({ key: "a" })],
        [/autoSuggest/, () => made.autoSuggest({ queryText: "ti" })],
        [/checkRecall/, () => made.checkRecall()],
        [/listVersions/, () => made.listVersions()],
        [/get at a version/, () => made.at({ version: 1 }).get()],
        [/subscribe/, () => made.subscribe({ get: {} }, () => undefined)],
        [/orderBy/, () => made.get({ orderBy: { key: "a" } })],
        [/startsWith/, () => made.get({ where: { a: { $startsWith: "b" } } })],
        [/exact/, () => made.query({ queryEmbeddings: [[1]], exact: true })],
        [/info/, () => client.info()],
        [/verify/, () => client.verify()],
        [/vacuum/, () => client.vacuum()],
        [/backup/, () => new Response(client.backup()).arrayBuffer()],
        [/restore/, () => client.restore(new Blob(["x"]), { mode: "merge" })],
        [/text/, () => client.createCollection({ name: freshName("text"), configuration: { text: { stemming: "english" } } })],
      ];
      for (const [name, call] of refused) await rejects(call(), "NOT_SUPPORTED", name);
    },
  },
];

export const cases: readonly ContractCase[] = [...collectionCases, ...recordCases, ...abilityCases];
