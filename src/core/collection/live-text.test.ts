/**
 * What the text index of a collection answers while it is written to, merged and replaced: each answer is that of an index that is made
 * of the documents of that moment.
 */
import { expect, test } from "vitest";
import { testBlockStore } from "../../testing/block-store.js";
import { Random } from "../../testing/environment.js";
import { gate, turns } from "../../testing/gate.js";
import { Bitmap } from "../base/bitmap.js";
import { atOnce } from "../base/steps.js";
import { createAnalyzer, defaultAnalyzer } from "../index/text/analyzer.js";
import { TextIndex } from "../index/text/text-index.js";
import { YoungIndex } from "../index/text/young-index.js";
import { merged, writeSegments } from "../segment/text-merge.js";
import { SegmentReader, type TextSegment } from "../segment/text-segment.js";
import { LiveText } from "./live-text.js";
import { ReadWriteLock } from "./read-write-lock.js";

const noTick = () => undefined;
const pass = async (): Promise<void> => undefined;
const WORDS = ["tide", "pool", "sea", "Sea", "shore", "crab", "café"];

/** A collection as its text index sees it. Documents by ordinal. */
class Shore {
  readonly lock = new ReadWriteLock();
  readonly batch;
  readonly place;
  readonly documents: (string | null)[] = [];
  segments: TextSegment[] = [];
  live!: LiveText;
  /** Each read of documents, and what holds it back: before it looks at them, and after. */
  readonly reads: Uint32Array[] = [];
  before = pass;
  after = pass;
  prepare = async () => defaultAnalyzer;

  constructor() {
    const blocks = testBlockStore();
    this.batch = blocks.begin();
    this.place = { read: blocks.read.bind(blocks), owner: "a test" };
  }

  /** With these documents in one segment. */
  static async of(...documents: string[]): Promise<Shore> {
    const shore = new Shore();
    shore.documents.push(...documents);
    shore.segments = await writeSegments([...documents.entries()], defaultAnalyzer, shore.batch, noTick);
    shore.open(new Bitmap());
    return shore;
  }

  open(over: Bitmap): void {
    this.live = new LiveText(this.segments, over, this.place, () => this.prepare());
  }

  async write(ordinal: number, document: string | null): Promise<void> {
    await this.lock.exclusive(() => {
      this.documents[ordinal] = document;
      this.live.touch([ordinal]);
    });
  }

  /** As a caller reads that does not hold the lock. */
  get unlocked() {
    return { ...this.locked, read: <T>(body: () => Promise<T>) => this.lock.shared(body) };
  }

  get locked() {
    const documents = async (ordinals: Uint32Array) => {
      this.reads.push(ordinals);
      await this.before();
      const found = Array.from(ordinals, (ordinal) => this.documents[ordinal] ?? null);
      await this.after();
      return found;
    };
    return { read: <T>(body: () => Promise<T>) => body(), documents };
  }

  async merge(): Promise<void> {
    const readers: SegmentReader[] = [];
    for (const segment of this.segments) readers.push(await SegmentReader.open(segment, this.place.read, "a test"));
    const segment = await merged(readers, defaultAnalyzer.signature, this.batch, noTick);
    await this.lock.exclusive(() => this.live.replaceSegments((this.segments = segment === null ? [] : [segment])));
  }

  /** What is found for each word, under the lock, as the engine searches. */
  async expectRight(): Promise<void> {
    await this.live.catchUp(this.unlocked, noTick);
    await this.lock.shared(async () => {
      const fresh = new YoungIndex();
      for (const [ordinal, document] of this.documents.entries()) atOnce(fresh.set(ordinal, document ?? null));
      const options = { nResults: 100, prefix: false, fuzzy: 0, allowed: Bitmap.of(this.documents.keys()) };
      const index = await this.live.current(this.locked, noTick);
      for (const word of WORDS) {
        expect(await index.search(word, options, noTick)).toEqual(await new TextIndex([fresh]).search(word, options, noTick));
      }
    });
  }
}

/** A catching up that has read documents, and goes on once it is let. */
async function readingHeld(shore: Shore): Promise<{ reading: Promise<unknown>; open(): void }> {
  const { held, open } = gate();
  shore.after = () => held;
  const reading = shore.live.catchUp({ ...shore.unlocked, read: (body) => body() }, noTick);
  await turns();
  shore.after = pass;
  return { reading, open };
}

test("a document that is written while it is read is read again", async () => {
  const shore = await Shore.of("tide", "pool");
  await shore.write(1, "sea");
  const { reading, open } = await readingHeld(shore);
  await shore.write(1, "shore");
  open();
  await reading;
  expect(shore.reads.map((ordinals) => [...ordinals])).toEqual([[1], [1]]);
  await shore.expectRight();
});

test("a document that is deleted while it is read is not found", async () => {
  const shore = await Shore.of("tide");
  await shore.write(1, "sea");
  const { reading, open } = await readingHeld(shore);
  await shore.write(1, null);
  await shore.write(0, null);
  open();
  await reading;
  await shore.expectRight();
});

