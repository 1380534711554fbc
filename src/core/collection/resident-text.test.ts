import fc from "fast-check";
import { expect, test } from "vitest";
import { testBlockStore } from "../../testing/block-store.js";
import { Bitmap } from "../base/bitmap.js";
import { atOnce } from "../base/steps.js";
import type { BlockStore } from "../blockstore/blockstore.js";
import { LAYOUT, TextIndex } from "../index/text/text-index.js";
import { advance, loadTextIndex, saveTextIndex, staleShare, type TextSnapshot } from "../segment/text-section.js";
import { ReadWriteLock } from "./read-write-lock.js";
import { ResidentText, type TextSource } from "./resident-text.js";

const noTick = () => undefined;

/** A collection of documents as the engine keeps it: a snapshot, what was compacted after it, and what was not. */
class Documents implements TextSource {
  snapshot_: TextSnapshot | null = null;
  /** Where the compacted ordinals end. */
  compactedOrdinal = 0;
  readonly memtable = new Set<number>();
  readonly list: (string | null)[] = [];
  read: number[] = [];
  beforeAnswer: () => Promise<void> | void = noTick;

  constructor(list: (string | null)[] = []) {
    list.forEach((document) => this.put(this.list.length, document));
  }

  put(ordinal: number, document: string | null): void {
    this.list[ordinal] = document;
    this.memtable.add(ordinal);
  }

  compact(): void {
    this.snapshot_ = advance(this.snapshot_, this.memtable);
    this.memtable.clear();
    this.compactedOrdinal = this.list.length;
  }

  async documents(ordinals: Uint32Array): Promise<(string | null)[]> {
    this.read.push(...ordinals);
    const answer = Array.from(ordinals, (ordinal) => this.list[ordinal] ?? null);
    await this.beforeAnswer();
    return answer;
  }

  snapshot = () => this.snapshot_;
  nextOrdinal = () => this.list.length;
  uncompacted = () => this.memtable;
}

async function find(text: ResidentText, source: TextSource & { list: (string | null)[] }, query: string): Promise<number[]> {
  const allowed = Bitmap.of(source.list.keys());
  const options = { nResults: 10_000, prefix: false, fuzzy: 0, allowed };
  return [...(await text.search(source, query, options, noTick)).ordinals].sort((a, b) => a - b);
}

const open = (store: BlockStore = testBlockStore()) => new ResidentText(store, 'collection "c" (text)');

async function saved(store: BlockStore, documents: Documents): Promise<void> {
  documents.snapshot_ = await open(store).save(documents, documents.compactedOrdinal, store.begin(), noTick);
}

test("a snapshot round-trips through JSON and blocks", async () => {
  const store = testBlockStore();
  const index = new TextIndex();
  atOnce(index.set(3, "tide pool"));
  const snapshot = JSON.parse(JSON.stringify(await saveTextIndex(store.begin(), index, 9, noTick))) as TextSnapshot;
  expect(snapshot).toMatchObject({ nextOrdinal: 9, stale: [] });
  const loaded = await loadTextIndex(store, snapshot, "o", noTick);
  expect(loaded!.has(3)).toBe(true);
});

test("advance records what was covered and changed, once and ascending", () => {
  const snapshot: TextSnapshot = { blocks: [], nextOrdinal: 10, stale: [4] };
  expect(advance(snapshot, [12, 9, 2, 4, 10])).toEqual({ blocks: [], nextOrdinal: 10, stale: [2, 4, 9] });
  expect(snapshot.stale).toEqual([4]);
  expect(advance(null, [1])).toBeNull();
});

test("the stale share counts changed and uncovered ordinals", () => {
  expect(staleShare({ blocks: [], nextOrdinal: 10, stale: [2, 4] }, 20)).toBe(0.6);
  expect(staleShare({ blocks: [], nextOrdinal: 10, stale: [] }, 10)).toBe(0);
  expect(staleShare({ blocks: [], nextOrdinal: 0, stale: [] }, 0)).toBe(0);
});

