/**
 * The chunks of published files: from memory, from what earlier visits kept, or from the host, and each compared with its checksum before
 * anybody sees it. What is missing of one read is fetched together, with what lies between where that is little. What opening a collection
 * reads comes as one stream, which is not read further than a little ahead of what was asked for.
 */
import { CHUNK_BYTES, type Publication, type PublishedFile } from "../../core/backup/publication.js";
import type { ChunkFile, ChunkName } from "./chunk-file.js";
import { OpeningStream } from "./opening-stream.js";
import type { PublishedTools } from "./published-tools.js";
import type { FileRange, RangeRequests } from "./range-requests.js";

/** Chunks of a file from `first` to `last`. */
export interface ChunkRange {
  /** Its place among the publication's. */
  file: number;
  first: number;
  last: number;
}

/** Chunks between two that are missing, up to which they are fetched as one: more where each costs a request. */
const GAP_CHUNKS = 4;
const GAP_CHUNKS_APART = 32;
/** Shorter parts of what opening reads are fetched like any other. */
const STREAM_CHUNKS_MIN = 16;
/** Of what is kept in memory, and the part of a client's budget that it may take. */
const MEMORY_BYTES_MAX = 16 * 1024 * 1024;
const MEMORY_SHARE = 0.25;

/** A file with its checksums. */
interface KnownFile {
  file: PublishedFile;
  name: number;
  sums: DataView;
}

export class ChunkReader {
  readonly #requests: RangeRequests;
  readonly #tools: PublishedTools;
  readonly #files: readonly KnownFile[];
  readonly #opening: readonly ChunkRange[];
  readonly #kept: ChunkFile | null;
  /** The latest at the end. */
  readonly #memory = new Map<number, Uint8Array>();
  readonly #underWay = new Map<number, Promise<Uint8Array>>();
  readonly #streams = new Map<ChunkRange, OpeningStream>();
  /** Told of a file that is not what the manifest tells; rejects where that tells nothing new. */
  readonly #changed: (error: unknown) => Promise<never>;
  readonly #memoryChunksMax: number;
  #keeps = true;

  constructor(
    requests: RangeRequests,
    tools: PublishedTools,
    { files, opening }: Publication,
    kept: ChunkFile | null,
    changed: (error: unknown) => Promise<never>,
  ) {
    this.#requests = requests;
    this.#tools = tools;
    this.#kept = kept;
    this.#changed = changed;
    const bytesMax = Math.min(MEMORY_BYTES_MAX, MEMORY_SHARE * (tools.memoryBudgetBytes ?? Infinity));
    this.#memoryChunksMax = Math.floor(bytesMax / CHUNK_BYTES);
    this.#files = files.map((file) => ({ file, name: tools.crc32(new TextEncoder().encode(file.name)), sums: sumsOf(file) }));
    this.#opening = opening.map(({ arena, offset, length }) => chunksOf(arena, offset, length));
  }

  /** The chunks, by their numbers as `numberOf` gives them. */
  async read(ranges: readonly ChunkRange[]): Promise<Map<number, Uint8Array>> {
    const found = new Map<number, Uint8Array | Promise<Uint8Array>>();
    const missing: number[] = [];
    for (const { file, first, last } of ranges) {
      for (let chunk = first; chunk <= last; chunk++) {
        const number = numberOf(file, chunk);
        if (found.has(number)) continue;
        const there = this.#recalled(number) ?? this.#underWay.get(number);
        if (there === undefined) missing.push(number);
        else found.set(number, there);
      }
    }
    for (const [number, bytes] of this.#fetchAll(missing.sort((a, b) => a - b))) found.set(number, bytes);
    return settled(found);
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.end();
    this.#kept?.close();
  }

  #recalled(number: number): Uint8Array | undefined {
    const known = this.#memory.get(number);
    if (known !== undefined) {
      this.#memory.delete(number);
      this.#memory.set(number, known);
      return known;
    }
    const name = this.#nameOf(number);
    const kept = this.#kept?.get(name) ?? null;
    if (kept === null || this.#tools.crc32(kept) !== name.sum) return undefined;
    this.#remember(number, kept);
    return kept;
  }

  #remember(number: number, bytes: Uint8Array): void {
    this.#memory.set(number, bytes);
    if (this.#memory.size <= this.#memoryChunksMax) return;
    for (const oldest of this.#memory.keys()) {
      this.#memory.delete(oldest);
      return;
    }
  }

  #nameOf(number: number): ChunkName {
    const { file, chunk } = placeOf(number);
    const known = this.#files[file]!;
    const length = Math.min(CHUNK_BYTES, known.file.bytes - chunk * CHUNK_BYTES);
    return { file: known.name, chunk, sum: known.sums.getUint32(4 * chunk, true), length };
  }

