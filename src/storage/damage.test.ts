/**
 * Bit flips and structural damage, enumerated over everything that lies on disk of a small database of every kind of data: each
 * is told as an error, or mended, or harmless; it never changes an answer, never ends in `INTERNAL`, and `verify` finds it. A failing
 * case prints its class and its seed: with `for (let seed = <seed>; …` it is the first.
 */
import { expect, test } from "vitest";
import { Engine } from "../core/engine.js";
import { TidepoolError } from "../core/errors.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import { limits } from "../core/limits.js";
import type { CollectionReport } from "../core/service.js";
import type { LogEntry, Storage } from "../core/storage.js";
import { decodeRow, encodeRow } from "../core/sysdb/row.js";
import { SealedCatalog } from "../core/sysdb/sealed-catalog.js";
import type { RecordBatch } from "../core/types.js";
import { Random, TestEnvironment } from "../testing/environment.js";
import { MemoryRows } from "./memory/memory-rows.js";
import { openMemoryStorage } from "./memory/memory-storage.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const DIMENSION = 4;
/** Two bits are flipped at a time, one of the catalog and one of data, each of which has to be found; with `ALL=1` each alone. */
const IS_ALONE = process.env["ALL"] === "1";
const TRIALS = IS_ALONE ? 5200 : 2700;
const schema = { keys: { sparse: { sparse_vector: { sparse_vector_index: { enabled: true, config: { bm25: true } } } } } };

/** What lies on disk. */
interface Disk {
  catalog: Map<string, Uint8Array>;
  log: LogEntry[];
  tails: Map<string, Uint8Array>;
  blobs: Map<number, Uint8Array>;
}

/** A storage over a copy of the disk: nothing that is opened on it changes it. */
function storageOf({ catalog, log, tails, blobs }: Disk): Storage {
  const rows = new MemoryRows();
  rows.append(log, tails);
  rows.commit({ put: catalog });
  const written = new Map(blobs);
  let next = Math.max(-1, ...written.keys()) + 1;
  const missing = (): never => {
    throw new TidepoolError("CORRUPTION", "a blob is missing");
  };
  return {
    kind: "memory",
    log: {
      append: async (entries, replaced) => rows.append(entries, replaced),
      read: async (id, after, bytes) => rows.read(id, after, bytes),
      tail: async (id) => rows.tail(id),
    },
    catalog: {
      get: async (key) => rows.get(key),
      list: async (prefix) => rows.list(prefix),
      commit: async (transaction) => rows.commit(transaction),
    },
    blobs: {
      retain: async () => undefined,
      holds: () => true,
      write: async (bytes) => {
        written.set(next, bytes.slice());
        return { arena: next++, offset: 0, length: bytes.length };
      },
      flush: async () => undefined,
      read: async (ranges) =>
        ranges.map(({ extent, start, length }) => {
          const bytes = written.get(extent.arena)?.slice(start, start + length);
          return bytes?.length === length ? bytes : missing();
        }),
      release: async (extents) => {
        for (const { arena } of extents) written.delete(arena);
      },
      settledAt: () => 0,
      packing: () => null,
      usage: () => ({ bytesReserved: 0, bytesUsed: 0 }),
    } as Partial<Storage["blobs"]> as Storage["blobs"],
    close: async () => undefined,
    destroy: async () => undefined,
  };
}

function openEngine(storage: Storage, environment = new TestEnvironment()): Promise<Engine> {
  const options = { path: "damage", storage: "memory", durability: "strict", allowReset: false, retainVersions: 2 } as const;
  return Engine.open({ storage, kernel: referenceKernel, environment, options, flatRowsMax: 8 });
}

function records(from: number, to: number): RecordBatch {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return {
    ids: numbers.map((n) => `r${n}`),
    embeddings: {
      dimension: DIMENSION,
      values: Float32Array.from(numbers.flatMap((n) => [n, n % 3, 1, -n])),
      present: null,
    },
    documents: numbers.map((n) => (n % 5 === 0 ? null : `wave ${n % 2 === 0 ? "kelp" : "crab"} ${n}`)),
    metadatas: numbers.map((n) => ({
      n,
      even: n % 2 === 0,
      tags: ["a", `t${n % 3}`],
      sparse: { indices: [n % 7, 100], values: [0.5, n] },
    })),
    uris: numbers.map((n) => (n % 4 === 0 ? `urn:${n}` : null)),
  };
}

