/**
 * A stored database in which one row of the catalog is another with a right checksum of its own, as from somebody
 * who can write the storage and knows the formats: opening and reading it answers, or says what is wrong by an error that is not
 * `INTERNAL`, and ends.
 */
import { decodeJson } from "../../core/base/json-bytes.js";
import { Engine } from "../../core/engine.js";
import { referenceKernel } from "../../core/index/vector/reference-kernel.js";
import { encodeRow } from "../../core/sysdb/row.js";
import { openMemoryStorage } from "../../storage/memory/memory-storage.js";
import { Random, TestEnvironment } from "../environment.js";
import { loadPatterns } from "../patterns.js";
import { type FuzzTarget, faultOf } from "./fuzz-target.js";
import { mutateJson } from "./mutate.js";

const INPUTS = 10;
const SCOPE = { tenant: "default_tenant", database: "default_database" };
const IDS = ["a", "b", "c", "__proto__"];

let databases = 0;

export const fuzzDatabase: FuzzTarget = {
  name: "database",
  inputs: INPUTS,
  seeds: 200,
  async run(seed) {
    const random = new Random(seed);
    for (let input = 0; input < INPUTS; input++) {
      const path = `hostile-${++databases}`;
      try {
        await build(path);
        const what = await mutate(path, random);
        const fault = await read(path);
        if (fault !== null) return `input ${input}, ${what}: ${fault}`;
      } finally {
        await (await openMemoryStorage(path)).destroy();
      }
    }
    return null;
  },
};

async function openEngine(path: string): Promise<Engine> {
  const options = { path, storage: "memory", durability: "strict", allowReset: false } as const;
  return Engine.open({
    storage: await openMemoryStorage(path),
    kernel: referenceKernel,
    loadPatterns,
    environment: new TestEnvironment(),
    options,
  });
}

/** A collection with records in segments and in the log. */
async function build(path: string): Promise<void> {
  const engine = await openEngine(path);
  const { service } = engine;
  const { id: collectionId } = await service.createCollection({
    ...SCOPE,
    name: "tides",
    metadata: { n: 1 },
    configuration: {},
    getOrCreate: false,
  });
  const embeddings = { dimension: 2, values: Float32Array.from(IDS.flatMap((_, i) => [i, 1])), present: null };
  const records = { ids: IDS, documents: IDS, uris: null, metadatas: IDS.map((_, i) => ({ n: i, s: "x" })), embeddings };
  await service.write({ collectionId, operation: "add", records });
  await engine.compact(collectionId);
  await service.write({ collectionId, operation: "upsert", records: { ...records, documents: null } });
  await engine.close();
}

/** Puts another row in the place of one; tells which. */
async function mutate(path: string, random: Random): Promise<string> {
  const storage = await openMemoryStorage(path);
  const [key, bytes] = random.pick(await storage.catalog.list(""));
  const value = mutateJson(random, decodeJson(bytes.subarray(4)));
  await storage.catalog.commit({ put: new Map([[key, encodeRow(key, value === undefined ? null : value)]]) });
  await storage.close();
  return `${key} = ${JSON.stringify(value)}`;
}

async function read(path: string): Promise<string | null> {
  let engine: Engine | undefined;
  try {
    engine = await openEngine(path);
    return await readAll(engine);
  } catch (error) {
    return faultOf(error);
  } finally {
    await engine?.close();
  }
}

async function readAll({ service }: Engine): Promise<string | null> {
  const queryEmbeddings = { dimension: 2, values: Float32Array.of(1, 1) };
  for (const { id: collectionId } of await service.listCollections(SCOPE)) {
    const asked = [
      service.get({ collectionId, include: ["documents", "metadatas", "embeddings"] }),
      service.query({ collectionId, queryEmbeddings, nResults: 3, include: [], where: { n: { $gt: 0 } } }),
      service.searchText({ collectionId, query: "a", nResults: 2, include: [], prefix: false, fuzzy: 0 }),
    ];
    for (const outcome of await Promise.allSettled(asked)) {
      const fault = outcome.status === "rejected" ? faultOf(outcome.reason) : null;
      if (fault !== null) return fault;
    }
  }
  return null;
}
