/** Orama: a scan over JavaScript arrays behind a document store; cosine only. */
import { create, type Orama as Database, insertMultiple, load, save, searchVector } from "@orama/orama";
import { rowOf } from "../../vector/exact.js";
import type { LabelFilter } from "../../vector/labels.js";
import { serve } from "./serve.js";
import { loadParts, saveParts } from "./snapshot-file.js";
import type { SharedSet, VectorEngine } from "./vector-engine.js";

/** Without a threshold it would leave out what is not alike enough. */
const SIMILARITY_MIN = -1;

class Orama implements VectorEngine {
  #set: SharedSet | null = null;
  #database: Database | null = null;

  prepare(set: SharedSet): void {
    this.#set = set;
    this.#database = newDatabase(set);
  }

  async add(from: number, to: number): Promise<void> {
    const { base, labels } = this.#set!;
    const documents = Array.from({ length: to - from }, (_, i) => {
      const row = from + i;
      return {
        id: String(row),
        embedding: [...rowOf(base, row)],
        tenth: labels.tenth[row],
        hundredth: labels.hundredth[row],
        region: labels.region[row],
      };
    });
    await insertMultiple(this.#database!, documents, documents.length);
  }

  async search(query: Float32Array, k: number, filter: LabelFilter | null): Promise<number[]> {
    const where = filter === null ? undefined : { [filter.column]: { eq: filter.value } };
    const { hits } = await searchVector(this.#database!, {
      vector: { value: query, property: "embedding" },
      similarity: SIMILARITY_MIN,
      limit: k,
      where,
    });
    return hits.map(({ id }) => Number(id));
  }

  save(): Promise<number> {
    return saveParts(`orama-${this.#set!.name}`, [new TextEncoder().encode(JSON.stringify(save(this.#database!)))]);
  }

  async open(set: SharedSet): Promise<void> {
    this.prepare(set);
    const [text] = await loadParts(`orama-${set.name}`);
    load(this.#database!, JSON.parse(new TextDecoder().decode(text)) as object);
  }
}

function newDatabase({ base }: SharedSet): Database {
  return create({ schema: { embedding: `vector[${base.dimension}]`, tenth: "number", hundredth: "number", region: "number" } });
}

serve(new Orama());