  // ---- what is missing

  *#fetchAll(missing: readonly number[]): Generator<[number, Promise<Uint8Array>], void, undefined> {
    const apart = new Map<number, Set<number>>();
    for (const number of missing) {
      const streamed = this.#streamed(number);
      if (streamed !== null) yield [number, this.#watched(number, streamed)];
      else {
        const { file, chunk } = placeOf(number);
        const asked = apart.get(file) ?? new Set();
        apart.set(file, asked);
        for (const one of this.#withRest(file, chunk)) asked.add(one);
      }
    }
    for (const [file, asked] of apart) {
      const chunks = [...asked].sort((a, b) => a - b);
      const fetched = this.#fetch(file, rangesOf(file, chunks, this.#requests.hasSeveral ? GAP_CHUNKS : GAP_CHUNKS_APART));
      for (const chunk of chunks) {
        const number = numberOf(file, chunk);
        yield [number, this.#watched(number, fetched.then((found) => found.get(number)!))]; // biome-ignore format: one line
      }
    }
  }

  /** A chunk, and what follows it of what opening reads, where that is short. */
  *#withRest(file: number, chunk: number): Generator<number, void, undefined> {
    yield chunk;
    const range = this.#openingOf(file, chunk);
    if (range === undefined || range.last - chunk >= STREAM_CHUNKS_MIN) return;
    for (let next = chunk + 1; next <= range.last; next++) {
      const number = numberOf(file, next);
      if (!this.#memory.has(number) && !this.#underWay.has(number)) yield next;
    }
  }

  #openingOf(file: number, chunk: number): ChunkRange | undefined {
    return this.#opening.find((one) => one.file === file && one.first <= chunk && chunk <= one.last);
  }

  #watched(number: number, coming: Promise<Uint8Array>): Promise<Uint8Array> {
    const end = (): boolean => this.#underWay.delete(number);
    this.#underWay.set(number, coming);
    coming.then(end, end);
    return coming;
  }

  async #fetch(file: number, ranges: readonly ChunkRange[]): Promise<Map<number, Uint8Array>> {
    const { name } = this.#files[file]!.file;
    const asked = ranges.map((range) => this.#bytesOf(range));
    for (let attempt = 1; ; attempt++) {
      try {
        return this.#accepted(ranges, await this.#requests.read(name, asked, attempt > 1));
      } catch (error) {
        const { code } = error as { code?: string };
        // What a cache in between has may be damaged, or be of another time.
        if (code === "CORRUPTION" && attempt === 1) continue;
        if (code === "CORRUPTION" || code === "NOT_FOUND") return this.#changed(error);
        throw error;
      }
    }
  }

  #bytesOf({ file, first, last }: ChunkRange): FileRange {
    return { from: first * CHUNK_BYTES, to: Math.min((last + 1) * CHUNK_BYTES, this.#files[file]!.file.bytes) };
  }

  #accepted(ranges: readonly ChunkRange[], parts: readonly Uint8Array[]): Map<number, Uint8Array> {
    const found = new Map<number, Uint8Array>();
    ranges.forEach(({ file, first, last }, i) => {
      for (let chunk = first; chunk <= last; chunk++) {
        const from = (chunk - first) * CHUNK_BYTES;
        const number = numberOf(file, chunk);
        found.set(number, this.accept(number, parts[i]!.slice(from, from + CHUNK_BYTES)));
      }
    });
    return found;
  }

