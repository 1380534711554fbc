/**
 * The records of a collection: ids, documents, uris and metadata, and the memtable, which lies over the sections of all parts.
 * It gives out the ordinals that everything else goes by.
 *
 * Invariants: an ordinal belongs to one record for as long as the manifest's numbering lives; the memtable's entry for an
 * ordinal overrules the section's row.
 */
import { Bitmap } from "../base/bitmap.js";
import { fingerprintOf } from "../base/fingerprint.js";
import { lowerBound } from "../base/lower-bound.js";
import type { MemoryUse } from "../base/memory-use.js";
import type { Operation } from "../base/operations.js";
import { hasSameItems } from "../base/same-items.js";
import { inTurns, type Steps } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import { Block } from "../blockstore/block.js";
import type { BlockRef, BlockWriter } from "../blockstore/blockstore.js";
import { isGapless, OrdinalBlockfile, type OrdinalEntry, type OrdinalSection, ordinalRefs } from "../blockstore/ordinal-blockfile.js";
import { TidepoolError } from "../errors.js";
import type { QuantizedRows } from "../index/vector/quantize.js";
import { limits } from "../limits.js";
import { eachCandidate, knowsGrams } from "../segment/gram-filter.js";
import { eachGram, type GramProbe } from "../segment/grams.js";
import { idFormat, indexedPayloadFormat, type Payload, patchedPayload, payloadFormat } from "../segment/record.js";
import type { VectorRow } from "../segment/vector.js";
import type { RecordBatch } from "../types.js";
import { IdTable } from "./id-table.js";
import { type Inspection, placeOf } from "./inspection.js";
import { Memtable, type MemtableEntry, newEntry, type PatchEntry, patchEntry, prepareMetadata, type RecordFields } from "./memtable.js";
import type {
  AppliedRecords,
  CollectionPart,
  Entry,
  MemtableChanges,
  PartHome,
  PayloadChange,
  Prepared,
  RecordSource,
  Renumbering,
} from "./part.js";
import { verifyIds } from "./verify-ids.js";

export interface RecordsSection {
  /** ordinal → id. */
  ids: OrdinalSection;
  /** ordinal → document, uri, metadata. */
  payload: OrdinalSection;
}

/** Records of one moment: they stay as they were then, for as long as their blocks are kept. */
export interface FrozenRecords {
  readonly entries: ReadonlyMap<number, MemtableEntry>;
  readonly section: RecordsSection;
  /** Of records that lived. Ordinals ascend. */
  ids(ordinals: Uint32Array): Promise<string[]>;
  /** As `ids`. */
  payloads(ordinals: Uint32Array): Promise<Payload[]>;
}

/**
 * Where the records are that some ids name, while the numbering stays and nothing is applied but by these: applying needs to know and
 * reads nothing. What it does is laid over it.
 */
export interface FoundIds {
  readonly numbering: object;
  readonly ordinals: Map<string, number>;
}

/** Ids looked for between two turns. */
const IDS_PER_TICK = 1024;
/** Ids that are written or deleted between two turns. */
const APPLIED_PER_STEP = 256;
/** Payloads read in one go while a compaction lays the memtable over them. */
const PAYLOADS_PER_READ = 256;
const NO_PAYLOAD: Payload = { document: null, uri: null, metadata: null };

export class CollectionRecords implements CollectionPart<RecordsSection>, RecordSource {
  readonly #home: PartHome;
  readonly #memtable = new Memtable();
  readonly #idFile: OrdinalBlockfile<string>;
  readonly #payloadFile: OrdinalBlockfile<Payload>;
  #section: RecordsSection = CollectionRecords.empty();
  readonly #table = new IdTable();
  /** Nothing is written or deleted before it has resolved, since what that names has to be found. */
  #indexing: Promise<void> | null = null;
  #nextOrdinal = 0;
  #compactedEnd = 0;
  /** Ordinals below this are in the section or in a compaction under way: deleting one leaves a tombstone. */
  #sealedOrdinal = 0;
  /** Another object after the records were numbered anew, or opened: then ordinals mean others. */
  numbering: object = {};

  constructor(home: PartHome) {
    const { blocks } = home.context;
    this.#home = home;
    this.#idFile = new OrdinalBlockfile(blocks, `collection "${home.row.name}" (ids)`, idFormat, limits.idBlockBytes);
    const format = home.indexes.fullText ? indexedPayloadFormat : payloadFormat;
    this.#payloadFile = new OrdinalBlockfile(blocks, `collection "${home.row.name}" (records)`, format, limits.recordBlockBytes);
  }

