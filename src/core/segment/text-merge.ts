/**
 * Makes segments of a text index: out of documents, and out of segments, whose dead documents are left behind. Terms are walked side by
 * side in their order, so that no more is in memory than a leaf of each segment, the postings of one term, and a few numbers for each
 * document. Positions change; their order is that of the ordinals.
 */
import { concat } from "../base/concat.js";
import { Pace } from "../base/pace.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { BlockWriter } from "../blockstore/blockstore.js";
import type { Analyzer } from "../index/text/analyzer.js";
import type { Postings, TermEntry, TermPostings, TextWalk } from "../index/text/text-reader.js";
import { YoungIndex } from "../index/text/young-index.js";
import { limits } from "../limits.js";
import { type SegmentReader, SegmentWriter, type TextSegment, withDead } from "./text-segment.js";

/** So many segments of about one size become one. */
const FAN_IN = 4;
/** Segments of fewer words and documents are of one size. */
const SIZE_MIN = 65_536;
/** Share of dead documents with which a segment is written anew. */
const DEAD_SHARE_MAX = 0.3;
/** Postings and terms between two ticks. */
const WORK_PER_TICK = 8192;

/** Segments of these documents, whose ordinals ascend; several where they are many. */
export async function writeSegments(
  documents: AsyncIterable<readonly [ordinal: number, document: string]> | Iterable<readonly [ordinal: number, document: string]>,
  analyzer: Analyzer,
  writer: BlockWriter,
  tick: Tick,
  buildBytesMax: number = limits.textBuildBytes,
): Promise<TextSegment[]> {
  const segments: TextSegment[] = [];
  let young = new YoungIndex(analyzer);
  const write = async () => {
    const segment = await merged([young], analyzer.signature, writer, tick);
    if (segment !== null) segments.push(segment);
    young = new YoungIndex(analyzer);
  };
  for await (const [ordinal, document] of documents) {
    await inTurns(young.set(ordinal, document), tick);
    await tick();
    if (young.bytes >= buildBytesMax) await write();
  }
  await write();
  return segments;
}

/** What is left of a segment once these documents, of which it need not have any, are dead; the very same when it has none. */
export async function withoutDocuments(
  reader: SegmentReader,
  ordinals: Uint32Array,
  writer: BlockWriter,
  tick: Tick,
): Promise<TextSegment | null> {
  const { segment } = reader;
  await reader.hide(ordinals, tick);
  if (reader.documents === segment.live.documents) return segment;
  // When more is dead than alive it is not worth keeping what is.
  if (reader.documents < reader.end / 2) return merged([reader], segment.signature, writer, tick);
  return withDead(reader, writer);
}

/** One segment of all documents that the readers have, under their ordinals or others in the same order; `null` where there is none. */
export async function merged(
  readers: readonly TextWalk[],
  signature: string,
  writer: BlockWriter,
  tick: Tick,
  ordinalOf = (ordinal: number): number => ordinal,
): Promise<TextSegment | null> {
  const documents = await MergedDocuments.of(readers, ordinalOf, tick);
  if (documents.ordinals.length === 0) return null;
  const output = new SegmentWriter(writer, tick);
  const pace = new Pace(tick, WORK_PER_TICK);
  for await (const { term, entries } of sideBySide(readers, tick)) {
    const found: { loaded: TermPostings; places: Uint32Array }[] = [];
    for (const [r, entry] of entries) found.push({ loaded: await entry.load(), places: documents.places[r]! });
    const postingsOf = (form: string | null) => joined(found.map(({ loaded, places }) => moved(loaded.postings(form), places)));
    const all = postingsOf(null);
    if (all.positions.length === 0) continue;
    const forms = [...new Set(found.flatMap(({ loaded }) => loaded.forms))].sort().map((form) => [form, postingsOf(form)] as const);
    await output.add(
      term,
      all,
      forms.filter(([, { positions }]) => positions.length > 0),
    );
    await pace.step(all.positions.length + 16);
  }
  return output.finish(documents.ordinals, documents.words, signature);
}

/** The documents of several readers in the order of their ordinals. */
class MergedDocuments {
  readonly ordinals: Uint32Array;
  readonly words: Uint32Array;
  /** For each reader, where each of its positions has gone. */
  readonly places: readonly Uint32Array[];

  private constructor(total: number, places: readonly Uint32Array[]) {
    this.ordinals = new Uint32Array(total);
    this.words = new Uint32Array(total);
    this.places = places;
  }

  static async of(readers: readonly TextWalk[], ordinalOf: (ordinal: number) => number, tick: Tick): Promise<MergedDocuments> {
    const columns: Shown[] = [];
    for (const reader of readers) columns.push(await shownOf(reader, tick));
    const total = columns.reduce((sum, { positions }) => sum + positions.length, 0);
    const documents = new MergedDocuments(
      total,
      readers.map(({ end }) => new Uint32Array(end)),
    );
    await documents.#fill(columns, ordinalOf, new Pace(tick, WORK_PER_TICK));
    return documents;
  }

