/** An engine for tests of the page's side: collections and records in plain Maps, and every request kept for looking at. */
import { TidepoolError } from "../core/errors.js";
import type { Caller } from "../core/gateway/caller.js";
import { planCreateCollection } from "../core/gateway/plan.js";
import { describeSchema } from "../core/schema.js";
import type { CreateCollectionRequest, EngineService, WriteRequest } from "../core/service.js";
import type { CollectionInfo, RecordColumns } from "../core/types.js";
import type { WorkerHost } from "../worker/protocol.js";

export class TestEngine {
  readonly collections = new Map<string, CollectionInfo>();
  readonly writes: WriteRequest[] = [];
  readonly requests: [method: string, request: unknown][] = [];
  /** Who made each of the requests. */
  readonly callers: (Caller | undefined)[] = [];
  /** What the next calls answer, by method, instead of their usual answer. */
  readonly overrides = new Map<string, (request: never) => unknown>();

  readonly service: EngineService = new Proxy({} as EngineService, {
    get: (_, method: string) => async (request: unknown, caller?: Caller) => {
      this.requests.push([method, request]);
      this.callers.push(caller);
      const override = this.overrides.get(method) as ((request: unknown) => unknown) | undefined;
      if (override) return override(request);
      const own = (this as unknown as Record<string, (request: unknown) => unknown>)[method];
      if (!own) throw new Error(`the test engine has no ${method}`);
      return own.call(this, request);
    },
  });

  /** A host that is open at once, or answers what `open` says. */
  host(open: WorkerHost["open"] = async () => null): WorkerHost {
    return { open, service: this.service, destroy: async () => undefined };
  }

  createCollection(request: CreateCollectionRequest): CollectionInfo {
    const existing = this.collections.get(request.name);
    if (existing && request.getOrCreate) return existing;
    if (existing) throw new TidepoolError("ALREADY_EXISTS", `Collection [${request.name}] already exists`);
    const { configuration, schema } = planCreateCollection(request);
    const info: CollectionInfo = {
      id: `id-of-${request.name}`,
      name: request.name,
      tenant: request.tenant,
      database: request.database,
      metadata: request.metadata,
      configuration,
      schema: describeSchema(schema, configuration),
      dimension: null,
    };
    this.collections.set(request.name, info);
    return info;
  }

  getCollection({ name }: { name: string }): CollectionInfo {
    const info = this.collections.get(name);
    if (!info) throw new TidepoolError("NOT_FOUND", `Collection [${name}] does not exist`);
    return info;
  }

  listCollections(): CollectionInfo[] {
    return [...this.collections.values()];
  }

  write(request: WriteRequest): void {
    this.writes.push(request);
  }

  count(): number {
    return this.writes.reduce((sum, { records }) => sum + records.ids.length, 0);
  }

  delete(): { deleted: number } {
    return { deleted: 1 };
  }

  get(): RecordColumns {
    return { ids: [], documents: null, metadatas: null, uris: null, embeddings: null };
  }

  modifyCollection({ collectionId, name }: { collectionId: string; name?: string }): CollectionInfo {
    const info = [...this.collections.values()].find(({ id }) => id === collectionId)!;
    return { ...info, name: name ?? info.name };
  }

  heartbeat(): number {
    return 1;
  }

  close(): void {}
}
