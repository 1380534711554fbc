/**
 * The demo's passages in a Tidepool database. Everything the page stores, finds out about or removes goes through here.
 * A passage is stored with a zero vector and marked as pending, so that it can be found by its words at once; `Understanding` then
 * gives it the vector that the model makes of it.
 */
import { type Collection, type Facet, TidepoolClient } from "tidepool-db";
import { startEngine } from "./engine.js";
import type { Passage, PassageMetadata } from "./passage.js";
import type { Rows } from "./principal-axes.js";

/** Written into the collection's metadata once the bundled notes are in: from then on they come back only when asked for. */
const bundledVersion = 1;
/** Numbers of an embedding by the sentence encoder. */
export const dimension = 512;
/** Records that are sent or fetched at once: few enough for the page to stay smooth on a slow machine. */
const pageSize = 200;
/** Vectors that the map fetches at once. */
const mapPageSize = 100;
/** More vectors than this are not drawn on the map; an even sample is. */
const mapVectorsMax = 3000;
const facetsMax = 500;

/** What lists and the map need to know of a passage. */
export interface Entry {
  id: string;
  title: string;
  source: string;
  topic: string;
}

/** Passages with their vectors. */
export interface Vectors {
  entries: Entry[];
  rows: Rows;
}

export interface Count {
  value: string;
  count: number;
}

/** What is stored, counted by the engine: a large library costs the page no more than a small one. */
export interface Overview {
  total: number;
  pending: number;
  sources: Count[];
  topics: Count[];
  kinds: Count[];
  tags: Count[];
}

export interface AddOptions {
  signal: AbortSignal;
  /** Waited for before each page is sent. */
  passed?(): Promise<void>;
  onStored(done: number): void;
}

/** Deleted passages, kept for as long as the deletion can be undone. */
export interface Removed {
  ids: string[];
  documents: string[];
  metadatas: PassageMetadata[];
  embeddings: Float32Array;
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
    const client = new TidepoolClient({ path: "library", worker: startEngine });
    const passages = await client.getOrCreateCollection({
      name: "passages",
      embeddingFunction: null,
      configuration: { hnsw: { space: "cosine" }, text: { stop_words: "english" } },
    });
    return new Library(client, passages);
  }

  /** Whether the bundled notes were ever put in completely. Stays true when the reader deletes them. */
  get wasFilled(): boolean {
    return this.passages.metadata?.["bundled"] === bundledVersion;
  }

  async rememberFilled(): Promise<void> {
    await this.passages.modify({ metadata: { bundled: bundledVersion } });
  }

  /** Calls `onChange` whenever passages come, go or are understood, in whichever tab. */
  watch(onChange: () => void): void {
    this.client.on("change", onChange);
  }

  /** Adds the passages of one source. Those that are there already stay as they are, so an interrupted addition is mended by another. */
  async addSource(passages: readonly Passage[], { signal, passed, onStored }: AddOptions): Promise<void> {
    for (let start = 0; start < passages.length; start += pageSize) {
      const page = passages.slice(start, start + pageSize);
      await passed?.();
      await this.passages.add({
        ids: page.map(({ id }) => id),
        documents: page.map(({ document }) => document),
        metadatas: page.map(({ metadata }) => ({ ...metadata, pending: true })),
        embeddings: new Float32Array(page.length * dimension),
        signal,
      });
      onStored(start + page.length);
    }
  }

  /** Passages that the model has not read yet, oldest first. */
  async pending(limit: number): Promise<{ ids: string[]; documents: string[] }> {
    const { ids, documents } = await this.passages.get({ where: { pending: true }, include: ["documents"], limit });
    return { ids, documents: documents.map((document) => document ?? "") };
  }

  /** Gives passages the vectors that the model made of them; those that were deleted meanwhile stay deleted. */
  async understand(ids: string[], embeddings: Float32Array[]): Promise<void> {
    await this.passages.update({ ids, embeddings, metadatas: ids.map(() => ({ pending: null })) });
  }

  deletePassage(id: string): Promise<Removed> {
    return this.#remove({ ids: [id] });
  }

  deleteSource(source: string): Promise<Removed> {
    return this.#remove({ where: { source } });
  }

  async #remove(which: { ids: string[] } | { where: { source: string } }): Promise<Removed> {
    const { ids, documents, metadatas, embeddings } = await this.passages.get({
      ...which,
      include: ["documents", "metadatas", "embeddings"],
    });
    if (ids.length > 0) await this.passages.delete(which);
    return {
      ids,
      documents: documents.map((document) => document ?? ""),
      metadatas: metadatas as unknown as PassageMetadata[],
      embeddings: flatten(embeddings).values,
    };
  }

  /** Puts deleted passages back with the vectors they had. */
  async restore({ ids, documents, metadatas, embeddings }: Removed): Promise<void> {
    if (ids.length > 0) await this.passages.add({ ids, documents, metadatas, embeddings });
  }

  /** One atomic delete. Every passage has a position, so this filter matches them all. */
  async deleteEverything(): Promise<void> {
    await this.passages.delete({ where: { position: { $gte: 0 } } });
  }

  async overview(): Promise<Overview> {
    const [total, pending, facets] = await Promise.all([
      this.passages.count(),
      this.passages.count({ where: { pending: true } }),
      this.passages.facets({ keys: ["source", "topic", "kind", "tags"], limit: facetsMax }),
    ]);
    return {
      total,
      pending,
      sources: readCounts(facets.source),
      topics: readCounts(facets.topic),
      kinds: readCounts(facets.kind),
      tags: readCounts(facets.tags),
    };
  }

  /** The vectors of the `total` passages that the model has read, or of an even sample of very many, a page after the other. */
  async *vectors(total: number, signal: AbortSignal): AsyncGenerator<Vectors> {
    const pages = Math.ceil(Math.min(total, mapVectorsMax) / mapPageSize);
    for (let page = 0; page < pages; page++) {
      const found = await this.passages.get({
        where: { pending: { $ne: true } },
        include: ["metadatas", "embeddings"],
        limit: mapPageSize,
        offset: Math.floor((page * Math.max(total, pages * mapPageSize)) / pages),
      });
      if (signal.aborted) return;
      yield toVectors(found);
    }
  }

  /** The vectors of these passages, for hits that are not among the sample. */
  async vectorsOf(ids: string[]): Promise<Vectors> {
    return toVectors(await this.passages.get({ ids, include: ["metadatas", "embeddings"] }));
  }

  async embeddingOf(id: string): Promise<number[] | null> {
    const { embeddings } = await this.passages.get({ ids: [id], include: ["embeddings"] });
    return embeddings[0] ? Array.from(embeddings[0]) : null;
  }
}

function readCounts({ values }: Facet<unknown>): Count[] {
  return values.map(({ value, count }) => ({ value: String(value), count }));
}

function toVectors({ ids, metadatas, embeddings }: Awaited<ReturnType<Collection["get"]>>): Vectors {
  const entries = ids.map((id, index) => toEntry(id, metadatas[index] as PassageMetadata | null));
  return { entries, rows: flatten(embeddings) };
}

function toEntry(id: string, metadata: PassageMetadata | null): Entry {
  return { id, title: metadata?.title ?? id, source: metadata?.source ?? "", topic: metadata?.topic ?? "" };
}

function flatten(embeddings: readonly ArrayLike<number>[]): Rows {
  const values = new Float32Array(embeddings.length * dimension);
  embeddings.forEach((embedding, row) => values.set(embedding, row * dimension));
  return { dimension, values };
}
