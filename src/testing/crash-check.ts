/**
 * What must hold of a database whenever it is opened, after whatever has happened to it; for tests, never shipped. Says what
 * does not, in words, or `null`.
 */
import type { Engine } from "../core/engine.js";
import type { RecordColumns, Space, Where } from "../core/types.js";
import type { Expectation, Ledger, LedgerCall, State } from "./crash-ledger.js";
import { changed, type Process, SCOPE, toBatch, WORDS } from "./crash-workload.js";
import { type Matches, Model, type ModelRecord, modelDistance } from "./model.js";

const FILTERS: [where: Where, matches: Matches][] = [
  [{ kind: "a" }, ({ metadata }) => metadata?.["kind"] === "a"],
  [{ half: { $gte: 2 } }, ({ metadata }) => Number(metadata?.["half"] ?? NaN) >= 2],
  [{ kind: { $ne: "b" } }, ({ metadata }) => metadata?.["kind"] !== "b"],
];

const texts = new WeakMap<Model, string>();

/** Equal for equal states. */
function textOf(state: State): string {
  if (state === null) return "none";
  const known = texts.get(state);
  if (known !== undefined) return known;
  const text = JSON.stringify([...state.records.values()].map(plain));
  texts.set(state, text);
  return text;
}

function plain({ id, embedding, document, uri, metadata }: ModelRecord): unknown {
  const entries = metadata && Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return [id, [...embedding], document, uri, entries];
}

/** Reads everything in every way. Warnings are for what is damaged, which nothing is unless `mayWarn` says so. */
export async function check(process: Process, expectations: readonly Expectation[], mayWarn = false): Promise<string | null> {
  const warnings = mayWarn ? [] : (await process.engine.service.info()).warnings;
  if (warnings.length > 0) return `warnings: ${warnings.join("; ")}`;
  const found = await process.collections();
  const strange = [...found.keys()].filter((name) => !expectations.some((expectation) => expectation.name === name));
  if (strange.length > 0) return `nobody made the collections ${strange.join(", ")}`;
  for (const expectation of expectations) {
    const problem = await checkCollection(process.engine, found.get(expectation.name), expectation);
    if (problem !== null) return `${expectation.name}: ${problem}`;
  }
  return null;
}

async function checkCollection(engine: Engine, collectionId: string | undefined, expectation: Expectation): Promise<string | null> {
  const space = expectation.states.find((state) => state !== null)?.space ?? "l2";
  const state = collectionId === undefined ? null : await read(engine, space, { collectionId });
  const text = textOf(state);
  if (!expectation.states.some((allowed) => textOf(allowed) === text)) return difference(state, expectation);
  if (state === null || collectionId === undefined) return null;
  return (
    (await checkFilters(engine, collectionId, state)) ??
    (await checkNearest(engine, collectionId, state)) ??
    (await checkText(engine, collectionId, state)) ??
    (await checkVersions(engine, collectionId, expectation))
  );
}

function difference(found: State, { states, unknown }: Expectation): string {
  const wanted = states.map((state) => (state === null ? "none" : `${state.records.size} records`));
  const after = unknown.map(({ what }) => what).join("; ");
  const first = states[0];
  const ids = found && first ? [...first.records.keys()].filter((id) => !found.records.has(id)) : [];
  const size = found === null ? "none" : `${found.records.size} records`;
  return (
    `found ${size}, not any of: ${wanted.join(", ")} (under way: ${after || "nothing"})` + (ids.length > 0 ? `; lost ${ids.join(" ")}` : "")
  );
}

async function read(engine: Engine, space: Space, which: { collectionId: string; version?: number }): Promise<Model> {
  const columns = await engine.service.get({ ...which, include: ["documents", "embeddings", "metadatas", "uris"] });
  const model = new Model(space);
  columns.ids.forEach((id, i) => model.records.set(id, recordAt(columns, i)));
  return model;
}

function recordAt({ ids, embeddings, documents, uris, metadatas }: RecordColumns, i: number): ModelRecord {
  return {
    id: ids[i]!,
    embedding: embeddings!.values.slice(i * embeddings!.dimension, (i + 1) * embeddings!.dimension),
    document: documents![i]!,
    uri: uris![i]!,
    metadata: metadatas![i]!,
  };
}

async function checkFilters(engine: Engine, collectionId: string, state: Model): Promise<string | null> {
  if ((await engine.service.count({ collectionId })) !== state.records.size) return "count differs from get";
  for (const [where, matches] of FILTERS) {
    const { ids } = await engine.service.get({ collectionId, where, include: [] });
    const wanted = state.select(matches).map(({ id }) => id);
    if (ids.join() !== wanted.join()) return `where ${JSON.stringify(where)} found [${ids.join()}], not [${wanted.join()}]`;
  }
  return null;
}

async function checkNearest(engine: Engine, collectionId: string, state: Model): Promise<string | null> {
  const [first] = state.records.values();
  if (first === undefined) return null;
  const [nResults, values] = [10, first.embedding.map((value, i) => value / 2 + i)];
  const queryEmbeddings = { dimension: values.length, values };
  const { ids, distances } = await engine.service.query({ collectionId, queryEmbeddings, nResults, include: ["distances"] });
  const wanted = state.query(values, nResults, () => true);
  const found = ids.map((id, i) => `${id} at ${distances![i]}`).join();
  const expected = wanted.map(({ id, distance }) => `${id} at ${distance}`).join();
  // Equally near records may come in any order where a float32 sum decides.
  const isRight = (id: string, i: number): boolean =>
    isClose(distances![i]!, wanted[i]!.distance) &&
    isClose(modelDistance(state.space, values, state.records.get(id)!.embedding), distances![i]!);
  if (ids.length === wanted.length && new Set(ids).size === ids.length && ids.every(isRight)) return null;
  return `the nearest are [${found}], not [${expected}]`;
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-4 * Math.max(1, Math.abs(a));
}

