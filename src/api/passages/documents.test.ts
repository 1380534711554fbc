/** Documents as passages in a collection: stored, replaced and deleted as a whole, whoever else writes. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Aggregate, type Collection, GroupBy, K, Knn, Schema, Search, StringInvertedIndexConfig, TidepoolClient } from "../../index.js";
import { memoryHost, openTestClient } from "../../testing/client.js";
import { rejectionOf } from "../../testing/failure-of.js";
import { TestWorker } from "../../testing/worker.js";
import type { EmbeddingFunction } from "../embedding-function.js";

/** Makes vectors of a text's length, and can be kept waiting. */
class Lengths implements EmbeddingFunction {
  readonly name = "lengths";
  asked = 0;
  gate: Promise<void> = Promise.resolve();

  async generate(texts: string[]): Promise<number[][]> {
    this.asked += texts.length;
    await this.gate;
    return texts.map((text) => [text.length, 1]);
  }
}

let client: TidepoolClient;
let lengths: Lengths;
let notes: Collection;

beforeEach(async () => {
  client = openTestClient();
  lengths = new Lengths();
  notes = await client.createCollection({ name: "notes", embeddingFunction: lengths });
});

afterEach(() => client.close());

/** As many paragraphs, each a passage of its own, that all hold the word. */
const textOf = (word: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `# ${word} ${i}\n\nOf ${word}.`).join("\n\n");

async function textsOf(id: string, of = notes): Promise<(string | null)[]> {
  return (await of.get({ where: { document_id: id } })).documents;
}