test("without a snapshot the first search reads every document, and the next only what was touched", async () => {
  const documents = new Documents(["sea", null, "shore sea", ...Array.from({ length: 600 }, () => "sand")]);
  documents.compact();
  const text = open();
  expect(text.isLoaded).toBe(false);
  let ticks = 0;
  await text.ready(documents, () => void ticks++);
  expect(ticks).toBeGreaterThan(2);
  expect(documents.read).toEqual([...documents.list.keys()]);
  documents.read = [];
  documents.put(1, "sea");
  documents.put(2, null);
  text.touch([1, 2]);
  expect(await find(text, documents, "sea")).toEqual([0, 1]);
  expect(documents.read).toEqual([1, 2]);
  expect(await find(text, documents, "sea")).toEqual([0, 1]);
  expect(documents.read).toEqual([1, 2]);
});

test("a snapshot is loaded with only what changed after it: stale, uncovered, uncompacted", async () => {
  const store = testBlockStore();
  const documents = new Documents(["sea 0", "sea 1", "sea 2", "sea 3"]);
  documents.compact();
  await saved(store, documents);
  documents.put(1, "shore");
  documents.put(4, "sea 4");
  documents.compact();
  documents.put(2, null);
  documents.put(5, "sea 5");
  documents.read = [];
  const text = open(store);
  expect(await find(text, documents, "sea")).toEqual([0, 3, 4, 5]);
  expect(documents.read).toEqual([1, 2, 4, 5]);
  text.unload();
  expect(text.isLoaded).toBe(false);
  documents.put(0, "unseen");
  text.touch([0]);
  expect(await find(text, documents, "unseen")).toEqual([0]);
});

test("concurrent calls share the load and divide the reading", async () => {
  const store = testBlockStore();
  const documents = new Documents(Array.from({ length: 2000 }, (_, i) => `sea ${i}`));
  documents.compact();
  const text = open(store);
  await Promise.all([text.ready(documents, noTick), text.ready(documents, noTick), find(text, documents, "sea")]);
  // At most the chunks under way at the end are read twice.
  expect(documents.read.length).toBeLessThan(2000 + 3 * 256);
  expect(new Set(documents.read).size).toBe(2000);
});

test("a write during catching up is not lost, whichever of its documents was read", async () => {
  const documents = new Documents(["old", "old"]);
  const text = open();
  documents.beforeAnswer = () => {
    documents.beforeAnswer = noTick;
    documents.put(1, "new");
    text.touch([1]);
  };
  expect(await find(text, documents, "new")).toEqual([1]);
  expect(await find(text, documents, "old")).toEqual([0]);
});

test("a reader that holds the lock does not wait for one that queues behind a writer", async () => {
  const documents = new Documents(["sea", "sea"]);
  const text = open();
  const lock = new ReadWriteLock();
  const queued: TextSource = {
    snapshot: documents.snapshot,
    nextOrdinal: documents.nextOrdinal,
    uncompacted: documents.uncompacted,
    documents: (ordinals) => lock.shared(() => documents.documents(ordinals)),
  };
  const done: string[] = [];
  await lock
    .shared(async () => {
      const write = lock.exclusive(() => {
        documents.put(0, "shore");
        text.touch([0]);
        done.push("write");
      });
      const other = text.ready(queued, noTick).then(() => done.push("other"));
      expect(await find(text, documents, "sea")).toEqual([0, 1]);
      done.push("search");
      return [write, other];
    })
    .then((waiting) => Promise.all(waiting));
  expect(done.slice(0, 2)).toEqual(["search", "write"]);
  expect(await find(text, documents, "sea")).toEqual([1]);
});

test("saving waits for nothing that is written meanwhile: it is stale in the section", async () => {
  const store = testBlockStore();
  const documents = new Documents(["sea", "sea", "sea"]);
  documents.compact();
  const text = open(store);
  await text.ready(documents, noTick);
  let searching: Promise<number[]> | null = null;
  const snapshot = await text.save(documents, 3, store.begin(), () => {
    if (searching !== null) return;
    documents.put(1, "shore");
    text.touch([1, 7]);
    searching = find(text, documents, "shore");
  });
  expect(snapshot.stale).toEqual([1]);
  expect(await searching!).toEqual([1]);
  documents.snapshot_ = snapshot;
  expect(await find(open(store), documents, "shore")).toEqual([1]);
});