  static empty(): RecordsSection {
    return { ids: [], payload: [] };
  }

  static *refs({ ids, payload }: RecordsSection): Generator<BlockRef, void, undefined> {
    yield* ordinalRefs(ids);
    yield* ordinalRefs(payload);
  }

  static async verify({ ids, payload }: RecordsSection, inspection: Inspection): Promise<void> {
    await verifyIds(ids, inspection);
    const { count } = inspection.context;
    if (inspection.isWhole && inspection.counts.records !== count) {
      const owner = inspection.owner("ids");
      inspection.find("records", owner, `There are ${inspection.counts.records} records in ${owner}, and the manifest counts ${count}`);
    }
    await verifyFingerprints(ids, inspection);
    await verifyPayloads(payload, inspection);
  }

  get count(): number {
    return this.#table.count;
  }

  /** Ordinals of live records. Not to be changed from outside. */
  get live(): Bitmap {
    return this.#table.live;
  }

  get nextOrdinal(): number {
    return this.#nextOrdinal;
  }

  get compactedEnd(): number {
    return this.#compactedEnd;
  }

  get memtableBytes(): number {
    return this.#memtable.bytes;
  }

  get memory(): Partial<MemoryUse> {
    return { ids: this.#table.bytes, memtable: this.#memtable.bytes };
  }

  entry(ordinal: number): MemtableEntry | undefined {
    return this.#memtable.get(ordinal);
  }

  entries(): Entry[] {
    return this.#memtable.snapshot();
  }

  uncompacted(): IterableIterator<number> {
    return this.#memtable.ordinals();
  }

  async open(section: RecordsSection, nextOrdinal: number): Promise<void> {
    this.#section = section;
    this.#nextOrdinal = nextOrdinal;
    this.#compactedEnd = nextOrdinal;
    this.#sealedOrdinal = nextOrdinal;
    const live = new Bitmap();
    for (const { first, last } of section.ids.filter(isGapless)) live.addRange(first, last + 1);
    for await (const [ordinals] of this.#fingerprints(section.ids.filter((entry) => !isGapless(entry)))) live.addAll(ordinals);
    this.#table.open(live);
  }

  /** Reads the fingerprints of what the section has, when an id is first asked for, which searches never do, or ahead of that. */
  index(): Promise<void> {
    this.#indexing ??= this.#readIndex().catch((error: unknown) => {
      this.#indexing = null;
      throw error;
    });
    return this.#indexing;
  }

