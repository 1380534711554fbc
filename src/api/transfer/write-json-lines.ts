/**
 * Records as JSON lines, one object each, with the names of chromadb-data-pipes, which `cdp import` reads:
 *
 *   {"id": …, "text_chunk": document or null, "embedding": […], "metadata": {…} or null, "uri": … or null}
 *
 * Columns that are not included are left out; what is left out of a line with `null` is nothing. Lines end with a line feed.
 */
import type { IncludeField, RecordColumns } from "../../core/types.js";
import { Slice } from "../slice.js";
import { jsonOfMetadata, jsonOfNumbers } from "./json-value.js";
import type { WriteRecords } from "./record-pages.js";

/** Characters that are encoded at once, about. */
const CHUNK_LENGTH = 256 * 1024;

export const writeJsonLines: WriteRecords = async function* (pages, include, onProgress) {
  const encoder = new TextEncoder();
  const slice = new Slice();
  for await (const page of pages.read(include, onProgress)) {
    let text = "";
    for (let i = 0; i < page.ids.length; i++) {
      text += lineOf(page, i, include);
      await slice.tick();
      if (text.length < CHUNK_LENGTH && i + 1 < page.ids.length) continue;
      yield encoder.encode(text);
      text = "";
    }
  }
};

function lineOf({ ids, documents, embeddings, metadatas, uris }: RecordColumns, i: number, include: readonly IncludeField[]): string {
  const fields = [`"id":${JSON.stringify(ids[i])}`];
  if (include.includes("documents")) fields.push(`"text_chunk":${JSON.stringify(documents![i])}`);
  if (include.includes("embeddings")) {
    const { dimension, values } = embeddings!;
    fields.push(`"embedding":${jsonOfNumbers(values.subarray(i * dimension, (i + 1) * dimension))}`);
  }
  if (include.includes("metadatas")) fields.push(`"metadata":${jsonOfMetadata(metadatas![i]!)}`);
  if (include.includes("uris")) fields.push(`"uri":${JSON.stringify(uris![i])}`);
  return `{${fields.join(",")}}\n`;
}
