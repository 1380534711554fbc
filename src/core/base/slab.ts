/**
 * Short arrays that live as long as a search, carved out of memory that many share. One of more than 64 bytes that is made by itself
 * has memory of its own, which takes the longest of many a search's steps. What is carved holds zeros, and is never used again; a slab
 * goes when nothing in it is held any more, so what is kept for long does not belong in one.
 */
const SLAB_BYTES = 65_536;
/** Longer arrays are made by themselves. */
const CARVED_BYTES_MAX = 4096;

let slab = new ArrayBuffer(SLAB_BYTES);
let used = 0;

interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): T;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
}

/** An array of so many zeros. */
export function carved<T>(type: ArrayType<T>, length: number): T {
  const bytes = length * type.BYTES_PER_ELEMENT;
  if (bytes > CARVED_BYTES_MAX) return new type(length);
  if (used + bytes > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES);
    used = 0;
  }
  const at = used;
  used += (bytes + 7) & ~7;
  return new type(slab, at, length);
}
