/**
 * One open collection: its row, the installed manifest, its parts, and what the log holds beyond the manifest.
 *
 * Invariants: `apply` is deterministic and makes no I/O, so replaying the log after `manifest.offset` rebuilds the same
 * state. `apply` and what a compaction installs run under the exclusive lock, every read under the shared one.
 */

import type { LogPlace } from "../base/log-chain.js";
import { type MemoryUse, memorySum, totalBytes } from "../base/memory-use.js";
import { idsIn, type LogOperation, type LogRecord, operationsOf } from "../base/operations.js";
import { inTurns, type Steps } from "../base/steps.js";
import { TidepoolError } from "../errors.js";
import type { QuantizedRows } from "../index/vector/quantize.js";
import type { Log } from "../log/log.js";
import { IndexPolicy } from "../schema.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Manifest } from "../sysdb/manifest.js";
import { AppliedRequests, type Outcome } from "./applied-requests.js";
import type { AppliedRecords, CollectionContext, PartHome, Prepared } from "./part.js";
import { type AnyPart, createParts, type PartName, type Parts, partNames, type Sections } from "./parts.js";
import { ReadWriteLock } from "./read-write-lock.js";
import { RecentIds } from "./recent-ids.js";
import type { CollectionRecords, FoundIds } from "./records.js";
import { CollectionVectors } from "./vectors.js";
import { WriteLine } from "./write-line.js";

/** What an open collection needs of the engine around it. */
export interface StateContext extends CollectionContext {
  log: Pick<Log, "replay">;
  /** Dead ordinals, for so many live ones, above which a collection is renumbered. */
  deadOrdinalsMax(live: number): number;
  /** Asks for background work that is due for another reason than opening and writing. */
  noteWork(): void;
  /** Told when rows of vectors were read from disk that were not in memory. */
  noteReading(): void;
  /** Takes note of texts that are made of other words from now on. */
  noteOtherWords(): void;
}

/** Log records after the manifest's offset. */
export interface UncompactedLog {
  bytes: number;
  records: number;
  /** Deletes among the records: they should reach the segments soon, even if they are few. */
  deletions: number;
}

/** What ids name as long as this is the place of the last log record that is applied: the object itself. */
export interface FoundAt extends FoundIds {
  readonly after: LogPlace;
}

/** A manifest whose blocks are written, to be published once it is installed. */
export interface PreparedManifest {
  manifest: Manifest;
  /** Under the exclusive lock. */
  install(): void;
}

export class CollectionState {
  readonly lock: ReadWriteLock;
  readonly writeLine = new WriteLine();
  /** Which values are indexed: fixed when the collection was created. */
  readonly indexes: IndexPolicy;
  readonly parts: Parts;
  row: CollectionRow;
  dropped = false;
  /** Given up to save memory: another state may stand for the collection by now. */
  closed = false;
  readonly requests: AppliedRequests;
  /** Of the latest log records. */
  readonly recent: RecentIds;
  readonly log: UncompactedLog = { bytes: 0, records: 0, deletions: 0 };
  #context: StateContext;
  /** The parts in the order in which they are opened, told of a log record, and installed. */
  readonly #allParts: readonly AnyPart[];
  #manifest: Manifest;
  #applied: LogPlace;
  #count = 0;
  #isRetained: () => boolean = () => true;

