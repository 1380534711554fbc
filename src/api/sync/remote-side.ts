/**
 * The side of a sync that is a Chroma server: the same questions as to the side here, answered as far as servers can. Where a server has
 * conditional commits nothing unseen is overwritten; elsewhere records are read right before they are written.
 */
import type { TidepoolError } from "../../core/errors.js";
import type { ConditionalOperation, EngineMethods, RequestOf, ResponseOf, Scope } from "../../core/service.js";
import type { CollectionInfo, Metadata, Where } from "../../core/types.js";
import { creationOf } from "../copy/creation.js";
import { surroundings } from "../remote/chroma-server.js";
import { IDS_AT_ONCE } from "../remote/remote-calls.js";
import { RemoteLink } from "../remote/remote-link.js";
import type { RemoteOptions } from "../remote/remote-options.js";
import { type Change, EVERYTHING, isAnswered, nullWhereMissing, type ReadAt } from "./local-side.js";
import type { Sealer } from "./sealer.js";
import { batchOf, type Records, recordsOf } from "./sync-record.js";

/** Calls to a server, by the engine's names, until a signal fires. */
export class ServerCalls {
  readonly #link: RemoteLink;
  readonly #signal: AbortSignal;
  readonly scope: Scope;
  /** Requests are numbered, so that one of them can be given up. */
  #requests = 0;
  /** Whether the server has conditional commits; `null`: nobody has asked. */
  isConditional: boolean | null = null;
  /** Whether the server counts the operations of a collection. */
  countsOperations: boolean | null = null;
  /** Whether it counts each write as one, however many records that has. */
  countsWrites = false;

  /** A write is made once: made again it could overwrite what came between. Whoever finds it failed reads again first. */
  constructor(remote: RemoteOptions, signal: AbortSignal, around = surroundings) {
    this.scope = { tenant: remote.tenant ?? "default_tenant", database: remote.database ?? "default_database" };
    const mayRepeat = (call: string): boolean => call !== "upsert" && call !== "delete";
    this.#link = new RemoteLink(remote, new Map(), { ...around, mayRepeat });
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#link.abandon(null, signal.reason as TidepoolError), { once: true });
  }

