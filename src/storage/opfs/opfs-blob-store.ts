/**
 * Blobs in OPFS: extents inside a few arena files that are opened once and never renamed or removed while the database
 * lives. The store owns the handles and, through the allocator, the free space.
 *
 * Chromium syncs no creation, renaming or removal of an OPFS file, so an extent can be relied upon only once its arena's
 * *name* has had time to reach the disk (`settledAt`). Everything here keeps names out of the way:
 * an arena grows and shrinks in place by `truncate`, which `flush` makes durable, from nothing up to `arenaBytesMax`;
 * only then the next arena is used, and that one was created empty long before, together with the database or when the
 * arena before it came into use. An arena in which nothing is left is cut to zero bytes and waits to be used again. Space
 * thus returns to the origin without a file ever disappearing, and an arena's number never names two files.
 *
 * Reserved space stays below about twice of what is used, and one unit: arenas grow by half of that, extents are placed as low as
 * they fit, and what is free at the arenas' ends is cut off once it is worth it. What stands in the way of that is written once more
 * before it (`packing`). When space is given back, arenas that were cut or have grown are opened anew: until then Chromium counts
 * what is not there.
 *
 * All file operations but the creation of an arena and opening one anew, for which everybody waits, are synchronous, so no call
 * sees another one's half-done work.
 *
 * **Two engines.** A frozen worker that lost its lease still has its handles, and may thaw in the middle of a write. The engine after
 * it opens the same files, so neither may touch bytes that the other relies upon. Of two engines call the one with the smaller
 * generation O, the other N. Each announces itself (`ArenaClaim.predecessors` sees it) before it takes its generation, looks for
 * others after that, and confirms in `retain` that its generation is still the latest.
 * - What N relies upon in arenas that O has open are extents of manifests that were committed when N took its generation: O commits
 *   nothing later. O holds all of these for used: if it has confirmed, it read the catalog before N changed it, and it frees an
 *   extent only after committing a manifest without it. If it has not, it has no idea of free space yet, and never gets one. So O
 *   neither writes over them, nor cuts them off.
 * - N writes, grows and cuts only arenas that O does not open. If O announced itself before N looked, N seals all that it found, and
 *   its own have numbers of its generation, which O passes over. If O announced itself later, O took its generation later than N.
 *   That contradicts the names.
 * - N frees extents in sealed arenas only in its books, for when O is gone; then it measures the files again.
 * - O may write what it likes in its free space: no manifest of O is committed any more, so nobody reads it.
 */

import { TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { ArenaUsage, BlobStore, ByteRange, Extent, Packing } from "../../core/storage.js";
import { checkRange, extentName, missing } from "../bytes.js";
import { ExtentAllocator, slotBytes, slotted } from "../extent-allocator.js";
import { clearedError, closedError, isQuota, notRetainedError } from "../storage-error.js";
import type { Predecessors } from "../tenure.js";
import { ArenaFile, arenasPerGeneration } from "./arena-file.js";
import { type Directory, isGone } from "./file-system.js";

/** How arenas are cut; tests use small ones. */
export type ArenaLimits = Record<"arenaBytesMin" | "arenaBytesMax" | "arenaReserveBytes" | "arenaSettleMs" | "arenaSpreadMax", number>;
export const defaultArenaLimits: ArenaLimits = {
  arenaBytesMin: limits.arenaBytesMin,
  arenaBytesMax: limits.arenaBytesMax,
  arenaReserveBytes: limits.arenaReserveBytes,
  arenaSettleMs: limits.arenaSettleMs,
  arenaSpreadMax: limits.arenaSpreadMax,
};

/** What an engine may do with the arenas that it finds, and who hears of their end. */
export interface ArenaClaim {
  /** Told once when the files are gone from under the engine; returns what to say of it. */
  cleared(): TidepoolError;
  /** What to say of arenas that are missing, where no browser has dropped them. */
  missing?(arenas: readonly number[]): TidepoolError;
  readonly generation: number;
  /** Rejects when somebody has taken a later generation. */
  confirm(): Promise<void>;
  /** Engines of earlier generations that may have the arenas open; `null` when there are none. */
  readonly predecessors: Predecessors | null;
}

const soleClaim: ArenaClaim = {
  cleared: () => clearedError("", "opfs"),
  generation: 0,
  confirm: async () => undefined,
  predecessors: null,
};

/** What free space is overwritten with, a piece at a time. */
const zeros = new Uint8Array(256 * slotBytes);

export class OpfsBlobStore implements BlobStore {
  readonly #claim: ArenaClaim;
  /** Arenas that an engine of an earlier generation may still have open. */
  readonly #sealed = new Set<ArenaFile>();
  /** Whether they are gone. */
  #unsealing = false;
  readonly #directory: Directory;
  readonly #now: () => number;
  readonly #limits: ArenaLimits;
  readonly #allocator = new ExtentAllocator();
  /** Ascending by number, which is also by age. */
  readonly #arenas = new Map<number, ArenaFile>();
  /** The creation of an arena that is under way, shared by all who wait for it. */
  #creation: Promise<void> | null = null;
  /** Arenas being opened anew. Does not reject: whoever uses one that could not be opened tries again, and hears of it. */
  #renewing: Promise<void> | null = null;
  #retained = false;
  #mayTrim = true;
  #closed = false;
  /** The files are gone. */
  #cleared = false;

  private constructor(directory: Directory, now: () => number, arenaLimits: ArenaLimits, claim: ArenaClaim, arenas: readonly ArenaFile[]) {
    this.#directory = directory;
    this.#now = now;
    this.#limits = arenaLimits;
    this.#claim = claim;
    for (const arena of arenas) this.#adopt(arena);
    if (claim.predecessors !== null) this.#sealUntil(claim.predecessors);
  }

  static async open(
    directory: Directory,
    now: () => number,
    arenaLimits: ArenaLimits = defaultArenaLimits,
    claim: ArenaClaim = soleClaim,
  ): Promise<OpfsBlobStore> {
    return new OpfsBlobStore(directory, now, arenaLimits, claim, await ArenaFile.openAll(directory, now(), claim.generation));
  }

  /** Nothing is created before the extents were found: a new, empty arena must not stand in for a lost one. */
  async retain(extents: Iterable<Extent>, isComplete = true): Promise<void> {
    this.#assertOpen();
    await this.#claim.confirm();
    this.#assertOpen();
    const retained = [...extents];
    this.#assertPresent(retained);
    this.#allocator.retain(retained);
    this.#retained = true;
    this.#mayTrim = isComplete;
    this.#trim();
    this.#renewMiscounted();
    await this.#renewing;
    if (this.#ownArenas().length === 0) await this.#createAhead();
    if (this.#ownArenas().length < 2 || !this.#hasSpare()) await this.#createAhead();
  }

  holds(extents: Iterable<Extent>): boolean {
    return [...extents].every(({ arena, offset, length }) => offset + slotted(length) <= (this.#arenas.get(arena)?.bytes ?? 0));
  }

  async write(bytes: Uint8Array, makesRoom = false): Promise<Extent> {
    if (this.#isUnsettled) await this.#settle();
    this.#assertReady();
    this.#unsealIfDue();
    const extent = this.#place(bytes.length, makesRoom) ?? (await this.#placeInNewArena(bytes.length, makesRoom));
    return this.#fill(extent, bytes);
  }

  async #fill(extent: Extent, bytes: Uint8Array): Promise<Extent> {
    try {
      if (!this.#hasSpare()) await this.#createAhead();
      if (this.#isUnsettled) await this.#settle();
      this.#assertReady();
      const arena = this.#arenas.get(extent.arena)!;
      arena.write(bytes, extent.offset);
      // What stood in the rest of the last slot could not be overwritten later without touching these bytes.
      const rest = slotted(bytes.length) - bytes.length;
      if (rest > 0) arena.write(zeros.subarray(0, rest), extent.offset + bytes.length);
      return extent;
    } catch (error) {
      this.#allocator.release([extent]);
      throw error;
    }
  }

  packing(): Packing | null {
    const now = this.#now();
    if (!this.#mayTrim || this.#sealed.size > 0 || this.settledAt() > now) return null;
    const { arenaBytesMin: unit, arenaReserveBytes: reserve, arenaSettleMs, arenaSpreadMax: spread } = this.#limits;
    const { bytesUsed, bytesReserved } = this.#allocator;
    const slack = 2 * unit + reserve;
    if (bytesReserved <= spread * bytesUsed + slack) return null;
    const arenas = this.#ownArenas().filter(({ createdAtMs }) => createdAtMs + arenaSettleMs <= now);
    const numbers = arenas.map(({ number }) => number);
    return {
      isUrgent: bytesReserved > (spread + 1) * bytesUsed + slack,
      isOutside: isBehind(arenas, bytesUsed + (bytesUsed * (spread - 1)) / 4 + unit),
      write: (bytes, extent) => this.#writeBefore(bytes, extent, numbers),
    };
  }

  async #writeBefore(bytes: Uint8Array, extent: Extent, arenas: readonly number[]): Promise<Extent | null> {
    if (this.#isUnsettled) await this.#settle();
    this.#assertReady();
    const place = this.#allocator.allocateBelow(bytes.length, extent, arenas);
    return place === null ? null : this.#fill(place, bytes);
  }

  async flush(): Promise<void> {
    if (this.#isUnsettled) await this.#settle();
    await this.check();
    this.#assertReady();
    for (const arena of this.#arenas.values()) arena.flush();
  }

  async read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    if (this.#isUnsettled) await this.#settle();
    this.#assertOpen();
    return ranges.map((range) => {
      checkRange(range);
      const { extent, start, length, into } = range;
      const arena = this.#arenas.get(extent.arena);
      if (!arena) throw missing(`Arena ${extent.arena}, in which extent ${extentName(extent)} lies,`);
      return arena.read(extent.offset + start, length, into);
    });
  }

  async release(extents: Iterable<Extent>): Promise<void> {
    if (this.#isUnsettled) await this.#settle();
    this.#assertReady();
    this.#unsealIfDue();
    this.#allocator.release(extents);
    this.#trim();
    this.#renewMiscounted();
    await this.#renewing;
  }

  async vacuum(erase: boolean, tick: () => Promise<void>): Promise<void> {
    if (this.#isUnsettled) await this.#settle();
    this.#assertReady();
    this.#unsealIfDue();
    this.#cutEnds((bytes) => bytes);
    this.#renewMiscounted();
    if (erase && this.#sealed.size > 0) throw sealedError();
    for (const arena of erase ? [...this.#arenas.values()] : []) await this.#overwriteFree(arena, tick);
    await this.flush();
  }

  /** Between two turns a piece may come into use, so each is asked for when it is its turn. */
  async #overwriteFree(arena: ArenaFile, tick: () => Promise<void>): Promise<void> {
    for (let at = 0; ; ) {
      if (this.#isUnsettled) await this.#settle();
      this.#assertReady();
      const piece = this.#allocator.freeFrom(arena.number, at);
      if (piece === null) return;
      const length = Math.min(piece.length, zeros.length);
      arena.write(zeros.subarray(0, length), piece.offset);
      at = piece.offset + length;
      await tick();
    }
  }

  /**
   * Looks whether the files are still there: whoever clears site data takes their names away and leaves the handles, over which one
   * can write on, to nowhere. Rejects with `DATA_EVICTED` when they are not; the store is of no use then.
   */
  async check(): Promise<void> {
    if (this.#closed || this.#cleared || !(await this.#isCleared()) || this.#closed) return;
    this.#cleared = true;
    throw this.#claim.cleared();
  }

  /** One stands for all: they go together. */
  async #isCleared(): Promise<boolean> {
    const [oldest] = this.#arenas.values();
    return this.#cleared || (oldest !== undefined && (await isGone(this.#directory, oldest.name)));
  }

  settledAt(): number {
    const inUse = [...this.#arenas.values()].filter((arena) => this.#allocator.arenaBytesUsed(arena.number) > 0);
    return inUse.length === 0 ? 0 : Math.max(...inUse.map((arena) => arena.createdAtMs)) + this.#limits.arenaSettleMs;
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    return { bytesReserved: this.#allocator.bytesReserved, bytesUsed: this.#allocator.bytesUsed };
  }

  arenas(): ArenaUsage[] {
    return this.#allocator.usages();
  }

  /** Handles to files that are gone stay open: in Chromium closing one would never return. They go with the worker. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // A creation under way sees the closing and closes its own handle; its failure is told to whoever waits for it.
    await this.#creation?.catch(() => {});
    await this.#renewing;
    if (await this.#isCleared()) return;
    for (const arena of this.#arenas.values()) arena.close();
  }

  #assertPresent(extents: readonly Extent[]): void {
    const lost = new Set(extents.map(({ arena }) => arena).filter((arena) => !this.#arenas.has(arena)));
    if (lost.size === 0) return;
    if (this.#claim.missing !== undefined) throw this.#claim.missing([...lost]);
    const message =
      `Arena ${[...lost].sort((a, b) => a - b).join(", ")} is missing from the origin private file system: ` +
      "the browser has dropped files in which blocks of this database lie. " +
      "Nothing was changed. destroyPath({ path }) deletes what is left; then the path can be used again";
    throw new TidepoolError("DATA_EVICTED", message, { details: { lost: "opfs", arenas: [...lost] } });
  }

  #sealUntil({ gone }: Predecessors): void {
    for (const arena of this.#arenas.values()) {
      this.#sealed.add(arena);
      this.#allocator.seal(arena.number, true);
    }
    void gone.then(() => (this.#unsealing = true));
  }

  /** Before space is asked for or given back, so that whoever does it hears of a failure. */
  #unsealIfDue(): void {
    if (!this.#unsealing) return;
    for (const arena of this.#sealed) {
      arena.measure();
      this.#allocator.resizeArena(arena.number, arena.bytes);
      this.#allocator.seal(arena.number, false);
      this.#sealed.delete(arena);
    }
    this.#unsealing = false;
  }

  /** Those that this engine may write to. */
  #ownArenas(): ArenaFile[] {
    return [...this.#arenas.values()].filter((arena) => !this.#sealed.has(arena));
  }

  #adopt(arena: ArenaFile): void {
    this.#arenas.set(arena.number, arena);
    this.#allocator.addArena(arena.number, arena.bytes);
  }

  /**
   * A place in free space, growing an arena when none is long enough; `null` when that takes a new arena. Some free space is left
   * to what makes room: in a full origin arenas do not grow, but what they have can be written.
   */
  #place(length: number, makesRoom: boolean): Extent | null {
    const reserve = makesRoom ? 0 : this.#limits.arenaReserveBytes;
    const extent = this.#bytesFree >= slotted(length) + reserve ? this.#allocator.allocate(length) : null;
    return extent ?? (this.#growFor(length + reserve) ? this.#allocator.allocate(length) : null);
  }

  get #bytesFree(): number {
    return this.#ownArenas().reduce((sum, { number, bytes }) => sum + bytes - this.#allocator.arenaBytesUsed(number), 0);
  }

  async #placeInNewArena(length: number, makesRoom: boolean): Promise<Extent> {
    for (;;) {
      await this.#createArena();
      this.#assertReady();
      // Others that waited for the same arena may have filled it.
      const extent = this.#place(length, makesRoom);
      if (extent) return extent;
    }
  }

  /** Grows the oldest arena that has room up to the limit; an empty arena may exceed it for one large blob. */
  #growFor(length: number): boolean {
    for (const arena of this.#ownArenas()) {
      const end = this.#allocator.arenaUsedEnd(arena.number);
      const atLeast = end + slotted(length);
      const atMost = end === 0 ? Math.max(this.#limits.arenaBytesMax, atLeast) : this.#limits.arenaBytesMax;
      if (atLeast > atMost) continue;
      // By a share of what is used, so that the number of times that files grow is logarithmic.
      const wanted = this.#inUnits(Math.max(atLeast, arena.bytes + this.#allocator.bytesUsed / 2));
      this.#grow(arena, Math.max(atLeast, Math.min(wanted, atMost)), atLeast);
      return true;
    }
    return false;
  }

  /** Grows to the wanted size or, when the quota forbids it, as near to it as goes, but never less than `atLeast`. */
  #grow(arena: ArenaFile, wanted: number, atLeast: number): void {
    for (let bytes = wanted; ; bytes = atLeast + Math.floor((bytes - atLeast) / 2)) {
      try {
        arena.resize(bytes);
        return this.#allocator.resizeArena(arena.number, bytes);
      } catch (error) {
        if (!isQuota(error) || bytes === atLeast) throw error;
      }
    }
  }

  /** Once half of the space is free, gives what is free at the arenas' ends back to the origin. */
  #trim(): void {
    const { bytesUsed, bytesReserved } = this.#allocator;
    if (!this.#mayTrim || bytesUsed * 2 > bytesReserved) return;
    this.#cutEnds((bytes) => (bytes === 0 ? 0 : this.#inUnits(bytes + this.#limits.arenaReserveBytes)));
  }

  /** Cuts off what is free at the arenas' ends, beyond what `atLeast` makes of the bytes up to there. */
  #cutEnds(atLeast: (bytes: number) => number): void {
    for (const arena of this.#ownArenas()) this.#cut(arena, atLeast(this.#allocator.arenaUsedEnd(arena.number)));
  }

  #cut(arena: ArenaFile, keep: number): void {
    if (keep >= arena.bytes) return;
    arena.resize(keep);
    this.#allocator.resizeArena(arena.number, keep);
  }

  get #isUnsettled(): boolean {
    return this.#renewing !== null || this.#ownArenas().some(({ isOpen }) => !isOpen);
  }

  /** Waits for arenas that are being opened anew, and opens those that could not be. */
  async #settle(): Promise<void> {
    while (this.#renewing !== null) await this.#renewing;
    if (this.#closed || !this.#isUnsettled) return;
    this.#renewMiscounted();
    while (this.#renewing !== null) await this.#renewing;
  }

  /** Files that are gone are left alone: closing their handles would never return. */
  #renewMiscounted(): void {
    const arenas = this.#ownArenas().filter((arena) => arena.isMiscounted);
    if (arenas.length === 0) return;
    const renewed = this.#isCleared().then((cleared) => Promise.allSettled(cleared ? [] : arenas.map((arena) => arena.renew())));
    const renewing: Promise<void> = renewed.then(() => {
      if (this.#renewing === renewing) this.#renewing = null;
    });
    this.#renewing = renewing;
  }

  /** Sizes are multiples of the smallest arena, unless the quota or one large blob says otherwise. */
  #inUnits(bytes: number): number {
    const unit = this.#limits.arenaBytesMin;
    return Math.ceil(bytes / unit) * unit;
  }

  #hasSpare(): boolean {
    return this.#ownArenas().some((arena) => arena.bytes === 0);
  }

  /** Nobody needs this arena yet, so a full origin is no failure now; the write that needs it asks again and reports it. */
  async #createAhead(): Promise<void> {
    await this.#createArena().catch((error: unknown) => {
      if (!isQuota(error)) throw error;
    });
  }

  #createArena(): Promise<void> {
    this.#creation ??= this.#createNext().finally(() => {
      this.#creation = null;
    });
    return this.#creation;
  }

  async #createNext(): Promise<void> {
    const number = Math.max([...this.#arenas.keys()].at(-1) ?? 0, this.#claim.generation * arenasPerGeneration) + 1;
    const arena = await ArenaFile.create(this.#directory, number, this.#now());
    if (this.#closed) {
      arena.close();
      throw closedError();
    }
    this.#adopt(arena);
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }

  #assertReady(): void {
    this.#assertOpen();
    if (!this.#retained) throw notRetainedError();
  }
}

/** Tells extents that do not lie within the first `bytes` of these arenas, which ascend by number. */
function isBehind(arenas: readonly ArenaFile[], bytes: number): (extent: Extent) => boolean {
  const starts = new Map<number, number>();
  let start = 0;
  for (const arena of arenas) {
    starts.set(arena.number, start);
    start += arena.bytes;
  }
  return ({ arena, offset, length }) => (starts.get(arena) ?? Infinity) + offset + slotted(length) > bytes;
}

function sealedError(): TidepoolError {
  const message =
    "Files of this database are still open in a worker that has lost it and does not answer, so they cannot be overwritten. " +
    "Close the tab that it belongs to, and vacuum again";
  return new TidepoolError("LOCKED", message);
}