  /** Compares the chunk with its checksum, and keeps it. */
  accept(number: number, bytes: Uint8Array): Uint8Array {
    const name = this.#nameOf(number);
    if (bytes.length !== name.length || this.#tools.crc32(bytes) !== name.sum) {
      const { file, chunk } = placeOf(number);
      const place = `${chunk * CHUNK_BYTES}+${name.length}`;
      const message = `The file ${this.#files[file]!.file.name} is not as its manifest tells: bytes ${place} fail their checksum`;
      throw this.#tools.error("CORRUPTION", message, { details: { file: this.#files[file]!.file.name, chunk } });
    }
    this.#remember(number, bytes);
    this.#keep(name, bytes);
    return bytes;
  }

  #keep(name: ChunkName, bytes: Uint8Array): void {
    if (!this.#keeps) return;
    try {
      this.#kept?.put(name, bytes);
    } catch (error) {
      this.#keeps = false;
      this.#tools.warn(`What is read of a published database cannot be kept for later: ${String(error)}`);
    }
  }

  // ---- what opening reads

  /** A chunk as a part of a stream, where it belongs to one that has not passed it. */
  #streamed(number: number): Promise<Uint8Array> | null {
    const { file, chunk } = placeOf(number);
    const range = this.#openingOf(file, chunk);
    if (range === undefined) return null;
    const stream = this.#streams.get(range);
    if (stream !== undefined) return stream.wait(chunk);
    if (range.last - chunk < STREAM_CHUNKS_MIN) return null;
    const begun = this.#begin(range, chunk);
    this.#streams.set(range, begun);
    return begun.wait(chunk);
  }

  #begin(range: ChunkRange, first: number): OpeningStream {
    const { file, last } = range;
    const { name } = this.#files[file]!.file;
    return new OpeningStream({
      first,
      last,
      open: (chunk) => this.#requests.stream(name, this.#bytesOf({ file, first: chunk, last })),
      lengthOf: (chunk) => this.#nameOf(numberOf(file, chunk)).length,
      accept: (chunk, bytes) => this.accept(numberOf(file, chunk), bytes),
      // Whatever a stream does not bring is fetched like any other chunk, which tells what is wrong.
      otherwise: async (chunk) => (await this.#fetch(file, [{ file, first: chunk, last: chunk }])).get(numberOf(file, chunk))!,
      ended: () => this.#streams.delete(range),
    });
  }
}

function sumsOf({ sums }: PublishedFile): DataView {
  const text = atob(sums);
  return new DataView(Uint8Array.from(text, (char) => char.charCodeAt(0)).buffer);
}

export function chunksOf(file: number, offset: number, length: number): ChunkRange {
  return { file, first: Math.floor(offset / CHUNK_BYTES), last: Math.floor((offset + Math.max(length, 1) - 1) / CHUNK_BYTES) };
}

export function numberOf(file: number, chunk: number): number {
  return file * 2 ** 32 + chunk;
}

function placeOf(number: number): { file: number; chunk: number } {
  return { file: Math.floor(number / 2 ** 32), chunk: number % 2 ** 32 };
}

/** Ascending chunks as ranges, those that are near each other in one. */
function rangesOf(file: number, chunks: readonly number[], gap: number): ChunkRange[] {
  const ranges: ChunkRange[] = [];
  for (const chunk of chunks) {
    const last = ranges.at(-1);
    if (last !== undefined && chunk - last.last <= gap) last.last = chunk;
    else ranges.push({ file, first: chunk, last: chunk });
  }
  return ranges;
}

async function settled(found: ReadonlyMap<number, Uint8Array | Promise<Uint8Array>>): Promise<Map<number, Uint8Array>> {
  const bytes = await Promise.all(found.values());
  return new Map([...found.keys()].map((number, i) => [number, bytes[i]!]));
}