  async #readIndex(): Promise<void> {
    this.#table.beginIndex();
    for await (const [ordinals, fingerprints] of this.#fingerprints(this.#section.ids)) {
      for (let row = 0; row < ordinals.length; row++) this.#table.index(fingerprints[row]!, ordinals[row]!);
    }
  }

  /** Of the blocks that an earlier release wrote the ids are read. */
  async *#fingerprints(ids: OrdinalSection): AsyncGenerator<[ordinals: Uint32Array, fingerprints: Uint32Array], void, undefined> {
    for await (const { entry, beside } of this.#idFile.scanBeside(ids)) {
      if (beside != null) yield this.#checked(entry, beside.u32("ordinal"), beside.u32("fingerprint"));
      else {
        for await (const { parts, ordinals } of this.#idFile.scan([entry])) {
          yield this.#checked(entry, ordinals, Uint32Array.from(parts[0]!.utf8Column("id"), fingerprintOf));
        }
      }
      await this.#home.context.tick();
    }
  }

  #checked({ rows }: OrdinalEntry, ordinals: Uint32Array, fingerprints: Uint32Array): [Uint32Array, Uint32Array] {
    if (ordinals.length === rows && fingerprints.length === rows) return [ordinals, fingerprints];
    const { name } = this.#home.row;
    const message = `A block of collection "${name}" (ids) has the fingerprints of ${fingerprints.length} records instead of ${rows}`;
    throw new TidepoolError("CORRUPTION", `${message}. Nothing was changed.`);
  }

  // ---- ids and ordinals (under the shared lock)

  /** Which of the ids name a record, and where. */
  async find(ids: Iterable<string>): Promise<FoundIds> {
    await this.index();
    const found: FoundIds = { numbering: this.numbering, ordinals: new Map() };
    let chunk: string[] = [];
    for (const id of ids) {
      if (chunk.push(id) < IDS_PER_TICK) continue;
      await this.#findSome(chunk, found.ordinals);
      chunk = [];
      await this.#home.context.tick();
    }
    await this.#findSome(chunk, found.ordinals);
    return found;
  }

  /** Reads only where a fingerprint is that of a record which the memtable does not name. */
  async #findSome(ids: readonly string[], found: Map<string, number>): Promise<void> {
    const candidates: number[] = [];
    // Ordinal and place of the id in one number, to be sorted without a comparison of ours.
    const doubtful: number[] = [];
    for (let i = 0; i < ids.length; i++) {
      const count = this.#table.candidates(fingerprintOf(ids[i]!), candidates);
      for (let c = 0; c < count; c++) {
        const ordinal = candidates[c]!;
        const entry = this.#memtable.get(ordinal);
        if (entry === undefined) doubtful.push(ordinal * IDS_PER_TICK + i);
        else if (entry.id === ids[i]) found.set(ids[i]!, ordinal);
      }
    }
    if (doubtful.length > 0) await this.#confirm(ids, Float64Array.from(doubtful).sort(), found);
  }

  /** Looks at the blocks which of these are the records that the ids name. */
  async #confirm(ids: readonly string[], doubtful: Float64Array, found: Map<string, number>): Promise<void> {
    const ordinals = Uint32Array.from(doubtful, (pair) => Math.floor(pair / IDS_PER_TICK));
    const given = Array.from(doubtful, (pair) => ids[pair % IDS_PER_TICK]!);
    const isSame = await this.#idFile.compare(this.#section.ids, ordinals, given);
    for (let i = 0; i < given.length; i++) {
      if (isSame[i] === null) throw this.#missing(ordinals[i]!);
      if (isSame[i] === true) found.set(given[i]!, ordinals[i]!);
    }
  }

  /** Ids of live records, in the order given: at once where all are in memory. */
  ids(ordinals: ArrayLike<number>): string[] | Promise<string[]> {
    return this.#idsOver(this.#section, ordinals, (ordinal) => this.#memtable.get(ordinal));
  }

  // ---- applying the log

  /** Does ahead what `write` does of a batch's metadata. */
  prepare(batch: RecordBatch, { ordinals }: FoundIds): Steps<void> {
    return prepareMetadata(batch, (id) => {
      const ordinal = ordinals.get(id);
      return ordinal === undefined ? null : this.#memtable.get(ordinal);
    });
  }

  /** Writes a batch over what is there; `codes` are those of its embeddings. Tells what it did. */
  *write(operation: Operation, batch: RecordBatch, codes: QuantizedRows | null, { ordinals }: FoundIds): Steps<AppliedRecords> {
    const vectorOf = vectorRows(batch, codes);
    const written: [ordinal: number, fields: RecordFields, id: string][] = [];
    for (const [i, id] of batch.ids.entries()) {
      if (i % APPLIED_PER_STEP === APPLIED_PER_STEP - 1) yield;
      const fields: RecordFields = {
        vector: vectorOf(i),
        document: batch.documents?.[i] ?? undefined,
        uri: batch.uris?.[i] ?? undefined,
        metadata: batch.metadatas?.[i] ?? undefined,
      };
      const existing = ordinals.get(id);
      if (existing === undefined ? operation === "update" : operation === "add") continue;
      const ordinal = existing ?? this.#nextOrdinal++;
      if (existing === undefined) {
        this.#table.add(fingerprintOf(id), ordinal);
        this.#memtable.set(ordinal, newEntry(id, fields));
        ordinals.set(id, ordinal);
      } else this.#memtable.set(ordinal, patchEntry(id, this.#memtable.get(ordinal), fields));
      written.push([ordinal, fields, id]);
    }
    return { written, deleted: [] };
  }

  *delete(ids: readonly string[], { ordinals }: FoundIds): Steps<AppliedRecords> {
    const deleted: number[] = [];
    for (const [i, id] of ids.entries()) {
      if (i % APPLIED_PER_STEP === APPLIED_PER_STEP - 1) yield;
      const ordinal = ordinals.get(id);
      if (ordinal === undefined) continue;
      ordinals.delete(id);
      this.#table.delete(fingerprintOf(id), ordinal);
      if (ordinal < this.#sealedOrdinal) this.#memtable.set(ordinal, { kind: "tombstone", id });
      else this.#memtable.delete(ordinal);
      deleted.push(ordinal);
    }
    return { written: [], deleted };
  }

  // ---- compaction

  /** What the memtable has at this moment, and what it changes. Later deletions of these records leave tombstones. */
  async changes(tick: Tick): Promise<MemtableChanges> {
    const entries = this.entries();
    const nextOrdinal = this.#nextOrdinal;
    this.#sealedOrdinal = nextOrdinal;
    const removed = Bitmap.of(entries.filter(([, entry]) => entry.kind === "tombstone").map(([ordinal]) => ordinal));
    return { entries, payloads: await this.#payloadChanges(entries, tick), removed, nextOrdinal };
  }

  async #payloadChanges(entries: readonly Entry[], tick: Tick): Promise<PayloadChange[]> {
    const compactedEnd = this.#compactedEnd;
    const changes: PayloadChange[] = [];
    for (let from = 0; from < entries.length; from += PAYLOADS_PER_READ) {
      const chunk = entries.slice(from, from + PAYLOADS_PER_READ);
      const old = chunk.filter(([ordinal]) => ordinal < compactedEnd).map(([ordinal]) => ordinal);
      const rows = await this.storedPayloads(old);
      const before = new Map(old.map((ordinal, i) => [ordinal, rows[i]!]));
      for (const [ordinal, entry] of chunk) {
        const row = before.get(ordinal) ?? null;
        changes.push({ ordinal, entry, before: row, after: payloadWith(entry, row) });
        if (entry.kind === "patch") await tick();
      }
      await tick();
    }
    return changes;
  }

  /** Entries that were replaced since the changes were taken stay in the memtable, over the new section. */
  async compact(changes: MemtableChanges, writer: BlockWriter, tick: Tick): Promise<Prepared<RecordsSection>> {
    const { entries, payloads, removed, nextOrdinal } = changes;
    const ids = await this.#idFile.apply(this.#section.ids, { written: idRows(entries), removed }, writer, tick);
    const payload = await this.#payloadFile.apply(this.#section.payload, { written: payloadRows(payloads), removed }, writer, tick);
    const section = { ids, payload };
    const install = () => {
      this.#section = section;
      this.#compactedEnd = nextOrdinal;
      for (const [ordinal, entry] of entries) if (this.#memtable.get(ordinal) === entry) this.#memtable.delete(ordinal);
    };
    return { section, install };
  }

  /** The new ordinals of the section's records, and of those that follow on behind. */
  async renumbering(): Promise<Renumbering> {
    const { ids } = this.#section;
    const end = this.#compactedEnd;
    const translation = new Uint32Array(end);
    let next = 0;
    for await (const { ordinals } of this.#idFile.scan(ids)) for (const ordinal of ordinals) translation[ordinal] = next++;
    const nextOrdinal = next;
    return { nextOrdinal, ordinalOf: (ordinal) => (ordinal < end ? translation[ordinal]! : ordinal - end + nextOrdinal) };
  }

  async renumber({ nextOrdinal, ordinalOf }: Renumbering, writer: BlockWriter, tick: Tick): Promise<Prepared<RecordsSection>> {
    const ids = await this.#idFile.renumber(this.#section.ids, ordinalOf, writer, tick);
    const payload = await this.#payloadFile.renumber(this.#section.payload, ordinalOf, writer, tick);
    const section = { ids, payload };
    const install = () => {
      this.#section = section;
      this.numbering = {};
      this.#memtable.renumber(ordinalOf);
      this.#nextOrdinal = ordinalOf(this.#nextOrdinal);
      this.#compactedEnd = nextOrdinal;
      this.#sealedOrdinal = nextOrdinal;
      this.#table.renumber(ordinalOf);
    };
    return { section, install };
  }

  // ---- reading (under the shared lock)

  async documents(ordinals: Uint32Array): Promise<(string | null)[]> {
    const live = [...ordinals].filter((ordinal) => this.live.has(ordinal));
    const payloads = await this.payloads(live);
    const documents = new Map(live.map((ordinal, i) => [ordinal, payloads[i]!.document]));
    return Array.from(ordinals, (ordinal) => documents.get(ordinal) ?? null);
  }

  /** Payloads of live records, in the order given. */
  payloads(ordinals: readonly number[]): Promise<Payload[]> {
    return this.#payloadsOver(this.#section, ordinals, (ordinal) => this.#memtable.get(ordinal));
  }

  /** What the section and the memtable are now; later writes and compactions change nothing of it. */
  frozen(): FrozenRecords {
    const section = this.#section;
    const entries = new Map(this.entries());
    const entryOf = (ordinal: number): MemtableEntry | undefined => entries.get(ordinal);
    return {
      entries,
      section,
      ids: async (ordinals) => this.#idsOver(section, ordinals, entryOf),
      payloads: (ordinals) => this.#payloadsOver(section, Array.from(ordinals), entryOf),
    };
  }

  #idsOver(
    section: RecordsSection,
    ordinals: ArrayLike<number>,
    entryOf: (ordinal: number) => MemtableEntry | undefined,
  ): string[] | Promise<string[]> {
    const entries = Array.from(ordinals, entryOf);
    const below = Uint32Array.from(ordinals).filter((_, i) => entries[i] === undefined);
    if (!isAscending(below)) below.sort();
    const named = (rows: readonly (string | null)[]): string[] => {
      let next = 0;
      return entries.map((entry, i) => {
        if (entry !== undefined) return entry.id;
        // Most often they are asked for in their order.
        const at = below[next] === ordinals[i] ? next++ : lowerBound(0, below.length, (place) => below[place]! < ordinals[i]!);
        const id = rows[at];
        if (id == null) throw this.#missing(ordinals[i]!);
        return id;
      });
    };
    const inMemory = this.#idFile.peek(section.ids, below);
    return inMemory === null ? this.#idFile.read(section.ids, below).then(named) : named(inMemory);
  }

  async #payloadsOver(
    section: RecordsSection,
    ordinals: readonly number[],
    entryOf: (ordinal: number) => MemtableEntry | undefined,
  ): Promise<Payload[]> {
    const entries = ordinals.map(entryOf);
    const below = ordinals.filter((_, i) => entries[i]?.kind !== "record").sort((a, b) => a - b);
    const rows = await this.#payloadFile.read(section.payload, below);
    const stored = new Map(below.map((ordinal, i) => [ordinal, rows[i]!]));
    return ordinals.map((ordinal, i) => {
      const entry = entries[i];
      if (entry?.kind === "record") return entry;
      const row = stored.get(ordinal);
      if (row === undefined || row === null) throw this.#missing(ordinal);
      return entry === undefined ? row : payloadWith(entry, row)!;
    });
  }

  /** Payloads as the section has them, `null` where it has none. Ordinals ascend. */
  storedPayloads(ordinals: ArrayLike<number>): Promise<(Payload | null)[]> {
    return this.#payloadFile.read(this.#section.payload, ordinals);
  }

  /**
   * Those among `within`, and others, whose documents may satisfy a probe as far as the sections tell; all where a block has nothing
   * beside it.
   */
  async candidates(probe: GramProbe, within: Bitmap, tick: Tick): Promise<Bitmap> {
    const found = new Bitmap();
    for (const entry of this.#section.payload) {
      const end = entry.last + 1;
      if (!within.hasAny(entry.first, end)) continue;
      const filter = await this.#payloadFile.besideOf(entry);
      if (filter === undefined) found.addRange(entry.first, end);
      else if (filter !== null) eachCandidate(filter, end, probe, (from, to) => found.addRange(from, to));
      await tick();
    }
    return found;
  }

  #missing(ordinal: number): TidepoolError {
    const { name } = this.#home.row;
    return new TidepoolError("CORRUPTION", `The record of ordinal ${ordinal} is missing from collection "${name}". Nothing was changed.`);
  }
}