test("much dead matter is vacuumed on the way", async () => {
  const documents = new Documents(Array.from({ length: 100 }, (_, i) => `sea w${i}`));
  const text = open();
  await text.ready(documents, noTick);
  for (let i = 0; i < 60; i++) documents.put(i, "shore");
  text.touch(documents.memtable);
  expect((await find(text, documents, "sea")).length).toBe(40);
  expect((await find(text, documents, "shore")).length).toBe(60);
});

test("a failed read leaves the work to the next call", async () => {
  const documents = new Documents(["sea"]);
  const text = open();
  documents.beforeAnswer = () => Promise.reject(new Error("disk"));
  await expect(find(text, documents, "sea")).rejects.toThrow("disk");
  documents.beforeAnswer = noTick;
  expect(await find(text, documents, "sea")).toEqual([0]);
});

test("a damaged block is corruption, until the caller gives up the section", async () => {
  const store = testBlockStore();
  const documents = new Documents(["sea"]);
  documents.compact();
  await saved(store, documents);
  const [first, ...rest] = documents.snapshot_!.blocks;
  documents.snapshot_ = { ...documents.snapshot_!, blocks: [{ ...first!, crc32: first!.crc32 ^ 1 }, ...rest] };
  const text = open(store);
  const both = [text.ready(documents, noTick), text.ready(documents, noTick)];
  for (const attempt of await Promise.allSettled(both)) {
    expect(attempt).toMatchObject({
      status: "rejected",
      reason: { code: "CORRUPTION", message: expect.stringContaining('collection "c" (text)') },
    });
  }
  documents.snapshot_ = null;
  expect(await find(text, documents, "sea")).toEqual([0]);
});

test("a snapshot of another analyzer is rebuilt", async () => {
  const store = testBlockStore();
  const documents = new Documents(["sea", "sea"]);
  documents.compact();
  await saved(store, documents);
  // The terms of a piece without its header's signature: as an older release would have left it.
  const other = await saveTextIndex(store.begin(), new TextIndex(), 2, noTick);
  const header = await store.readBytes(other.blocks[0]!, "o");
  const at = header.findIndex((byte, i) => byte === 0x01 && header[i + 1] === (LAYOUT & 0x7f) + 0x80);
  header[at + 1]! ^= 0x08;
  documents.snapshot_ = { ...documents.snapshot_!, blocks: [await store.begin().write(header)] };
  documents.read = [];
  expect(await find(open(store), documents, "sea")).toEqual([0, 1]);
  expect(documents.read).toEqual([0, 1]);
});

test("through writes, compactions, saves and reopening a search answers for the documents of that moment", async () => {
  const document = fc.option(fc.array(fc.constantFrom("sea", "shore", "sand"), { maxLength: 4 }).map((words) => words.join(" ")));
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("put" as const), at: fc.nat(12), document }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom("compact" as const, "save" as const, "open" as const, "unload" as const, "find" as const),
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const store = testBlockStore();
      const documents = new Documents();
      let text = open(store);
      for (const next of [...steps, { kind: "find" as const }]) {
        if (next.kind === "put") {
          const ordinal = Math.min(next.at, documents.list.length);
          documents.put(ordinal, next.document);
          text.touch([ordinal]);
        } else if (next.kind === "compact") documents.compact();
        else if (next.kind === "save") documents.snapshot_ = await text.save(documents, documents.compactedOrdinal, store.begin(), noTick);
        else if (next.kind === "open") text = open(store);
        else if (next.kind === "unload") text.unload();
        else {
          const expected = [...documents.list.keys()].filter((ordinal) => documents.list[ordinal]?.includes("sea"));
          expect(await find(text, documents, "sea")).toEqual(expected);
        }
      }
    }),
    { numRuns: 200 },
  );
});