let disk: Disk;
/** The catalog as it was before the last changes. */
let earlier: ReadonlyMap<string, Uint8Array>;
let collections: { id: string; name: string }[];

/** Blocks, graph, text, an earlier version, a fork, and logs after them. */
async function make(): Promise<void> {
  const storage = await openMemoryStorage("damage");
  const blobs = new Map<number, Uint8Array>();
  const { write, release } = storage.blobs;
  storage.blobs.write = async (bytes) => {
    const extent = await write.call(storage.blobs, bytes);
    blobs.set(extent.arena, bytes.slice());
    return extent;
  };
  storage.blobs.release = async (extents) => {
    const all = [...extents];
    await release.call(storage.blobs, all);
    for (const { arena } of all) blobs.delete(arena);
  };
  const environment = new TestEnvironment();
  const engine = await openEngine(storage, environment);
  collections = [];
  for (const name of ["first", "second"]) {
    const { id } = await engine.service.createCollection({
      ...scope,
      name,
      metadata: { m: 1 },
      configuration: {},
      schema,
      getOrCreate: false,
    });
    collections.push({ id, name });
    await engine.service.write({ collectionId: id, operation: "add", records: records(0, 24) });
  }
  const { id: first } = collections[0]!;
  await engine.compact(first);
  await engine.service.write({ collectionId: first, operation: "upsert", records: records(20, 28) });
  await engine.service.delete({ collectionId: first, ids: ["r3"] });
  await engine.compact(first);
  do {
    environment.advance(limits.textIdleMs);
    await environment.yieldToEventLoop();
  } while ((await engine.service.info()).compacting);
  const fork = await engine.service.forkCollection({ collectionId: first, name: "fork" });
  collections.push({ id: fork.id, name: "fork" });
  earlier = new Map(await storage.catalog.list(""));
  const { id: second } = collections[1]!;
  await engine.service.modifyCollection({ collectionId: second, metadata: { m: 2 } });
  await engine.service.createCollection({ ...scope, name: "gone", metadata: null, configuration: {}, getOrCreate: false });
  await engine.service.deleteCollection({ ...scope, name: "gone" });
  await engine.compact(first);
  for (const { id } of collections) {
    await engine.service.write({ collectionId: id, operation: "upsert", records: records(26, 30) });
    await engine.service.delete({ collectionId: id, ids: ["r5"] });
  }
  await engine.close();
  const kept = await openMemoryStorage("damage");
  const log: LogEntry[] = [];
  const tails = new Map<string, Uint8Array>();
  for (const { id } of collections) {
    log.push(...(await kept.log.read(id, 0, Infinity)));
    tails.set(id, (await kept.log.tail(id))!);
  }
  disk = { catalog: new Map(await kept.catalog.list("")), log, tails, blobs };
  await kept.destroy();
}

const sparseRank = { $knn: { query: { indices: [2, 100], values: [3, 0.25] }, key: "sparse", limit: 50 } };

/** Everything that can be asked, collection by collection: an answer, or the code of the error that came instead. */
async function readAll(engine: Engine): Promise<unknown[][]> {
  const answers: unknown[][] = [];
  const attempt = async (ask: () => Promise<unknown>): Promise<unknown> => {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof TidepoolError)) throw error;
      return error.code;
    }
  };
  const { service } = engine;
  answers.push([await attempt(async () => (await service.listCollections(scope)).map(({ name }) => name))]);
  for (const { id: collectionId, name } of collections) {
    const asks = [
      async () => (await service.getCollection({ ...scope, name })).metadata,
      () => service.get({ collectionId, include: ["documents", "embeddings", "metadatas", "uris"] }),
      () => service.get({ collectionId, where: { n: { $gte: 20 } }, include: [] }),
      () => service.get({ collectionId, where: { tags: { $contains: "t1" } }, include: [] }),
      () =>
        service.query({
          collectionId,
          queryEmbeddings: { dimension: DIMENSION, values: Float32Array.of(7, 1, 1, -7), present: null } as never,
          nResults: 5,
          include: ["distances"],
        }),
      () => service.search({ collectionId, searches: [{ rank: sparseRank, select: { keys: ["#score"] } }] }),
      () => service.searchText({ collectionId, query: "kelp", nResults: 50, include: [], prefix: false, fuzzy: 0 }),
    ];
    const answer: unknown[] = [];
    for (const ask of asks) answer.push(await attempt(ask));
    answers.push(answer);
  }
  return answers;
}