async function checkText(engine: Engine, collectionId: string, state: Model): Promise<string | null> {
  for (const query of WORDS.slice(0, 2)) {
    const request = { collectionId, query, nResults: 100, include: [], prefix: false, fuzzy: 0 };
    const { ids } = await engine.service.searchText(request);
    const wanted = state.select(({ document }) => document?.split(" ").includes(query) ?? false).map(({ id }) => id);
    if ([...ids].sort().join() !== wanted.sort().join()) return `text "${query}" found [${ids.join()}], not [${wanted.join()}]`;
  }
  return null;
}

/** Each earlier version is what the collection once looked like. */
async function checkVersions(engine: Engine, collectionId: string, { history }: Expectation): Promise<string | null> {
  for (const { version, count } of await engine.service.listVersions({ collectionId })) {
    const state = await read(engine, "l2", { collectionId, version });
    if (state.records.size !== count) return `version ${version} has ${state.records.size} records, and says ${count}`;
    const text = textOf(state);
    if (history !== null && !history.some((earlier) => textOf(earlier) === text))
      return `version ${version} is nothing that there ever was`;
  }
  return null;
}

/**
 * Makes the calls that were under way once more, each as the same request, as whoever waited for their answers does. What had taken
 * effect does not again: the collections are as after the last of them. Tells what is wrong, and what must be found from now on.
 */
export async function tryAgain(
  process: Process,
  expectations: readonly Expectation[],
): Promise<{ problem: string | null; after: readonly Expectation[] }> {
  const after: Expectation[] = [];
  for (const expectation of expectations) {
    for (const call of expectation.unknown) {
      const problem = await process.whileTimePasses(callAgain(process.engine, expectation.name, call));
      if (problem !== null) return { problem: `${expectation.name}: ${call.what}: ${problem}`, after };
    }
    after.push({ ...expectation, states: expectation.states.slice(-1), unknown: [] });
  }
  return { problem: null, after };
}

/** Tries a call once more, twice: by the second time it has certainly been made. */
async function callAgain({ service }: Engine, name: string, call: LedgerCall): Promise<string | null> {
  const logged = async (): Promise<number | null> => {
    const found = (await service.listCollections(SCOPE)).find((collection) => collection.name === name);
    return found === undefined ? null : (await service.indexingStatus({ collectionId: found.id })).total_ops;
  };
  const first = await call.again(service);
  const before = await logged();
  const second = await call.again(service);
  if ((await logged()) !== before) return "it was made twice";
  return idOrCount(first) === idOrCount(second) ? null : `it was answered ${JSON.stringify(first)}, and ${JSON.stringify(second)} then`;
}

/** What every answer to a call tells alike. */
function idOrCount(answer: unknown): unknown {
  const { id, deleted } = Object(answer) as { id?: string; deleted?: number };
  return id ?? deleted;
}

/** Everything that is stored is sound, each index as the records, as `verify` with `deep` sees it. */
export async function verified({ engine }: Process): Promise<string | null> {
  const { findings, collections } = await engine.service.verifyCatalog();
  const found = [...findings];
  for (const { id } of collections) found.push(...(await engine.service.verifyCollection({ collectionId: id, deep: true })).findings);
  return found.length === 0 ? null : `verify finds: ${found.map(({ message }) => message).join("; ")}`;
}

/**
 * Goes on working with what was found, or with what it was after the calls that were under way had been `tried` again: writes,
 * deletes, compacts, opens anew, and finds all of it again.
 */
export async function goOn(process: Process, expectations: readonly Expectation[], ledger: Ledger, tried = false): Promise<string | null> {
  const { engine } = process;
  const found = await process.collections();
  for (const expectation of expectations) {
    const { name, history, states } = expectation;
    const collectionId = found.get(name);
    if (collectionId === undefined) continue;
    const space = states.find((state) => state !== null)!.space;
    if (tried) ledger.triedAgain(expectation);
    else ledger.found(name, await read(engine, space, { collectionId }), history);
  }
  for (const [name, collectionId] of found) {
    await changeAgain(process, name, collectionId, ledger);
    await engine.compact(collectionId);
  }
  await process.idle(61_000);
  await process.close();
  await process.open();
  return check(process, ledger.expectations(false));
}

async function changeAgain(process: Process, name: string, collectionId: string, ledger: Ledger): Promise<void> {
  const { engine, dimension, environment } = process;
  const [upserting, deleting] = [1, 2].map(() => ({ token: null, clientId: "later", requestId: environment.randomId() }));
  const embedding = Float32Array.from({ length: dimension }, (_, i) => i);
  const writes = [{ id: "later", embedding, document: "wave", metadata: { kind: "a" } }];
  await ledger.call(
    name,
    "upsert later",
    (before) => changed(before, (model) => model.write("upsert", writes)),
    engine.service,
    (service) => service.write({ collectionId, operation: "upsert", records: toBatch(writes) }, upserting),
  );
  await ledger.call(
    name,
    "delete r1",
    (before) => changed(before, (model) => void model.delete(["r1"])),
    engine.service,
    (service) => service.delete({ collectionId, ids: ["r1"] }, deleting),
  );
}
