/** The part by itself, over ordinals of several spans: against a map of maps, through compactions and renumberings. */
import { expect, test } from "vitest";
import { testBlockStore } from "../../testing/block-store.js";
import { Random } from "../../testing/environment.js";
import { Bitmap } from "../base/bitmap.js";
import { IndexPolicy } from "../schema.js";
import type { Payload } from "../segment/record.js";
import { SPAN } from "../segment/sparse-key.js";
import type { SparseVector } from "../types.js";
import type { MemtableChanges, PartHome } from "./part.js";
import { CollectionSparse } from "./sparse.js";

const KEYS = ["words", "other"];
const index = { sparse_vector: { sparse_vector_index: { enabled: true, config: {} } } };

type Vectors = Map<number, SparseVector | null>;

class Part {
  readonly #blocks = testBlockStore();
  readonly #writer = this.#blocks.begin();
  readonly #records = { compactedEnd: 0 };
  readonly part: CollectionSparse;
  readonly vectors: Vectors = new Map();

  constructor() {
    const indexes = new IndexPolicy({ defaults: {}, keys: { [KEYS[0]!]: index, [KEYS[1]!]: index } });
    const home = { context: { blocks: this.#blocks }, row: { name: "c" }, indexes, records: this.#records };
    this.part = new CollectionSparse(home as unknown as PartHome);
  }

  async compact(changes: Vectors, nextOrdinal: number): Promise<number> {
    const payloads = [...changes].map(([ordinal, vector]) => ({
      ordinal,
      before: payloadOf(this.vectors.get(ordinal) ?? null),
      after: payloadOf(vector),
    }));
    const { section, install } = await this.part.compact({ payloads, nextOrdinal } as unknown as MemtableChanges, this.#writer, noTick);
    const shared = CollectionSparse.refs(section).filter((ref) => this.#refs.includes(ref)).length;
    this.#install(install, nextOrdinal);
    this.#refs = CollectionSparse.refs(section);
    for (const [ordinal, vector] of changes) this.vectors.set(ordinal, vector);
    return shared;
  }

  #refs: unknown[] = [];

  async renumber(): Promise<void> {
    const live = [...this.vectors].filter(([, vector]) => vector !== null).sort(([a], [b]) => a - b);
    const places = new Map(live.map(([ordinal], place) => [ordinal, place]));
    const renumbering = { nextOrdinal: live.length, ordinalOf: (ordinal: number) => places.get(ordinal)! };
    const { install } = await this.part.renumber(renumbering, this.#writer, noTick);
    this.#install(install, live.length);
    this.vectors.clear();
    live.forEach(([, vector], place) => this.vectors.set(place, vector));
  }

  #install(install: () => void, compactedEnd: number): void {
    install();
    this.#records.compactedEnd = compactedEnd;
  }

  async expectModel(key: string, dimension: number): Promise<void> {
    const vector = { indices: [dimension], values: [1] };
    const allowed = Bitmap.of(this.vectors.keys());
    const hits = await this.part.searchStored({ key, vector, limit: 1e6 }, allowed, 0, noTick);
    const found = Array.from(hits.ordinals, (ordinal, i): [number, number] => [ordinal, hits.scores[i]!]);
    const expected = [...this.vectors].flatMap(([ordinal, one]): [number, number][] => {
      const at = one?.indices.indexOf(dimension) ?? -1;
      return at === -1 ? [] : [[ordinal, Math.fround(1 - one!.values[at]!)]];
    });
    expect(found).toEqual(expected.sort(([a, x], [b, y]) => x - y || a - b));
  }
}

function noTick(): void {}

function payloadOf(vector: SparseVector | null): Payload | null {
  return vector && { document: null, uri: null, metadata: { n: 1, words: vector, other: vector } };
}

function randomVector(random: Random): SparseVector {
  const indices = [0, 1, 2, 77, 2 ** 32 - 1].filter(() => random.chance(0.5));
  return { indices, values: indices.map(() => random.below(64) / 8 - 2) };
}

test.each([1, 2, 3])("agrees with a map of vectors over ordinals of several spans (seed %i)", async (seed) => {
  const random = new Random(seed);
  const part = new Part();
  let next = 0;
  for (let round = 0; round < 6; round++) {
    next += round === 0 ? 3 * SPAN : 40;
    const ordinals = new Set(Array.from({ length: 300 }, () => random.below(next)));
    const changes = [...ordinals]
      .sort((a, b) => a - b)
      .map((ordinal) => [ordinal, random.chance(0.2) ? null : randomVector(random)] as const);
    await part.compact(new Map(changes), next);
    if (round === 3) {
      await part.renumber();
      next = part.vectors.size;
    }
    for (const dimension of [0, 77, 2 ** 32 - 1, 5]) for (const key of KEYS) await part.expectModel(key, dimension);
  }
});

test("a compaction that changes nothing of a key's vectors keeps its blocks", async () => {
  const part = new Part();
  const vector = { indices: [1], values: [2] };
  await part.compact(new Map([[0, vector]]), 1);
  expect(await part.compact(new Map([[0, { ...vector }]]), 2)).toBe(2);
});
