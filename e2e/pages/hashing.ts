/** Texts that are hashed in a worker, and in place. */
import { HashingEmbeddingFunction } from "tidepool-db";

/** How a call that a worker answers compares with calls that are answered in place. */
export interface Hashed {
  /** Workers that were started for it. */
  workers: number;
  areSame: boolean;
}

export interface HashedMegabytes {
  workers: number;
  dimensions: number[];
  /** Messages with a text, and how many tasks of the page they were sent in. */
  sent: number;
  tasks: number;
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
  return { workers: workers(), areSame: JSON.stringify(together) === JSON.stringify(alone) };
}

/** Embeds texts of a million letters each, and counts the page's tasks in which they go to the worker: each takes as long as copying it. */
export async function embedMegabytes(count: number): Promise<HashedMegabytes> {
  const workers = countWorkers();
  const texts = Array.from({ length: count }, (_, i) => `${"abcdefghij".repeat(100_000 - 1)}${i}`);
  const turns = countTurns();
  const sentIn: number[] = [];
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (this: Worker, message: unknown, ...rest: []) {
    if (JSON.stringify(message)?.includes("abcdefghij")) sentIn.push(turns.now());
    postMessage.call(this, message, ...rest);
  };
  try {
    const embeddings = await new HashingEmbeddingFunction().generate(texts);
    return {
      workers: workers(),
      dimensions: embeddings.map(({ length }) => length),
      sent: sentIn.length,
      tasks: new Set(sentIn).size,
    };
  } finally {
    Worker.prototype.postMessage = postMessage;
    turns.end();
  }
}

/** Counts the page's tasks, as long as messages to itself have their turn between them. */
function countTurns(): { now(): number; end(): void } {
  const { port1, port2 } = new MessageChannel();
  let turns = 0;
  port1.onmessage = () => {
    turns++;
    port2.postMessage(null);
  };
  port2.postMessage(null);
  return {
    now: () => turns,
    end: () => port1.close(),
  };
}