  call<M extends keyof EngineMethods>(method: M, request: RequestOf<M>): Promise<ResponseOf<M>> {
    this.#signal.throwIfAborted();
    const caller = { token: null, clientId: "sync", requestId: String(++this.#requests) };
    return this.#link.call((engine) => engine.call(method, request, caller)) as Promise<ResponseOf<M>>;
  }

  /** `null` where the server has no such call. */
  async ifSupported<T>(answer: Promise<T>): Promise<T | null> {
    return answer.catch((error: TidepoolError) => {
      if (error.code === "NOT_SUPPORTED") return null;
      throw error;
    });
  }
}

export class RemoteSide {
  readonly #calls: ServerCalls;
  readonly #sealer: Sealer;
  readonly info: CollectionInfo;
  /**
   * By how much what was committed here has moved the server's number of operations. It may be less than that, and is never more: a record
   * that was not there to be deleted was deleted by somebody else, who has moved it as far.
   */
  added = 0;

  constructor(calls: ServerCalls, info: CollectionInfo, sealer: Sealer) {
    this.#calls = calls;
    this.info = info;
    this.#sealer = sealer;
  }

  static async find(calls: ServerCalls, name: string, sealer: Sealer): Promise<RemoteSide | null> {
    const info = await calls.call("getCollection", { ...calls.scope, name }).catch(nullWhereMissing);
    if (info === null) return null;
    await sealer.attach(info);
    return new RemoteSide(calls, info, sealer);
  }

  /** The counterpart of a collection here. */
  static async create(calls: ServerCalls, name: string, like: CollectionInfo, sealer: Sealer): Promise<RemoteSide> {
    const request = (await sealer.creation(like)) ?? creationOf(like, true).request;
    const info = await calls.call("createCollection", { ...calls.scope, name, ...request, getOrCreate: true });
    await sealer.attach(info);
    return new RemoteSide(calls, info, sealer);
  }

  /** The end of the collection's log, which each operation moves; `null` where the server does not tell. */
  async operations(): Promise<number | null> {
    if (this.#calls.countsOperations === false) return null;
    const status = await this.#calls.ifSupported(this.#calls.call("indexingStatus", { collectionId: this.info.id }));
    this.#calls.countsOperations = status !== null;
    this.#calls.countsWrites = (status as { counts?: unknown } | null)?.counts === "writes";
    return status?.total_ops ?? null;
  }

  count(): Promise<number> {
    return this.#calls.call("count", { collectionId: this.info.id });
  }

  /** Whether `where` can be asked for: not of what is sealed. */
  get hasMetadata(): boolean {
    return !this.#sealer.isSealing;
  }

  async read(ids: string[]): Promise<ReadAt> {
    const request = { collectionId: this.info.id, ids, include: EVERYTHING };
    if (this.#calls.isConditional !== false) {
      const answer = await this.#calls.ifSupported(this.#calls.call("conditionalGet", request));
      this.#calls.isConditional = answer !== null;
      if (answer !== null) return { records: await this.#sealer.open(recordsOf(answer)), token: answer.readToken };
    }
    return { records: await this.#sealer.open(recordsOf(await this.#calls.call("get", request))), token: null };
  }

  /** Whether it is certain that none of them was written since. */
  isUnwritten(ids: string[], readToken: number): Promise<boolean> {
    return isAnswered(this.#calls.call("conditionalGet", { collectionId: this.info.id, ids, include: [], readToken }));
  }

  /** Records in pages, while others may write: what is missing in them may be there. */
  async *pages(where?: Where): AsyncGenerator<Records, void, undefined> {
    for (let offset = 0, isLast = false; !isLast; offset += IDS_AT_ONCE) {
      const page = { limit: IDS_AT_ONCE, offset, ...(where && { where }) };
      const columns = await this.#calls.call("get", { collectionId: this.info.id, include: EVERYTHING, ...page });
      yield await this.#sealer.open(recordsOf(columns));
      isLast = columns.ids.length < IDS_AT_ONCE;
    }
  }

  /** Ids alone, as `pages`. */
  async *ids(): AsyncGenerator<string[], void, undefined> {
    for (let offset = 0, isLast = false; !isLast; offset += IDS_AT_ONCE) {
      const { ids } = await this.#calls.call("get", { collectionId: this.info.id, include: [], limit: IDS_AT_ONCE, offset });
      yield ids;
      isLast = ids.length < IDS_AT_ONCE;
    }
  }

  /** With a token: rejects with `CONFLICT` or `STALE_READ`, and changes nothing, where any of the records was written since. */
  async commit({ upserts, deletes }: Change, { records: existing, token }: ReadAt): Promise<void> {
    const collectionId = this.info.id;
    const [sealed, known] = this.#sealer.isSealing ? [await this.#sealer.seal(upserts), new Map()] : [upserts, existing];
    const records = sealed.length === 0 ? null : batchOf(sealed, known);
    if (token === null) {
      if (records !== null) await this.#calls.call("write", { collectionId, operation: "upsert", records });
      this.#count(upserts.length);
      if (deletes.length === 0) return;
      const { deleted } = await this.#calls.call("delete", { collectionId, ids: deletes });
      this.#count(this.#calls.countsWrites ? deleted : deletes.length);
      return;
    }
    const operations: ConditionalOperation[] = [];
    if (records !== null) operations.push({ operation: "upsert", records });
    if (deletes.length > 0) operations.push({ operation: "delete", ids: deletes });
    const readIds = [...upserts.map(({ id }) => id), ...deletes];
    if (operations.length > 0) await this.#calls.call("conditionalCommit", { collectionId, readToken: token, readIds, operations });
    this.#count(readIds.length);
  }

  #count(records: number): void {
    this.added += this.#calls.countsWrites ? Math.min(records, 1) : records;
  }
}

/** Of the server's collection in which each device says how far it has come. */
export const MARKS = "tidepool-sync";

/**
 * What a device has last written to the server after a step of a sync. A server that was set back to an earlier state has an earlier
 * number, or none: so whatever was agreed upon in later steps it may not know.
 */
export class StepMark {
  readonly #calls: ServerCalls;
  readonly #id: string;
  #collectionId: string | null = null;

  constructor(calls: ServerCalls, remoteCollectionId: string, device: string) {
    this.#calls = calls;
    this.#id = `${remoteCollectionId}/${device}`;
  }

  async read(): Promise<number> {
    this.#collectionId ??=
      (await this.#calls.call("getCollection", { ...this.#calls.scope, name: MARKS }).catch(nullWhereMissing))?.id ?? null;
    if (this.#collectionId === null) return 0;
    const request = { collectionId: this.#collectionId, ids: [this.#id], include: ["metadatas" as const] };
    const found = await this.#calls.call("get", request).catch(nullWhereMissing);
    if (found === null) this.#collectionId = null;
    return Number((found?.metadatas?.[0] as Metadata | null | undefined)?.["step"] ?? 0);
  }

  async write(step: number): Promise<void> {
    const collectionId = (this.#collectionId ??= await this.#create());
    const embeddings = { dimension: 1, values: new Float32Array([1]), present: null };
    const records = { ids: [this.#id], embeddings, documents: null, metadatas: [{ step }], uris: null };
    await this.#calls.call("write", { collectionId, operation: "upsert", records });
  }

  async #create(): Promise<string> {
    const request = { ...this.#calls.scope, name: MARKS, metadata: null, configuration: { embedding_function: null }, getOrCreate: true };
    return (await this.#calls.call("createCollection", request)).id;
  }
}
