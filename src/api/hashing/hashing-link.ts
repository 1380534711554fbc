/**
 * The page's end of the worker that hashes: starts it for the first texts, and ends it when it has been idle for a while. A page has
 * one, whichever clients and functions use it, and none of them waits in vain: where a worker cannot be started or loaded (a policy of
 * the page, a file that is not there) or cannot go on, `null` is the answer, and the texts are hashed where they are.
 */
import { limits } from "../../core/limits.js";
import { createHashingWorker } from "./create-hashing-worker.js";
import type { HashingAnswer, HashingCall } from "./hashing-messages.js";

/** As much of a worker as is used here. */
type HashingWorker = Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onmessageerror" | "onerror">;

/** Code units of the texts of one message, which the page copies in one step; one text is never cut. */
const UNITS_PER_MESSAGE = 1 << 19;

/** The link. Tests make their own; a page has {@link hashingLink}. */
export class HashingLink {
  readonly #create: () => HashingWorker;
  readonly #pending = new Map<number, (values: Float32Array | null) => void>();
  #worker: HashingWorker | null = null;
  /** Whether there was one that could not run: there is no other then. */
  #isRefused = false;
  #calls = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(create: () => HashingWorker) {
    this.#create = create;
  }

  /** The embeddings of the texts, one after the other; `null` where no worker can make them. */
  async hash(texts: readonly string[], dimension: number): Promise<Float32Array | null> {
    const values = new Float32Array(texts.length * dimension);
    for (let from = 0, to = 0; from < texts.length; from = to) {
      to = endOfMessage(texts, from);
      const some = await this.#send(texts.slice(from, to), dimension);
      if (some === null) return null;
      values.set(some, from * dimension);
    }
    return values;
  }

  #send(texts: readonly string[], dimension: number): Promise<Float32Array | null> {
    const worker = this.#running();
    if (worker === null) return Promise.resolve(null);
    clearTimeout(this.#idle);
    const call = ++this.#calls;
    return new Promise((resolve) => {
      this.#pending.set(call, resolve);
      worker.postMessage({ call, texts, dimension } satisfies HashingCall);
    });
  }

  #running(): HashingWorker | null {
    if (this.#isRefused) return null;
    try {
      return (this.#worker ??= this.#start());
    } catch {
      this.#isRefused = true;
      return null;
    }
  }

  #start(): HashingWorker {
    const worker = this.#create();
    worker.onmessage = ({ data }: MessageEvent<HashingAnswer>) => this.#receive(data);
    worker.onmessageerror = () => this.#refuse();
    worker.onerror = (event) => {
      event.preventDefault();
      this.#refuse();
    };
    return worker;
  }

  #receive({ call, values }: HashingAnswer): void {
    this.#pending.get(call)?.(values);
    this.#pending.delete(call);
    if (this.#pending.size === 0) this.#idle = setTimeout(() => this.#end(), limits.hashingIdleMs);
  }

  #refuse(): void {
    this.#isRefused = true;
    this.#end();
    for (const resolve of this.#pending.values()) resolve(null);
    this.#pending.clear();
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = null;
  }
}

/** That of this page. */
export const hashingLink = new HashingLink(createHashingWorker);

/** Up to where texts are sent together, one at least. */
function endOfMessage(texts: readonly string[], from: number): number {
  let units = texts[from]!.length;
  let end = from + 1;
  while (end < texts.length && (units += texts[end]!.length) <= UNITS_PER_MESSAGE) end++;
  return end;
}