interface Outcome {
  answers: unknown[][];
  /** Whether the database could not be opened. */
  isRefused: boolean;
  /** What `verify` found: whether there is damage in the catalog, and in which collections. */
  found: { catalog: boolean; collections: Set<string> };
}

function isFound({ isRefused, found }: Outcome): boolean {
  return isRefused || found.catalog || found.collections.size > 0;
}

async function outcomeOf(damaged: Disk): Promise<Outcome> {
  let engine: Engine;
  try {
    engine = await openEngine(storageOf(damaged));
  } catch (error) {
    if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION") throw error;
    return { answers: [], isRefused: true, found: { catalog: false, collections: new Set() } };
  }
  try {
    const { findings, collections: known } = await engine.service.verifyCatalog();
    const damaged = new Set<string>();
    for (const { id } of known) {
      if ((await engine.service.verifyCollection({ collectionId: id, deep: false })).findingCount > 0) damaged.add(id);
    }
    const found = { catalog: findings.length > 0, collections: damaged };
    return { answers: await readAll(engine), isRefused: false, found };
  } finally {
    await engine.close();
  }
}

/** What is wrong after everything was repaired and the database was opened anew; `null`: nothing. */
async function problemAfterRepair(damaged: Disk): Promise<string | null> {
  const storage = storageOf(damaged);
  let engine: Engine;
  try {
    engine = await openEngine(storage);
  } catch {
    return null;
  }
  const { findings, lost, collections: known } = await engine.service.verifyCatalog();
  if (findings.length > 0) await engine.service.repairCatalog();
  const ids = [...lost];
  for (const { id } of known) if (!(await engine.service.verifyCollection({ collectionId: id, deep: true })).isSound) ids.push(id);
  for (const collectionId of ids) await engine.service.repairCollection({ collectionId });
  await engine.close();
  engine = await openEngine(storage);
  try {
    return await problemOf(engine);
  } finally {
    await engine.close();
  }
}

/** A database is sound when nothing is found, nothing warned of, and no record is anything but what was written. */
async function problemOf({ service }: Engine): Promise<string | null> {
  const { warnings } = await service.info();
  const catalog = await service.verifyCatalog();
  const found = [...warnings, ...catalog.findings.map(({ message }) => message)];
  for (const { id, name } of await service.listCollections(scope)) {
    found.push(...(await service.verifyCollection({ collectionId: id, deep: true })).findings.map(({ message }) => message));
    const { ids, documents } = await service.get({ collectionId: id, include: ["documents"] });
    ids.forEach((one, i) => {
      const [document] = records(Number(one.slice(1)), Number(one.slice(1)) + 1).documents!;
      if (documents![i] !== document) found.push(`${one} of ${name} has another document`);
    });
  }
  return found.length === 0 ? null : found.join("; ");
}

/** What each answer differs in from the truth: nothing, an error that tells, or, which must not be, anything else. */
function wrongAnswers(answers: readonly unknown[][], truth: readonly unknown[][]): unknown[] {
  return answers.flatMap((group, g) =>
    group.filter((answer, a) => answer !== "CORRUPTION" && JSON.stringify(answer, plain) !== JSON.stringify(truth[g]![a], plain)),
  );
}

function plain(_: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value;
}

/** Changes bytes somewhere; returns whether `verify` has found that by what came of it. */
type Damage = (change: (bytes: Uint8Array) => Uint8Array, damaged: Disk, random: Random) => (outcome: Outcome) => boolean;

const inCatalog = ({ isRefused, found }: Outcome): boolean => isRefused || found.catalog;
const inOneOf =
  (ids: readonly string[]) =>
  ({ found }: Outcome): boolean =>
    ids.some((id) => found.collections.has(id));

