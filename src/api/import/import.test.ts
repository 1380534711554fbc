import { afterEach, describe, expect, test, vi } from "vitest";
import { openTestClient } from "../../testing/client.js";
import { Random } from "../../testing/environment.js";
import { ALL, imported, openCollection as open, randomCollection, reasons, rejection, streamOf } from "../../testing/imports.js";
import type { EmbeddingFunction } from "../embedding-function.js";
import type { ImportOptions } from "./import-arguments.js";

const lengths: EmbeddingFunction = { name: "lengths", generate: async (texts) => texts.map((text) => [text.length, 1]) };

function linesOf(...values: unknown[]): Uint8Array {
  return new TextEncoder().encode(values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join("\n"));
}

function jsonOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

afterEach(() => vi.unstubAllGlobals());

describe("an import of JSON lines", () => {
  test.each([1, 2, 3, 4, 5])("has every record that was exported exactly as it was (seed %i)", async (seed) => {
    const source = await randomCollection(new Random(seed), 60);
    const bytes = new Uint8Array(await new Response(source.export({ format: "jsonl" })).arrayBuffer());
    const collection = await open();
    const report = await collection.import(streamOf(bytes, 7 + seed * 13));
    expect(report).toMatchObject({ format: "jsonl", imported: 60, rejectedCount: 0, rejected: [], warnings: [] });
    expect(await collection.get({ include: ALL })).toEqual(await source.get({ include: ALL }));
  });

  test("takes what chromadb-data-pipes writes, whose metadata may stand beside the rest", async () => {
    const { report, collection } = await imported(
      linesOf({ text_chunk: "ebb", embedding: [1, 0], year: 1, id: "a" }, "", {
        text_chunk: "flood",
        embedding: [0, 1],
        metadata: { year: 2 },
        id: "b",
      }),
    );
    expect(report.imported).toBe(2);
    expect(report.mapping).toEqual({ id: "id", embedding: "embedding", document: "text_chunk", uri: null, metadata: "metadata" });
    const { documents, metadatas } = await collection.get();
    expect([documents, metadatas]).toEqual([
      ["ebb", "flood"],
      [{ year: 1 }, { year: 2 }],
    ]);
  });

  test("tells each row that cannot go in by its line, and takes all others", async () => {
    const good = (id: string) => ({ id, embedding: [1, 2] });
    const source = linesOf(
      good("a"),
      "",
      '{"id":"cut","embedding":[1',
      { id: "short", embedding: [1] },
      { id: "odd", embedding: [1, "x"] },
      good("a"),
      { embedding: [1, 2] },
      { id: "nothing" },
      { id: "text", document: 3, embedding: [1, 2] },
      { ...good("nested"), metadata: { a: { b: 1 } } },
      { ...good("list"), metadata: { a: [1, "b"] } },
      [1, 2],
      { ...good("twice"), year: 1, metadata: { year: 2 } },
      { id: 2 ** 60, embedding: [1, 2] },
      { ...good("vectors"), embedding: { title: [1, 2] } },
      good("z"),
    );
    const { report, collection } = await imported(source);
    expect((await collection.get({ include: [] })).ids).toEqual(["a", "z"]);
    expect(report).toMatchObject({ imported: 2, rejectedCount: 13 });
    expect(report.rejected[0]).toEqual({ row: 2, line: 3, reason: expect.stringContaining("not JSON") });
    const expected = [
      "JSON",
      "dimension",
      "number",
      "row 1",
      "no id",
      "neither",
      "document",
      "metadata",
      "one type",
      "object",
      "year",
      "number",
      "embedding",
    ];
    expected.forEach((part, i) => expect(report.rejected[i]!.reason).toContain(part));
  });

  test("tells bytes that are no text, and takes UTF-16 and byte order marks", async () => {
    const line = new TextEncoder().encode('{"id":"a","embedding":[1],"document":"Ärger"}\n');
    const broken = line.slice();
    broken[broken.indexOf(0xc3)] = 0xff;
    const both = new Uint8Array(line.length * 2);
    both.set(broken);
    both.set(line, line.length);
    const { report } = await imported(both);
    expect(report).toMatchObject({ imported: 1, rejected: [{ row: 1, line: 1, reason: expect.stringContaining("UTF-8") }] });
    const wide = new Uint8Array(Uint16Array.from(`\ufeff${new TextDecoder().decode(line)}`, (char) => char.charCodeAt(0)).buffer);
    const { collection } = await imported(wide);
    expect((await collection.get()).documents).toEqual(["Ärger"]);
    expect((await imported(new Uint8Array([0xef, 0xbb, 0xbf, ...line]))).report.imported).toBe(1);
  });

  test("embeds documents that come without embeddings, in the order of the rows", async () => {
    const collection = await open(lengths);
    const report = await collection.import(
      linesOf({ id: "a", text: "ebb" }, { id: "b", text: "tide", embedding: [9, 9] }, { id: "c", text: "moons" }),
    );
    expect(report.imported).toBe(3);
    const { ids, embeddings } = await collection.get({ include: ["embeddings"] });
    expect([ids, embeddings]).toEqual([
      ["a", "b", "c"],
      [
        [3, 1],
        [9, 9],
        [5, 1],
      ],
    ]);
    const error = await rejection((await open()).import(linesOf({ id: "a", text: "ebb" })));
    expect(error).toMatchObject({ code: "EMBEDDING_FUNCTION", details: { nextRow: 1, report: { imported: 0 } } });
  });
});