  private constructor(row: CollectionRow, manifest: Manifest, context: StateContext, lock = new ReadWriteLock()) {
    this.lock = lock;
    this.row = row;
    this.indexes = new IndexPolicy(row.schema);
    this.requests = new AppliedRequests(manifest.requests);
    this.recent = new RecentIds(manifest.offset);
    this.#manifest = manifest;
    this.#context = context;
    this.#applied = { offset: manifest.offset, link: manifest.link };
    this.parts = createParts(this.#home());
    this.#allParts = partNames.map((name) => this.parts[name] as AnyPart);
  }

  /** Reads what has to be in memory of the manifest's sections, then replays the log after it. */
  static async open(row: CollectionRow, manifest: Manifest, context: StateContext): Promise<CollectionState> {
    const state = new CollectionState(row, manifest, context);
    const records = context.log.replay(row, state.#applied);
    // The log is read while the parts are.
    const first = records.next();
    first.catch(() => {}); // Looked at when its turn comes.
    try {
      await state.#openParts();
      await state.#replay(records, first);
    } finally {
      await records.return();
    }
    return state;
  }

  /** Goes on from what the manifest says with the log, and as part of an engine. */
  async goOn(context: StateContext): Promise<void> {
    this.#context = context;
    const records = context.log.replay(this.row, this.#applied);
    await this.#replay(records, records.next());
  }

  /** An earlier version of an open collection, to read from. It shares the lock, under which blocks are released. */
  static async openVersion(live: CollectionState, manifest: Manifest, isRetained: () => boolean): Promise<CollectionState> {
    const state = new CollectionState({ ...live.row, ...manifest.madeUnder }, manifest, live.#context, live.lock);
    state.#isRetained = isRetained;
    await state.read(() => state.#openParts());
    return state;
  }

  #home(): PartHome {
    const state = this;
    return {
      get context() {
        return state.#context;
      },
      indexes: this.indexes,
      get row() {
        return state.row;
      },
      get records() {
        return state.records;
      },
      read: (body) => this.read(body),
      noteWork: () => this.#context.noteWork(),
      noteReading: () => this.#context.noteReading(),
      noteOtherWords: () => this.#context.noteOtherWords(),
    };
  }

  get records(): CollectionRecords {
    return this.parts.records;
  }

  get vectors(): CollectionVectors {
    return this.parts.vectors;
  }

  /** The manifest that is installed, published or not. */
  get manifest(): Manifest {
    return this.#manifest;
  }

  /** The place of the last log record that is applied. */
  get applied(): LogPlace {
    return this.#applied;
  }

  /** The last log record that is applied. */
  get appliedOffset(): number {
    return this.#applied.offset;
  }

  /** Records, as of the last log record that is applied. */
  get count(): number {
    return this.#count;
  }

  /** Fixed by the first record, or claimed by writes that are on their way to the log. */
  get dimension(): number | null {
    return this.vectors.dimension;
  }

  /** Bytes of memory that the parts hold, and what is known of the latest log records. */
  get memory(): MemoryUse {
    return memorySum([...this.#allParts.map((part) => part.memory), { memtable: this.recent.bytes }]);
  }

  get memoryBytes(): number {
    return this.#allParts.reduce((bytes, part) => bytes + totalBytes(part.memory), this.recent.bytes);
  }

  /** Dead ordinals above which the collection is renumbered. */
  get deadOrdinalsMax(): number {
    return this.#context.deadOrdinalsMax(this.count);
  }

  /** Runs a read under the shared lock, in which nothing moves; refused when the blocks may be gone by then. */
  read<T>(body: () => Promise<T> | T): Promise<T> {
    return this.lock.shared(() => {
      if (!this.dropped && this.#isRetained()) return body();
      const version = this.dropped ? "" : ` at version ${this.#manifest.version}`;
      throw new TidepoolError("NOT_FOUND", `Collection [${this.row.name}]${version} does not exist any more`);
    });
  }

  /** Takes over a changed row: another name, metadata, or `ef_search`, which counts from the next search on. */
  configure(row: CollectionRow): void {
    this.row = row;
    for (const part of this.#allParts) part.configure?.(row);
  }

  /** Gives back memory that is not given back by itself; nothing is built after that. */
  dispose(): void {
    for (const part of this.#allParts) part.dispose?.();
  }

  // ---- opening and applying the log

  async #openParts(): Promise<void> {
    const { sections, nextOrdinal } = this.#manifest;
    for (const name of partNames) await (this.parts[name] as AnyPart).open(sections[name], nextOrdinal);
    this.#count = this.records.count;
  }

  /** Applies the first of the records, and those after it. */
  async #replay(records: ReturnType<Log["replay"]>, first: ReturnType<typeof records.next>): Promise<void> {
    for (let next = await first; next.done !== true; next = await records.next()) {
      const { place, record, byteLength } = next.value;
      await inTurns(this.apply(place, record, byteLength, await this.prepareToApply(record)), this.#context.tick);
      await this.#context.tick();
    }
  }

  /** Reads what applying a record will ask of ids: what is damaged there is told while the record is not in the log yet. */
  findIds(record: LogRecord): Promise<FoundAt> {
    return this.read(() => this.#find(record));
  }

  /**
   * Does what of applying the next record can be done before, with turns: above all, finds the records that it names, unless those that
   * were `found` before are. What this resolves to is true until then, unless the records are numbered anew meanwhile (`isCurrent`).
   * Under a lock, where others read.
   */
  async prepareToApply(record: LogRecord, found?: FoundAt): Promise<FoundAt> {
    const current = found !== undefined && this.isCurrent(found) ? found : await this.#find(record);
    for (const operation of operationsOf(record)) {
      if (operation.kind === "write") await inTurns(this.records.prepare(operation.records, current), this.#context.tick);
    }
    return current;
  }

  /** Whether ids still name what they did when these were found: nothing was applied since, and ordinals are what they were. */
  isCurrent({ numbering, after }: FoundAt): boolean {
    return after === this.#applied && numbering === this.records.numbering;
  }

  async #find(record: LogRecord): Promise<FoundAt> {
    const after = this.#applied;
    return { ...(await this.records.find(idsIn(record))), after };
  }

  /**
   * Makes one durable log record visible, with turns: whoever reads sees all of its operations or none, since nobody does under the
   * exclusive lock. `found` is what preparing for it has found; `codes` are those of the embeddings of each, where they were made
   * before. Returns how many records it deleted; `effects` gets what each operation did.
   */
  *apply(
    place: LogPlace,
    record: LogRecord,
    byteLength: number,
    found: FoundIds,
    codes: readonly (QuantizedRows | null)[] = [],
    effects: AppliedRecords[] = [],
  ): Steps<Outcome> {
    if (this.closed) throw new TidepoolError("INTERNAL", `Collection "${this.row.name}" was closed while it was written to`);
    const operations = operationsOf(record);
    for (const [i, operation] of operations.entries()) effects.push(yield* this.#applyOne(operation, codes[i] ?? null, found));
    // What is told without the lock goes from what was before to what is after in one moment.
    this.#applied = place;
    this.#count = this.records.count;
    this.log.bytes += byteLength;
    this.log.records++;
    if (operations.some(({ kind }) => kind === "delete")) this.log.deletions++;
    const deleted = effects.reduce((count, effect) => count + effect.deleted.length, 0);
    this.recent.note(place.offset, idsIn(record));
    const outcome: Outcome = record.kind === "transaction" ? { deleted, offset: place.offset } : { deleted };
    if (record.requestId !== undefined) this.requests.note({ id: record.requestId, ...outcome });
    return outcome;
  }

  *#applyOne(operation: LogOperation, codes: QuantizedRows | null, found: FoundIds): Steps<AppliedRecords> {
    const applied =
      operation.kind === "delete"
        ? yield* this.records.delete(operation.ids, found)
        : yield* this.records.write(operation.operation, operation.records, codes ?? this.vectors.quantize(operation.records), found);
    for (const some of inPieces(applied)) {
      for (const part of this.#allParts) part.apply?.(some);
      yield;
    }
    return applied;
  }

  // ---- compaction

  /** Vectors of this collection that nobody knows yet, and that are none so far, of the kind that another row asks for. */
  vectorsApart(row: CollectionRow): CollectionVectors {
    return new CollectionVectors({ ...this.#home(), row });
  }

  /** A manifest with the sections that `work` makes of each part, one after the other, and with these `fields` changed. */
  async prepare(fields: Partial<Manifest>, work: (part: AnyPart) => Promise<Prepared<unknown>>): Promise<PreparedManifest> {
    const base = this.#manifest;
    const prepared = new Map<PartName, Prepared<unknown>>();
    for (const name of partNames) prepared.set(name, await work(this.parts[name] as AnyPart));
    const sections = Object.fromEntries([...prepared].map(([name, { section }]) => [name, section])) as Sections;
    return this.#installing({ ...base, ...fields, version: base.version + 1, sections }, prepared.values());
  }

  /** A manifest with another section of one part. */
  prepareSection(name: PartName, prepared: Prepared<unknown>): PreparedManifest {
    const base = this.#manifest;
    const sections = { ...base.sections, [name]: prepared.section } as Sections;
    return this.#installing({ ...base, version: base.version + 1, sections }, [prepared]);
  }

  #installing(manifest: Manifest, prepared: Iterable<Prepared<unknown>>): PreparedManifest {
    const install = () => {
      this.#manifest = manifest;
      this.recent.compacted(manifest.offset);
      for (const part of prepared) part.install();
    };
    return { manifest, install };
  }
}

/** What was done to so many records is told to the parts between two turns. */
const APPLIED_PER_STEP = 1024;

function* inPieces({ written, deleted }: AppliedRecords): Generator<AppliedRecords, void, undefined> {
  for (let from = 0; from < Math.max(written.length, deleted.length); from += APPLIED_PER_STEP) {
    const to = from + APPLIED_PER_STEP;
    yield { written: written.slice(from, to), deleted: deleted.slice(from, to) };
  }
}
