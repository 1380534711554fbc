/**
 * What tests of `collection.import` share: ways to give bytes and to see what became of them, and what pyarrow wrote of
 * `fixtures/import/write.py`.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Collection } from "../api/collection.js";
import type { EmbeddingFunction } from "../api/embedding-function.js";
import type { ImportOptions, ImportReport } from "../api/import/import-arguments.js";
import type { Metadata } from "../core/types.js";
import { openTestClient } from "./client.js";
import type { Random } from "./environment.js";
import { type ExportedRecord, randomRecords } from "./transfer.js";

export const ALL: ("documents" | "embeddings" | "metadatas" | "uris")[] = ["documents", "embeddings", "metadatas", "uris"];

export async function openCollection(embeddingFunction: EmbeddingFunction | null = null): Promise<Collection> {
  return openTestClient().createCollection({ name: "notes", embeddingFunction });
}

/** A collection of records with everything that a record can hold. */
export async function randomCollection(random: Random, count: number): Promise<Collection> {
  const collection = await openCollection();
  for (const { id, document, uri, metadata, embedding } of randomRecords(random, count, 3)) {
    await collection.add({
      ids: [id],
      embeddings: [embedding],
      ...(document !== null && { documents: [document] }),
      ...(uri !== null && { uris: [uri] }),
      ...(metadata !== null && { metadatas: [metadata] }),
    });
  }
  return collection;
}

/** In pieces of odd lengths. */
export function streamOf(bytes: Uint8Array, length: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += length)));
    },
  });
}

export async function imported(source: Uint8Array, options?: ImportOptions): Promise<{ report: ImportReport; collection: Collection }> {
  const collection = await openCollection();
  return { report: await collection.import(source, options), collection };
}

export function reasons({ rejected }: ImportReport): string[] {
  return rejected.map(({ row, reason }) => `${row}: ${reason}`);
}

export async function rejection(promise: Promise<unknown>): Promise<{ code: string; message: string; details: Record<string, unknown> }> {
  return promise.then(
    () => expect.fail("it should be refused"),
    (error) => error,
  );
}

/** A file of `fixtures/import`. */
export async function fixture(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(join(import.meta.dirname, "fixtures/import", name)));
}

/** What the fixtures hold, as records. */
export function fixtureRecords(): ExportedRecord[] {
  return Array.from({ length: 100 }, (_, i) => ({
    id: `r${i}`,
    document: i % 7 === 3 ? null : `Text ${i} — Flut 🌊`,
    uri: null,
    embedding: Array.from({ length: 8 }, (_, d) => ((i * 31 + d * 17) % 97) / 32 - 1),
    metadata: fixtureMetadata(i),
  }));
}

function fixtureMetadata(i: number): Metadata {
  return {
    tag: ["ebb", "flood", "neap"][i % 3]!,
    ...(i % 5 !== 0 && { year: 1900 + i }),
    big: i * 10_000_000,
    ratio: i / 8,
    isNew: i % 2 === 0,
    ...(i % 4 !== 0 && { tags: [`t${i % 3}`, "x"].slice(0, 1 + (i % 2)) }),
    day: Date.UTC(2024, 0, 1 + i),
    at: Date.UTC(2024, 0, 1, i, 0, 0, 123),
    ...(i % 6 !== 0 && { "page.number": i, "page.title": `p${i}` }),
  };
}

export async function recordsOf(collection: Collection): Promise<unknown[]> {
  const { ids, documents, metadatas, embeddings } = await collection.get({ include: ALL });
  return ids.map((id, i) => ({ id, document: documents[i], uri: null, metadata: metadatas[i], embedding: embeddings[i] }));
}

/** A copy with a few other bytes, most of them near its beginning or its end; the first ones stay. */
export function withDamage(whole: Uint8Array, random: Random, first: number): Uint8Array {
  const bytes = whole.slice();
  const start = random.chance(0.5) ? first : Math.max(first, bytes.length - 4000);
  for (let n = random.below(4) + 1; n > 0; n--) bytes[start + random.below(bytes.length - start - 8)] = random.below(256);
  return bytes;
}

/** A whole collection, as its export in this format has it. */
export async function exportedAs(format: "arrow" | "parquet", collection: Collection): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(collection.export({ format })).arrayBuffer());
}
