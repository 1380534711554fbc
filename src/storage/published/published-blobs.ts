/** Blocks in published files. Nothing is written: whoever would is refused before. */
import { CHUNK_BYTES, type Publication } from "../../core/backup/publication.js";
import type { BlobStore, ByteRange, Extent } from "../../core/storage.js";
import { type ChunkReader, chunksOf, numberOf } from "./chunk-reader.js";
import { readOnly } from "./published-rows.js";
import type { PublishedTools } from "./published-tools.js";

export class PublishedBlobs implements BlobStore {
  readonly #chunks: ChunkReader;
  readonly #tools: PublishedTools;
  readonly #files: Publication["files"];

  constructor(chunks: ChunkReader, tools: PublishedTools, { files }: Publication) {
    this.#chunks = chunks;
    this.#tools = tools;
    this.#files = files;
  }

  async read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    for (const range of ranges) this.#checkInside(range);
    const asked = ranges.map(({ extent, start, length }) => chunksOf(extent.arena, extent.offset + start, length));
    const chunks = await this.#chunks.read(asked);
    return ranges.map((range) => assembled(range, chunks));
  }

  #checkInside({ extent, start, length }: ByteRange): void {
    const isInside = start >= 0 && length >= 0 && start + length <= extent.length;
    if (isInside && this.holds([extent])) return;
    const place = `${extent.arena}:${extent.offset}+${extent.length}`;
    throw this.#tools.error("CORRUPTION", `Bytes ${start}+${length} of extent ${place} lie outside what was published`);
  }

  holds(extents: Iterable<Extent>): boolean {
    return [...extents].every(({ arena, offset, length }) => offset + length <= (this.#files[arena]?.bytes ?? -1));
  }

  async retain(): Promise<void> {}

  async release(): Promise<void> {}

  async flush(): Promise<void> {}

  async vacuum(): Promise<never> {
    throw readOnly(this.#tools);
  }

  async write(): Promise<never> {
    throw readOnly(this.#tools);
  }

  packing(): null {
    return null;
  }

  settledAt(): number {
    return 0;
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    const bytes = this.#files.reduce((sum, file) => sum + file.bytes, 0);
    return { bytesReserved: bytes, bytesUsed: bytes };
  }
}

function assembled({ extent, start, length, into }: ByteRange, chunks: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const out = into?.subarray(0, length) ?? new Uint8Array(length);
  const from = extent.offset + start;
  for (let at = 0; at < length; ) {
    const chunk = Math.floor((from + at) / CHUNK_BYTES);
    const begin = from + at - chunk * CHUNK_BYTES;
    const part = chunks.get(numberOf(extent.arena, chunk))!.subarray(begin, begin + length - at);
    out.set(part, at);
    at += part.length;
  }
  return out;
}
