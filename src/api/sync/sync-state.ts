/**
 * What a sync knows of a collection and its counterpart, on disk: for each record the state that both sides agreed on last, and how far
 * each side's changes have been seen. It lies in the same database, under a tenant of its own, so that a backup has both or neither.
 *
 * Invariants: a record's entry is written after the side that was changed has acknowledged it, the cursors after all entries. Whatever a
 * crash leaves out is found again by comparing, and found to be done. What is about to be created is noted before, as an intent.
 */
import { sha256Hex } from "../../core/base/sha256.js";
import { atOnce } from "../../core/base/steps.js";
import { TidepoolError } from "../../core/errors.js";
import type { CollectionInfo, Metadata } from "../../core/types.js";
import { type LocalCalls, nullWhereMissing } from "./local-side.js";
import { type Base, isIntent } from "./merge.js";

/** Where all of it lies; no tenant's list shows it. */
const SCOPE = { tenant: "tidepool-sync", database: "states" };

/** How far a sync has come. */
export interface Cursors {
  /** By which the server knows this copy of the database. */
  device: string;
  /** The latest step. */
  step: number;
  /** What to ask the side here for changes with; `null`: all has to be compared. */
  local: number | null;
  /** The server's number of operations when its changes were last read; `null` where it does not tell. */
  operations: number | null;
  /** The highest revision that was seen there. */
  revision: number | null;
}

/** What a sync is between. */
export interface Pair {
  local: Pick<CollectionInfo, "id" | "tenant" | "database">;
  /** The server, its tenant and database, the collection's name. */
  target: readonly string[];
}

export class SyncState {
  readonly #calls: LocalCalls;
  readonly #collectionId: string;
  readonly #name: string;
  readonly entries: Map<string, Base>;
  cursors: Cursors;
  /** Of what is written: whose state it is. */
  readonly #owner: Metadata;

  private constructor(calls: LocalCalls, info: CollectionInfo, entries: Map<string, Base>, owner: Metadata) {
    this.#calls = calls;
    this.#collectionId = info.id;
    this.#name = info.name;
    this.entries = entries;
    this.#owner = owner;
    this.cursors = cursorsIn(info.metadata);
  }

  static async open(calls: LocalCalls, { local, target }: Pair): Promise<SyncState> {
    await createPlace(calls);
    const owner = { tenant: local.tenant, database: local.database, collection: local.id };
    const name = `${local.id}.${atOnce(sha256Hex(new TextEncoder().encode(JSON.stringify(target)))).slice(0, 16)}`;
    const metadata = { ...owner, device: crypto.randomUUID(), step: 0 };
    const info = await calls.call("createCollection", { ...SCOPE, name, metadata, configuration: {}, getOrCreate: true });
    return new SyncState(calls, info, await readEntries(calls, info.id), owner);
  }

  /** The latest step in which any entry was agreed on. */
  get latestStep(): number {
    return [...this.entries.values()].reduce((latest, base) => (isIntent(base) ? latest : Math.max(latest, base.step)), 0);
  }

  /** Writes what has become of records; `null`: there is nothing to be known of them any more. */
  async save(changed: ReadonlyMap<string, Base | null>): Promise<void> {
    const kept = [...changed].filter((one): one is [string, Base] => one[1] !== null);
    const gone = [...changed.keys()].filter((id) => changed.get(id) === null && this.entries.has(id));
    const collectionId = this.#collectionId;
    if (kept.length > 0) {
      const embeddings = { dimension: 1, values: new Float32Array(kept.length), present: null };
      const uris = kept.map(([, base]) => encode(base));
      const records = { ids: kept.map(([id]) => id), embeddings, documents: null, metadatas: null, uris };
      await this.#calls.call("write", { collectionId, operation: "upsert", records });
    }
    if (gone.length > 0) await this.#calls.call("delete", { collectionId, ids: gone });
    for (const [id, base] of kept) this.entries.set(id, base);
    for (const id of gone) this.entries.delete(id);
  }

