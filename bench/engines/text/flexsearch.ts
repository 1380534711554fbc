/**
 * FlexSearch as it comes: words to documents in JavaScript, without scores of BM25. Prefixes would need another index ("forward"),
 * several times as large. `suggest` has documents found that lack a word, as the others find them.
 */
import { Index } from "flexsearch";
import { loadParts, saveParts } from "../vector/snapshot-file.js";
import { serveTexts, type TextEngine } from "./text-engine.js";

class FlexSearch implements TextEngine {
  readonly kinds = ["one word", "two words", "ten words"] as const;
  #index = new Index({ tokenize: "strict" });

  prepare(): void {}

  add(from: number, texts: readonly string[]): void {
    for (const [i, text] of texts.entries()) this.#index.add(from + i, text);
  }

  search(_kind: string, question: string, limit: number): number[] {
    return this.#index.search(question, { limit, suggest: true }) as number[];
  }

  async save(name: string): Promise<number> {
    const encoder = new TextEncoder();
    const parts: Uint8Array[] = [];
    await this.#index.export((key, data) => void parts.push(encoder.encode(key), encoder.encode(data ?? "")));
    return saveParts(name, parts);
  }

  async open(name: string): Promise<void> {
    this.#index = new Index({ tokenize: "strict" });
    const decoder = new TextDecoder();
    const parts = (await loadParts(name)).map((part) => decoder.decode(part));
    for (let i = 0; i < parts.length; i += 2) if (parts[i + 1] !== "") this.#index.import(parts[i]!, parts[i + 1]!);
  }
}

serveTexts(new FlexSearch());