function isAscending(ordinals: Uint32Array): boolean {
  return ordinals.every((ordinal, i) => i === 0 || ordinal >= ordinals[i - 1]!);
}

/** The memtable's entry laid over the section's row; `null` when the record is deleted. */
function payloadWith(entry: MemtableEntry, row: Payload | null): Payload | null {
  if (entry.kind === "tombstone") return null;
  if (entry.kind === "record") return entry;
  return patchedPayload(row ?? NO_PAYLOAD, entry);
}

function idRows(entries: readonly Entry[]): [number, string][] {
  return entries.filter(([, entry]) => entry.kind === "record").map(([ordinal, entry]) => [ordinal, entry.id]);
}

function payloadRows(payloads: readonly PayloadChange[]): [number, Payload][] {
  return payloads
    .filter(({ entry }) => entry.kind === "record" || (entry.kind === "patch" && changesPayload(entry)))
    .map(({ ordinal, after }) => [ordinal, after!]);
}

function changesPayload(entry: PatchEntry): boolean {
  return entry.document !== undefined || entry.uri !== undefined || entry.metadata !== undefined;
}

/** The vector of the i-th record of a batch, if it carries one; to be asked in order. */
function vectorRows({ embeddings }: RecordBatch, codes: QuantizedRows | null): (i: number) => VectorRow | undefined {
  if (embeddings === null || codes === null) return () => undefined;
  const { dimension, values, present } = embeddings;
  let next = 0;
  return (i) => {
    if (present !== null && present[i] === 0) return undefined;
    const at = next++;
    return { embedding: values.subarray(at * dimension, next * dimension), quantized: codes, at };
  };
}

