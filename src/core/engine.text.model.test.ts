/** Whatever becomes of a collection, a search ranks as one index of its documents would that was made at this moment. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { turns } from "../testing/gate.js";
import { openedEngine } from "../testing/opened-engines.js";
import { Bitmap } from "./base/bitmap.js";
import { atOnce } from "./base/steps.js";
import type { Engine } from "./engine.js";
import { TextIndex } from "./index/text/text-index.js";
import { YoungIndex } from "./index/text/young-index.js";
import { limits } from "./limits.js";

interface Query {
  query: string;
  prefix: boolean;
  fuzzy: number;
}

const words = ["tide", "tides", "tidal", "pool", "Pool", "sea", "shore", "crab", "café", "cafe", "well-known", "日本語", "w"];
const sentence = fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((list) => list.join(" "));
const query = fc.record<Query>({ query: sentence, prefix: fc.boolean(), fuzzy: fc.constantFrom(0, 0, 0.3) });
const ids = fc.uniqueArray(
  fc.nat(20).map((n) => `r${n}`),
  { minLength: 1, maxLength: 6 },
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("write" as const), ids, document: fc.option(sentence, { freq: 6 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), ids }) },
  { weight: 4, arbitrary: fc.constant({ kind: "compact" as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ kind: "pause" as const }, { kind: "reopen" as const }, { kind: "fork" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("find" as const), query }) },
);

class Shelf {
  readonly environment = new TestEnvironment();
  /** What the collection has, in the order of insertion. */
  readonly documents = new Map<string, string | null>();
  #storage = new FaultInjectingStorage();
  #forks = 0;
  engine!: Engine;
  collectionId!: string;

  async open(): Promise<void> {
    this.engine = await openedEngine(this.#storage, { environment: this.environment });
  }

  async reopen(): Promise<void> {
    await this.engine.close();
    this.#storage = this.#storage.reopen();
    await this.open();
  }

  async create(): Promise<void> {
    const scope = { tenant: "default_tenant", database: "default_database", name: "shelf", metadata: null, configuration: {} };
    this.collectionId = (await this.engine.service.createCollection({ ...scope, getOrCreate: false })).id;
  }

  async fork(): Promise<void> {
    const { id } = await this.engine.service.forkCollection({ collectionId: this.collectionId, name: `fork-${++this.#forks}` });
    this.collectionId = id;
  }

  async write(written: string[], document: string | null): Promise<void> {
    const documents = written.map((id) => (document === null ? null : `${document} ${id}`));
    const embeddings = { dimension: 1, values: new Float32Array(written.length), present: null };
    const records = { ids: written, embeddings, documents, metadatas: null, uris: null };
    await this.engine.service.write({ collectionId: this.collectionId, operation: "upsert", records });
    for (const [i, id] of written.entries()) {
      // A record keeps its document where none is given.
      this.documents.set(id, documents[i] ?? this.documents.get(id) ?? null);
    }
  }

  async delete(deleted: string[]): Promise<void> {
    await this.engine.service.delete({ collectionId: this.collectionId, ids: deleted });
    for (const id of deleted) this.documents.delete(id);
  }

  async pause(): Promise<void> {
    this.environment.advance(limits.textIdleMs);
    await turns();
    while ((await this.engine.service.info()).compacting) await turns();
  }

  async expectFound({ query, prefix, fuzzy }: Query): Promise<void> {
    const request = { collectionId: this.collectionId, query, prefix, fuzzy, nResults: 100, include: [] };
    const { ids: found, scores } = await this.engine.service.searchText(request);
    const index = new YoungIndex();
    const all = [...this.documents];
    for (const [ordinal, [, document]] of all.entries()) atOnce(index.set(ordinal, document));
    const options = { nResults: 100, prefix, fuzzy, allowed: Bitmap.of(all.keys()) };
    const expected = await new TextIndex([index]).search(query, options, () => {});
    expect(found).toEqual(Array.from(expected.ordinals, (ordinal) => all[ordinal]![0]));
    for (const [i, score] of expected.scores.entries()) expect(Math.abs(scores[i]! - score)).toBeLessThan(1e-6);
  }
}

test("through writes, deletions, compactions, merges, reopenings and forks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50 }), query, async (steps, last) => {
      const shelf = new Shelf();
      await shelf.open();
      await shelf.create();
      for (const next of [...steps, { kind: "find" as const, query: last }]) {
        if (next.kind === "write") await shelf.write(next.ids, next.document);
        else if (next.kind === "delete") await shelf.delete(next.ids);
        else if (next.kind === "compact") await shelf.engine.compact(shelf.collectionId);
        else if (next.kind === "find") await shelf.expectFound(next.query);
        else await shelf[next.kind]();
      }
      const { findings } = await shelf.engine.service.verifyCollection({ collectionId: shelf.collectionId, deep: true });
      expect(findings).toEqual([]);
      await shelf.engine.close();
    }),
    { numRuns: 60 },
  );
}, 120_000);
