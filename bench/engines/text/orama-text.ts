/**
 * Orama as it comes: BM25 over a radix tree in JavaScript. A word always finds longer words that begin with it, so it answers for
 * prefixes and has no way to ask for whole words only that is comparable; both are measured as it answers.
 */
import { create, insertMultiple, load, type Orama, save, search } from "@orama/orama";
import { loadParts, saveParts } from "../vector/snapshot-file.js";
import { serveTexts, type TextEngine } from "./text-engine.js";

const EDITS = 1;

class OramaText implements TextEngine {
  readonly kinds = ["one word", "two words", "ten words", "prefix", "fuzzy"] as const;
  #database: Orama = newDatabase();

  prepare(): void {}

  async add(from: number, texts: readonly string[]): Promise<void> {
    const documents = texts.map((text, i) => ({ id: String(from + i), text }));
    await insertMultiple(this.#database, documents, documents.length);
  }

  async search(kind: string, question: string, limit: number): Promise<number[]> {
    const { hits } = await search(this.#database, { term: question, limit, ...(kind === "fuzzy" && { tolerance: EDITS }) });
    return hits.map(({ id }) => Number(id));
  }

  save(name: string): Promise<number> {
    return saveParts(name, [new TextEncoder().encode(JSON.stringify(save(this.#database)))]);
  }

  async open(name: string): Promise<void> {
    this.#database = newDatabase();
    const [text] = await loadParts(name);
    load(this.#database, JSON.parse(new TextDecoder().decode(text)) as object);
  }
}

function newDatabase(): Orama {
  return create({ schema: { text: "string" } });
}

serveTexts(new OramaText());
