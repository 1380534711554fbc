/** A collection of clustered records, as pages of several benches fill it. */
import type { Collection, TidepoolClient } from "tidepool-db";
import { clusteredDataset, sliceDataset } from "./clustered.js";

const BATCH = 1000;

export async function fillClustered(collection: Collection, records: number): Promise<void> {
  const dataset = clusteredDataset(records, 11);
  for (let from = 0; from < records; from += BATCH) {
    const { ids, vectors, documents, metadatas } = sliceDataset(dataset, from, Math.min(from + BATCH, records));
    await collection.add({ ids, embeddings: vectors, documents, metadatas });
  }
}

/** Whether all is published, which it is when its arenas are a minute old. */
export async function isPublished(client: TidepoolClient): Promise<boolean> {
  const { compacting, unpublished } = await client.info();
  return !compacting && unpublished === 0;
}
