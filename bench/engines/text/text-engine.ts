/**
 * What the text suite asks of an engine. Each runs in a worker of its own, for which `serveTexts` answers; documents are known by
 * their number and come by message, a batch at a time.
 */
import type { Kind } from "../../text/questions.js";
import { wasmBytes } from "../vector/wasm-memory.js";
import { answerCalls } from "../worker-calls.js";

export interface TextEngine {
  /** Kinds of questions that it can answer. */
  readonly kinds: readonly Kind[];
  /** Called once before the first document, unless `open` is. */
  prepare(): void | Promise<void>;
  /** Takes in documents `from`, `from + 1`, …; afterwards they can be found. */
  add(from: number, texts: readonly string[]): void | Promise<void>;
  /** The best documents, at most `limit`. */
  search(kind: Kind, question: string, limit: number): number[] | Promise<number[]>;
  /** Keeps the index in the browser's storage under this name, and returns its bytes there. */
  save(name: string): Promise<number>;
  /** Takes back what was saved. */
  open(name: string): Promise<void>;
}

export interface TextEngineMethods {
  kinds(): Promise<readonly Kind[]>;
  prepare(): Promise<void>;
  /** Milliseconds inside the engine. */
  add(from: number, texts: readonly string[]): Promise<number>;
  search(kind: Kind, question: string, limit: number): Promise<number[]>;
  save(name: string): Promise<number>;
  /** Milliseconds inside the engine. */
  open(name: string): Promise<number>;
  wasmBytes(): Promise<number>;
}

/** Called once by the module of an engine. */
export function serveTexts(engine: TextEngine): void {
  const timed = async (work: () => void | Promise<void>): Promise<number> => {
    const from = performance.now();
    await work();
    return performance.now() - from;
  };
  answerCalls<TextEngineMethods>({
    kinds: async () => engine.kinds,
    prepare: async () => engine.prepare(),
    add: (from, texts) => timed(() => engine.add(from, texts)),
    search: async (...question) => engine.search(...question),
    save: (name) => engine.save(name),
    open: (name) => timed(() => engine.open(name)),
    wasmBytes: async () => wasmBytes(),
  });
}

/** Two edits of ten letters, as Tidepool's `fuzzy: true`. */
export const FUZZY = 0.2;
