/**
 * The metadata index of a collection: for every (key, value) of a collection's compacted records the ordinals that hold it.
 *
 * It owns the meaning of the posting keys; the blockfile below only sorts them. Invariant: an ordinal is posted under
 * exactly the keys that `postingKeys` derives from those of its metadata that the collection's schema wants indexed. Changes
 * therefore need the metadata that was, not only the metadata that is. Negations are not answered here: what lacks a key is
 * posted nowhere.
 */

import { Bitmap } from "../base/bitmap.js";
import { Pace } from "../base/pace.js";
import { isSparseVector } from "../base/sparse-vector.js";
import { atOnce, inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import { wellFormed } from "../base/well-formed.js";
import type { BlockRef, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import { PostingBlockfile, type PostingSection, postingRefs } from "../blockstore/posting-blockfile.js";
import { show } from "../errors.js";
import { type IndexedType, type IndexPolicy, typeOfScalar } from "../schema.js";
import type { Condition } from "../segment/condition.js";
import { type OrdinalListDelta, ordinalListFormat } from "../segment/ordinal-list.js";
import {
  elementKey,
  type KeyRange,
  nameRange,
  postingKeys,
  prefixRange,
  prepareKeys,
  scalarKey,
  scalarRange,
  tellsOrder,
  valueOfKey,
} from "../segment/posting-key.js";
import type { Metadata, MetadataValue, Scalar } from "../types.js";
import { type Inspection, placeOf } from "./inspection.js";
import type { CollectionPart, PartHome, PayloadChange, Prepared, Renumbering } from "./part.js";

/** What a manifest keeps of it. */
export interface MetadataSection {
  postings: PostingSection;
}

/** Values between two looks at the clock. */
const VALUES_PER_TICK = 1024;
/** Posting lists read between two looks at the clock. */
const LISTS_PER_TICK = 64;
/** Values posted, and eighths of ordinals under them, between two looks at the clock. */
const POSTED_PER_TICK = 512;
/** Keys of one condition that are sorted together: sorting cannot be divided. */
const KEYS_SORTED_AT_ONCE = 4096;

/** Types of values that may be posted. */
const SCALAR_TYPES: readonly IndexedType[] = ["string", "int", "float", "bool"];

export class CollectionMetadata implements CollectionPart<MetadataSection> {
  readonly #blockfile: PostingBlockfile<Uint32Array, OrdinalListDelta>;
  readonly #indexes: IndexPolicy;
  #section: MetadataSection = CollectionMetadata.empty();

  constructor({ context, row, indexes }: Pick<PartHome, "indexes"> & { context: { blocks: BlockStore }; row: { name: string } }) {
    this.#blockfile = new PostingBlockfile(context.blocks, `collection "${row.name}" (metadata)`, ordinalListFormat);
    this.#indexes = indexes;
  }

  static empty(): MetadataSection {
    return { postings: { blocks: [] } };
  }

  static refs({ postings }: MetadataSection): BlockRef[] {
    return postingRefs(postings);
  }

  static async verify({ postings }: MetadataSection, inspection: Inspection): Promise<void> {
    const stored = await verifyPostings(postings, inspection);
    const { deep, indexes, tick } = inspection.context;
    if (!deep || !inspection.isWhole || stored === null) return;
    const pace = new Pace(tick, VALUES_PER_TICK);
    for await (const { ordinals, payloadAt } of inspection.payloads()) {
      for (let row = 0; row < ordinals.length; row++) {
        const metadata = payloadAt(row).metadata ?? {};
        await inTurns(prepareKeys(Object.values(metadata)), tick);
        for (const name of Object.keys(metadata))
          takePostings(stored, indexedKeys(name, metadata[name]!, indexes), ordinals[row]!, inspection);
        await pace.step(valuesOf(metadata));
      }
    }
    for (const [key, { count }] of stored) {
      if (count > 0) inspection.find("metadata", show(key), `${count} records are posted under ${show(key)} and do not have that value`);
    }
  }

  /** Nothing of it is in memory but decoded blocks, which the block cache accounts for. */
  readonly memory = {};

  async open(section: MetadataSection): Promise<void> {
    this.#section = section;
  }

  async compact(
    { payloads }: { payloads: readonly Omit<PayloadChange, "entry">[] },
    writer: BlockWriter,
    tick: Tick,
  ): Promise<Prepared<MetadataSection>> {
    const deltas = new Map<string, OrdinalListDelta>();
    let values = 0;
    for (const change of payloads) {
      await inTurns(prepareKeys(valuesIn(change)), tick);
      values += collectDeltas(change, deltas, this.#indexes);
      if (values < VALUES_PER_TICK) continue;
      values = 0;
      await tick();
    }
    atOnce(prepareKeys([]));
    if (deltas.size === 0) return this.#prepared(this.#section);
    return this.#prepared({ postings: await this.#blockfile.apply(this.#section.postings, deltas, writer, tick) });
  }

  async renumber({ ordinalOf }: Pick<Renumbering, "ordinalOf">, writer: BlockWriter, tick: Tick): Promise<Prepared<MetadataSection>> {
    return this.#prepared({ postings: await this.#blockfile.renumber(this.#section.postings, ordinalOf, writer, tick) });
  }

  #prepared(section: MetadataSection): Prepared<MetadataSection> {
    const install = () => {
      this.#section = section;
    };
    return { section, install };
  }

  /**
   * Whether the postings tell everything about a condition. A range of numbers asks for whole and fractional ones; where only one
   * kind is indexed, and for texts that are too long, the records must be looked at.
   */
  answers(condition: Condition): boolean {
    const { key, operator } = condition;
    if (operator === "eq" || operator === "in" || operator === "contains") return true;
    if (typeof condition.value === "string") return tellsOrder(condition.value) && this.#indexes.isIndexed(key, "string");
    return this.#indexes.isIndexed(key, "int") && this.#indexes.isIndexed(key, "float");
  }

  /** Ordinals of compacted records that satisfy a condition; the caller owns the bitmap. */
  async evaluate(condition: Condition, tick: Tick): Promise<Bitmap> {
    await inTurns(prepareKeys(condition.operator === "in" ? condition.values : [condition.value]), tick);
    switch (condition.operator) {
      case "eq":
        return this.#lookup([scalarKey(condition.key, condition.value)], tick);
      case "in":
        return this.#lookupAll(condition.key, [...condition.values], tick);
      case "contains":
        return this.#lookup([elementKey(condition.key, condition.value)], tick);
      case "prefix":
        return this.#within(prefixRange(condition.key, condition.value), tick);
      default:
        return this.#within(scalarRange(condition.key, condition.operator, condition.value), tick);
    }
  }

  /** How many blocks have the values of a key; `null` where values of some type are not posted. */
  valueBlocks(key: string): number | null {
    if (!SCALAR_TYPES.every((type) => this.#indexes.isIndexed(key, type))) return null;
    const { from, to } = nameRange(key);
    return this.#blockfile.countBlocks(this.#section.postings, from, to);
  }

  /** Hands over the values of a key in compacted records, those of lists too, each with the records that have it. */
  async eachValue(key: string, take: TakeValue, tick: Tick): Promise<void> {
    const { from, to } = nameRange(key);
    let work = 0;
    for await (const run of this.#blockfile.range(this.#section.postings, from, to)) {
      for (const [posted, ordinals] of run) {
        take(valueOfKey(posted, from.length), ordinals);
        work += 1 + ordinals.length / 8;
        if (work < POSTED_PER_TICK) continue;
        work = 0;
        await tick();
      }
    }
  }

  async #within({ from, to }: KeyRange, tick: Tick): Promise<Bitmap> {
    const matches = new Bitmap();
    for await (const run of this.#blockfile.range(this.#section.postings, from, to)) {
      matches.addAll(run.values);
      await tick();
    }
    return matches;
  }

  async #lookupAll(key: string, values: readonly Scalar[], tick: Tick): Promise<Bitmap> {
    const matches = new Bitmap();
    for (let from = 0; from < values.length; from += KEYS_SORTED_AT_ONCE) {
      const keys = values.slice(from, from + KEYS_SORTED_AT_ONCE).map((value) => scalarKey(key, value));
      matches.union(await this.#lookup(keys, tick));
    }
    return matches;
  }

  async #lookup(keys: readonly string[], tick: Tick): Promise<Bitmap> {
    const matches = new Bitmap();
    let lists = 0;
    // In key order, so that a block is done with before the next one is loaded.
    for (const key of [...new Set(keys)].sort()) {
      matches.addAll(await this.#blockfile.lookup(this.#section.postings, key));
      if (++lists % LISTS_PER_TICK === 0) await tick();
    }
    return matches;
  }
}

/** Takes a value, `null` for a long text, which only its records tell, and their ordinals. A scalar and an element come separately. */
export type TakeValue = (value: Scalar | null, ordinals: Uint32Array) => void;

/** How many ordinals are posted under a key, and their sum, which two different lists hardly share. */
interface Posted {
  count: number;
  sum: number;
}

/** What is posted under each key; `null` when it could not all be read. */
async function verifyPostings({ blocks }: PostingSection, inspection: Inspection): Promise<Map<string, Posted> | null> {
  const owner = inspection.owner("metadata");
  const posted = new Map<string, Posted>();
  let last: string | null = null;
  const before = inspection.findingCount;
  for (const { firstKey, ref } of blocks) {
    const block = await inspection.block("metadata", ref, owner);
    if (block === null) continue;
    const [keyAt, listAt] = [block.utf8("key"), ordinalListFormat.decode(block)];
    if (keyAt(0) !== firstKey)
      inspection.find("metadata", placeOf(ref), `Block ${placeOf(ref)} of ${owner} does not begin with key ${show(firstKey)}`);
    for (let row = 0; row < block.rows; row++) {
      const key = keyAt(row) ?? "";
      if (last !== null && key <= last)
        inspection.find("metadata", show(key), `Key ${show(key)} of ${owner} does not follow ${show(last)}`);
      last = key;
      posted.set(key, verifyList(listAt(row), key, inspection));
    }
  }
  return inspection.findingCount === before ? posted : null;
}

function verifyList(list: Uint32Array, key: string, inspection: Inspection): Posted {
  const { live, isWhole, counts } = inspection;
  let sum = 0;
  for (let i = 0; i < list.length; i++) {
    const ordinal = list[i]!;
    sum += ordinal;
    const wrong = (i > 0 && ordinal <= list[i - 1]!) || (isWhole && !live.has(ordinal));
    if (wrong) inspection.find("metadata", show(key), `Ordinal ${ordinal} under ${show(key)} is out of order, or there is no such record`);
  }
  counts.postings += list.length;
  return { count: list.length, sum };
}

function takePostings(posted: Map<string, Posted>, keys: Iterable<string>, ordinal: number, inspection: Inspection): void {
  for (const key of keys) {
    const found = posted.get(wellFormed(key));
    if (found === undefined || found.count === 0) {
      inspection.find("metadata", show(key), `The record of ordinal ${ordinal} is not posted under ${show(key)}`);
      continue;
    }
    found.count--;
    found.sum -= ordinal;
    if (found.count === 0 && found.sum !== 0)
      inspection.find("metadata", show(key), `Other records than have that value are posted under ${show(key)}`);
  }
}

/** Scalars whose keys a change takes; elements of lists are short, or few. */
function valuesIn({ before, after }: Omit<PayloadChange, "entry">): MetadataValue[] {
  return [before, after].flatMap((payload) => Object.values(payload?.metadata ?? {})).flat() as MetadataValue[];
}

/** Returns how many values it has looked at, those of lists too. */
function collectDeltas(change: Omit<PayloadChange, "entry">, deltas: Map<string, OrdinalListDelta>, indexes: IndexPolicy): number {
  const { ordinal } = change;
  const before = change.before?.metadata ?? null;
  const after = change.after?.metadata ?? null;
  for (const name of Object.keys(before ?? {})) {
    const old = before![name]!;
    const now = ownValue(after, name);
    if (now !== null && isSame(old, now)) continue;
    const kept = now === null ? new Set<string>() : indexedKeys(name, now, indexes);
    for (const key of indexedKeys(name, old, indexes)) if (!kept.has(key)) deltaOf(deltas, key).remove.push(ordinal);
  }
  for (const name of Object.keys(after ?? {})) {
    const now = after![name]!;
    const old = ownValue(before, name);
    if (old !== null && isSame(old, now)) continue;
    const known = old === null ? new Set<string>() : indexedKeys(name, old, indexes);
    for (const key of indexedKeys(name, now, indexes)) if (!known.has(key)) deltaOf(deltas, key).add.push(ordinal);
  }
  return valuesOf(before) + valuesOf(after);
}

function valuesOf(metadata: Metadata | null): number {
  return Object.values(metadata ?? {}).reduce<number>((sum, value) => sum + (Array.isArray(value) ? value.length : 1), 1);
}

/** Posting keys of those scalars, or elements, whose type is indexed under the name. */
function indexedKeys(name: string, value: MetadataValue, indexes: IndexPolicy): Set<string> {
  if (isSparseVector(value)) return new Set();
  const isIndexed = (scalar: Scalar) => indexes.isIndexed(name, typeOfScalar(scalar));
  if (!Array.isArray(value)) return isIndexed(value) ? postingKeys(name, value) : new Set();
  return postingKeys(name, (value as Scalar[]).filter(isIndexed) as MetadataValue);
}

function ownValue(metadata: Metadata | null, name: string): MetadataValue | null {
  return metadata !== null && Object.hasOwn(metadata, name) ? metadata[name]! : null;
}

/** Cheap and sufficient: what it calls different may still have the same posting keys. */
function isSame(a: MetadataValue, b: MetadataValue): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((element, i) => element === b[i]);
}

function deltaOf(deltas: Map<string, OrdinalListDelta>, key: string): OrdinalListDelta {
  let delta = deltas.get(key);
  if (delta === undefined) deltas.set(key, (delta = { add: [], remove: [] }));
  return delta;
}
