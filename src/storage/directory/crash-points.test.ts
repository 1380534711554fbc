/**
 * The power fails, or the process ends, at every step of the directory's storage in turn: each write, new length and sync of a file, each
 * name that comes, goes or is exchanged, also while the journal is written anew and while a directory is opened after a crash, with what
 * was not synced lost in part and out of order, and after calls for which the disk had no room. Each time the directory must open, with
 * all that was acknowledged, nothing by half and nothing that was refused, with every block that its catalog names, and go on working.
 * Seeds by SEEDS, such as SEEDS=1-200; a failure names its seed and point.
 */
import { afterEach, expect, test } from "vitest";
import { crc32 } from "../../core/base/checksum.js";
import type { CatalogTransaction, Extent, LogEntry, Storage } from "../../core/storage.js";
import { Random } from "../../testing/environment.js";
import { type DiskEnd, type DiskImage, SimulatedDisk } from "../../testing/simulated-disk.js";
import { pattern } from "../../testing/storage-conformance.js";
import { openDirectoryStorage } from "./directory-storage.js";

const [firstSeed = 1, lastSeed = 1] = (process.env["SEEDS"] ?? "").split("-").filter(Boolean).map(Number);
const seeds = Array.from({ length: lastSeed - firstSeed + 1 }, (_, i) => firstSeed + i);
const ends: readonly DiskEnd[] = ["process", "power", "power, torn", "power, torn"];
const COLLECTIONS = ["a", "b", "c"];
const STEPS = 16;
const BLOCK_BYTES = 5000;
/** Of a seed's points so many are examined, or all with ALL=1; of some also what a crash at each step of going on leaves. */
const POINTS_MAX = process.env["ALL"] === "1" ? Number.POSITIVE_INFINITY : 50;
const DEEPER_EVERY = 25;
const arenaLimits = { arenaBytesMin: 16 * 1024, arenaBytesMax: 64 * 1024, arenaReserveBytes: 0, arenaSpreadMax: 1 };

let uninstall: (() => void) | null = null;
afterEach(() => {
  uninstall?.();
  uninstall = null;
});

interface Kind {
  durability: "strict" | "relaxed";
  /** Whether calls fail for want of room. */
  isFull: boolean;
}

/** What log and catalog have, bytes by their length and checksum. */
interface State {
  rows: Record<string, string>;
  tails: Record<string, string>;
  entries: Record<string, string>;
}

/** A change of both, which takes effect whole. */
interface Change extends Pick<CatalogTransaction, "put" | "delete" | "truncateLog"> {
  entry?: LogEntry;
  tail?: Uint8Array;
}

/** A moment at which it may end, and what may be found then. */
interface Point {
  what: string;
  image: DiskImage;
  allowed: readonly State[];
}

/** Works on a directory, by a seed, and puts aside what a crash before each step and after each sync would leave. */
class Run {
  readonly points: Point[] = [];
  readonly #random: Random;
  readonly #kind: Kind;
  readonly #disk: SimulatedDisk;
  #storage!: Storage;
  /** Before all, and after each change that was not refused, in order. */
  #states: State[] = [{ rows: {}, tails: {}, entries: {} }];
  /** How many of these are acknowledged, and how many are on disk for sure. */
  #acknowledged = 0;
  #settled = 0;
  readonly #blocks = new Map<string, Extent>();
  #number = 0;
  #isWatched = false;
  #isLost = false;

  private constructor(seed: number, kind: Kind) {
    [this.#random, this.#kind] = [new Random(seed), kind];
    this.#disk = new SimulatedDisk({
      beforeStep: (what) => this.#look(`before a ${what}`),
      afterSync: (what) => this.#look(`after a ${what}`),
      fails: (what) => (kind.isFull && this.#isWatched && what !== "truncate" && this.#random.chance(0.1) ? "ENOSPC" : null),
    });
    uninstall?.();
    uninstall = this.#disk.install();
  }

  static async of(seed: number, kind: Kind): Promise<Point[]> {
    const run = new Run(seed, kind);
    run.#isWatched = !kind.isFull;
    await run.#open();
    for (let step = 0; step < STEPS; step++) await run.#step();
    run.#isWatched = false;
    await run.#storage.close();
    return run.points;
  }

  #look(what: string): void {
    if (!this.#isWatched) return;
    for (const end of ends) {
      const image = this.#disk.image(end, () => this.#random.chance(0.5));
      const allowed = this.#states.slice(end === "process" ? this.#acknowledged : this.#settled);
      this.points.push({ what: `${what}, losing the ${end}`, image, allowed });
    }
  }

