/**
 * Changes of a database, each made while one call to the platform fails; for tests, never shipped. A change that rejects has not been
 * made, and one that resolves has, unless the error says that only opening anew tells.
 */
import { type ErrorCode, TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { EngineService, OpenOptions } from "../core/service.js";
import { Process, SCOPE, toBatch } from "./crash-workload.js";
import { TestEnvironment } from "./environment.js";
import { type Call, type Failure, SimulatedOrigin } from "./simulated-origin.js";

/** After these it is not known what became of the call. */
const unknown: readonly ErrorCode[] = ["POISONED", "CONNECTION_LOST", "LEASE_LOST"];

const records = (ids: readonly string[]) =>
  toBatch(ids.map((id, i) => ({ id, embedding: Float32Array.of(i, 1), document: `wave ${id}`, metadata: { i } })));
const request = (name: string) => ({ ...SCOPE, name, metadata: null, configuration: {}, getOrCreate: true });

/** By name, over the collections "full", whose records are all in the log, and "compacted". */
export const changes: Readonly<Record<string, (service: EngineService, ids: { full: string; compacted: string }) => Promise<unknown>>> = {
  "create a tenant": (service) => service.createTenant({ name: "new" }),
  "update a tenant": (service) => service.updateTenant({ name: SCOPE.tenant, resourceName: "new" }),
  "create a database": (service) => service.createDatabase({ tenant: SCOPE.tenant, name: "new" }),
  "create a collection": (service) => service.createCollection(request("new")),
  "fork a collection whose dimension is in the log": (service, { full }) => service.forkCollection({ collectionId: full, name: "new" }),
  "rename a collection whose dimension is in the log": (service, { full }) => service.modifyCollection({ collectionId: full, name: "new" }),
  "delete a collection with blocks": (service) => service.deleteCollection({ ...SCOPE, name: "compacted" }),
  "delete a collection without blocks": (service) => service.deleteCollection({ ...SCOPE, name: "full" }),
  "write records": (service, { full }) => service.write({ collectionId: full, operation: "add", records: records(["new"]) }),
  "delete records that a filter finds": (service, { compacted }) => service.delete({ collectionId: compacted, where: { i: 1 } }),
};

interface Setting {
  readonly process: Process;
  readonly origin: SimulatedOrigin;
  readonly ids: { full: string; compacted: string };
}

/** Opened anew: nothing is in memory that a change may have to read. */
async function prepare(storage: OpenOptions["storage"], fail?: { at: number; failure: Failure }): Promise<Setting> {
  const environment = new TestEnvironment();
  const origin = await SimulatedOrigin.install({ now: () => environment.now(), settleMs: limits.arenaSettleMs, ...(fail && { fail }) });
  const process = await new Process({ name: "changes", options: { storage }, weights: {}, steps: 0 }, environment).open();
  const { service } = process.engine;
  const ids = { full: "", compacted: "" };
  for (const name of ["full", "compacted"] as const) {
    ids[name] = (await service.createCollection(request(name))).id;
    await service.write({ collectionId: ids[name], operation: "add", records: records(["a", "b", "c"]) });
  }
  await process.engine.compact(ids.compacted);
  await process.idle(61_000);
  await process.close();
  await process.open();
  return { process, origin, ids };
}

/** All that a change can change. */
async function stateOf({ engine }: Process): Promise<string> {
  const { service } = engine;
  const tenants = [await service.getTenant({ name: SCOPE.tenant }), await service.getTenant({ name: "new" }).catch(() => null)];
  const databases = (await service.listDatabases({ tenant: SCOPE.tenant })).map(({ name }) => name);
  const collections = await service.listCollections(SCOPE);
  const found = await Promise.all(collections.map(({ id }) => service.get({ collectionId: id, include: [] })));
  return JSON.stringify([tenants, databases, collections.map(({ name, dimension }, i) => [name, dimension, found[i]!.ids])]);
}

async function reopened(process: Process): Promise<string> {
  await process.close();
  await process.open();
  return stateOf(process);
}

/** The calls to the platform that a change makes, by number, and what the database is like before and after it. */
export async function callsOfChange(
  name: string,
  storage: OpenOptions["storage"],
): Promise<{ calls: [at: number, call: Call][]; before: string; after: string }> {
  const untouched = await prepare(storage);
  const before = await reopened(untouched.process);
  await untouched.process.close();
  const { process, origin, ids } = await prepare(storage);
  const first = origin.calls.length;
  await changes[name]!(process.engine.service, ids);
  const calls = origin.calls.slice(first).map((call, i): [number, Call] => [first + i + 1, call]);
  const after = await reopened(process);
  await process.close();
  return { calls, before, after };
}

/** What is wrong when this call fails in one of its ways; `null`: nothing. */
export async function failChange(
  name: string,
  storage: OpenOptions["storage"],
  fail: { at: number; failure: Failure },
  { before, after }: { before: string; after: string },
): Promise<string | null> {
  const { process, ids } = await prepare(storage, fail);
  const told = await changes[name]!(process.engine.service, ids).then(
    () => null,
    (error: unknown) => (error instanceof TidepoolError ? error.code : String(error)),
  );
  const found = await reopened(process);
  await process.close();
  if (told !== null && unknown.includes(told as ErrorCode)) return found === before || found === after ? null : `half done: ${found}`;
  if (found === (told === null ? after : before)) return null;
  return `${told === null ? "resolved" : `rejected with ${told}`}, and found is ${found}`;
}
