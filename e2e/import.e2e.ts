/**
 * Imports in a real browser: what a page exports as Parquet, what pyarrow writes, and a table as text. What reads a format is downloaded
 * with the first source of it.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { TidepoolClient } from "tidepool-db";
import { expect, test } from "vitest";
import { openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";

const suite = useSuite(serveApp);

declare global {
  var client: TidepoolClient;
}

interface Given {
  name: string;
  base64: string;
}

interface Told {
  imported: number;
  rejected: unknown[];
  format: string;
  ids: string[];
}

/** Exports as Parquet, and imports it from a file and from a stream. Tells whether all records came back, and which files were loaded. */
async function roundTrip(records: number): Promise<{ isEqual: boolean[]; loaded: string[] }> {
  globalThis.client = new tidepool.TidepoolClient({ path: "import", storage: "memory" });
  const source = await client.createCollection({ name: "source", embeddingFunction: null });
  const ids = Array.from({ length: records }, (_, i) => `r${i}`);
  await source.add({
    ids,
    embeddings: ids.map((_, i) => Array.from({ length: 96 }, (_, d) => Math.fround(Math.sin(i * 96 + d)))),
    documents: ids.map((id) => `${id} and the tide`),
    metadatas: ids.map((_, i) => ({ i, odd: i % 2 === 1, tags: [`t${i % 7}`] })),
  });
  const file = new File([await new Response(source.export({ format: "parquet" })).blob()], "notes.parquet");
  const isEqual: boolean[] = [];
  const include: ("documents" | "embeddings" | "metadatas")[] = ["documents", "embeddings", "metadatas"];
  const expected = JSON.stringify(await source.get({ include }));
  for (const [name, given] of Object.entries({ file, stream: file.stream() })) {
    const target = await client.createCollection({ name, embeddingFunction: null });
    await target.import(given);
    isEqual.push(JSON.stringify(await target.get({ include })) === expected);
  }
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name.replace(/^.*\//, ""));
  return { isEqual, loaded: loaded.filter((name) => /^(?:import|parquet|csv|zstd)\.js$/.test(name)) };
}

async function importBytes({ name, base64 }: Given): Promise<Told> {
  const collection = await client.createCollection({ name: `of-${name}`, embeddingFunction: null });
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const { imported, rejected, format } = await collection.import(new File([bytes], name), { metadata: "flatten" });
  return { imported, rejected, format, ids: (await collection.get({ limit: 3, include: [] })).ids };
}

async function fixture(name: string): Promise<Given> {
  const path = fileURLToPath(new URL(`../src/testing/fixtures/import/${name}`, import.meta.url));
  return { name, base64: await readFile(path, "base64") };
}

test("Parquet and tables as text come in from files and streams, and each reader is loaded when it is needed", async () => {
  const tab = await openTab(suite.context, suite.app);
  const { isEqual, loaded } = await tab.evaluate(roundTrip, 1500);
  expect(isEqual).toEqual([true, true]);
  expect(loaded).toEqual(["import.js", "parquet.js"]);
  for (const name of ["snappy.parquet", "zstd-v2.parquet", "gzip.parquet", "stream.arrow", "file-zstd.arrow"]) {
    expect(await tab.evaluate(importBytes, await fixture(name))).toEqual({
      imported: 100,
      rejected: [],
      format: name.replace(/^.*\./, ""),
      ids: ["r0", "r1", "r2"],
    });
  }
  const table = 'id;text;embedding\na;"ebb ""and""\nflood";[1,2]\nb;Ärger;"[3,4]"\nc;short\n';
  const latin = Buffer.from(table, "latin1").toString("base64");
  expect(await tab.evaluate(importBytes, { name: "table.csv", base64: latin })).toEqual({
    imported: 2,
    rejected: [{ row: 3, line: 5, reason: expect.stringContaining("2 cells") }],
    format: "csv",
    ids: ["a", "b"],
  });
});
