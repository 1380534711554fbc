/**
 * What tells two collections apart: a digest of ids, documents, metadata and URIs in their order, and a comparison of the vectors, which
 * servers that keep them normalized do not give back to the last bit.
 */
import { sha256Hex } from "../../core/base/sha256.js";
import { inTurns } from "../../core/base/steps.js";
import type { RecordColumns } from "../../core/types.js";
import { Slice } from "../slice.js";
import { plain } from "./plain-metadata.js";
import { isSameVector } from "./same-vector.js";

/** Characters that are digested at once. */
const BLOCK_UNITS = 65_536;

export class ContentDigest {
  #state = "";
  #text = "";

  /** Takes a page's records in. Where pages end makes no difference. */
  async add({ ids, documents, metadatas, uris }: RecordColumns): Promise<void> {
    const slice = new Slice();
    for (const [i, id] of ids.entries()) {
      this.#text += `${JSON.stringify([id, documents?.[i] ?? null, plain(metadatas?.[i] ?? null), uris?.[i] ?? null])}\n`;
      while (this.#text.length >= BLOCK_UNITS) await this.#take(this.#text.slice(0, BLOCK_UNITS));
      await slice.tick();
    }
  }

  /** 64 hexadecimal digits. */
  async end(): Promise<string> {
    await this.#take(this.#text);
    return this.#state;
  }

  async #take(block: string): Promise<void> {
    const slice = new Slice();
    this.#text = this.#text.slice(block.length);
    this.#state = await inTurns(sha256Hex(new TextEncoder().encode(this.#state + block)), () => slice.tick());
  }
}

/** The first of these ids whose vectors differ; `null` where none does. */
export function otherVector(ids: readonly string[], one: RecordColumns["embeddings"], other: RecordColumns["embeddings"]): string | null {
  if (one === null || other === null) return one === other ? null : (ids[0] ?? null);
  if (one.dimension !== other.dimension) return ids[0] ?? null;
  const { dimension } = one;
  for (const [i, id] of ids.entries()) {
    const [a, b] = [one, other].map(({ values }) => values.subarray(i * dimension, (i + 1) * dimension)) as [Float32Array, Float32Array];
    if (!isSameVector(a, b)) return id;
  }
  return null;
}
