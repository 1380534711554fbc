/** The demo's passages in a Tidepool database. Everything the page stores, finds out about or removes goes through here. */
import { type Collection, TidepoolClient } from "tidepool-db";
import type { Passage, PassageMetadata } from "./passage.js";
import type { Rows } from "./principal-axes.js";

/** Written into the collection's metadata once the bundled passages are in: from then on they come back only when asked for. */
const bundledVersion = 1;
const pageSize = 1000;
/** More vectors than this are not drawn on the map; a sample is. */
const mapVectorsMax = 3000;

/** What lists and the map need to know of a passage. */
export interface Entry {
  id: string;
  title: string;
  source: string;
  topic: string;
  kind: string;
  words: number;
  tags: string[];
}

export interface AddOptions {
  signal: AbortSignal;
  onProgress(progress: { done: number; total: number }): void;
}

/** A deleted passage, kept for as long as the deletion can be undone. */
export interface Removed {
  passage: Passage;
  embedding: number[];
}

export class Library {
  readonly client: TidepoolClient;
  readonly passages: Collection;

  private constructor(client: TidepoolClient, passages: Collection) {
    this.client = client;
    this.passages = passages;
  }

  /** Opens the database, creating it on the very first visit. Nothing is loaded yet: a large library opens as fast as a small one. */
  static async open(): Promise<Library> {
    const client = new TidepoolClient({ path: "demo" });
    const passages = await client.getOrCreateCollection({
      name: "passages",
      configuration: { hnsw: { space: "cosine" } },
    });
    return new Library(client, passages);
  }

  /** Whether the bundled passages were ever put in completely. Stays true when the reader deletes them. */
  get wasFilled(): boolean {
    return this.passages.metadata?.["bundled"] === bundledVersion;
  }

  async rememberFilled(): Promise<void> {
    await this.passages.modify({ metadata: { bundled: bundledVersion } });
  }

  /**
   * Adds the passages of one source. Those already there under the same id are replaced, and what an earlier, longer
   * version of the source left behind is removed, so an interrupted addition is mended by doing it again.
   */
  async addSource(source: string, passages: readonly Passage[], { signal, onProgress }: AddOptions): Promise<void> {
    await this.passages.upsert({
      ids: passages.map(({ id }) => id),
      documents: passages.map(({ document }) => document),
      metadatas: passages.map(({ metadata }) => metadata),
      signal,
      onProgress,
    });
    await this.passages.delete({ where: { $and: [{ source }, { position: { $gte: passages.length } }] } });
  }

  async deletePassage(id: string): Promise<Removed | null> {
    const { ids, documents, metadatas, embeddings } = await this.passages.get({
      ids: [id],
      include: ["documents", "metadatas", "embeddings"],
    });
    if (ids.length === 0) return null;
    await this.passages.delete({ ids: [id] });
    const metadata = metadatas[0] as Passage["metadata"];
    return { passage: { id, document: documents[0] ?? "", metadata }, embedding: Array.from(embeddings[0] ?? []) };
  }

  /** Puts a deleted passage back with the vector it had. */
  async restore({ passage, embedding }: Removed): Promise<void> {
    await this.passages.add({ ids: [passage.id], documents: [passage.document], metadatas: [passage.metadata], embeddings: [embedding] });
  }

  async deleteSource(source: string): Promise<void> {
    await this.passages.delete({ where: { source } });
  }

  /** One atomic delete. Every passage has a position, so this filter matches them all. */
  async deleteEverything(): Promise<void> {
    await this.passages.delete({ where: { position: { $gte: 0 } } });
  }

  /** Every passage without its text, in insertion order. */
  async entries(): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (;;) {
      const { ids, metadatas } = await this.passages.get({ include: ["metadatas"], limit: pageSize, offset: entries.length });
      entries.push(...ids.map((id, index) => toEntry(id, metadatas[index] as PassageMetadata | null)));
      if (ids.length < pageSize) return entries;
    }
  }

  /** The vectors of these passages, or of an even sample when there are very many. */
  async vectors(entries: readonly Entry[]): Promise<{ entries: Entry[]; rows: Rows }> {
    const step = Math.max(1, Math.ceil(entries.length / mapVectorsMax));
    const ids = entries.filter((_, index) => index % step === 0).map(({ id }) => id);
    const known = new Map(entries.map((entry) => [entry.id, entry]));
    const found = await this.passages.get({ ids, include: ["embeddings"] });
    return { entries: found.ids.map((id) => known.get(id)!), rows: flatten(found.embeddings) };
  }

  async embeddingOf(id: string): Promise<number[] | null> {
    const { embeddings } = await this.passages.get({ ids: [id], include: ["embeddings"] });
    return embeddings[0] ? Array.from(embeddings[0]) : null;
  }
}

function toEntry(id: string, metadata: PassageMetadata | null): Entry {
  return {
    id,
    title: metadata?.title ?? id,
    source: metadata?.source ?? "",
    topic: metadata?.topic ?? "",
    kind: metadata?.kind ?? "",
    words: metadata?.words ?? 0,
    tags: metadata?.tags ?? [],
  };
}

function flatten(embeddings: readonly (ArrayLike<number> | null)[]): Rows {
  const dimension = embeddings[0]?.length ?? 1;
  const values = new Float32Array(embeddings.length * dimension);
  embeddings.forEach((embedding, row) => embedding && values.set(embedding, row * dimension));
  return { dimension, values };
}