  async #open(): Promise<void> {
    this.#storage = await opened(this.#kind.durability);
    await this.#storage.blobs.retain(this.#blocks.values());
    this.#isWatched = true;
  }

  async #step(): Promise<void> {
    const drawn = this.#random.below(12);
    if (drawn < 5) await this.#append();
    else if (drawn < 7) await this.#commit();
    else if (drawn < 9) await this.#block();
    else if (drawn === 9) await this.#unlessFull(this.#storage.catalog.rewrite!());
    else if (drawn === 10) await this.#unlessFull(this.#storage.blobs.vacuum(true, async () => undefined));
    else await this.#reopen();
    if (this.#isLost) await this.#reopen();
  }

  /** Several at once, where none is refused. */
  async #append(): Promise<void> {
    const burst = Array.from({ length: this.#kind.isFull ? 1 : 1 + this.#random.below(3) }, () => {
      const entry = { collectionId: this.#random.pick(COLLECTIONS), offset: ++this.#number, bytes: this.#bytes(6000) };
      const tail = this.#random.chance(0.3) ? { tail: this.#bytes(60) } : {};
      return this.#change({ entry, ...tail }, this.#kind.durability === "strict");
    });
    await Promise.all(burst);
  }

  async #commit(): Promise<void> {
    const key = `row-${this.#random.below(4)}`;
    const upTo = this.#random.pick([this.#number - 10, this.#number, Infinity]);
    const truncateLog = this.#random.chance(0.4) ? [{ collectionId: this.#random.pick(COLLECTIONS), upTo }] : [];
    const change = this.#random.chance(0.2) ? { delete: [key] } : { put: new Map([[key, this.#bytes(9000)]]) };
    await this.#change({ ...change, truncateLog }, true);
  }

  /** Written, synced, and only then named. */
  async #block(): Promise<void> {
    const { blobs } = this.#storage;
    const number = ++this.#number;
    const writing = blobs.write(pattern(BLOCK_BYTES, number));
    if (!(await this.#unlessFull(writing))) return;
    const extent = await writing;
    const dropped = this.#blocks.size > 3 ? [this.#random.pick([...this.#blocks.keys()])] : [];
    const put = new Map([[`block-${number}`, new TextEncoder().encode(JSON.stringify(extent))]]);
    const isNamed = (await this.#unlessFull(blobs.flush())) && (await this.#change({ put, delete: dropped }, true));
    if (!isNamed) return this.#isLost ? undefined : blobs.release([extent]);
    this.#blocks.set(`block-${number}`, extent);
    for (const name of dropped) {
      await blobs.release([this.#blocks.get(name)!]);
      this.#blocks.delete(name);
    }
  }

  async #reopen(): Promise<void> {
    this.#isWatched = !this.#kind.isFull;
    await this.#storage.close();
    const storage = await opened(this.#kind.durability);
    const found = await stateOf(storage);
    await storage.close();
    expect(this.#states.slice(this.#acknowledged)).toContainEqual(found);
    // What may have come of a change that ended the storage is known now.
    [this.#states, this.#acknowledged, this.#settled, this.#isLost] = [[found], 0, 0, false];
    await this.#open();
  }

  /** Whether it was made; what is refused for want of room leaves nothing. */
  async #change(change: Change, isSynced: boolean): Promise<boolean> {
    const at = this.#states.push(changed(this.#states.at(-1)!, change)) - 1;
    const { entry, tail } = change;
    const tails = tail && new Map([[entry!.collectionId, tail]]);
    const made = await this.#unlessFull(entry ? this.#storage.log.append([entry], tails) : this.#storage.catalog.commit(change));
    if (!made && !this.#isLost) this.#states.pop();
    if (!made) return false;
    this.#acknowledged = Math.max(this.#acknowledged, at);
    if (isSynced) this.#settled = Math.max(this.#settled, at);
    return true;
  }

  async #unlessFull(work: Promise<unknown>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (error) {
      const { code } = error as { code: string };
      if (!this.#kind.isFull || !["QUOTA_EXCEEDED", "POISONED"].includes(code)) throw error;
      this.#isLost ||= code === "POISONED";
      return false;
    }
  }

  #bytes(lengthMax: number): Uint8Array {
    return pattern(1 + this.#random.below(lengthMax), ++this.#number);
  }
}

function opened(durability: Kind["durability"]): Promise<Storage> {
  const options = { durability, now: () => 0, lost: () => undefined, arenaLimits, deadBytesMin: 8192 };
  return openDirectoryStorage(SimulatedDisk.root, options);
}

const sumOf = (bytes: Uint8Array): string => `${bytes.length}:${crc32(bytes)}`;

function changed({ rows, tails, entries }: State, change: Change): State {
  const next: State = { rows: { ...rows }, tails: { ...tails }, entries: { ...entries } };
  const { entry, tail, put, delete: deleted = [], truncateLog = [] } = change;
  if (entry) next.entries[`${entry.collectionId} ${entry.offset}`] = sumOf(entry.bytes);
  if (tail) next.tails[entry!.collectionId] = sumOf(tail);
  for (const key of deleted) delete next.rows[key];
  for (const [key, bytes] of put ?? []) next.rows[key] = sumOf(bytes);
  for (const { collectionId, upTo } of truncateLog) {
    const isGone = (place: string): boolean => place.startsWith(`${collectionId} `) && Number(place.slice(2)) <= upTo;
    for (const place of Object.keys(next.entries).filter(isGone)) delete next.entries[place];
    if (upTo === Infinity) delete next.tails[collectionId];
  }
  return next;
}

async function stateOf({ log, catalog }: Storage): Promise<State> {
  const state: State = { rows: {}, tails: {}, entries: {} };
  for (const [key, bytes] of await catalog.list("")) state.rows[key] = sumOf(bytes);
  for (const collectionId of COLLECTIONS) {
    const tail = await log.tail(collectionId);
    if (tail !== null) state.tails[collectionId] = sumOf(tail);
    for (const { offset, bytes } of await log.read(collectionId, 0, Infinity)) state.entries[`${collectionId} ${offset}`] = sumOf(bytes);
  }
  return state;
}

/** Opens what a crash has left, compares it with what may be there, and goes on with it. Returns what crashes of that would leave. */
async function examine({ image, allowed }: Point, durability: Kind["durability"], isDeep: boolean): Promise<Point[]> {
  const points: Point[] = [];
  let [allowedThen, doing] = [allowed, "opening"];
  const disk: SimulatedDisk = new SimulatedDisk({ image, beforeStep: (what) => void (isDeep && look(what)) });
  const look = (what: string): void => {
    for (const end of ends) {
      const [name, random] = [`${doing}, before a ${what}, losing the ${end}`, new Random(points.length)];
      points.push({ what: name, image: disk.image(end, () => random.chance(0.5)), allowed: allowedThen });
    }
  };
  uninstall?.();
  uninstall = disk.install();
  const storage = await opened(durability);
  const found = await stateOf(storage);
  expect(allowed).toContainEqual(found);
  const blocks = (await storage.catalog.list("block-")).map(
    ([key, bytes]) => [Number(key.slice(6)), JSON.parse(new TextDecoder().decode(bytes)) as Extent] as const,
  );
  await storage.blobs.retain(blocks.map(([, extent]) => extent));
  for (const [number, extent] of blocks) {
    const [bytes] = await storage.blobs.read([{ extent, start: 0, length: extent.length }]);
    expect(sumOf(bytes!), `block ${number}`).toBe(sumOf(pattern(BLOCK_BYTES, number)));
  }
  const entry = { collectionId: "a", offset: 1e9 + Object.keys(found.entries).length, bytes: pattern(100) };
  const after = changed(found, { entry });
  [allowedThen, doing] = [durability === "strict" ? [found, after] : [...allowed, after], "going on"];
  await storage.log.append([entry]);
  if (durability === "strict") [allowedThen, doing] = [[after], "closing"];
  await storage.close();
  isDeep = false;
  const again = await opened(durability);
  expect(await stateOf(again)).toEqual(after);
  await again.close();
  return points;
}

test.each(
  seeds.flatMap((seed) => [
    [seed, { durability: "strict", isFull: false }] as const,
    [seed, { durability: "relaxed", isFull: false }] as const,
    [seed, { durability: "strict", isFull: true }] as const,
  ]),
)("seed %i, %o", async (seed, kind) => {
  const points = await Run.of(seed, kind);
  const chosen = Math.min(points.length, POINTS_MAX);
  for (let turn = 0; turn < chosen; turn++) {
    const at = Math.floor((turn * points.length) / chosen);
    const point = points[at]!;
    const deeper = await examine(point, kind.durability, turn % DEEPER_EVERY === 0).catch((error: Error) => {
      throw new Error(`seed ${seed}, point ${at}, ${point.what}: ${error.message}`, { cause: error });
    });
    for (const one of deeper) await examine(one, kind.durability, false);
  }
});
