/**
 * Candidates as u64 keys: the distance, as an integer of the same order, in the upper half and an ordinal (or a position
 * in a scan's window) in the lower, so one unsigned comparison orders by (distance, ordinal). And max-heaps of them,
 * the farthest on top; a heap of complements has the nearest on top.
 */

/** Greater than every key. */
export const NO_KEY: u64 = 0xffffffffffffffff;

/** Flipping the sign bit of positive and all bits of negative floats makes their bits ascend as unsigned integers. */
// @ts-ignore: decorator
@inline
export function keyOf(distance: f32, ordinal: u32): u64 {
  const bits = reinterpret<u32>(distance);
  const ascending = bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
  return (<u64>ascending << 32) | <u64>ordinal;
}

// @ts-ignore: decorator
@inline
export function distanceIn(key: u64): f32 {
  const ascending = <u32>(key >> 32);
  const mask = <u32>(~(<i32>ascending >> 31)) | 0x80000000;
  return reinterpret<f32>(ascending ^ mask);
}

// @ts-ignore: decorator
@inline
export function ordinalIn(key: u64): u32 {
  return <u32>key;
}

// @ts-ignore: decorator
@inline
export function keyAt(keys: usize, slot: u32): u64 {
  return load<u64>(keys + (<usize>slot << 3));
}

// @ts-ignore: decorator
@inline
export function putKey(keys: usize, slot: u32, key: u64): void {
  store<u64>(keys + (<usize>slot << 3), key);
}

/** Adds a key to a heap of `count`. */
export function rise(heap: usize, count: u32, key: u64): void {
  let slot = count;
  while (slot > 0) {
    const parent = (slot - 1) >> 1;
    const other = keyAt(heap, parent);
    if (other >= key) break;
    putKey(heap, slot, other);
    slot = parent;
  }
  putKey(heap, slot, key);
}

/** Replaces the top of a heap of `count`. */
export function sink(heap: usize, count: u32, key: u64): void {
  let slot: u32 = 0;
  for (let child: u32 = 1; child < count; child = 2 * slot + 1) {
    if (child + 1 < count && keyAt(heap, child + 1) > keyAt(heap, child)) child++;
    const other = keyAt(heap, child);
    if (key >= other) break;
    putKey(heap, slot, other);
    slot = child;
  }
  putKey(heap, slot, key);
}

/** Heap to ascending order, in place. */
export function sortHeap(heap: usize, count: u32): void {
  for (let last = count; last > 1; ) {
    last--;
    const key = keyAt(heap, last);
    putKey(heap, last, keyAt(heap, 0));
    sink(heap, last, key);
  }
}

/** Keys to pairs of distance (f32) and ordinal (u32), in place. */
export function unpackKeys(keys: usize, count: u32): void {
  for (let slot: u32 = 0; slot < count; slot++) {
    const key = keyAt(keys, slot);
    const at = keys + (<usize>slot << 3);
    store<f32>(at, distanceIn(key));
    store<u32>(at, ordinalIn(key), 4);
  }
}
