/**
 * Names that all objects have, as ids, metadata keys, values, documents and names of collections: they are names like any other,
 * before and after compaction and reopening, and what is read is what was written, compared with plain Maps.
 */
import { isDeepStrictEqual } from "node:util";
import { Engine } from "../../core/engine.js";
import { TidepoolError } from "../../core/errors.js";
import { referenceKernel } from "../../core/index/vector/reference-kernel.js";
import type { Metadata } from "../../core/types.js";
import { openMemoryStorage } from "../../storage/memory/memory-storage.js";
import { Random, TestEnvironment } from "../environment.js";
import { loadPatterns } from "../patterns.js";
import { type FuzzTarget, faultOf } from "./fuzz-target.js";

const INPUTS = 60;
const NAMES = [...Object.getOwnPropertyNames(Object.prototype), "length", "prototype", "then", "caller", "0", "-0", "null", "undefined"];
const SCOPE = { tenant: "default_tenant", database: "default_database" };

let databases = 0;

export const fuzzKeys: FuzzTarget = {
  name: "keys",
  inputs: INPUTS,
  seeds: 150,
  async run(seed) {
    const world = new World(new Random(seed));
    try {
      await world.open();
      for (let input = 0; input < INPUTS; input++) {
        const fault = await world.step();
        if (fault !== null) return `step ${input}: ${fault}`;
      }
      return Object.keys(Object.prototype).length === 0 ? null : "a prototype was changed";
    } catch (error) {
      return faultOf(error, []);
    } finally {
      await world.end();
    }
  },
};

class World {
  readonly #random: Random;
  readonly #path = `keys-${++databases}`;
  readonly #environment = new TestEnvironment();
  readonly #records = new Map<string, Metadata | null>();
  #engine!: Engine;
  #id = "";

  constructor(random: Random) {
    this.#random = random;
  }

  async open(): Promise<void> {
    const storage = await openMemoryStorage(this.#path);
    const options = { path: this.#path, storage: "memory", durability: "strict", allowReset: false } as const;
    this.#engine = await Engine.open({ storage, kernel: referenceKernel, loadPatterns, environment: this.#environment, options });
    if (this.#id !== "") return;
    const name = this.#random.pick(NAMES.filter((one) => /^[a-z].{2}/i.test(one)));
    const request = { ...SCOPE, name, metadata: this.#metadata(), configuration: {}, getOrCreate: false };
    this.#id = (await this.#engine.service.createCollection(request)).id;
  }

  async step(): Promise<string | null> {
    switch (this.#random.below(8)) {
      case 0:
        await this.#engine.compact(this.#id);
        return null;
      case 1:
        await this.#engine.close();
        await this.open();
        return null;
      case 2:
        return this.#delete();
      case 3:
        return this.#get();
      case 4:
        return this.#where();
      default:
        return this.#upsert();
    }
  }

  #metadata(): Metadata | null {
    const names = NAMES.filter(() => this.#random.chance(0.15));
    if (names.length === 0) return null;
    return Object.fromEntries(
      names.map((name) => [name, this.#random.pick<Metadata[string]>([1, true, "__proto__", ["constructor"], 2.5])]),
    );
  }

  async #upsert(): Promise<string | null> {
    const ids = NAMES.filter(() => this.#random.chance(0.2));
    if (ids.length === 0) return null;
    const metadatas = ids.map(() => this.#metadata());
    const embeddings = { dimension: 1, values: Float32Array.from(ids, () => 1), present: null };
    const records = { ids, documents: ids, uris: null, metadatas, embeddings };
    await this.#engine.service.write({ collectionId: this.#id, operation: "upsert", records });
    for (const [i, id] of ids.entries()) {
      const merged = Object.fromEntries([...entriesOf(this.#records.get(id)), ...entriesOf(metadatas[i])]);
      this.#records.set(id, Object.keys(merged).length === 0 ? null : merged);
    }
    return null;
  }

  async #delete(): Promise<string | null> {
    const ids = NAMES.filter(() => this.#random.chance(0.1));
    if (ids.length === 0) return null;
    const { deleted } = await this.#engine.service.delete({ collectionId: this.#id, ids });
    const there = ids.filter((id) => this.#records.delete(id)).length;
    return deleted === there ? null : `${deleted} deleted instead of ${there}`;
  }

  async #get(): Promise<string | null> {
    const got = await this.#engine.service.get({ collectionId: this.#id, include: ["metadatas", "documents"] });
    const found = new Map(got.ids.map((id, i) => [id, got.metadatas?.[i] ?? null]));
    if (got.documents?.some((document, i) => document !== got.ids[i])) return "documents are not those of their ids";
    for (const [id, metadata] of this.#records) {
      if (!isDeepStrictEqual(sorted(found.get(id)), sorted(metadata)))
        return `${id} has ${show(found.get(id))} instead of ${show(metadata)}`;
    }
    return found.size === this.#records.size ? null : `${found.size} records instead of ${this.#records.size}`;
  }

  async #where(): Promise<string | null> {
    const key = this.#random.pick(NAMES);
    const where = Object.fromEntries([[key, { $eq: this.#random.pick<number | string | boolean>([1, true, "__proto__"]) }]]);
    const { $eq } = Object.values(where)[0]!;
    const expected = [...this.#records]
      .filter(([, metadata]) => metadata !== null && Object.hasOwn(metadata, key) && metadata[key] === $eq)
      .map(([id]) => id);
    try {
      const got = await this.#engine.service.get({ collectionId: this.#id, where, include: [] });
      return isDeepStrictEqual(got.ids.toSorted(), expected.sort())
        ? null
        : `where ${show(where)} finds ${got.ids.join()} instead of ${expected.join()}`;
    } catch (error) {
      return error instanceof TidepoolError && error.code === "INVALID_ARGUMENT"
        ? `${key} is no key: ${error.message}`
        : faultOf(error, []);
    }
  }

  async end(): Promise<void> {
    await this.#engine.close();
    await (await openMemoryStorage(this.#path)).destroy();
  }
}

function entriesOf(metadata: Metadata | null | undefined): [string, Metadata[string]][] {
  return Object.entries(metadata ?? {});
}

function sorted(metadata: Metadata | null | undefined): unknown {
  return metadata == null ? metadata : entriesOf(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
}

const show = (value: unknown): string => JSON.stringify(value) ?? "nothing";
