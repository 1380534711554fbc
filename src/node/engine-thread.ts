/**
 * The threads in which engines run: one for each directory, which all clients of it in this thread of the process share, and one for each
 * client in memory. A thread lives as long as it has clients, and does not keep the process alive.
 *
 * A thread that ends while it has the directory's lock, as by force, cannot give it back. Whoever started it does, once it has ended: by
 * then nothing that it had begun to write is under way any more.
 */
import fs from "node:fs";
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { newLockName, unlockDirectory } from "../storage/directory/directory-lock.js";
import { ThreadChannel } from "./thread-channel.js";

const threads = new Map<string, EngineThread>();

/** A channel to the engine of this directory, or to one in memory of its own. */
export function connectThread(directory: string | null): ThreadChannel {
  if (directory === null) return new EngineThread(null).connect();
  const place = placeOf(directory);
  const thread = threads.get(place) ?? new EngineThread(place);
  threads.set(place, thread);
  return thread.connect();
}

/** One place has one name, whatever links lead there. */
function placeOf(directory: string): string {
  const path = resolve(directory);
  return fs.existsSync(path) ? fs.realpathSync(path) : path;
}

class EngineThread {
  readonly #directory: string | null;
  readonly #channels = new Set<ThreadChannel>();
  #worker: Worker | null = null;
  /** Resolves when the thread before has ended. */
  #ended: Promise<unknown> = Promise.resolve();

  constructor(directory: string | null) {
    this.#directory = directory;
  }

  connect(): ThreadChannel {
    const channel: ThreadChannel = new ThreadChannel(() => this.#leave(channel));
    this.#channels.add(channel);
    void this.#ended.then(() => {
      if (this.#channels.has(channel)) (this.#worker ??= this.#start()).postMessage(channel.inside, [channel.inside]);
    });
    return channel;
  }

  #start(): Worker {
    const lock = newLockName();
    const workerData = { directory: this.#directory, lock };
    const worker = new Worker(new URL("../worker/node-worker.ts", import.meta.url), { workerData });
    worker.unref();
    let why = "";
    worker.on("error", (error) => (why = error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => {
      this.#unlock(lock);
      if (this.#worker === worker) this.#worker = null;
      else return;
      for (const channel of this.#channels) channel.fail(why || `the engine's thread has ended with code ${code}`);
    });
    return worker;
  }

  #unlock(lock: string): void {
    try {
      if (this.#directory !== null) unlockDirectory(this.#directory, lock);
    } catch {
      // Nobody waits for this; whoever opens the directory next is told of the file.
    }
  }

  #leave(channel: ThreadChannel): void {
    this.#channels.delete(channel);
    const worker = this.#worker;
    if (this.#channels.size > 0 || worker === null) return;
    this.#worker = null;
    this.#ended = new Promise((done) => worker.once("exit", done));
    void worker.terminate();
  }
}
