/**
 * Free space over several arenas. It owns no bytes: it says where the next extent may go, knowing which extents are in
 * use. The free ranges are derived from the retained extents and never stored, so no crash can corrupt them.
 *
 * Invariants: inside an arena, used slots and free ranges are disjoint and together cover it exactly; neighbouring free
 * ranges are always joined; every extent starts on a slot boundary and owns whole slots.
 *
 * A slot is 4 KiB, the sector of today's disks. A write that power loss tears can then only damage the extent being
 * written, never a neighbour that is already durable. Half a slot is lost per block of up to 4 MiB, which is cheap.
 */
import { lowerBound } from "../core/base/lower-bound.js";
import { TidepoolError } from "../core/errors.js";
import type { ArenaUsage, Extent } from "../core/storage.js";
import { refuse, type Unfit } from "./unfit-extents.js";

/** Extents start at multiples of this and no two share such a slot. */
export const slotBytes = 4096;

/** Parts of an arena in a map of it. */
const MAP_PARTS = 64;

/** Bytes that an extent or arena of this length takes: whole slots, and at least one, so that empty extents differ. */
export function slotted(length: number): number {
  return Math.max(1, Math.ceil(length / slotBytes)) * slotBytes;
}

interface Range {
  offset: number;
  length: number;
}

/** One arena: `used` maps an extent's offset to its exact length, `free` ascends by offset. */
class Arena {
  readonly used = new Map<number, number>();
  /** Nothing is placed in it. */
  sealed = false;
  free: Range[];
  bytesUsed = 0;

  constructor(public bytes: number) {
    this.free = bytes === 0 ? [] : [{ offset: 0, length: bytes }];
  }

  /** The lowest free range that is long enough, or -1: so the space at the end empties, and can be cut off. */
  firstFit(length: number): number {
    return this.free.findIndex((range) => range.length >= length);
  }

  take(index: number, length: number): number {
    const range = this.free[index]!;
    const offset = range.offset;
    const slots = slotted(length);
    if (range.length === slots) this.free.splice(index, 1);
    else this.free[index] = { offset: offset + slots, length: range.length - slots };
    this.use(offset, length);
    return offset;
  }

  use(offset: number, length: number): void {
    this.used.set(offset, length);
    this.bytesUsed += slotted(length);
  }

  giveBack(offset: number): void {
    const length = slotted(this.used.get(offset)!);
    this.used.delete(offset);
    this.bytesUsed -= length;
    this.addFree({ offset, length });
  }

  /** Inserts a range that is not free yet, joining it with the ranges it touches. */
  addFree(range: Range): void {
    let { offset, length } = range;
    let first = this.#firstAtOrAfter(offset);
    let replaced = 0;
    const after = this.free[first];
    if (after && after.offset === offset + length) {
      length += after.length;
      replaced++;
    }
    const before = this.free[first - 1];
    if (before && before.offset + before.length === offset) {
      offset = before.offset;
      length += before.length;
      first--;
      replaced++;
    }
    this.free.splice(first, replaced, { offset, length });
  }

  /** Where the last used slot ends; everything from here on is free. */
  usedEnd(): number {
    const last = this.free.at(-1);
    return last && last.offset + last.length === this.bytes ? last.offset : this.bytes;
  }

  #firstAtOrAfter(offset: number): number {
    return lowerBound(0, this.free.length, (i) => this.free[i]!.offset < offset);
  }
}

export class ExtentAllocator {
  /** Ascending by arena number, which is ascending by age: older arenas are filled first. */
  readonly #arenas = new Map<number, Arena>();

