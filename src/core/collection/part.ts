/**
 * The contract of a part: what one kind of index, or store, keeps of a collection. Every kind is a class in this folder and a
 * line in `parts.ts`; compaction, renumbering, opening, releasing blocks and counting memory go over all parts and name none.
 *
 * On disk a part has one section in each manifest, plain JSON under the part's name. In memory it has the section that is
 * installed and whatever it derives from it. What the log has and the section has not is in the memtable, which belongs to
 * the records (`records.ts`); a part that keeps its own account of it takes it from `apply`.
 *
 * Invariants that every part holds to: `apply` is deterministic and makes no I/O, since replay repeats it; `compact`,
 * `renumber` and an idle job write blocks and change nothing that a read can see, until `install` of what they returned is
 * called under the exclusive lock; a block that a section shares with the one before keeps its reference.
 */
import type { Bitmap } from "../base/bitmap.js";
import type { ByteCache } from "../base/byte-cache.js";
import type { MemoryUse } from "../base/memory-use.js";
import type { Tick } from "../base/turns.js";
import type { BlockRef, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import type { IdleJob } from "../compactor/jobs.js";
import type { LoadStem } from "../index/text/analyzer.js";
import type { CreateApproximate } from "../index/vector/approximate-index.js";
import type { VectorKernel } from "../index/vector/vector-kernel.js";
import type { IndexPolicy } from "../schema.js";
import type { Payload } from "../segment/record.js";
import type { TidepoolWarning } from "../service.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Inspection } from "./inspection.js";
import type { MemtableEntry, RecordFields } from "./memtable.js";

/** What a collection needs of the engine around it. */
export interface CollectionContext {
  blocks: BlockStore;
  kernel: VectorKernel;
  /** Makes approximate indexes of the collection's engine, where that is not our own. */
  createApproximate: CreateApproximate | undefined;
  vectorCache: ByteCache<number, Float32Array>;
  tick: Tick;
  loadStem: LoadStem;
  flatRowsMax: number | undefined;
  /** Bytes of a graph and its codes beyond which lists take its place, where nobody has asked for a graph. */
  graphBytesMax: number;
  /** Bytes of what is gathered to build an index, at most. */
  buildBytesMax: number;
  /** Bytes of inverted lists that are held in memory. */
  listBytesMax: number;
  /** Tests ask for less. */
  lists: ListLimits | undefined;
  /** Takes note of something that was mended and should be known. */
  warn(warning: TidepoolWarning): void;
}

/** When inverted lists begin; left out: as `limits.listTailRows` and `index/vector/spann` say. */
export interface ListLimits {
  /** Compacted rows in no list from which they are taken into lists. */
  tailRows?: number;
  /** Allowed rows up to which all are judged. */
  judgedRowsMax?: number;
  /** Bytes of a graph and its codes beyond which lists take its place. */
  graphBytesMax?: number;
  /** Rows that go into lists at once. */
  buildRows?: number;
  /** Rows beyond which a list is split, whatever the configuration says. */
  splitRows?: number;
}

/** What a part sees of the collection it belongs to. */
export interface PartHome {
  readonly context: CollectionContext;
  /** Replaced when the collection is modified. */
  readonly row: CollectionRow;
  /** Which values are indexed: fixed when the collection was created. */
  readonly indexes: IndexPolicy;
  readonly records: RecordSource;
  /** Runs a read under the collection's shared lock; rejects with `NOT_FOUND` once the collection is gone. */
  read<T>(body: () => Promise<T> | T): Promise<T>;
  /** Asks for background work that is due for another reason than opening or writing. */
  noteWork(): void;
  /** Says that rows were read from disk that were not in memory. */
  noteReading(): void;
  /** Takes note of texts that are made of other words from now on, so that searches may find others than before. */
  noteOtherWords(): void;
}

/** What other parts ask of the records. */
export interface RecordSource {
  readonly live: Bitmap;
  /** One past the largest ordinal in use. */
  readonly nextOrdinal: number;
  /** Ordinals below this are in the installed sections; what is new since lies above. */
  readonly compactedEnd: number;
  /** What the memtable has of an ordinal. */
  entry(ordinal: number): MemtableEntry | undefined;
  /** The memtable's entries, ascending by ordinal. */
  entries(): readonly Entry[];
  /** Ordinals that the memtable has an entry for, deleted ones included, in no order. */
  uncompacted(): Iterable<number>;
  /** Payloads as the section has them, `null` where it has none. Ordinals ascend. Under the shared lock. */
  storedPayloads(ordinals: ArrayLike<number>): Promise<(Payload | null)[]>;
  /** Documents in the order asked; `null` for none, and for a dead ordinal. Under the shared lock. */
  documents(ordinals: Uint32Array): Promise<(string | null)[]>;
}

export type Entry = readonly [ordinal: number, entry: MemtableEntry];

/** What one log record did. */
export interface AppliedRecords {
  /** Records that are new or changed, with the fields that were written and their ids, in the order of the batch. */
  written: readonly (readonly [ordinal: number, fields: RecordFields, id: string])[];
  deleted: readonly number[];
}

/** What a compaction moves from the memtable into the sections. */
export interface MemtableChanges {
  entries: readonly Entry[];
  /** The payloads of the entries' records as they were in the sections, and as they are to be. */
  payloads: readonly PayloadChange[];
  /** Ordinals whose records are deleted. */
  removed: Bitmap;
  /** One past the largest ordinal that the result covers. */
  nextOrdinal: number;
}

/** A record's payload in the sections, and with the memtable's entry laid over it; `null`: no such record. */
export interface PayloadChange {
  ordinal: number;
  entry: MemtableEntry;
  before: Payload | null;
  after: Payload | null;
}

/** Ordinals anew: live records keep their order and close up. */
export interface Renumbering {
  /** One past the largest new ordinal of a record in the sections. */
  nextOrdinal: number;
  /** The new ordinal of a live record, compacted or newer. */
  ordinalOf(ordinal: number): number;
}

/** A section whose blocks are written, to be installed with the manifest that names it. */
export interface Prepared<Section> {
  section: Section;
  /** Puts the section in place in memory. Under the exclusive lock; what was written meanwhile stays over it. */
  install(): void;
}

/** Work on a kind of part that costs too much for every compaction. */
export interface PartJob<Section> extends Pick<IdleJob<unknown>, "idleMs" | "priority" | "isAwaited"> {
  isDue(part: CollectionPart<Section>): boolean;
  /** Whether a due job is not to wait for writes to end. */
  isUrgent?(part: CollectionPart<Section>): boolean;
  /** Whether it is done again for as long as it is due; each time leaves less to do. */
  isRepeated?: boolean;
  /** Writes blocks; `null` when there turned out to be nothing to do. */
  run(part: CollectionPart<Section>, writer: BlockWriter, tick: Tick): Promise<Prepared<Section> | null>;
}

export interface CollectionPart<Section> {
  /** Bytes of memory held, estimated where they cannot be counted. */
  readonly memory: Partial<MemoryUse>;
  /** Reads what has to be in memory, at opening. Ordinals below `nextOrdinal` are in the section. */
  open(section: Section, nextOrdinal: number): Promise<void>;
  /** Takes note of a log record that the records have applied. */
  apply?(applied: AppliedRecords): void;
  compact(changes: MemtableChanges, writer: BlockWriter, tick: Tick): Promise<Prepared<Section>>;
  renumber(renumbering: Renumbering, writer: BlockWriter, tick: Tick): Promise<Prepared<Section>>;
  /** Takes over a changed row: another name, metadata or configuration. */
  configure?(row: CollectionRow): void;
  /** Gives back memory that is not given back by itself. */
  dispose?(): void;
}

/** A part's class: how parts of this kind are made, and what a manifest's section of it says. */
export interface PartClass<Section> {
  readonly idleJobs?: readonly PartJob<Section>[];
  new (home: PartHome): CollectionPart<Section>;
  /** The section of a collection without records. */
  empty(): Section;
  /** Every block that the section names. */
  refs(section: Section): Iterable<BlockRef>;
  /** Compares the section with its blocks, and these with what the parts above have told. Damage is a finding, and never thrown. */
  verify(section: Section, inspection: Inspection): Promise<void>;
}
