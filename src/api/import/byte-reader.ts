/**
 * The bytes of an import, read once, from the beginning, and no faster than they are taken, or else anywhere. The first of them can be
 * looked at before. What is left is cancelled at the end, however that comes.
 */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { aborted } from "../call-limits.js";
import { readArguments } from "../read-arguments.js";
import { Slice } from "../slice.js";
import type { ImportSource } from "./import-arguments.js";
import { accessBlob, accessUrl, type RandomAccess } from "./random-access.js";

export class ByteReader {
  readonly #source: ImportSource;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  /** Read and not taken. */
  #ahead: Uint8Array[] = [];
  /** Bytes of the source; `null` where it does not say. */
  totalBytes: number | null;
  /** Bytes that were read. */
  bytes = 0;

  private constructor(
    source: ImportSource,
    stream: ReadableStream<Uint8Array>,
    totalBytes: number | null,
    signal: AbortSignal | undefined,
  ) {
    this.#source = source;
    this.#reader = stream.getReader();
    this.#signal = signal;
    this.totalBytes = totalBytes;
  }

  static async open(source: ImportSource, signal: AbortSignal | undefined): Promise<ByteReader> {
    const { stream, totalBytes } = readArguments("import", () => readSource(source, signal));
    return new ByteReader(source, await stream(), totalBytes, signal);
  }

  /** The first bytes, `limits.importHeadBytes` of them where there are so many. */
  async head(): Promise<Uint8Array> {
    let length = 0;
    while (length < limits.importHeadBytes) {
      const piece = await this.#read();
      if (piece === null) break;
      this.#ahead.push(piece);
      length += piece.length;
    }
    return joinBytes(this.#ahead).subarray(0, limits.importHeadBytes);
  }

  /** All bytes, in pieces of at most `limits.importHeadBytes`, with a turn between two of them where one is due. */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const slice = new Slice();
    for (let read = this.#ahead.shift() ?? (await this.#read()); read !== null; read = this.#ahead.shift() ?? (await this.#read())) {
      for (let at = 0; at < read.length; at += limits.importHeadBytes) {
        yield read.subarray(at, at + limits.importHeadBytes);
        await slice.tick();
      }
    }
  }

  /** All bytes, to be read anywhere; in place of `pieces`. */
  async anywhere(): Promise<RandomAccess> {
    const access = await this.#told("The source cannot be read", () => this.#access());
    // Of a URL that gives ranges, or of a file, nothing more is read from the beginning.
    await this.end();
    this.totalBytes = access.size;
    this.bytes = 0;
    const read = async (start: number, end: number): Promise<Uint8Array<ArrayBuffer>> => {
      const bytes = await this.#told(`The source failed after ${this.bytes} bytes`, () => access.read(start, end));
      this.bytes += bytes.length;
      return bytes;
    };
    return { size: access.size, read };
  }

  async #access(): Promise<RandomAccess> {
    const source = this.#source;
    if (source instanceof Uint8Array) return accessBlob(new Blob([source as Uint8Array<ArrayBuffer>]));
    if (source instanceof Blob) return accessBlob(source);
    const ranges = source instanceof ReadableStream ? null : await accessUrl(source, this.#signal);
    return ranges ?? accessBlob(await new Response(streamOf(this.pieces())).blob());
  }

  async #told<T>(what: string, call: () => Promise<T>): Promise<T> {
    if (this.#signal?.aborted) throw aborted(this.#signal);
    return call().catch((error: unknown) => {
      throw error instanceof TidepoolError ? error : failure(error, this.#signal, what);
    });
  }

  async #read(): Promise<Uint8Array | null> {
    const { done, value } = await this.#reader.read().catch((error: unknown) => {
      throw failure(error, this.#signal, `The source failed after ${this.bytes} bytes`);
    });
    if (done) return null;
    if (!(value instanceof Uint8Array)) throw invalidArgument(`the stream of an import must give Uint8Arrays, got ${show(value)}`);
    this.bytes += value.length;
    return value;
  }

  async end(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }
}

interface Opening {
  stream: () => ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>;
  totalBytes: number | null;
}

function readSource(source: ImportSource, signal: AbortSignal | undefined): Opening {
  if (source instanceof Uint8Array) return readSource(new Blob([source as Uint8Array<ArrayBuffer>]), signal);
  if (source instanceof Blob) return { stream: () => source.stream(), totalBytes: source.size };
  if (typeof source === "string" || source instanceof URL) return { stream: () => fetched(source, signal), totalBytes: null };
  if (typeof ReadableStream !== "function" || !(source instanceof ReadableStream)) {
    throw invalidArgument(`source must be a Blob, a URL, a ReadableStream or a Uint8Array, got ${show(source)}`);
  }
  if (source.locked) throw invalidArgument("The stream of an import is locked: somebody else reads it");
  return { stream: () => source, totalBytes: null };
}

async function fetched(url: string | URL, signal: AbortSignal | undefined): Promise<ReadableStream<Uint8Array>> {
  const response = await fetch(url, { signal }).catch((error: unknown) => {
    throw failure(error, signal, `${show(String(url))} cannot be fetched`);
  });
  if (response.ok && response.body !== null) return response.body;
  await response.body?.cancel();
  throw invalidArgument(`${show(String(url))} cannot be imported: it answered with status ${response.status}`);
}

function failure(error: unknown, signal: AbortSignal | undefined, what: string): TidepoolError {
  if (signal?.aborted) return aborted(signal);
  const why = error instanceof Error ? error.message : show(error);
  return new TidepoolError("INVALID_ARGUMENT", `${what}: ${why}`, { cause: error });
}

function streamOf(pieces: AsyncGenerator<Uint8Array, void, undefined>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: async (controller) => {
      const { value } = await pieces.next();
      if (value === undefined) controller.close();
      else controller.enqueue(value);
    },
  });
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
