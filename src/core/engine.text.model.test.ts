/**
 * Whatever becomes of a collection, a search of it, or of what it was, ranks as one index of those documents would that was made at this
 * moment.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { turns } from "../testing/gate.js";
import { Model } from "../testing/model.js";
import { openedEngine } from "../testing/opened-engines.js";
import { Bitmap } from "./base/bitmap.js";
import { atOnce } from "./base/steps.js";
import type { Engine } from "./engine.js";
import { TextIndex } from "./index/text/text-index.js";
import { YoungIndex } from "./index/text/young-index.js";
import { limits } from "./limits.js";
import type { SearchTextRequest } from "./service.js";

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
  { weight: 2, arbitrary: fc.constantFrom({ kind: "pause" as const }, { kind: "reopen" as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ kind: "fork" as const }, { kind: "turn" as const }, { kind: "turn" as const }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("find" as const, "find" as const, "findEverywhere" as const), query }) },
);

/** A collection beside what it has, and had. */
interface Shelf {
  id: string;
  model: Model;
}

/** A collection, and forks of it that are written to by turns. */
class Library {
  readonly environment = new TestEnvironment();
  readonly #shelves: Shelf[] = [];
  #storage = new FaultInjectingStorage();
  #shelf!: Shelf;
  engine!: Engine;

  async open(): Promise<void> {
    this.engine = await openedEngine(this.#storage, { environment: this.environment, options: { retainVersions: 3 } });
  }

  async reopen(): Promise<void> {
    await this.engine.close();
    this.#storage = this.#storage.reopen();
    await this.open();
  }

  async create(): Promise<void> {
    const scope = { tenant: "default_tenant", database: "default_database", name: "shelf", metadata: null, configuration: {} };
    const { id } = await this.engine.service.createCollection({ ...scope, getOrCreate: false });
    this.#shelves.push((this.#shelf = { id, model: new Model("l2", { keepsPast: true }) }));
  }

  /** Goes on with a fork of the collection. */
  async fork(): Promise<void> {
    const { id, model } = this.#shelf;
    const fork = await this.engine.service.forkCollection({ collectionId: id, name: `fork-${this.#shelves.length}` });
    this.#shelves.push((this.#shelf = { id: fork.id, model: model.fork() }));
  }

  /** Goes on with another of the collections. */
  turn(): void {
    this.#shelf = this.#shelves[(this.#shelves.indexOf(this.#shelf) + 1) % this.#shelves.length]!;
  }

  async compact(): Promise<void> {
    await this.engine.compact(this.#shelf.id);
  }

  async write(written: string[], document: string | null): Promise<void> {
    const { id: collectionId, model } = this.#shelf;
    const documents = written.map((id) => (document === null ? null : `${document} ${id}`));
    const embeddings = { dimension: 1, values: new Float32Array(written.length), present: null };
    const records = { ids: written, embeddings, documents, metadatas: null, uris: null };
    await this.engine.service.write({ collectionId, operation: "upsert", records });
    const writes = written.map((id, i) => ({ id, embedding: new Float32Array(1), document: documents[i] }));
    model.write("upsert", writes);
  }

  async delete(ids: string[]): Promise<void> {
    await this.engine.service.delete({ collectionId: this.#shelf.id, ids });
    this.#shelf.model.delete(ids);
  }

  async pause(): Promise<void> {
    this.environment.advance(limits.textIdleMs);
    await turns();
    while ((await this.engine.service.info()).compacting) await turns();
  }

  /** In the collection as it is. */
  async find(query: Query): Promise<void> {
    await expectFound(this.engine, { collectionId: this.#shelf.id }, this.#shelf.model, query);
  }

  /** In every collection, as it is and in all versions of it that are there. */
  async findEverywhere(query: Query): Promise<void> {
    for (const { id: collectionId, model } of this.#shelves) {
      await expectFound(this.engine, { collectionId }, model, query);
      for (const { version, logOffset } of await this.engine.service.listVersions({ collectionId })) {
        await expectFound(this.engine, { collectionId, version }, model.at(logOffset), query);
      }
    }
  }

  async verify(): Promise<void> {
    for (const { id } of this.#shelves) {
      const { findings } = await this.engine.service.verifyCollection({ collectionId: id, deep: true });
      expect(findings).toEqual([]);
    }
  }
}

type Asked = Pick<SearchTextRequest, "collectionId" | "version">;

async function expectFound({ service }: Engine, asked: Asked, { records }: Model, { query, prefix, fuzzy }: Query) {
  const { ids: found, scores } = await service.searchText({ ...asked, query, prefix, fuzzy, nResults: 100, include: [] });
  const index = new YoungIndex();
  const all = [...records.values()];
  for (const [ordinal, { document }] of all.entries()) atOnce(index.set(ordinal, document));
  const options = { nResults: 100, prefix, fuzzy, allowed: Bitmap.of(all.keys()) };
  const expected = await new TextIndex([index]).search(query, options, () => {});
  expect(found).toEqual(Array.from(expected.ordinals, (ordinal) => all[ordinal]!.id));
  for (const [i, score] of expected.scores.entries()) expect(Math.abs(scores[i]! - score)).toBeLessThan(1e-6);
}

test("through writes, deletions, compactions, merges and reopenings, in forks and earlier versions", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50 }), query, async (steps, last) => {
      const library = new Library();
      await library.open();
      await library.create();
      for (const next of steps) {
        if (next.kind === "write") await library.write(next.ids, next.document);
        else if (next.kind === "delete") await library.delete(next.ids);
        else if (next.kind === "find" || next.kind === "findEverywhere") await library[next.kind](next.query);
        else await library[next.kind]();
      }
      await library.findEverywhere(last);
      await library.verify();
      await library.engine.close();
    }),
    { numRuns: 60 },
  );
}, 120_000);