  /** Adds an arena, wholly free. Numbers ascend; a length that is not whole slots is rounded down. */
  addArena(arena: number, bytes: number): void {
    const youngest = [...this.#arenas.keys()].at(-1) ?? -1;
    if (arena <= youngest) throw internal(`Arena ${arena} does not come after arena ${youngest}`);
    this.#arenas.set(arena, new Arena(wholeSlots(bytes)));
  }

  /** Whether extents may be placed in an arena. What is given back in a sealed one is free once it is unsealed. */
  seal(arena: number, sealed: boolean): void {
    this.#find(arena).sealed = sealed;
  }

  /** Makes an arena longer, or cuts off free space at its end. */
  resizeArena(arena: number, bytes: number): void {
    const found = this.#find(arena);
    const end = found.usedEnd();
    const target = wholeSlots(bytes);
    if (target < end) throw internal(`Arena ${arena} cannot shrink to ${target} bytes: extents reach up to ${end}`);
    if (end < found.bytes) found.free.pop();
    found.bytes = target;
    if (target > end) found.free.push({ offset: end, length: target - end });
  }

  /**
   * Declares the extents in use, all or none; what lies between them stays free. Rejects with `CORRUPTION` what cannot
   * have been allocated: an unknown arena, a place outside it or off the slot boundary, an overlap.
   */
  retain(extents: Iterable<Extent>): void {
    const byArena = new Map<number, Extent[]>();
    for (const extent of extents) {
      if (!byArena.has(extent.arena)) byArena.set(extent.arena, []);
      byArena.get(extent.arena)!.push(extent);
    }
    refuse([...byArena].flatMap(([arena, group]) => this.#unfit(arena, group)));
    for (const [arena, group] of byArena) occupy(this.#arenas.get(arena)!, group);
  }

  /** The lowest free place that is long enough in the oldest arena that has one, or `null` when an arena must grow first. */
  allocate(length: number): Extent | null {
    for (const [number, arena] of this.#arenas) {
      if (arena.sealed) continue;
      const index = arena.firstFit(slotted(length));
      if (index >= 0) return { arena: number, offset: arena.take(index, length), length };
    }
    return null;
  }

  /** The lowest free place that is long enough and ends before `below` begins, in one of these arenas, or `null`. */
  allocateBelow(length: number, below: Extent, arenas: readonly number[]): Extent | null {
    for (const number of arenas) {
      const arena = this.#find(number);
      const index = arena.firstFit(slotted(length));
      const offset = arena.free[index]?.offset ?? Infinity;
      if (number > below.arena || (number === below.arena && offset >= below.offset)) return null;
      if (index >= 0) return { arena: number, offset: arena.take(index, length), length };
    }
    return null;
  }

  /** The first piece of free space in an arena from `at` on, `null` when there is none. */
  freeFrom(arena: number, at: number): { offset: number; length: number } | null {
    const range = this.#find(arena).free.find(({ offset, length }) => offset + length > at);
    if (range === undefined) return null;
    const offset = Math.max(range.offset, at);
    return { offset, length: range.offset + range.length - offset };
  }

  /** Gives extents back, all or none. An extent that is not in use is a fault of the caller (`INTERNAL`). */
  release(extents: Iterable<Extent>): void {
    const list = [...extents];
    const seen = new Set<string>();
    for (const extent of list) {
      const place = `${extent.arena}:${extent.offset}`;
      const length = this.#arenas.get(extent.arena)?.used.get(extent.offset);
      if (length !== extent.length || seen.has(place)) throw internal(`Extent ${name(extent)} is not in use, so it cannot be released`);
      seen.add(place);
    }
    for (const extent of list) this.#arenas.get(extent.arena)!.giveBack(extent.offset);
  }

  arenaBytes(arena: number): number {
    return this.#find(arena).bytes;
  }

  /** Bytes of whole slots in use inside one arena. */
  arenaBytesUsed(arena: number): number {
    return this.#find(arena).bytesUsed;
  }

  /** Where the last used slot of an arena ends. */
  arenaUsedEnd(arena: number): number {
    return this.#find(arena).usedEnd();
  }

  get bytesReserved(): number {
    return sum(this.#arenas.values(), (arena) => arena.bytes);
  }

  get bytesUsed(): number {
    return sum(this.#arenas.values(), (arena) => arena.bytesUsed);
  }

  /** What each arena looks like, oldest first. */
  usages(): ArenaUsage[] {
    return [...this.#arenas].map(([arena, { bytes, bytesUsed, used, free }]) => {
      return { arena, bytes, bytesUsed, blocks: used.size, map: mapOf(bytes, free) };
    });
  }

  #find(arena: number): Arena {
    const found = this.#arenas.get(arena);
    if (!found) throw internal(`There is no arena ${arena}`);
    return found;
  }

  /** Sorts the group by offset and compares it with the arena and, through `used`, with what was retained before. */
  #unfit(number: number, group: Extent[]): Unfit[] {
    const arena = this.#arenas.get(number);
    if (!arena) return group.map((extent) => ({ extent, why: `lies in arena ${number}, which is missing` }));
    group.sort((a, b) => a.offset - b.offset);
    const taken = [...arena.used].map(([offset, length]) => ({ arena: number, offset, length }));
    const all = taken.length === 0 ? group : [...taken, ...group].sort((a, b) => a.offset - b.offset);
    const unfit: Unfit[] = [];
    let previous: Extent | undefined;
    for (const extent of all) {
      const overlaps = previous && extent.offset < previous.offset + slotted(previous.length);
      const why = wrongWithPlace(extent, arena.bytes) ?? (overlaps ? `overlaps extent ${name(previous!)}` : null);
      if (why === null) previous = extent;
      else unfit.push({ extent, why });
    }
    return unfit;
  }
}

/** How much of each of an arena's equal parts is in use: what no free range covers. */
function mapOf(bytes: number, free: readonly Range[]): number[] {
  const part = bytes / MAP_PARTS;
  const map = new Array<number>(bytes === 0 ? 0 : MAP_PARTS).fill(1);
  for (const { offset, length } of free) {
    for (let i = Math.floor(offset / part); i < MAP_PARTS && i * part < offset + length; i++) {
      const covered = Math.min(offset + length, (i + 1) * part) - Math.max(offset, i * part);
      map[i] = Math.max(0, map[i]! - covered / part);
    }
  }
  return map;
}

/** Marks extents, ascending and checked, as used and rebuilds the free ranges as what lies between all used slots. */
function occupy(arena: Arena, group: readonly Extent[]): void {
  for (const extent of group) arena.use(extent.offset, extent.length);
  arena.free = [];
  let end = 0;
  for (const [offset, length] of [...arena.used].sort((a, b) => a[0] - b[0])) {
    if (offset > end) arena.free.push({ offset: end, length: offset - end });
    end = offset + slotted(length);
  }
  if (arena.bytes > end) arena.free.push({ offset: end, length: arena.bytes - end });
}

function wrongWithPlace({ offset, length }: Extent, arenaBytes: number): string | null {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset % slotBytes !== 0) {
    return "is not a place that can have been written";
  }
  return offset + slotted(length) > arenaBytes ? `reaches past the end of its arena, which has ${arenaBytes} bytes` : null;
}

function name(extent: Extent): string {
  return `${extent.arena}:${extent.offset}+${extent.length}`;
}

function wholeSlots(bytes: number): number {
  return Math.floor(bytes / slotBytes) * slotBytes;
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}

function internal(message: string): TidepoolError {
  return new TidepoolError("INTERNAL", message);
}
