/** A collection that is just large enough for a graph: by length more than by number, since fewer records are quicker to write. */
import type { Collection, TidepoolClient } from "tidepool-db";

const ROWS = 4100;
const DIMENSION = 4096;

/** The embedding of record n. */
export function embeddingOf(n: number): Float32Array {
  let state = (n * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length: DIMENSION }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296 - 0.5;
  });
}

export function open(client: TidepoolClient): Promise<Collection> {
  return client.getOrCreateCollection({ name: "large", embeddingFunction: null, configuration: { hnsw: { ef_construction: 16 } } });
}

export async function fill(collection: Collection): Promise<void> {
  const numbers = Array.from({ length: ROWS }, (_, n) => n);
  await collection.add({ ids: numbers.map((n) => `r${n}`), embeddings: numbers.map(embeddingOf) });
}

/** Ids of the records nearest to record n, by a plain loop. */
export function nearestTo(n: number, count: number): string[] {
  const query = embeddingOf(n);
  const distances = Array.from({ length: ROWS }, (_, row) => ({
    id: `r${row}`,
    distance: embeddingOf(row).reduce((sum, x, i) => sum + (x - query[i]!) ** 2, 0),
  }));
  return distances
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ id }) => id);
}