describe("an import of JSON", () => {
  const ids = ["a", "b"];
  const embeddings = [
    [1, 0],
    [0, 1],
  ];

  test.each([
    [
      "Chroma's JavaScript client",
      { deletedIds: [], documents: ["x", null], embeddings, ids, include: ["documents"], metadatas: [{ n: 1 }, null], uris: [] },
    ],
    [
      "Chroma's Python client",
      { ids, embeddings, documents: ["x", null], uris: null, included: ["documents"], data: null, metadatas: [{ n: 1 }, null] },
    ],
    ["a query", { ids: [ids], embeddings: [embeddings], documents: [["x", null]], metadatas: [[{ n: 1 }, null]], distances: [[0, 1]] }],
    [
      "JSON.stringify of typed arrays",
      { ids, embeddings: embeddings.map((row) => Float32Array.from(row)), documents: ["x", null], metadatas: [{ n: 1 }, null] },
    ],
    [
      "LangChain's memory",
      [
        { id: "a", content: "x", embedding: [1, 0], metadata: { n: 1 } },
        { id: "b", embedding: [0, 1], metadata: {} },
      ],
    ],
    [
      "Pinecone",
      {
        namespace: "",
        vectors: [
          { id: "a", values: [1, 0], metadata: { n: 1 }, text: "x" },
          { id: "b", values: [0, 1] },
        ],
      },
    ],
    [
      "a fetch from Pinecone",
      {
        vectors: {
          a: { id: "a", values: [1, 0], metadata: { n: 1 }, text: "x" },
          b: { id: "b", values: [0, 1], sparseValues: null },
        },
        namespace: "",
        usage: { readUnits: 1 },
      },
    ],
    [
      "a fetch from Pinecone's client",
      {
        usage: { readUnits: 1 },
        records: { a: { id: "a", values: [1, 0], metadata: { n: 1 }, text: "x" }, b: { id: "b", values: [0, 1] } },
      },
    ],
    [
      "Qdrant",
      {
        result: {
          points: [
            { id: "a", vector: [1, 0], payload: { n: 1 }, text: "x" },
            { id: "b", vector: [0, 1], payload: null },
          ],
          next_page_offset: null,
        },
        status: "ok",
      },
    ],
  ])("takes what %s gives", async (_, value) => {
    for (const space of [undefined, 2]) {
      const collection = await open();
      const report = await collection.import(streamOf(new TextEncoder().encode(JSON.stringify(value, null, space)), 5));
      expect(report).toMatchObject({ format: "json", imported: 2, rejected: [], warnings: [] });
      const found = await collection.get({ include: ALL });
      expect(found).toMatchObject({ ids, embeddings, documents: ["x", null], metadatas: [{ n: 1 }, null] });
    }
  });

  test("takes fields by the names that the caller gives, out of objects, too", async () => {
    const points = [{ key: 7, vector: { title: [1, 0] }, payload: { text: "x", meta: { n: 1 }, other: { deep: [] } } }];
    const mapping = { id: "key", embedding: "vector.title", document: "payload.text", metadata: "payload.meta" };
    const { report, collection } = await imported(jsonOf({ points }), { mapping });
    expect(reasons(report)).toEqual([]);
    expect(await collection.get({ include: ALL })).toMatchObject({
      ids: ["7"],
      embeddings: [[1, 0]],
      documents: ["x"],
      metadatas: [{ n: 1 }],
    });
    expect(report.mapping).toEqual({ ...mapping, uri: null });
    const title = [{ id: 7, vector: { title: [1, 0] }, payload: { text: "x", n: 1 } }];
    const { embedding, document } = mapping;
    const guessed = await imported(jsonOf(title), { mapping: { embedding, document } });
    expect(await guessed.collection.get()).toMatchObject({ ids: ["7"], documents: ["x"], metadatas: [{ n: 1 }] });
    const rows = [
      { a: 1, b: "two", vector: [1] },
      { a: 2, c: 3, vector: [2] },
    ];
    const chosen = await imported(jsonOf(rows), { mapping: { id: null, metadata: ["a", "c"] } });
    expect(await chosen.collection.get()).toMatchObject({ ids: ["1", "2"], metadatas: [{ a: 1 }, { a: 2, c: 3 }] });
    const none = await imported(jsonOf(rows), { mapping: { id: null, metadata: null } });
    expect((await none.collection.get()).metadatas).toEqual([null, null]);
  });

  test("that is cut keeps the rows before the cut of a list, and refuses columns", async () => {
    const whole = JSON.stringify([
      { id: "a", embedding: [1] },
      { id: "b", embedding: [2] },
    ]);
    const { report } = await imported(new TextEncoder().encode(whole.slice(0, -6)));
    expect(report).toMatchObject({ imported: 1, rejected: [{ row: 2, line: null, reason: expect.stringContaining("ends") }] });
    const columns = JSON.stringify({ ids, embeddings });
    for (let end = 3; end < columns.length; end++) {
      const error = await rejection(imported(new TextEncoder().encode(columns.slice(0, end)), { format: "json" }));
      expect(error, columns.slice(0, end)).toMatchObject({ code: "INVALID_ARGUMENT", details: { report: { imported: 0 } } });
    }
  });

  test.each([
    ["columns of different lengths", { ids, embeddings: [[1]] }, "2 ids and 1 embeddings"],
    ["columns without ids", { documents: ["a"] }, "none of them is 'ids'"],
  ])("refuses %s", async (_, value, message) => {
    expect(await rejection(imported(jsonOf(value)))).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
  });
});

