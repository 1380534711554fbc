import { describe, expect, test } from "vitest";
import { openedClient } from "../testing/opened-clients.js";
import { modelVector, type TestModel } from "../testing/reembedding.js";
import type { TidepoolClient } from "./client.js";
import type { Collection } from "./collection.js";
import type { EmbeddingFunction, EmbeddingFunctionSpace } from "./embedding-function.js";
import { registerEmbeddingFunction } from "./embedding-registry.js";

/** Embeds as the model does, and notes what it was given. */
class ModelFunction implements EmbeddingFunction {
  readonly name: string;
  readonly #model: TestModel;
  readonly given: string[][] = [];
  /** Awaited before each answer. */
  onCall: (call: number) => Promise<void> | void = () => undefined;

  constructor({ name, dimension, space }: TestModel) {
    this.name = name;
    this.#model = { name, dimension, space };
  }

  async generate(texts: string[]): Promise<Float32Array[]> {
    this.given.push(texts);
    await this.onCall(this.given.length);
    return texts.map((text) => modelVector(this.#model, text));
  }

  defaultSpace(): EmbeddingFunctionSpace {
    return this.#model.space;
  }

  supportedSpaces(): EmbeddingFunctionSpace[] {
    return ["cosine", "l2"];
  }

  getConfig(): object {
    return { dimension: this.#model.dimension };
  }

  static buildFromConfig(): EmbeddingFunction {
    return new ModelFunction(small);
  }
}

const small: TestModel = { name: "reembed-small", dimension: 3, space: "l2" };
const large: TestModel = { name: "reembed-large", dimension: 5, space: "cosine" };
registerEmbeddingFunction(small.name, ModelFunction);

function documents(count: number): { ids: string[]; documents: string[] } {
  const numbers = Array.from({ length: count }, (_, i) => i);
  return { ids: numbers.map((i) => `r${i}`), documents: numbers.map((i) => `document ${i}`) };
}

async function openNotes(count = 7): Promise<{ client: TidepoolClient; notes: Collection }> {
  const client = openedClient();
  const notes = await client.createCollection({ name: "notes", embeddingFunction: new ModelFunction(small) });
  await notes.add(documents(count));
  return { client, notes };
}

test("embeds every document by the new function in batches, tells how far it is, and goes over to it", async () => {
  const { client, notes } = await openNotes();
  const fn = new ModelFunction(large);
  const told: unknown[] = [];
  const report = await notes.reembed({ embeddingFunction: fn, batchSize: 3, onProgress: (progress) => told.push(progress) });
  expect(report).toEqual({ records: 7, embedded: 7, resumed: false });
  expect(fn.given.map(({ length }) => length)).toEqual([3, 3, 1]);
  expect(told).toEqual([3, 6, 7].map((done) => ({ done, total: 7, embedded: done })));
  expect([notes.embeddingFunction, notes.dimension, notes.configuration.hnsw.space]).toEqual([fn, 5, "cosine"]);
  await notes.add({ ids: ["new"], documents: ["document new"] });
  expect((await notes.query({ queryTexts: ["document new"], nResults: 1 })).ids).toEqual([["new"]]);
  const found = await client.getCollection({ name: "notes", embeddingFunction: new ModelFunction(large) });
  const { embeddings } = await found.get({ ids: ["r3"], include: ["embeddings"] });
  expect(embeddings).toEqual([[...modelVector(large, "document 3")]]);
});

test("goes on after it was aborted, and embeds nothing twice", async () => {
  const { notes } = await openNotes();
  const controller = new AbortController();
  const fn = new ModelFunction(large);
  fn.onCall = (call) => void (call === 2 && controller.abort());
  const aborted = notes.reembed({ embeddingFunction: fn, batchSize: 2, signal: controller.signal });
  await expect(aborted).rejects.toMatchObject({ code: "ABORTED" });
  expect(notes.dimension).toBe(3);
  expect((await notes.query({ queryTexts: ["document 4"], nResults: 1 })).ids).toEqual([["r4"]]);
  const again = new ModelFunction(large);
  expect(await notes.reembed({ embeddingFunction: again })).toEqual({ records: 7, embedded: 5, resumed: true });
  expect(again.given.flat()).not.toContain("document 0");
});

test("what the function throws is told, and what it has embedded is kept", async () => {
  const { notes } = await openNotes();
  const fn = new ModelFunction(large);
  fn.onCall = (call) => {
    if (call === 3) throw new Error("no network");
  };
  await expect(notes.reembed({ embeddingFunction: fn, batchSize: 2 })).rejects.toMatchObject({ code: "EMBEDDING_FUNCTION" });
  fn.onCall = () => undefined;
  expect(await notes.reembed({ embeddingFunction: fn })).toMatchObject({ embedded: 3, resumed: true });
});

test("other objects of the collection learn of it by an error, and the collection opens with the new function only", async () => {
  const { client, notes } = await openNotes();
  const other = await client.getCollection({ name: "notes", embeddingFunction: new ModelFunction(small) });
  const ended: unknown[] = [];
  const onError = ({ code }: { code: string }, about: unknown): void => void ended.push([code, about]);
  await other.subscribe({ query: { queryTexts: ["document 1"] }, onError }, () => undefined);
  await notes.reembed({ embeddingFunction: new ModelFunction({ ...small, name: "reembed-like" }) });
  const stale = { code: "EMBEDDING_FUNCTION", message: expect.stringContaining("get the collection again") };
  await expect(other.add({ ids: ["x"], documents: ["text"] })).rejects.toMatchObject(stale);
  await expect(other.query({ queryTexts: ["text"] })).rejects.toMatchObject(stale);
  await expect(other.hybrid({ queryText: "text" })).rejects.toMatchObject(stale);
  expect(await other.count()).toBe(7);
  const opening = client.getCollection({ name: "notes", embeddingFunction: new ModelFunction(small) });
  await expect(opening).rejects.toMatchObject({ code: "EMBEDDING_FUNCTION", message: expect.stringContaining("collection.reembed") });
  await expect.poll(() => ended).toEqual([["EMBEDDING_FUNCTION", { isFinal: true }]]);
});

test("embeds what was written while it was at it, from the same object too", async () => {
  const { notes } = await openNotes();
  const fn = new ModelFunction(large);
  fn.onCall = async (call) => {
    if (call === 2) await notes.update({ ids: ["r0"], documents: ["document anew"] });
    if (call === 3) await notes.delete({ ids: ["r1"] });
  };
  expect(await notes.reembed({ embeddingFunction: fn, batchSize: 2 })).toMatchObject({ records: 6 });
  const { embeddings } = await notes.get({ ids: ["r0"], include: ["embeddings"] });
  expect(embeddings).toEqual([[...modelVector(large, "document anew")]]);
});

describe("the space", () => {
  const spaceAfter = async (space: "l2" | "cosine" | "ip", given: { space?: "l2" | "ip" } = {}) => {
    const client = openedClient();
    const configuration = { hnsw: { space } };
    const notes = await client.createCollection({ name: "notes", embeddingFunction: new ModelFunction(small), configuration });
    await notes.reembed({ embeddingFunction: new ModelFunction(large), ...given });
    return notes.configuration.hnsw.space;
  };

  test("is the new function's where it was nobody's choice, and else stays", async () => {
    expect(await spaceAfter("l2")).toBe("cosine");
    expect(await spaceAfter("cosine")).toBe("cosine");
    expect(await spaceAfter("l2", { space: "l2" })).toBe("l2");
  });

  test("has to go with the function", async () => {
    const { notes } = await openNotes();
    const refused = notes.reembed({ embeddingFunction: new ModelFunction(large), space: "ip" });
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining("Space 'ip' is not supported") });
  });
});

test("is given up for good", async () => {
  const { notes } = await openNotes();
  const fn = new ModelFunction(large);
  fn.onCall = (call) => {
    if (call === 2) throw new Error("enough");
  };
  await expect(notes.reembed({ embeddingFunction: fn, batchSize: 2 })).rejects.toMatchObject({ code: "EMBEDDING_FUNCTION" });
  const another = new ModelFunction({ ...large, name: "reembed-another" });
  await expect(notes.reembed({ embeddingFunction: another })).rejects.toMatchObject({
    code: "ALREADY_EXISTS",
    message: expect.stringContaining("giveUp: true"),
  });
  expect(await notes.reembed({ giveUp: true })).toEqual({ records: 0, embedded: 0, resumed: true });
  expect(await notes.reembed({ giveUp: true })).toEqual({ records: 0, embedded: 0, resumed: false });
  expect(notes.dimension).toBe(3);
  expect(await notes.reembed({ embeddingFunction: another })).toMatchObject({ embedded: 7, resumed: false });
});

test.each([
  [{}, "embeddingFunction must be an embedding function"],
  [{ embeddingFunction: new ModelFunction(large), giveUp: true }, "and not both"],
  [{ embeddingFunction: new ModelFunction(large), batchSize: 0 }, "batchSize"],
  [{ embeddingFunction: new ModelFunction(large), batchSize: 1001 }, "batchSize may be at most 1000"],
  [{ embeddingFunction: new ModelFunction(large), space: "round" }, "space must be one of l2, cosine, ip"],
  [{ giveUp: "yes" }, "giveUp must be true or false"],
  [{ giveUp: true, force: true }, "reembed has no argument"],
])("refuses %o", async (args, message) => {
  const { notes } = await openNotes(1);
  await expect(notes.reembed(args as never)).rejects.toMatchObject({ message: expect.stringContaining(message) });
});
