/** An engine for tests of the page's side: collections and records in plain Maps, and every request kept for looking at. */
import { TidepoolError } from "../core/errors.js";
import type { Tell } from "../core/events.js";
import type { Caller } from "../core/gateway/caller.js";
import { planCreateCollection } from "../core/gateway/plan.js";
import { describeSchema } from "../core/schema.js";
import type { CreateCollectionRequest, EngineService, WriteRequest } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import type { CollectionConfiguration, CollectionInfo, RecordColumns } from "../core/types.js";
import { Host, type HostParts, type OpenEngine } from "../worker/host.js";

export class TestEngine {
  readonly collections = new Map<string, CollectionInfo>();
  readonly writes: WriteRequest[] = [];
  readonly requests: [method: string, request: unknown][] = [];
  /** Who made each of the requests. */
  readonly callers: (Caller | undefined)[] = [];
  /** What the next calls answer, by method, instead of their usual answer. */
  readonly overrides = new Map<string, (request: never, caller?: Caller) => unknown>();

  readonly service: EngineService = new Proxy({} as EngineService, {
    // What has a method `then` is taken for a promise.
    get: (_, method: string) =>
      method === "then" ? undefined : (request: unknown, caller?: Caller) => this.#answer(method, request, caller),
  });

  /** Tells whoever has it open. */
  tell: Tell = () => {};

  /** A host that opens this engine, except for what `parts` says. */
  host(parts: Partial<HostParts> = {}): Host {
    let ids = 0;
    return new Host({
      locks: undefined,
      openStorage: async () => ({ close: async () => undefined }) as unknown as Storage,
      destroyStorage: async () => undefined,
      openEngine: async (_storage, _options, tell) => this.open(tell),
      randomId: () => `${++ids}`,
      ...parts,
    });
  }

  open(tell: Tell): OpenEngine {
    this.tell = tell;
    return { service: this.service, close: () => this.#answer("close", undefined, undefined) as Promise<void> };
  }

  async #answer(method: string, request: unknown, caller: Caller | undefined): Promise<unknown> {
    this.requests.push([method, request]);
    this.callers.push(caller);
    const override = this.overrides.get(method) as ((request: unknown, caller?: Caller) => unknown) | undefined;
    if (override) return override(request, caller);
    const own = (this as unknown as Record<string, (request: unknown) => unknown>)[method];
    if (!own) throw new Error(`the test engine has no ${method}`);
    return own.call(this, request);
  }

  createCollection(request: CreateCollectionRequest): CollectionInfo {
    const existing = this.collections.get(request.name);
    if (existing && request.getOrCreate) return existing;
    if (existing) throw new TidepoolError("ALREADY_EXISTS", `Collection [${request.name}] already exists`);
    const plan = planCreateCollection(request);
    const [configuration, schema] = [plan.configuration as CollectionConfiguration, plan.schema];
    const info: CollectionInfo = {
      id: `id-of-${request.name}`,
      name: request.name,
      tenant: request.tenant,
      database: request.database,
      metadata: request.metadata,
      configuration,
      schema: describeSchema(schema, configuration),
      dimension: null,
      model: 0,
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