/** What lies beside the blocks of ids. */
async function verifyFingerprints(ids: OrdinalSection, inspection: Inspection): Promise<void> {
  const owner = inspection.owner("ids");
  for (const { beside, refs } of ids) {
    const found = beside == null ? null : await inspection.block("records", beside, owner);
    if (beside == null || found === null || !inspection.context.deep) continue;
    await inspection.attempt("records", placeOf(beside), async () => {
      const block = Block.decode(await inspection.context.blocks.readBytes(refs[0]!, owner));
      const own = Uint32Array.from(block.utf8Column("id"), fingerprintOf);
      if (hasSameItems(block.u32("ordinal"), found.u32("ordinal")) && hasSameItems(own, found.u32("fingerprint"))) return;
      inspection.find(
        "records",
        placeOf(beside),
        `The fingerprints beside block ${placeOf(refs[0]!)} of ${owner} are not those of its ids`,
      );
    });
  }
}

async function verifyPayloads(payload: OrdinalSection, inspection: Inspection): Promise<void> {
  const owner = inspection.owner("records");
  const found = new Bitmap();
  for await (const { ordinals, parts } of inspection.rows("records", payload, owner)) {
    found.addAll(ordinals);
    const payloadAt = payloadFormat.decode(parts);
    if (inspection.context.deep) for (let row = 0; row < ordinals.length; row++) void payloadAt(row).metadata;
  }
  const { inside, outside } = found.countAgainst(inspection.live);
  if (inspection.isWhole && (outside > 0 || inside !== inspection.counts.records)) {
    inspection.find(
      "records",
      owner,
      `${inside} of ${inspection.counts.records} ids have a record in ${owner}, and ${outside} records have no id`,
    );
  }
  await verifyFilters(payload, inspection);
  inspection.payloads = async function* () {
    for (const entry of payload) {
      const parts: Block[] = [];
      for (const ref of entry.refs) parts.push(Block.decode(await inspection.context.blocks.readBytes(ref, owner)));
      yield { ordinals: parts[0]!.u32("ordinal"), payloadAt: payloadFormat.decode(parts) };
    }
  };
}