  async #fill(columns: readonly Shown[], ordinalOf: (ordinal: number) => number, pace: Pace): Promise<void> {
    const next = columns.map(() => 0);
    for (let place = 0; place < this.ordinals.length; place++) {
      let from = -1;
      for (let r = 0; r < columns.length; r++) {
        const ordinal = columns[r]!.ordinals[next[r]!];
        if (ordinal !== undefined && (from < 0 || ordinal < columns[from]!.ordinals[next[from]!]!)) from = r;
      }
      const [{ ordinals, words, positions }, at] = [columns[from]!, next[from]!++];
      this.ordinals[place] = ordinalOf(ordinals[at]!);
      this.words[place] = words[at]!;
      this.places[from]![positions[at]!] = place;
      await pace.step(1);
    }
  }
}

interface Shown {
  positions: Uint32Array;
  ordinals: Uint32Array;
  words: Uint32Array;
}

/** The documents of a reader that are not hidden. */
async function shownOf(reader: TextWalk, tick: Tick): Promise<Shown> {
  const runs: Shown[] = [];
  for (let from = 0; from < reader.end; ) {
    const { start, ordinals, words } = await reader.documentsAt(from);
    const shown = Uint32Array.from(ordinals.keys()).filter((at) => !reader.hidden.has(start + at));
    runs.push({
      positions: shown.map((at) => start + at),
      ordinals: shown.map((at) => ordinals[at]!),
      words: shown.map((at) => words[at]!),
    });
    from = start + ordinals.length;
    await tick();
  }
  const all = (name: keyof Shown) =>
    concat(
      Uint32Array,
      runs.map((run) => run[name]),
    );
  return { positions: all("positions"), ordinals: all("ordinals"), words: all("words") };
}

/** Each term of some readers, ascending, with the entries of those that have it. */
async function* sideBySide(
  readers: readonly TextWalk[],
  tick: Tick,
): AsyncGenerator<{ term: string; entries: [reader: number, entry: TermEntry][] }, void, undefined> {
  const walks = readers.map((reader) => reader.beginning("", tick));
  const heads: (TermEntry | null)[] = [];
  for (const walk of walks) heads.push((await walk.next()).value ?? null);
  for (;;) {
    let term: string | null = null;
    for (const head of heads) if (head !== null && (term === null || head.term < term)) term = head.term;
    if (term === null) return;
    const entries = [...heads.entries()].filter((head): head is [number, TermEntry] => head[1]?.term === term);
    yield { term, entries };
    for (const [r] of entries) heads[r] = (await walks[r]!.next()).value ?? null;
  }
}

function moved({ positions, frequencies }: Postings, places: Uint32Array): Postings {
  return { positions: positions.map((position) => places[position]!), frequencies };
}

/** Postings of different documents as one list. */
function joined(lists: readonly Postings[]): Postings {
  if (lists.length === 1) return lists[0]!;
  const positions = concat(
    Uint32Array,
    lists.map((list) => list.positions),
  );
  const frequencies = concat(
    Float32Array,
    lists.map((list) => list.frequencies),
  );
  if (positions.every((position, i) => i === 0 || position > positions[i - 1]!)) return { positions, frequencies };
  // A position and its place in the list share a double, which sorts without a callback.
  const order = Float64Array.from(positions, (position, i) => position * positions.length + i).sort();
  const at = Uint32Array.from(order, (key) => key % positions.length);
  return { positions: at.map((i) => positions[i]!), frequencies: Float32Array.from(at, (i) => frequencies[i]!) };
}

/** Which segments are to become one: those of about one size where they are many, and such as are dead to a large part. */
export function mergePlan(segments: readonly TextSegment[]): TextSegment[][] {
  let groups = segments.map((segment) => [segment]);
  for (let full = fullTier(groups); full !== null; full = fullTier(groups)) {
    groups = [...groups.filter((group) => !full!.includes(group)), full.flat()];
  }
  return groups.filter((group) => group.length > 1 || deadShare(group[0]!) > DEAD_SHARE_MAX);
}

function fullTier(groups: TextSegment[][]): TextSegment[][] | null {
  const tiers = new Map<string, TextSegment[][]>();
  for (const group of groups) {
    const size = group.reduce((sum, { live }) => sum + live.words + live.documents, 0);
    const key = `${Math.floor(Math.log(Math.max(size, SIZE_MIN)) / Math.log(FAN_IN))} ${group[0]!.signature}`;
    tiers.set(key, [...(tiers.get(key) ?? []), group]);
  }
  return [...tiers.values()].find((tier) => tier.length >= FAN_IN) ?? null;
}

function deadShare({ live, end }: TextSegment): number {
  return 1 - live.documents / end;
}