describe("addDocument", () => {
  test("stores passages with their places in the text, and with what the caller gave", async () => {
    const text = "Before all.\n\n# Tides 🌊\n\nThe moon pulls. The sea follows.\n\n## Springs\n\nHighest at full moon.";
    const added = await notes.addDocument({ id: "tides", text, metadata: { year: 4, tag: null }, uri: "file:///tides.md" });
    expect(added).toEqual({ added: 3, deleted: 0 });
    const { ids, documents, metadatas, uris, embeddings } = await notes.get({ include: ["documents", "metadatas", "uris", "embeddings"] });
    expect(ids).toEqual(["tides#0", "tides#1", "tides#2"]);
    const starts = metadatas.map((metadata) => Number(metadata?.["passage_start"]));
    const ends = metadatas.map((metadata) => Number(metadata?.["passage_end"]));
    expect(starts.map((start, i) => text.slice(start, ends[i]))).toEqual(documents);
    expect(metadatas).toEqual(
      [undefined, ["Tides 🌊"], ["Tides 🌊", "Springs"]].map((headings, i) => ({
        ...{ year: 4, document_id: "tides", passage_index: i, passage_start: starts[i], passage_end: ends[i] },
        ...(headings && { passage_headings: headings }),
      })),
    );
    expect(uris).toEqual(ids.map(() => "file:///tides.md"));
    expect(embeddings).toEqual(documents.map((document) => [document!.length, 1]));
  });

  test("divides as it is told", async () => {
    const text = "One two. Three four. Five six.";
    expect(await notes.addDocument({ id: "a", text, chunk: { maxTokens: 3, tokenizer: (part) => part.split(" ").length } })).toEqual({
      added: 3,
      deleted: 0,
    });
    expect(await textsOf("a")).toEqual(["One two.", "Three four.", "Five six."]);
  });

  test("leaves nothing of what it replaces, and touches no other document", async () => {
    await notes.addDocument({ id: "a", text: textOf("ebb", 5), metadata: { old: true } });
    await notes.addDocument({ id: "a#1", text: textOf("neap", 2) });
    expect(await notes.addDocument({ id: "a", text: textOf("flood", 2) })).toEqual({ added: 2, deleted: 5 });
    const { ids, documents, metadatas } = await notes.get({ where: { document_id: "a" } });
    expect(ids).toEqual(["a#0", "a#1"]);
    expect(documents.join()).not.toContain("ebb");
    expect(metadatas.some((metadata) => metadata !== null && "old" in metadata)).toBe(false);
    expect((await textsOf("a#1")).length).toBe(2);
    expect(await notes.addDocument({ id: "a", text: " \n" })).toEqual({ added: 0, deleted: 2 });
    expect(await notes.count()).toBe(2);
  });

  test("takes more passages than one batch of records", async () => {
    const text = textOf("ebb", 5500);
    expect(await notes.addDocument({ id: "a", text })).toEqual({ added: 5500, deleted: 0 });
    expect(await notes.addDocument({ id: "a", text: textOf("flood", 5499) })).toEqual({ added: 5499, deleted: 5500 });
    expect(await notes.count()).toBe(5499);
  });

  test("in one collection object, calls take effect in the order in which they were made", async () => {
    const first = notes.addDocument({ id: "a", text: textOf("ebb", 3) });
    const second = notes.addDocument({ id: "a", text: textOf("flood", 2) });
    const third = notes.update({ ids: ["a#0"], metadatas: [{ seen: true }] });
    const fourth = notes.deleteDocument({ id: "b" });
    expect(await Promise.all([first, second, third, fourth])).toEqual([
      { added: 3, deleted: 0 },
      { added: 2, deleted: 3 },
      undefined,
      { deleted: 0 },
    ]);
    expect((await notes.get({ where: { seen: true } })).documents).toEqual(["# flood 0\n\nOf flood."]);
  });

  test("of two clients that replace a document at once, one's is left whole", async () => {
    const host = memoryHost();
    const open = () => new TidepoolClient({ path: "shared", storage: "memory", worker: TestWorker.factory(() => host) });
    const clients = [open(), open()];
    try {
      const here = await clients[0]!.createCollection({ name: "notes", embeddingFunction: lengths });
      const there = await clients[1]!.getCollection({ name: "notes", embeddingFunction: lengths });
      await here.addDocument({ id: "a", text: textOf("slack", 4) });
      const words = ["ebb", "flood", "neap", "spring", "king", "low"];
      await Promise.all(words.map((word, i) => (i % 2 ? here : there).addDocument({ id: "a", text: textOf(word, i + 1) })));
      const left = await textsOf("a", here);
      const whole = words.map((word, i) => Array.from({ length: i + 1 }, (_, at) => `# ${word} ${at}\n\nOf ${word}.`));
      expect(whole).toContainEqual(left);
      expect(await here.count()).toBe(left.length);
    } finally {
      for (const one of clients) await one.close();
    }
  });

  test("looks again where others wrote between its look and its commit, and embeds nothing twice", async () => {
    const rival = await client.getCollection({ name: "notes", embeddingFunction: lengths });
    await notes.addDocument({ id: "a", text: textOf("slack", 2) });
    lengths.asked = 0;
    await Promise.all([notes.addDocument({ id: "a", text: textOf("ebb", 3) }), rival.addDocument({ id: "a", text: textOf("flood", 5) })]);
    expect(lengths.asked).toBe(8);
    expect([3, 5]).toContain(await notes.count());
  });

  test.each([["document_id"], [undefined]])("finds what it replaces where the schema does not index it (%s)", async (key) => {
    const schema = new Schema().deleteIndex(new StringInvertedIndexConfig(), key);
    const plain = await client.createCollection({ name: "plain", schema, embeddingFunction: lengths });
    await plain.addDocument({ id: "a", text: textOf("ebb", 1200) });
    await plain.addDocument({ id: "b", text: textOf("neap", 1) });
    expect(await plain.addDocument({ id: "a", text: textOf("flood", 2) })).toEqual({ added: 2, deleted: 1200 });
    expect((await plain.get()).ids.sort()).toEqual(["a#0", "a#1", "b#0"]);
    expect(await plain.deleteDocument({ id: "a" })).toEqual({ deleted: 2 });
    expect((await plain.get()).ids).toEqual(["b#0"]);
  });

  test("leaves records alone that are no passages of the document", async () => {
    await notes.add({ ids: ["a#1"], documents: ["mine"] });
    expect(await rejectionOf(notes.addDocument({ id: "a", text: textOf("ebb", 3) }))).toMatchObject({
      code: "ALREADY_EXISTS",
      message: expect.stringContaining('"a#1"'),
      details: { id: "a#1" },
    });
    expect((await notes.get()).documents).toEqual(["mine"]);
  });

  test.each([
    [{ id: "", text: "t" }, /id must be a non-empty string.*got ""/],
    [{ id: "\ud800", text: "t" }, /id must be .* well-formed/],
    [{ id: "a", text: 7 }, /text must be a string, got 7/],
    [{ id: "a", text: "t", uri: 7 }, /uri must be a string or null, got 7/],
    [{ id: "a", text: "t", metadata: { document_id: "b" } }, /metadata has the key "document_id"/],
    [{ id: "a", text: "t", metadata: { passage_headings: ["b"] } }, /metadata has the key "passage_headings"/],
    [{ id: "a", text: "t", metadata: { year: {} } }, /metadata\["year"\]/],
    [{ id: "a", text: "t", chunk: { maxTokens: 0 } }, /maxTokens/],
    [{ id: "a", text: "t", chunk: { size: 9 } }, /chunk of addDocument has no argument "size"/],
    [{ id: "a", text: "t", metadatas: [] }, /addDocument has no argument "metadatas"/],
    [undefined, /argument of addDocument/],
  ])("refuses %j", async (args, message) => {
    expect(await rejectionOf(notes.addDocument(args as never))).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message),
    });
    expect(await notes.count()).toBe(0);
    // The calls after it go on.
    expect(await notes.addDocument({ id: "a", text: "Ebb." })).toEqual({ added: 1, deleted: 0 });
  });

  test("writes nothing when its signal fires while it embeds", async () => {
    await notes.addDocument({ id: "a", text: textOf("ebb", 2) });
    const controller = new AbortController();
    lengths.gate = new Promise(() => {});
    const call = rejectionOf(notes.addDocument({ id: "a", text: textOf("flood", 3), signal: controller.signal }));
    controller.abort("enough");
    expect(await call).toMatchObject({ code: "ABORTED", cause: "enough" });
    lengths.gate = Promise.resolve();
    expect(await notes.addDocument({ id: "b", text: "Slack." })).toEqual({ added: 1, deleted: 0 });
    expect((await notes.get()).ids).toEqual(["a#0", "a#1", "b#0"]);
  });

  test("needs an embedding function", async () => {
    const bare = await client.createCollection({ name: "bare", embeddingFunction: null });
    expect((await rejectionOf(bare.addDocument({ id: "a", text: "Ebb." }))).code).toBe("EMBEDDING_FUNCTION");
  });

  test("a version takes no documents", async () => {
    const past = notes.at({ version: 1 }) as Collection;
    expect((await rejectionOf(past.addDocument({ id: "a", text: "Ebb." }))).message).toMatch(/addDocument is not possible at version 1/);
  });
});

