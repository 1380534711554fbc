/** What one writes without a database: an array of objects and a loop. Cosine of unit vectors, so the dot product is enough. */
import type { Dataset, RecordMetadata } from "../clustered.js";
import { type FilterName, filterNamed } from "../filters.js";
import type { Baseline, Hit } from "./baseline.js";
import { loadColumns, type StoredColumns, saveColumns } from "./record-file.js";

interface PlainRecord {
  id: string;
  vector: Float32Array;
  document: string;
  metadata: RecordMetadata;
}

export class PlainLoop implements Baseline {
  readonly #records: PlainRecord[] = [];

  async prepare(): Promise<void> {}

  setEfSearch(): void {}

  add({ ids, vectors, documents, metadatas }: StoredColumns | Dataset): void {
    const dimension = vectors!.length / ids.length;
    for (let row = 0; row < ids.length; row++) {
      this.#records.push({
        id: ids[row]!,
        vector: vectors!.subarray(row * dimension, (row + 1) * dimension),
        document: documents[row]!,
        metadata: metadatas[row] as RecordMetadata,
      });
    }
  }

  query(embedding: Float32Array, k: number, filter: FilterName): Hit[] {
    const { where, keep } = filterNamed(filter);
    const nearest: { record: PlainRecord; similarity: number }[] = [];
    let worst = -Infinity;
    for (const record of this.#records) {
      if (where !== undefined && !keep(record.metadata)) continue;
      const similarity = dot(embedding, record.vector);
      if (similarity <= worst) continue;
      let place = nearest.length;
      while (place > 0 && nearest[place - 1]!.similarity < similarity) place--;
      nearest.splice(place, 0, { record, similarity });
      if (nearest.length > k) nearest.pop();
      if (nearest.length === k) worst = nearest[k - 1]!.similarity;
    }
    return nearest.map(({ record: { id, document, metadata }, similarity }) => ({ id, distance: 1 - similarity, document, metadata }));
  }

  async persist(name: string): Promise<void> {
    const dimension = this.#records[0]!.vector.length;
    const vectors = new Float32Array(this.#records.length * dimension);
    for (const [row, { vector }] of this.#records.entries()) vectors.set(vector, row * dimension);
    const columns = {
      ids: this.#records.map(({ id }) => id),
      documents: this.#records.map(({ document }) => document),
      metadatas: this.#records.map(({ metadata }) => metadata),
    };
    await saveColumns(`plain-${name}`, { ...columns, vectors });
  }

  async open(name: string): Promise<void> {
    for (const part of await loadColumns(`plain-${name}`)) this.add(part);
  }
}

/** Four sums, so that an addition need not wait for the one before it. */
function dot(a: Float32Array, b: Float32Array): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0; i < a.length; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  return s0 + s1 + s2 + s3;
}