/** What lies beside the records' blocks. */
async function verifyFilters(payload: OrdinalSection, inspection: Inspection): Promise<void> {
  const owner = inspection.owner("records");
  for (const entry of payload) {
    if (entry.beside === undefined) continue;
    const filter = entry.beside === null ? null : await inspection.block("records", entry.beside, owner);
    if (!inspection.context.deep || (filter === null && entry.beside !== null)) continue;
    await inspection.attempt("records", placeOf(entry.refs[0]!), async () => {
      const [block] = await Promise.all(entry.refs.map((ref) => inspection.context.blocks.readBytes(ref, owner)));
      await inTurns(verifyFilter(Block.decode(block!), filter, inspection), inspection.context.tick);
    });
  }
}

function* verifyFilter(records: Block, filter: Block | null, inspection: Inspection): Steps<void> {
  const documentAt = records.utf8("document");
  for (const [row, ordinal] of records.u32("ordinal").entries()) {
    const document = documentAt(row) ?? "";
    const isKnown = filter === null ? !hasGrams(document) : yield* knowsGrams(filter, ordinal, document);
    if (isKnown) continue;
    inspection.find("records", String(ordinal), `The filter on documents of ordinal ${ordinal} does not know all of its text`);
  }
}

function hasGrams(document: string): boolean {
  let has = false;
  eachGram(document, 0, document.length, () => {
    has = true;
  });
  return has;
}
