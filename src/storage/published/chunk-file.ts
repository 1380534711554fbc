/**
 * Chunks of published files that were read, in a file of the origin private file system: a table of slots, and the slots.
 *
 *   file  := head table slot*          head := magic:u32 slots:u32          little-endian
 *   table := (file:u32 chunk:u32 sum:u32 length:u32)*     of each slot; `file` is the checksum of its name, `length` 0 where it is empty
 *
 * Nothing is flushed and nothing is trusted: a chunk is what it should be by its checksum, or is fetched. When all slots are full, the
 * one that was written first is used again.
 */
import { CHUNK_BYTES } from "../../core/backup/publication.js";
import type { CacheFile } from "./published-tools.js";

/** "TPC1" */
const MAGIC = 0x31435054;
const HEAD_BYTES = 8;
const ENTRY_BYTES = 16;

/** A chunk as its file's manifest has it. */
export interface ChunkName {
  /** Checksum of the file's name. */
  file: number;
  chunk: number;
  sum: number;
  length: number;
}

export class ChunkFile {
  readonly #file: CacheFile;
  readonly #slots: number;
  readonly #places = new Map<string, number>();
  readonly #keys: (string | undefined)[];
  #next = 0;

  private constructor(file: CacheFile, slots: number) {
    this.#file = file;
    this.#slots = slots;
    this.#keys = new Array<string | undefined>(slots);
  }

  static open(file: CacheFile, bytesMax: number): ChunkFile {
    const slots = Math.max(1, Math.floor(bytesMax / (CHUNK_BYTES + ENTRY_BYTES)));
    const chunks = new ChunkFile(file, slots);
    const table = new Uint8Array(HEAD_BYTES + slots * ENTRY_BYTES);
    const view = new DataView(table.buffer);
    file.read(table, { at: 0 });
    if (view.getUint32(0, true) === MAGIC && view.getUint32(4, true) === slots) chunks.#load(view);
    else chunks.#begin();
    return chunks;
  }

  #load(table: DataView): void {
    for (let slot = 0; slot < this.#slots; slot++) {
      const at = HEAD_BYTES + slot * ENTRY_BYTES;
      const [file, chunk, sum, length] = [0, 4, 8, 12].map((field) => table.getUint32(at + field, true)) as [
        number,
        number,
        number,
        number,
      ];
      if (length === 0) continue;
      this.#enter(slot, keyOf({ file, chunk, sum, length }));
      this.#next = (slot + 1) % this.#slots;
    }
  }

  #begin(): void {
    this.#file.truncate(0);
    const table = new Uint8Array(HEAD_BYTES + this.#slots * ENTRY_BYTES);
    const view = new DataView(table.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, this.#slots, true);
    this.#file.write(table, { at: 0 });
  }

  #enter(slot: number, key: string): void {
    const before = this.#keys[slot];
    if (before !== undefined) this.#places.delete(before);
    this.#keys[slot] = key;
    this.#places.set(key, slot);
  }

  /** The bytes that were kept under this name, right or not. */
  get(name: ChunkName): Uint8Array | null {
    const slot = this.#places.get(keyOf(name));
    if (slot === undefined) return null;
    const bytes = new Uint8Array(name.length);
    return this.#file.read(bytes, { at: this.#placeOf(slot) }) === name.length ? bytes : null;
  }

  put(name: ChunkName, bytes: Uint8Array): void {
    const key = keyOf(name);
    const slot = this.#places.get(key) ?? this.#next;
    if (slot === this.#next) this.#next = (slot + 1) % this.#slots;
    this.#file.write(bytes, { at: this.#placeOf(slot) });
    const entry = Uint32Array.of(name.file, name.chunk, name.sum, name.length);
    this.#file.write(new Uint8Array(entry.buffer), { at: HEAD_BYTES + slot * ENTRY_BYTES });
    this.#enter(slot, key);
  }

  close(): void {
    this.#file.close();
  }

  #placeOf(slot: number): number {
    return HEAD_BYTES + this.#slots * ENTRY_BYTES + slot * CHUNK_BYTES;
  }
}

function keyOf({ file, chunk, sum, length }: ChunkName): string {
  return `${file}:${chunk}:${sum}:${length}`;
}