test("who comes second reads what is left, and waits for nobody", async () => {
  const shore = await Shore.of("tide");
  for (let ordinal = 1; ordinal <= 40; ordinal++) await shore.write(ordinal, WORDS[ordinal % WORDS.length]!);
  const { held, open } = gate();
  shore.before = () => held;
  const first = shore.live.catchUp(shore.unlocked, noTick);
  await turns();
  shore.before = pass;
  await shore.expectRight();
  expect(shore.reads.slice(0, 2).map((ordinals) => ordinals[0])).toEqual([1, 17]);
  open();
  await first;
  await shore.expectRight();
});

test("a merge while documents are read changes nothing, and what was hidden stays so", async () => {
  const shore = await Shore.of("tide", "pool", "sea");
  shore.segments.push(...(await writeSegments([[3, "sea shore"]], defaultAnalyzer, shore.batch, noTick)));
  shore.documents[3] = "sea shore";
  shore.open(new Bitmap());
  await shore.write(0, "crab");
  await shore.expectRight();
  await shore.write(2, "café");
  const { held, open } = gate();
  shore.before = () => held;
  const reading = shore.live.catchUp({ ...shore.unlocked, read: (body) => body() }, noTick);
  await turns();
  shore.before = pass;
  await shore.merge();
  open();
  await reading;
  expect(shore.segments).toHaveLength(1);
  await shore.expectRight();
});

test("once another has taken its place it reads no more", async () => {
  const shore = await Shore.of("tide");
  for (let ordinal = 1; ordinal <= 40; ordinal++) await shore.write(ordinal, "sea");
  const { held, open } = gate();
  shore.before = () => held;
  const some = shore.live.catchUpSome(shore.unlocked, noTick);
  const all = shore.live.catchUp(shore.unlocked, noTick);
  await turns();
  shore.live.retire();
  open();
  expect(await some).toBe(false);
  await all;
  expect(shore.reads).toHaveLength(2);
});

test("what is written while the words of another configuration are loaded is read by these", async () => {
  const shore = await Shore.of("Sea tide");
  const { held, open } = gate();
  shore.prepare = async () => {
    await held;
    return createAnalyzer({ stopWords: ["sea"] });
  };
  shore.live.retire();
  shore.open(Bitmap.of([0]));
  const reading = shore.live.catchUp(shore.unlocked, noTick);
  await shore.write(1, "sea crab");
  await shore.write(0, "sea pool");
  open();
  await reading;
  const index = await shore.live.current(shore.locked, noTick);
  const found = async (query: string) => {
    const options = { nResults: 9, prefix: false, fuzzy: 0, allowed: Bitmap.of([0, 1]) };
    return [...(await index.search(query, options, noTick)).ordinals];
  };
  expect([await found("sea"), await found("pool"), await found("crab"), await found("tide")]).toEqual([[], [0], [1], []]);
});

test("a compaction knows what is in memory as it was then, in the order of ordinals, by its own analyzer", async () => {
  const shore = await Shore.of("tide");
  expect(shore.live.known([0], defaultAnalyzer)).toBeNull();
  for (const [ordinal, document] of [
    [1, "sea"],
    [2, "shore"],
    [3, "crab"],
  ] as const)
    await shore.write(ordinal, document);
  expect(shore.live.isBehind).toBe(true);
  expect(await shore.live.catchUpSome(shore.unlocked, noTick)).toBe(false);
  expect(shore.live.isBehind).toBe(false);
  await shore.write(0, "pool");
  await shore.live.catchUp(shore.unlocked, noTick);
  await shore.write(3, "crab crab");
  expect(shore.live.known([0, 1, 2, 3], createAnalyzer())).toBeNull();
  const known = shore.live.known([0, 1, 2, 3], defaultAnalyzer)!;
  // One was put in behind later ones, and one is to be read anew.
  expect([...known.ordinals.values()]).toEqual([1, 2]);
  await shore.write(2, "sea sea");
  await shore.write(4, "sea");
  await shore.live.catchUp(shore.unlocked, noTick);
  const segment = await merged([known.documents], defaultAnalyzer.signature, shore.batch, noTick);
  const reader = await SegmentReader.open(segment!, shore.place.read, "a test");
  expect([...(await reader.documentsAt(0)).ordinals]).toEqual([1, 2]);
  expect([...(await (await reader.get("sea"))!.load()).postings(null).positions]).toEqual([0]);
  expect([...(await (await reader.get("shore"))!.load()).postings(null).positions]).toEqual([1]);
});

test.each([1, 2, 3, 4, 5, 6])("whatever happens meanwhile, answers are right (seed %i)", async (seed) => {
  const random = new Random(seed);
  const shore = await Shore.of("tide pool", "Sea", "sea shore", "crab", "café");
  const wait = async (): Promise<void> => {
    for (let left = random.below(6); left > 0; left--) await Promise.resolve();
  };
  [shore.before, shore.after] = [wait, wait];
  const under: Promise<unknown>[] = [];
  for (let step = 0; step < 120; step++) {
    const text = Array.from({ length: random.below(4) }, () => random.pick(WORDS)).join(" ");
    const write = () => shore.write(random.below(shore.documents.length + 2), random.chance(0.2) ? null : text);
    const read = () => shore.live.catchUp(shore.unlocked, wait);
    const some = () => shore.live.catchUpSome(shore.unlocked, wait);
    under.push(random.pick([write, write, write, read, some, () => shore.merge(), () => shore.expectRight()])());
    await wait();
  }
  await Promise.all(under);
  await shore.expectRight();
});
