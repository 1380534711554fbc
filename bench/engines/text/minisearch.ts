/** MiniSearch as it comes: an inverted index in JavaScript, stored as JSON. */
import MiniSearch from "minisearch";
import { loadParts, saveParts } from "../vector/snapshot-file.js";
import { FUZZY, serveTexts, type TextEngine } from "./text-engine.js";

const options = { fields: ["text"] };

class PlainMiniSearch implements TextEngine {
  readonly kinds = ["one word", "two words", "ten words", "prefix", "fuzzy"] as const;
  #index = new MiniSearch<{ id: number; text: string }>(options);

  prepare(): void {}

  add(from: number, texts: readonly string[]): void {
    this.#index.addAll(texts.map((text, i) => ({ id: from + i, text })));
  }

  search(kind: string, question: string, limit: number): number[] {
    const found = this.#index.search(question, { prefix: kind === "prefix", fuzzy: kind === "fuzzy" ? FUZZY : false });
    return found.slice(0, limit).map(({ id }) => id as number);
  }

  save(name: string): Promise<number> {
    return saveParts(name, [new TextEncoder().encode(JSON.stringify(this.#index))]);
  }

  async open(name: string): Promise<void> {
    const [text] = await loadParts(name);
    this.#index = MiniSearch.loadJSON(new TextDecoder().decode(text), options);
  }
}

serveTexts(new PlainMiniSearch());