  async saveCursors(cursors: Cursors): Promise<void> {
    const given = Object.entries(cursors).filter(([, value]) => value !== null);
    const metadata = { ...this.#owner, ...Object.fromEntries(given) } as Metadata;
    await this.#calls.call("modifyCollection", { collectionId: this.#collectionId, metadata });
    this.cursors = cursors;
  }

  /** From now on both sides have never met. */
  async forget(): Promise<void> {
    await this.#calls.call("deleteCollection", { ...SCOPE, name: this.#name }).catch(nullWhereMissing);
  }
}

/** Drops what is kept of collections that are there no more. */
export async function dropOrphans(calls: LocalCalls): Promise<void> {
  await createPlace(calls);
  for (const { name, metadata } of await calls.call("listCollections", { ...SCOPE })) {
    const { tenant, database, collection } = (metadata ?? {}) as Record<string, string>;
    const owner = { tenant: tenant!, database: database!, collectionId: collection! };
    const isThere = (await calls.call("getCollectionById", owner).catch(nullWhereMissing)) !== null;
    if (!isThere) await calls.call("deleteCollection", { ...SCOPE, name }).catch(nullWhereMissing);
  }
}

/** Tells this database from all others, but for copies of it. */
export async function storeId(calls: LocalCalls): Promise<string> {
  await createPlace(calls);
  return (await calls.call("getDatabase", { tenant: SCOPE.tenant, name: SCOPE.database })).id;
}

async function createPlace(calls: LocalCalls): Promise<void> {
  await calls.call("createTenant", { name: SCOPE.tenant }).catch(fineWhereThere);
  await calls.call("createDatabase", { tenant: SCOPE.tenant, name: SCOPE.database }).catch(fineWhereThere);
}

function fineWhereThere(error: TidepoolError): void {
  if (error.code !== "ALREADY_EXISTS") throw error;
}

function cursorsIn(metadata: Metadata | null): Cursors {
  const { device, step, local = null, operations = null, revision = null } = (metadata ?? {}) as unknown as Partial<Cursors>;
  return { device: device!, step: step!, local, operations, revision };
}

async function readEntries(calls: LocalCalls, collectionId: string): Promise<Map<string, Base>> {
  const entries = new Map<string, Base>();
  const { snapshot, count } = await calls.call("beginExport", { collectionId });
  try {
    while (entries.size < count) {
      const { ids, uris } = await calls.call("readExport", { collectionId, snapshot, from: entries.size, include: ["uris"] });
      for (const [i, id] of ids.entries()) entries.set(id, decode(uris![i]!));
    }
  } finally {
    await calls.call("endExport", { collectionId, snapshot }).catch(() => undefined);
  }
  return entries;
}

const MARKS = { "": undefined, n: undefined, r: "replacing", a: "apart", s: "sending", t: "taking" } as const;

/**
 * `step mark local remote`, the last left out where it is the same: most are. `-` is no record. Moments follow the mark, `7s5,-`, or an
 * `n` where there is none.
 */
function encode({ step, mark, since, local, remote }: Base): string {
  const moments = since === undefined ? "" : `${since.local ?? "-"},${since.remote ?? "-"}`;
  return `${step}${mark?.[0] ?? (moments && "n")}${moments} ${local ?? "-"}${remote === local ? "" : ` ${remote ?? "-"}`}`;
}

function decode(text: string): Base {
  const [, step, letter, here, there, local, remote = local] = /^(\d+)([nrast]?)(?:(-|\d+),(-|\d+))? (\S+)(?: (\S+))?$/.exec(text) ?? [];
  if (local === undefined) throw new TidepoolError("CORRUPTION", `${JSON.stringify(text)} is no entry of a sync's state`);
  const mark = MARKS[letter as keyof typeof MARKS];
  const stateOf = (digest: string): string | null => (digest === "-" ? null : digest);
  const momentOf = (moment: string): number | null => (moment === "-" ? null : Number(moment));
  const since = here === undefined ? undefined : { local: momentOf(here), remote: momentOf(there!) };
  return { local: stateOf(local), remote: stateOf(remote!), step: Number(step), ...(mark && { mark }), ...(since && { since }) };
}
