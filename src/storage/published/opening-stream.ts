/**
 * Chunks of a part of a file that is read from its beginning to its end, as one request. It is read a little ahead of what was asked for,
 * so that the network does not wait for whoever works on what came, nor memory fill with what nobody takes. A request that breaks off
 * is made again from where it was; when nobody asks for a while it is given up.
 */

export interface StreamParts {
  /** Chunks. */
  first: number;
  last: number;
  /** Asks for the bytes from a chunk on. */
  open(chunk: number): Promise<{ next(): Promise<Uint8Array | null>; cancel(): void }>;
  lengthOf(chunk: number): number;
  /** Compares and keeps a chunk. */
  accept(chunk: number, bytes: Uint8Array): Uint8Array;
  /** Brings a chunk that the stream does not. */
  otherwise(chunk: number): Promise<Uint8Array>;
  ended(): void;
}

const AHEAD_CHUNKS = 512;
const TRIES = 3;
const IDLE_MS = 5000;

export class OpeningStream {
  readonly #parts: StreamParts;
  readonly #waiting = new Map<number, (bytes: Promise<Uint8Array> | Uint8Array) => void>();
  /** The chunk that comes next. */
  #next: number;
  #wanted: number;
  #source: Awaited<ReturnType<StreamParts["open"]>> | null = null;
  /** What has come of chunks that are not complete. */
  #rest: Uint8Array = new Uint8Array(0);
  #isReading = false;
  #isOver = false;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.#next = parts.first;
    this.#wanted = parts.first;
  }

  /** The chunk, once it has come. One that has passed comes by itself. */
  wait(chunk: number): Promise<Uint8Array> {
    if (chunk < this.#next || this.#isOver) return this.#parts.otherwise(chunk);
    this.#wanted = Math.max(this.#wanted, chunk);
    const coming = new Promise<Uint8Array>((resolve) => this.#waiting.set(chunk, resolve));
    void this.#read();
    return coming;
  }

  end(): void {
    clearTimeout(this.#idle);
    this.#isOver = true;
    this.#source?.cancel();
    this.#source = null;
    this.#parts.ended();
    for (const [chunk, resolve] of this.#waiting) resolve(this.#parts.otherwise(chunk));
    this.#waiting.clear();
  }

  async #read(): Promise<void> {
    clearTimeout(this.#idle);
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      for (let failures = 0; this.#isBehind && failures < TRIES; ) failures = (await this.#more()) ? 0 : failures + 1;
    } catch {
      // What is wrong is told when the chunks are fetched by themselves.
      this.end();
    }
    this.#isReading = false;
    if (this.#isOver) return;
    if (this.#next > this.#parts.last || this.#waiting.size > 0) this.end();
    else this.#idle = setTimeout(() => this.end(), IDLE_MS);
  }

  get #isBehind(): boolean {
    return !this.#isOver && this.#next <= Math.min(this.#parts.last, this.#wanted + AHEAD_CHUNKS);
  }

  /** Takes the next piece; whether there was one. */
  async #more(): Promise<boolean> {
    this.#source ??= await this.#parts.open(this.#next);
    const piece = await this.#source.next();
    if (this.#isOver) return true;
    if (piece === null) {
      this.#source = null;
      this.#rest = new Uint8Array(0);
      return false;
    }
    const bytes = new Uint8Array(this.#rest.length + piece.length);
    bytes.set(this.#rest);
    bytes.set(piece, this.#rest.length);
    let at = 0;
    for (; this.#next <= this.#parts.last; at += this.#parts.lengthOf(this.#next++)) {
      const end = at + this.#parts.lengthOf(this.#next);
      if (end > bytes.length) break;
      this.#deliver(this.#next, this.#parts.accept(this.#next, bytes.slice(at, end)));
    }
    this.#rest = bytes.slice(at);
    return true;
  }

  #deliver(chunk: number, bytes: Uint8Array): void {
    this.#waiting.get(chunk)?.(bytes);
    this.#waiting.delete(chunk);
  }
}
