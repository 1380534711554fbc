/**
 * Where everything lies in the memory of one code table, and the one way to turn an ordinal into an address.
 *
 *     memory    = reserved directory desk (row chunk | node chunk | towers | desk of a helper)* scratch
 *     directory = 4096 × (address of row chunk: u32 · address of node chunk: u32)
 *     desk      = window slots 4 × query 4 × coarse: what one call works with
 *     window    = 65,536 bits: which rows of a scan's window are allowed, lowest bit first
 *     slots     = 4 × (scale: f32 · limit: f32 · results held: u32 · u32 of 0): the queries of a scan (`kernel.ts`)
 *     query     = int16 codes, padded with 0 to a multiple of 16; or a row (`row-query.ts`)
 *     coarse    = magnitudes and masks of the query, sixteen of each in turn · 16 bytes (`coarse.ts`); in the relaxed build
 *     row chunk = 2^shift × row
 *     row       = int8 codes, padded with 0 to a multiple of 16 · slope: f32 · intercept: f32
 *     scratch   = behind the last of these; meaningless between two calls, so later rows and chunks may overwrite it
 *
 * Rows and graph nodes (`graph.ts`) grow side by side in chunks of equally many ordinals, taken from the end of memory as
 * they are needed and never moved: no capacity is fixed in advance, and a collection without a graph pays for none. The
 * extra load of the directory is noise beside a row. `table-memory.ts` places the chunks and grows the memory; nothing here allocates.
 *
 * Where memory is shared, each core has an instance of the module, with globals of its own, and a desk and scratch memory of its own.
 */

export const DIRECTORY: usize = 1024;
const DIRECTORY_BYTES: usize = 4096 * 8;
const FIRST_DESK: usize = DIRECTORY + DIRECTORY_BYTES;
const WINDOW_BYTES: usize = 8192;
/** Most queries of one scan. */
const SLOTS: u32 = 4;
const SLOT_BYTES: usize = 16;
const QUERY_OFFSET: usize = WINDOW_BYTES + <usize>SLOTS * SLOT_BYTES;

/** Where this instance's desk is, which begins with the window. */
let desk: usize = FIRST_DESK;
/** Bytes of a row's padded codes, and of a row. */
export let codeBytes: usize = 0;
export let rowBytes: usize = 0;
/** 2^shift ordinals share a chunk; the mask takes an ordinal's place in it. */
let shift: u32 = 0;
let mask: u32 = 0;
/** Bytes of a graph node. */
let nodeBytes: usize = 0;

/** Fixes the shape of rows and chunks. Called once, before anything else. */
export function init(dimension: u32, chunkShift: u32): void {
  codeBytes = (<usize>dimension + 15) & ~15;
  rowBytes = codeBytes + 8;
  shift = chunkShift;
  mask = (1 << chunkShift) - 1;
}

/** Fixes the size of graph nodes. */
export function setNodeBytes(bytes: usize): void {
  nodeBytes = bytes;
}

/** Has this instance work at another desk. */
export function workAt(at: usize): void {
  desk = at;
}

/** Bytes of a desk. */
export function deskBytes(): usize {
  return deskEnd() - desk;
}

// @ts-ignore: decorator
@inline
export function windowAt(): usize {
  return desk;
}

/** Address of the first query, and the only one but for scans. */
// @ts-ignore: decorator
@inline
export function firstQueryAt(): usize {
  return desk + QUERY_OFFSET;
}

export function directoryAt(): usize {
  return DIRECTORY;
}

export function slotsAt(): usize {
  return desk + WINDOW_BYTES;
}

/** Address of a slot. */
// @ts-ignore: decorator
@inline
export function slotAt(slot: u32): usize {
  return desk + WINDOW_BYTES + <usize>slot * SLOT_BYTES;
}

/** Address of a slot's query. */
export function queryAt(slot: u32): usize {
  return firstQueryAt() + <usize>slot * 2 * codeBytes;
}

/** Address of what rows are looked at with before they are measured, for a slot's query. */
export function coarseAt(slot: u32): usize {
  return queryAt(SLOTS) + <usize>slot * (2 * codeBytes + 16);
}

/** The end of this instance's desk: behind the first one the first chunk may lie. */
export function deskEnd(): usize {
  return ASC_FEATURE_RELAXED_SIMD ? coarseAt(SLOTS) : queryAt(SLOTS);
}

/** Address of an ordinal's row. */
// @ts-ignore: decorator
@inline
export function rowAt(ordinal: u32): usize {
  return <usize>load<u32>(DIRECTORY + (<usize>(ordinal >> shift) << 3)) + <usize>(ordinal & mask) * rowBytes;
}

/** Address of an ordinal's graph node. */
// @ts-ignore: decorator
@inline
export function nodeAt(ordinal: u32): usize {
  return <usize>load<u32>(DIRECTORY + (<usize>(ordinal >> shift) << 3), 4) + <usize>(ordinal & mask) * nodeBytes;
}
