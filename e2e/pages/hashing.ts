/** Texts that are hashed in a worker, and in place. */
import { HashingEmbeddingFunction } from "tidepool-db";

/** How a call that a worker answers compares with calls that are answered in place, and whether one of them held the page up. */
export interface Hashed {
  /** Workers that were started for it. */
  workers: number;
  areSame: boolean;
  longTasks: number;
}

const WORDS = ["tide", "Springtide", "潮だまり", "ＷＩＤＥ", "naïve", "прилив", "ทะเล", "𠮷野", "a1b2", "?!…"];

/** Texts below what is worked on in a worker, each of others. */
function shortTexts(count: number): string[] {
  const word = (text: number, i: number) => `${WORDS[(text + i) % WORDS.length]}${(text * i) % 31}`;
  return Array.from({ length: count }, (_, text) => Array.from({ length: 150 }, (_, i) => word(text, i)).join(" "));
}

/** Starts of workers are counted from here on. */
function countWorkers(): () => number {
  const Plain = globalThis.Worker;
  let count = 0;
  globalThis.Worker = class extends Plain {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      count++;
    }
  };
  return () => count;
}

/** Embeds texts one by one, and then at once. */
export async function embed(): Promise<Hashed> {
  const workers = countWorkers();
  const fn = new HashingEmbeddingFunction();
  const texts = shortTexts(100);
  const alone: number[][] = [];
  for (const text of texts) alone.push(...(await fn.generate([text])));
  if (workers() > 0) throw new Error("a short text was sent to a worker");
  const together = await fn.generate(texts);
  return { workers: workers(), areSame: JSON.stringify(together) === JSON.stringify(alone), longTasks: 0 };
}

/** Embeds texts of a million letters each, and counts what holds up the page meanwhile: tasks of more than 50 ms, as browsers count. */
export async function embedMegabytes(count: number): Promise<Hashed> {
  const workers = countWorkers();
  const texts = Array.from({ length: count }, (_, i) => `${"abcdefghij".repeat(100_000 - 1)}${i}`);
  const tasks: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
  await new Promise((resolve) => setTimeout(resolve));
  observer.observe({ type: "longtask" });
  const embeddings = await new HashingEmbeddingFunction().generate(texts);
  await new Promise((resolve) => setTimeout(resolve));
  tasks.push(...observer.takeRecords());
  observer.disconnect();
  return { workers: workers(), areSame: embeddings.every(({ length }) => length === 384), longTasks: tasks.length };
}
