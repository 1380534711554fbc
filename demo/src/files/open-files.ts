/**
 * Reads files of the person who looks on, in a worker that lives as long as the reading does: a file that takes for ever is ended by
 * stopping, and the page stays at hand meanwhile. A file is read when the one before it was taken.
 */
import type { FilePassage } from "./file-passage.js";
import type { Answer } from "./messages.js";
import { startFileWorker } from "./start-worker.js";

export type { FilePassage } from "./file-passage.js";

/** Where passages come from. */
export interface FileSource {
  /** `file/<letters that follow from the content>/<name>`; of a file that cannot be used its name. */
  key: string;
  name: string;
}

export type ReadFile =
  | {
      source: FileSource;
      passages: readonly FilePassage[];
      /** How it was read, in sentences that begin with its name. */
      notes: readonly string[];
    }
  | {
      source: FileSource;
      /** Why it cannot be used, in a sentence that begins with its name. */
      refused: string;
    };

export interface ReadProgress {
  name: string;
  /** Of the files, from 0. */
  index: number;
  files: number;
  /** Of this file, so far. */
  passages: number;
  /** How much of this file was read, between 0 and 1; 0 where that is unknown. */
  fraction: number;
}

export interface ReadOptions {
  signal: AbortSignal;
  onProgress(progress: ReadProgress): void;
}

/** Throws the signal's reason once that is aborted. */
export async function* readFiles(files: readonly File[], { signal, onProgress }: ReadOptions): AsyncGenerator<ReadFile> {
  let reading: FileReading | null = null;
  try {
    for (const [index, file] of files.entries()) {
      signal.throwIfAborted();
      reading ??= new FileReading();
      const read = await reading.read(file, signal, (passages, fraction) =>
        onProgress({ name: file.name, index, files: files.length, passages, fraction }),
      );
      if (read.isDead) {
        reading.end();
        reading = null;
      }
      yield resultOf(file.name, read);
    }
  } finally {
    reading?.end();
  }
}

function resultOf(name: string, read: Outcome): ReadFile {
  if ("refused" in read) return { source: { key: name, name }, refused: read.refused };
  return { source: { key: `file/${read.digest}/${name}`, name }, passages: read.passages, notes: read.notes };
}

type Outcome = { isDead?: boolean } & ({ passages: FilePassage[]; notes: string[]; digest: string } | { refused: string });

/** A worker and the port to it. */
class FileReading {
  readonly #worker = startFileWorker();
  readonly #port: MessagePort;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker.postMessage("files", [port2]);
  }

  end(): void {
    this.#worker.terminate();
    this.#port.close();
  }

  /** Ends the worker when the signal is aborted. A worker that dies of a file refuses it. */
  async read(file: File, signal: AbortSignal, onPart: (passages: number, fraction: number) => void): Promise<Outcome> {
    const stopped = new AbortController();
    try {
      return await new Promise<Outcome>((resolve, reject) => {
        const listen = { signal: stopped.signal };
        signal.addEventListener("abort", () => reject(signal.reason as Error), listen);
        const die = (): void => resolve({ isDead: true, refused: `${file.name} cannot be read: its reader broke down.` });
        this.#worker.addEventListener("error", die, listen);
        this.#port.onmessage = collect(file.name, onPart, resolve);
        this.#port.postMessage(file);
      });
    } finally {
      stopped.abort();
    }
  }
}

/** Takes the answers about one file, up to its end. */
function collect(name: string, onPart: (passages: number, fraction: number) => void, resolve: (outcome: Outcome) => void) {
  const passages: FilePassage[] = [];
  const notes: string[] = [];
  let fraction = 0;
  return ({ data }: MessageEvent<Answer>): void => {
    if ("refused" in data) return resolve({ refused: data.refused });
    if ("end" in data) return resolve({ passages, notes, digest: data.digest });
    const { part } = data;
    for (const passage of part.passages) passages.push(passage);
    if (part.note !== undefined) notes.push(`${name} ${part.note}`);
    fraction = part.fraction ?? fraction;
    onPart(passages.length, fraction);
  };
}