describe("an import of tables as text", () => {
  const texts = (text: string): Uint8Array => new TextEncoder().encode(text);

  test.each([",", ";", "\t", "|"])("takes cells between %j, quotes, and numbers among the metadata", async (delimiter) => {
    const table = [
      ["id", "text", "embedding", "year", "code", "is new", '"a ""b"", c"', "long", "price"],
      ["1", `"a ""tide""${delimiter}\nand ebb"`, '"[1,0]"', "1999", "007", "true", "x", "12345678901234567890", "1.50"],
      ["2", "12", '"[0,1]"', "-1e3", "+1", "False", "", "0.10000000000000001", ""],
    ];
    for (const newline of ["\n", "\r\n", "\r"]) {
      const bytes = texts(`\ufeff${newline}${table.map((row) => row.join(delimiter)).join(newline)}${newline}`);
      for (const length of [1, 7, 1000]) {
        const collection = await open();
        const report = await collection.import(streamOf(bytes, length), { format: "csv" });
        expect(report).toMatchObject({ format: "csv", imported: 2, rejected: [], warnings: [] });
        expect(await collection.get({ include: ALL })).toMatchObject({
          ids: ["1", "2"],
          documents: [`a "tide"${delimiter}\nand ebb`, "12"],
          embeddings: [
            [1, 0],
            [0, 1],
          ],
          metadatas: [
            { year: 1999, code: "007", "is new": true, 'a "b", c': "x", long: "12345678901234567890", price: 1.5 },
            { year: -1000, code: "+1", "is new": false, long: "0.10000000000000001" },
          ],
        });
      }
    }
  });

  test("tells rows with a cell too many or too few, and open quotes, by their lines", async () => {
    const source = 'id,embedding,n\n\na,[1],"x\ny"\nb,[1]\nc,[1],2,3\nd,[1],4\ne,[1],"o"p\nf,[1],"open\n';
    const { report, collection } = await imported(texts(source));
    expect((await collection.get()).ids).toEqual(["a", "d"]);
    expect(report.rejected.map(({ row, line }) => [row, line])).toEqual([
      [2, 5],
      [3, 6],
      [5, 8],
    ]);
    expect(reasons(report).join()).toMatch(/2 cells.*3 columns.*4 cells.*line 10.*uote/);
  });

  test.each([
    ["embedding_*", 0, undefined],
    ["vector*", 1, undefined],
    ["emb[*]", 0, undefined],
    ["dim*", 0, { embedding: "dim*" }],
  ])("takes embeddings from columns that are numbered: %s from %i", async (name, first, mapping) => {
    const columns = Array.from({ length: 12 }, (_, i) => name.replace("*", String(first + i)));
    const row = (id: string, numbers: (number | string)[]): string => [...numbers, id, "x"].join(";");
    const numbers = columns.map((_, i) => i / 4);
    const lines = [row("id", columns), row("a", numbers), row("b", ["", ...numbers.slice(1)]), row("c", ["x", ...numbers.slice(1)])];
    const { report, collection } = await imported(texts(lines.join("\n").replace("x", "note")), mapping && { mapping });
    expect(report).toMatchObject({ imported: 1, mapping: { embedding: name } });
    expect(reasons(report)).toEqual([expect.stringContaining(columns[0]!), expect.stringContaining('"x"')]);
    expect((await collection.get({ include: ["embeddings"] })).embeddings).toEqual([numbers]);
    const gap = await imported(texts(lines.join("\n").replace(columns[5]!, "y")), mapping && { mapping });
    expect(reasons(gap.report)[0]).toContain(columns[5]);
  });

  test("reads Latin-1 and UTF-16 without a mark, and says so of the first", async () => {
    const text = "id,embedding,name\na,[1],Ärger\n";
    const latin = await imported(Uint8Array.from(text, (char) => char.charCodeAt(0)));
    expect((await latin.collection.get()).metadatas).toEqual([{ name: "Ärger" }]);
    expect(latin.report.warnings).toEqual([expect.stringContaining("Latin-1")]);
    for (const isBig of [false, true]) {
      const bytes = new Uint8Array(Uint16Array.from(text, (char) => char.charCodeAt(0)).buffer);
      const wide = await imported(isBig ? bytes.map((_, i) => bytes[i ^ 1]!) : bytes);
      expect((await wide.collection.get()).metadatas).toEqual([{ name: "Ärger" }]);
      expect(wide.report.warnings).toEqual([]);
    }
  });

  test("knows Latin-1 by its first letter that is not ASCII, wherever it stands", async () => {
    const rows = Array.from({ length: 6000 }, (_, i) => `${i},[1],${"abcdefgh".repeat(2)}\n`).join("");
    const bytes = Uint8Array.from(`id,embedding,name\n${rows}last,[1],Ärger\n`, (char) => char.charCodeAt(0));
    const { report, collection } = await imported(bytes);
    expect([report.imported, report.warnings.length]).toEqual([6001, 1]);
    expect((await collection.get({ ids: ["last"] })).metadatas).toEqual([{ name: "Ärger" }]);
    const utf8 = texts(`id,embedding,name\n${rows}Ä,[1],b\n${rows}`);
    utf8[utf8.length - 3] = 0xff;
    expect(await rejection(imported(utf8))).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(/utf-8.*first \d+/) });
  });

  test.each([
    ["two columns of one name", 'id,embedding,"id"\na,[1],b', /"id"/],
    ["a head line with open quotes", 'id,"embedding\na,[1]', /head line/],
  ])("refuses %s", async (_, source, message) => {
    expect(await rejection(imported(texts(source)))).toMatchObject({ message: expect.stringMatching(message) });
  });

  test("of a head with a name of millions of characters imports all", async () => {
    const source = texts(`id,embedding,"${"n".repeat(9_000_000)}"\r\na,[1],\r\nb,[2],1\r\n`);
    const { report } = await imported(source, { format: "csv" });
    expect([report.imported, report.rejectedCount]).toEqual([2, 0]);
  });

  test("of any cut or any bytes imports or tells, and goes on where it is told to", async () => {
    const whole = texts('id,embedding,n\r\na,[1],"x\r\ny"\r\nb,[2],"""z"""\r\n');
    for (let end = 1; end <= whole.length; end++) {
      const { report } = await imported(whole.slice(0, end), { format: "csv" });
      expect(report.imported + report.rejectedCount, String(end)).toBe(end < 17 ? 0 : end < 31 ? 1 : 2);
    }
    const random = new Random(1);
    for (let i = 0; i < 200; i++) {
      const bytes = Uint8Array.from({ length: random.below(200) }, () => random.pick([44, 34, 10, 13, 59, 97, 255, random.below(256)]));
      const report = await (await open()).import(bytes, { format: "csv" }).catch((error) => error);
      expect(report.code ?? report.imported).toEqual(report.code === undefined ? 0 : "INVALID_ARGUMENT");
    }
    const { report, collection } = await imported(whole, { startAt: 2 });
    expect([report.imported, (await collection.get()).ids]).toEqual([1, ["b"]]);
  });
});