/** The collections of which some manifest names the block. */
function ownersOf(block: number, catalog: ReadonlyMap<string, Uint8Array>): string[] {
  const keys = [...catalog.keys()].filter((key) => /^(manifest|staged|version)\//.test(key));
  const naming = keys.filter((key) => JSON.stringify(decodeRow(key, catalog.get(key)!)).includes(`"arena":${block},`));
  return naming.map((key) => key.split("/")[1]!);
}

/** The rows that bytes are flipped in, by kind. */
function catalogPlaces({ catalog }: Disk): Record<string, Damage> {
  const kinds = new Map<string, string[]>();
  for (const key of catalog.keys()) {
    const kind = `row ${key.split("/")[0]!}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), key]);
  }
  const flipIn =
    (keys: readonly string[]): Damage =>
    (change, damaged, random) => {
      const key = random.pick(keys);
      damaged.catalog.set(key, change(catalog.get(key)!));
      return inCatalog;
    };
  return Object.fromEntries([...kinds].map(([kind, keys]) => [kind, flipIn(keys)]));
}

/** The other places, by kind. */
function dataPlaces({ catalog, log, tails, blobs }: Disk): Record<string, Damage> {
  const owners = new Map([...blobs.keys()].map((block) => [block, ownersOf(block, catalog)]));
  return {
    "log record": (change, damaged, random) => {
      const at = random.below(log.length);
      damaged.log[at] = { ...log[at]!, bytes: change(log[at]!.bytes) };
      return inOneOf([log[at]!.collectionId]);
    },
    tail: (change, damaged, random) => {
      const id = random.pick([...tails.keys()]);
      damaged.tails.set(id, change(tails.get(id)!));
      return inOneOf([id]);
    },
    block: (change, damaged, random) => {
      const number = random.pick([...blobs.keys()]);
      damaged.blobs.set(number, change(blobs.get(number)!));
      return inOneOf(owners.get(number)!);
    },
  };
}

const copyOf = ({ catalog, log, tails, blobs }: Disk): Disk => ({
  catalog: new Map(catalog),
  log: [...log],
  tails: new Map(tails),
  blobs: new Map(blobs),
});

test("every flipped bit is told, mended or harmless, is never a wrong answer, and verify finds it", async () => {
  await make();
  const sound = await outcomeOf(copyOf(disk));
  const truth = sound.answers;
  expect([isFound(sound), truth.flat().filter((answer) => answer === "CORRUPTION")]).toEqual([false, []]);
  const [rows, data] = [catalogPlaces(disk), dataPlaces(disk)];
  // Blocks are of many kinds and headers, bodies and checksums: they get most flips of data.
  const kindOfData = (n: number): string => ["log record", "tail"][n % 8] ?? "block";
  const rowKinds = Object.keys(rows);
  const kindsOf = (seed: number): string[] => {
    const turn = IS_ALONE ? Math.floor(seed / 2) : seed;
    const row = rowKinds[turn % rowKinds.length]!;
    const other = kindOfData(Math.floor(turn / rowKinds.length));
    if (IS_ALONE) return [seed % 2 === 0 ? row : other];
    // Without a format nothing is opened, and data are not looked at.
    return row === "row format" ? [row] : [row, other];
  };
  const failures: string[] = [];
  const counts: Record<string, number> = {};
  for (let seed = 0; seed < TRIALS; seed++) {
    const random = new Random(seed + 1);
    const damaged = copyOf(disk);
    const flip = (bytes: Uint8Array): Uint8Array => {
      const at = random.below(bytes.length);
      return bytes.with(at, bytes[at]! ^ (1 << random.below(8)));
    };
    const kinds = kindsOf(seed);
    const areFound = kinds.map((kind) => (rows[kind] ?? data[kind]!)(flip, damaged, random));
    for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
    const outcome = await outcomeOf(damaged).catch((error: unknown) => String(error));
    const at = `seed ${seed} (${kinds.join(", ")})`;
    if (typeof outcome === "string") failures.push(`${at}: ${outcome}`);
    else if (areFound.some((isFound) => !isFound(outcome))) failures.push(`${at}: verify does not find it`);
    else if (wrongAnswers(outcome.answers, truth).length > 0) {
      failures.push(`${at}: ${JSON.stringify(wrongAnswers(outcome.answers, truth), plain).slice(0, 200)}`);
    }
  }
  const told = Object.entries(counts).map(([kind, count]) => `${count} in ${kind}`);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  process.stdout.write(`flips: ${total}, ${told.join(", ")}\n`);
  expect(total).toBeGreaterThanOrEqual(5000);
  expect(failures.slice(0, 10)).toEqual([]);
}, 900_000);

/** Structural damage of one entry of a map of what lies on disk. */
function* structuralDamage<K>(map: ReadonlyMap<K, Uint8Array>): Generator<[what: string, damaged: Map<K, Uint8Array>], void, undefined> {
  const keys = [...map.keys()];
  for (const [i, key] of keys.entries()) {
    const bytes = map.get(key)!;
    const other = keys[(i + 1) % keys.length]!;
    yield [`${String(key)} missing`, new Map([...map].filter(([k]) => k !== key))];
    yield [`${String(key)} of another type`, new Map([...map, [key, new Uint8Array(0)]])];
    yield [`${String(key)} cut off`, new Map([...map, [key, bytes.slice(0, bytes.length >> 1)]])];
    if (String(bytes) === String(map.get(other)!)) continue;
    yield [`${String(key)} exchanged with ${String(other)}`, new Map([...map, [key, map.get(other)!], [other, bytes]])];
  }
}

/** Damage of several rows of the catalog at once, so that no second copy tells, and rows that stand in too many places or are too old. */
function* catalogDamage(
  catalog: ReadonlyMap<string, Uint8Array>,
): Generator<[what: string, damaged: Map<string, Uint8Array>], void, undefined> {
  const without = (...gone: string[]) => new Map([...catalog].filter(([key]) => !gone.includes(key)));
  const digests = [...catalog.keys()].filter((key) => key.startsWith("digest/"));
  for (const [i, key] of [...catalog.keys()].entries()) {
    const bytes = catalog.get(key)!;
    const kind = key.split("/")[0]!;
    if (kind === "spare" || kind === "digest" || key === "format") continue;
    const spare = `spare/${key}`;
    yield [`${key} and its second copy missing`, without(key, spare)];
    yield [`${key}, its second copy and all digests missing`, without(key, spare, ...digests)];
    const cut = bytes.slice(0, -1);
    yield [`${key} and its second copy cut off`, new Map([...catalog, [key, cut], [spare, cut]])];
    const elsewhere = key.replace(/.$/, (end) => (end === "0" ? "1" : "0"));
    yield [`${key} standing in a second place`, new Map([...catalog, [elsewhere, bytes]])];
    const others = [...catalog.keys()].filter((other) => other.startsWith(`${kind}/`) && other !== key);
    const other = others[i % Math.max(1, others.length)];
    if (other !== undefined)
      yield [`${other} overwritten by ${key}, and its second copy`, new Map([...catalog, [other, bytes], [`spare/${other}`, bytes]])];
  }
  for (const [key, bytes] of earlier) {
    if (String(catalog.get(key)) === String(bytes)) continue;
    yield [`${key} as it was before`, new Map([...catalog, [key, bytes]])];
    yield [`${key} and its second copy as they were before`, new Map([...catalog, [key, bytes], [`spare/${key}`, bytes]])];
  }
}

test("whatever is missing, of another type, cut off or exchanged is told or mended, never wrong, and gone after a repair", async () => {
  await make();
  const { answers: truth } = await outcomeOf(copyOf(disk));
  const places = new Map(disk.log.map((entry, i) => [i, entry.bytes]));
  const logOf = (rows: Map<number, Uint8Array>): LogEntry[] => [...rows].map(([i, bytes]) => ({ ...disk.log[i]!, bytes }));
  const damages: [string, Disk][] = [
    ...[...structuralDamage(disk.catalog)].map(([what, catalog]): [string, Disk] => [what, { ...disk, catalog }]),
    ...[...catalogDamage(disk.catalog)].map(([what, catalog]): [string, Disk] => [what, { ...disk, catalog }]),
    ...[...structuralDamage(places)].map(([what, rows]): [string, Disk] => [`log ${what}`, { ...disk, log: logOf(rows) }]),
    ...[...structuralDamage(disk.tails)].map(([what, tails]): [string, Disk] => [`tail ${what}`, { ...disk, tails }]),
    ...[...structuralDamage(disk.blobs)].map(([what, blobs]): [string, Disk] => [`block ${what}`, { ...disk, blobs }]),
  ];
  // A digest of no rows vouches for nothing.
  const isNothing = (what: string): boolean => {
    const [key, missing] = what.split(" ");
    return key!.startsWith("digest/") && missing === "missing" && !JSON.stringify(decodeRow(key!, disk.catalog.get(key!)!)).includes("/");
  };
  const failures: string[] = [];
  for (const [what, damaged] of damages.filter(([each]) => !isNothing(each))) {
    const outcome = await outcomeOf(damaged).catch((error: unknown) => String(error));
    if (typeof outcome === "string") failures.push(`${what}: ${outcome}`);
    else if (!isFound(outcome)) failures.push(`${what}: verify does not find it`);
    else if (wrongAnswers(outcome.answers, truth).length > 0) failures.push(`${what}: a wrong answer`);
    const problem = await problemAfterRepair(copyOf(damaged)).catch((error: unknown) => String(error));
    if (problem !== null) failures.push(`${what}: after repair: ${problem}`);
  }
  process.stdout.write(`structural damage: ${damages.length} trials\n`);
  expect(failures).toEqual([]);
}, 300_000);

type Sections = {
  metadata: { postings: { blocks: unknown[] } };
  sparse: { indexes: [{ upTo: number; postings: { blocks: unknown[] } }] };
  text: { segments: unknown[] };
  vectors: { rows: unknown[]; graph: { changed?: number } | null };
};

test.each<[string, (sections: Sections, other: Sections) => void, string]>([
  ["postings that are gone", (sections) => (sections.metadata.postings.blocks = []), "metadata"],
  ["lists of sparse vectors that are gone", (sections) => (sections.sparse.indexes[0].postings.blocks = []), "sparse"],
  ["lists of the sparse vectors of another collection", (sections, other) => (sections.sparse = other.sparse), "sparse"],
  ["lists of fewer sparse vectors than is said", (sections) => (sections.sparse.indexes[0].upTo = 10), "sparse"],
  ["lists of more sparse vectors than there are", (sections) => (sections.sparse.indexes[0].upTo = 1000), "sparse"],
  ["a text index that is gone", (sections) => (sections.text.segments = []), "text"],
  ["vectors that are gone", (sections) => (sections.vectors.rows = []), "vectors"],
  ["a graph that is older than is said", (sections) => (sections.vectors.graph!.changed = 0), "graph"],
  ["vectors of another collection", (sections, other) => (sections.vectors.rows = other.vectors.rows), "vectors"],
])("what no checksum shows is found by comparing indexes with records: %s", async (_, forge, kind) => {
  await make();
  const storage = storageOf(disk);
  const [first, second] = [collections[0]!, collections[1]!];
  let engine = await openEngine(storage);
  await engine.compact(first.id);
  await engine.compact(second.id);
  const reportOf = (): Promise<CollectionReport> => engine.service.verifyCollection({ collectionId: first.id, deep: true });
  expect(await reportOf()).toMatchObject({
    isSound: true,
    findings: [],
    counts: { records: 28, vectors: 28, documents: expect.any(Number) },
  });
  await engine.close();
  const sealed = await SealedCatalog.read(storage.catalog);
  const sectionsOf = async (id: string): Promise<[key: string, row: { sections: Sections }]> => {
    const key = `manifest/${id}`;
    return [key, decodeRow<{ sections: Sections }>(key, (await storage.catalog.get(key))!)];
  };
  const [key, row] = await sectionsOf(first.id);
  forge(row.sections, (await sectionsOf(second.id))[1].sections);
  await sealed.commit({ put: new Map([[key, encodeRow(key, row)]]) });
  engine = await openEngine(storage);
  expect((await reportOf()).findings.map((finding) => finding.kind)).toContain(kind);
  await engine.close();
});