describe("deleteDocument", () => {
  test("deletes all passages of the document, and nothing else", async () => {
    await notes.addDocument({ id: "a", text: textOf("ebb", 3) });
    await notes.addDocument({ id: "b", text: textOf("flood", 2) });
    expect(await notes.deleteDocument({ id: "a" })).toEqual({ deleted: 3 });
    expect(await notes.deleteDocument({ id: "a" })).toEqual({ deleted: 0 });
    expect((await notes.get()).ids).toEqual(["b#0", "b#1"]);
  });

  test("refuses what it cannot use", async () => {
    expect((await rejectionOf(notes.deleteDocument({} as never))).message).toMatch(/id must be a non-empty string/);
    expect((await rejectionOf(notes.deleteDocument({ id: "a", where: {} } as never))).message).toMatch(
      /deleteDocument has no argument "where"/,
    );
    const signal = AbortSignal.abort();
    expect((await rejectionOf(notes.deleteDocument({ id: "a", signal }))).code).toBe("ABORTED");
  });
});

test("a search shows the best passage of each document", async () => {
  await notes.addDocument({ id: "a", text: textOf("ebb", 3) });
  await notes.addDocument({ id: "b", text: textOf("flood", 2) });
  const search = new Search()
    .rank(Knn({ query: [0, 1], limit: 10 }))
    .groupBy(new GroupBy([K("document_id")], Aggregate.minK([K.SCORE], 1)))
    .limit(5);
  expect((await notes.search(search)).ids).toEqual([["a#0", "b#0"]]);
});