describe("an import", () => {
  const rows = (count: number, from = 0) => Array.from({ length: count }, (_, i) => ({ id: `r${from + i}`, embedding: [from + i, 1] }));

  test("is from a file, a URL or a stream, and tells how far it is", async () => {
    const bytes = linesOf(...rows(2500));
    const told: unknown[] = [];
    const collection = await open();
    await collection.import(new File([bytes as Uint8Array<ArrayBuffer>], "notes.jsonl"), { onProgress: (progress) => told.push(progress) });
    expect(told).toMatchObject([
      { imported: 1000 },
      { imported: 2000 },
      { imported: 2500, rejected: 0, bytes: bytes.length, totalBytes: bytes.length },
    ]);
    vi.stubGlobal(
      "fetch",
      async (url: string | URL) =>
        new Response(String(url).endsWith("/a") ? (bytes as Uint8Array<ArrayBuffer>) : null, {
          status: String(url).endsWith("/a") ? 200 : 404,
        }),
    );
    expect((await (await open()).import("https://example.com/a")).imported).toBe(2500);
    expect((await (await open()).import(new URL("https://example.com/a"))).imported).toBe(2500);
    expect(await rejection((await open()).import("https://example.com/b"))).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("404"),
    });
  });

  test("reads no further than it writes, and cancels what is left", async () => {
    const collection = await open();
    let made = 0;
    let cancelled = false;
    const aborting = new AbortController();
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => controller.enqueue(linesOf(...rows(500, 500 * made++), "")),
        cancel: () => {
          cancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const counts: number[] = [];
    const onProgress = ({ imported }: { imported: number }): void => {
      counts.push(made * 500 - imported);
      if (imported >= 5000) aborting.abort();
    };
    const error = await rejection(collection.import(stream, { format: "jsonl", signal: aborting.signal, onProgress }));
    expect(error).toMatchObject({ code: "ABORTED", details: { report: { imported: 5000 }, nextRow: 5001 } });
    expect(await collection.count()).toBe(5000);
    expect(Math.max(...counts)).toBeLessThanOrEqual(1500);
    expect(cancelled).toBe(true);
  });

  test("goes on where it was interrupted", async () => {
    const bytes = linesOf(...rows(1500), "no JSON", ...rows(700, 1500), { id: "r3", embedding: [0, 0] });
    const collection = await open();
    const aborting = new AbortController();
    const error = await rejection(collection.import(bytes, { signal: aborting.signal, onProgress: () => aborting.abort() }));
    expect(error.details.nextRow).toBe(1001);
    const report = await collection.import(bytes, { startAt: error.details.nextRow as number });
    expect(report).toMatchObject({
      imported: 1200,
      rejectedCount: 2,
      rejected: [{ row: 1501 }, { row: 2202, reason: expect.stringContaining("row 4") }],
    });
    expect(await collection.count()).toBe(2200);
    const again = await collection.import(bytes);
    expect([again.imported, await collection.count()]).toEqual([2200, 2200]);
  });

  test("updates records that are there, or tells them with mode add", async () => {
    const collection = await open();
    await collection.add({ ids: ["r1"], embeddings: [[5, 5]], metadatas: [{ old: 1 }] });
    const added = await collection.import(linesOf(...rows(3)), { mode: "add" });
    expect(added).toMatchObject({ imported: 2, rejectedCount: 1, rejected: [{ row: 2, line: 2, reason: expect.stringContaining("r1") }] });
    expect((await collection.get({ ids: ["r1"], include: ["embeddings"] })).embeddings).toEqual([[5, 5]]);
    expect((await collection.import(linesOf(...rows(3)))).imported).toBe(3);
    expect(await collection.get({ ids: ["r1"], include: ["embeddings", "metadatas"] })).toMatchObject({
      embeddings: [[1, 1]],
      metadatas: [{ old: 1 }],
    });
  });

  test("flattens nested metadata where it is told to, and tells what it leaves out", async () => {
    const row = { id: "a", embedding: [1], metadata: { a: { b: 1, c: null }, tags: [] }, d: { e: ["x"] } };
    const { report, collection } = await imported(linesOf(row), { metadata: "flatten" });
    expect((await collection.get()).metadatas).toEqual([{ "a.b": 1, "d.e": ["x"] }]);
    expect(report.warnings).toEqual([expect.stringContaining('"tags"')]);
    const twice = { ...row, "a.b": 1 };
    expect((await imported(linesOf(twice), { metadata: "flatten" })).report.rejected).toMatchObject([
      { reason: expect.stringContaining("a.b") },
    ]);
  });

  test("knows the dimension of what others have written", async () => {
    const client = openTestClient();
    const collection = await client.createCollection({ name: "notes", embeddingFunction: null });
    await (await client.getCollection({ name: "notes" })).add({ ids: ["x"], embeddings: [[1, 2, 3]] });
    expect((await collection.import(linesOf(...rows(1)))).rejected).toMatchObject([{ row: 1, reason: expect.stringContaining("3") }]);
  });

  test("keeps a bounded number of rejections, and counts all", async () => {
    const { report } = await imported(linesOf(...Array.from({ length: 1200 }, () => "{")), { format: "jsonl" });
    expect([report.rejected.length, report.rejectedCount]).toEqual([1000, 1200]);
  });

  test("refuses what it cannot do", async () => {
    const collection = await open();
    const refused: [unknown, unknown, string][] = [
      [3, {}, "source"],
      [linesOf("hello"), {}, "format"],
      [linesOf(...rows(1)), { format: "xml" }, "format"],
      [linesOf(...rows(1)), { mode: "update" }, "mode"],
      [linesOf(...rows(1)), { startAt: 0 }, "startAt"],
      [linesOf(...rows(1)), { startAt: 9 }, "startAt"],
      [linesOf(...rows(1)), { mapping: { ids: "a" } }, "ids"],
      [linesOf(...rows(1)), { mapping: { id: 3 } }, "mapping.id"],
      [linesOf(...rows(1)), { onProgress: 3 }, "onProgress"],
      [linesOf(...rows(1)), { signal: {} }, "signal"],
      [linesOf(...rows(1)), { metadata: "flat" }, "metadata"],
      [linesOf(...rows(1)), { limit: 3 }, "limit"],
    ];
    for (const [source, options, name] of refused) {
      const error = await rejection(collection.import(source as Uint8Array, options as ImportOptions));
      expect(error, name).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) });
    }
    expect(await collection.count()).toBe(0);
    const throwing = collection.import(linesOf(...rows(1)), { onProgress: () => expect.fail("mine") });
    expect(await rejection(throwing)).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining("onProgress") });
  });
});
