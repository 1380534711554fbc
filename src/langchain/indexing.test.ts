/** LangChain's `index()` over the vector store: documents that come again are passed over, changed ones replaced, missing ones deleted. */
import { Document, type DocumentInterface } from "@langchain/core/documents";
import { Embeddings } from "@langchain/core/embeddings";
import { type CleanupMode, index, type ListKeyOptions, RecordManager, type UpdateOptions } from "@langchain/core/indexing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TidepoolClient } from "../api/client.js";
import { openTestClient } from "../testing/client.js";
import { TidepoolVectorStore } from "./tidepool-vector-store.js";

class Lengths extends Embeddings {
  constructor() {
    super({});
  }

  async embedQuery(text: string): Promise<number[]> {
    return [text.length, 1];
  }

  async embedDocuments(texts: string[]): Promise<number[][]> {
    return Promise.all(texts.map((text) => this.embedQuery(text)));
  }
}

/** Remembers what was indexed, when, and of which source. */
class Memory extends RecordManager {
  override lc_namespace = ["test"];
  readonly #rows = new Map<string, { at: number; group: string | null }>();
  #now = 0;

  async createSchema(): Promise<void> {}

  async getTime(): Promise<number> {
    return ++this.#now;
  }

  async update(keys: string[], { groupIds }: UpdateOptions): Promise<void> {
    for (const [i, key] of keys.entries()) {
      this.#rows.set(key, { at: ++this.#now, group: groupIds?.[i] ?? this.#rows.get(key)?.group ?? null });
    }
  }

  async exists(keys: string[]): Promise<boolean[]> {
    return keys.map((key) => this.#rows.has(key));
  }

  async listKeys({ before = Infinity, groupIds, limit = Infinity }: ListKeyOptions): Promise<string[]> {
    const rows = [...this.#rows].filter(([, { at, group }]) => at < before && (!groupIds || groupIds.includes(group)));
    return rows.map(([key]) => key).slice(0, limit);
  }

  async deleteKeys(keys: string[]): Promise<void> {
    for (const key of keys) this.#rows.delete(key);
  }
}

let client: TidepoolClient;
let vectorStore: TidepoolVectorStore;
let recordManager: Memory;

beforeEach(() => {
  client = openTestClient();
  vectorStore = new TidepoolVectorStore(new Lengths(), { client, collectionName: "indexed", metadata: "flatten" });
  recordManager = new Memory();
});
afterEach(() => client.close());

const from = (source: string, ...texts: string[]): DocumentInterface[] =>
  texts.map((pageContent) => new Document({ pageContent, metadata: { source, loc: { page: 1 } } }));

const run = (docsSource: DocumentInterface[], cleanup?: CleanupMode, forceUpdate = false) =>
  index({
    docsSource,
    recordManager,
    vectorStore,
    options: { ...(cleanup && { cleanup }), sourceIdKey: "source", forceUpdate, batchSize: 2 },
  });

const stored = async () => (await (await vectorStore.ensureCollection()).get()).documents.toSorted();

test("documents that were indexed are passed over, and updated where that is forced", async () => {
  const documents = from("a", "ebb", "flow", "moon");
  expect(await run(documents)).toEqual({ numAdded: 3, numDeleted: 0, numUpdated: 0, numSkipped: 0 });
  const added = vi.spyOn(vectorStore, "addDocuments");
  expect(await run(documents)).toEqual({ numAdded: 0, numDeleted: 0, numUpdated: 0, numSkipped: 3 });
  expect(added).not.toHaveBeenCalled();
  expect(await run(documents, undefined, true)).toEqual({ numAdded: 0, numDeleted: 0, numUpdated: 3, numSkipped: 0 });
  expect(await stored()).toEqual(["ebb", "flow", "moon"]);
});

test("what a source has not any more is deleted with it, and nothing of another source", async () => {
  await run([...from("a", "ebb", "flow"), ...from("b", "moon")]);
  expect(await run(from("a", "ebb", "tide"), "incremental")).toEqual({ numAdded: 1, numDeleted: 1, numUpdated: 0, numSkipped: 1 });
  expect(await stored()).toEqual(["ebb", "moon", "tide"]);
});

test("a full cleanup deletes all that did not come again", async () => {
  await run([...from("a", "ebb", "flow"), ...from("b", "moon")]);
  expect(await run(from("a", "flow"), "full")).toMatchObject({ numAdded: 0, numDeleted: 2, numSkipped: 1 });
  expect(await stored()).toEqual(["flow"]);
  expect((await vectorStore.similaritySearch("flow", 1, { "loc.page": 1 }))[0]!.pageContent).toBe("flow");
});
