/**
 * Counts the values that selected records have under some keys. An element of a list counts as a value, once for each record; a
 * sparse vector is none.
 *
 * The postings tell it of compacted records, where they have all values of the keys and reading them is not more than reading the
 * records. Records in the memtable, and those with texts that the postings do not tell whole, are looked at, each once.
 */
import { Bitmap } from "../../base/bitmap.js";
import { firstInTurns } from "../../base/sorted.js";
import { isSparseVector } from "../../base/sparse-vector.js";
import type { Tick } from "../../base/turns.js";
import type { TakeValue } from "../../collection/metadata.js";
import { show, TidepoolError } from "../../errors.js";
import type { FacetPlan } from "../../gateway/plan.js";
import { limits } from "../../limits.js";
import { isCut } from "../../segment/posting-key.js";
import type { FacetColumns } from "../../service.js";
import type { Metadata, Scalar } from "../../types.js";
import { compareValues } from "./group.js";
import type { FetchColumns } from "./select.js";

/** What the engine provides: one consistent view of a collection. */
export interface FacetSource {
  /** What is posted of compacted records; may contain shadowed ones. */
  metadata: {
    valueBlocks(key: string): number | null;
    eachValue(key: string, take: TakeValue, tick: Tick): Promise<void>;
  };
  /** Ordinals whose truth is in the memtable. */
  uncompacted: Bitmap;
  fetch: FetchColumns;
  /** Awaited between chunks, so that the worker stays responsive. */
  tick: Tick;
}

/** Records fetched at once. */
const CHUNK = 256;
/** About what a value takes in memory beside its text. */
const VALUE_BYTES = 96;

/** For each key of the plan the values that it asks for. */
export async function countValues(source: FacetSource, selected: Bitmap, plan: FacetPlan): Promise<FacetColumns[]> {
  const room = new Room();
  const tallies = plan.keys.map((key) => new Tally(key, room));
  const compacted = selected.clone().subtract(source.uncompacted);
  if (takesPostings(source, compacted, plan.keys)) {
    for (const tally of tallies) await countPosted(source, compacted, tally);
    await countRecords(source, selected.clone().subtract(compacted), tallies);
  } else await countRecords(source, selected, tallies);
  const facets: FacetColumns[] = [];
  for (const tally of tallies) facets.push(await tally.told(plan, selected.count(), source.tick));
  return facets;
}

/** Each record is, at worst, in a block of its own. */
function takesPostings({ metadata }: FacetSource, compacted: Bitmap, keys: readonly string[]): boolean {
  let blocks = 0;
  for (const key of keys) blocks += metadata.valueBlocks(key) ?? Infinity;
  return compacted.count() > blocks && blocks < Infinity;
}

async function countPosted(source: FacetSource, within: Bitmap, tally: Tally): Promise<void> {
  const untold = new Bitmap();
  const take: TakeValue = (value, ordinals) => {
    let count = 0;
    for (const ordinal of ordinals) {
      if (!within.has(ordinal)) continue;
      count++;
      tally.records.add(ordinal);
      if (value === null) untold.add(ordinal);
    }
    if (value !== null && count > 0) tally.add(value, count);
  };
  await source.metadata.eachValue(tally.key, take, source.tick);
  await countRecords(source, untold, [tally], (value) => typeof value === "string" && isCut(value));
}

async function countRecords(
  { fetch, tick }: FacetSource,
  selected: Bitmap,
  tallies: readonly Tally[],
  counts: (value: Scalar) => boolean = () => true,
): Promise<void> {
  const ordinals = selected.toArray();
  for (let from = 0; from < ordinals.length; from += CHUNK) {
    if (from > 0) await tick();
    const chunk = ordinals.subarray(from, from + CHUNK);
    const { metadatas } = await fetch(chunk, { document: false, uri: false, metadata: true, embedding: false });
    for (const tally of tallies) {
      chunk.forEach((ordinal, i) => {
        for (const value of valuesOf(metadatas![i]!, tally.key)) if (counts(value)) tally.add(value, 1, ordinal);
      });
    }
  }
}

/** Only own keys count: "constructor" and its like are ordinary names. */
function valuesOf(metadata: Metadata | null, key: string): Iterable<Scalar> {
  if (metadata === null || !Object.hasOwn(metadata, key)) return [];
  const value = metadata[key]!;
  if (Array.isArray(value)) return new Set<Scalar>(value);
  return isSparseVector(value) ? [] : [value];
}

/** The values of one key, and how many records have each. */
class Tally {
  /** Records that have a value. */
  readonly records = new Bitmap();
  readonly #counts = new Map<Scalar, number>();
  readonly #room: Room;

  constructor(
    readonly key: string,
    room: Room,
  ) {
    this.#room = room;
  }

  /** `ordinal` where the record is not among `records` yet. */
  add(value: Scalar, count: number, ordinal?: number): void {
    const before = this.#counts.get(value);
    if (before === undefined) this.#room.take(value, this.key);
    this.#counts.set(value, (before ?? 0) + count);
    if (ordinal !== undefined) this.records.add(ordinal);
  }

  async told({ order, offset, limit }: FacetPlan, selected: number, tick: Tick): Promise<FacetColumns> {
    const first = await firstInTurns(this.#counts, offset + limit, order === "count" ? byCount : byValue, tick);
    const page = first.slice(offset);
    return {
      key: this.key,
      values: page.map(([value]) => value),
      counts: Float64Array.from(page, ([, count]) => count),
      distinct: this.#counts.size,
      missing: selected - this.records.count(),
    };
  }
}

type Counted = readonly [value: Scalar, count: number];

function byValue([a]: Counted, [b]: Counted): number {
  return compareValues(a, b);
}

function byCount(a: Counted, b: Counted): number {
  return b[1] - a[1] || byValue(a, b);
}

/** The memory that the values of one call may take. */
class Room {
  #bytes = 0;

  take(value: Scalar, key: string): void {
    this.#bytes += VALUE_BYTES + (typeof value === "string" ? value.length * 2 : 0);
    const allowed = limits.facetBytesMax;
    if (this.#bytes <= allowed) return;
    throw new TidepoolError(
      "LIMIT_EXCEEDED",
      `The different values of key ${show(key)} take more than the ${allowed} bytes allowed (facetBytesMax): ` +
        "ask for fewer keys, or select fewer records",
      { details: { limit: "facetBytesMax", allowed } },
    );
  }
}
