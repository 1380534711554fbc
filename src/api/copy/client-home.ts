/**
 * Collections of clients, in the browser and on servers, as sources and targets of copies. A copy grows under another name, and gets its
 * own when it is whole and proven: so under that there is never half a copy.
 */
import { invalidArgument, TidepoolError } from "../../core/errors.js";
import { validateName } from "../../core/gateway/validate/values.js";
import type { Scope } from "../../core/service.js";
import type { CollectionInfo, RecordColumns } from "../../core/types.js";
import type { TidepoolClient } from "../client.js";
import type { Connection } from "../connection.js";
import { CONNECTION } from "../connection-key.js";
import type { CopySource, Described } from "./copy-places.js";
import { creationOf } from "./creation.js";
import { sliceRecords } from "./record-slices.js";

/** What stands before the name of a copy that is not whole. */
export const UNFINISHED = "copying-";
/** Records that are written at once. */
const RECORDS_AT_ONCE = 1000;

/** Where a client's calls go. */
interface Home {
  connection: Connection;
  scope: Scope;
}

export function homeOf(client: TidepoolClient): Home {
  return { connection: client[CONNECTION], scope: { tenant: client.tenant, database: client.database } };
}

/** The records of the moment of this call; on a server, those that are there, until one of them is deleted. To be ended. */
export async function readCollection(client: TidepoolClient, name: string, signal: AbortSignal | undefined): Promise<CopySource> {
  const { connection, scope } = homeOf(client);
  const info = await connection.call("getCollection", { ...scope, name }, { signal });
  return readSnapshot(connection, info, signal);
}

async function readSnapshot(connection: Connection, info: CollectionInfo, signal: AbortSignal | undefined): Promise<CopySource> {
  const collectionId = info.id;
  const { snapshot, count } = await connection.call("beginExport", { collectionId }, { signal });
  return {
    described: info,
    count,
    async *pages(from, until) {
      for (let at = from; at < count; ) {
        const include = ["documents", "embeddings", "metadatas", "uris"] as const;
        const page = await connection.call("readExport", { collectionId, snapshot, from: at, include: [...include] }, { signal: until });
        yield page;
        at += page.ids.length;
      }
    },
    // Where that fails the engine has gone, and what it kept with it, or it lets go by itself after a while.
    end: () => connection.call("endExport", { collectionId, snapshot }).catch(() => undefined),
  };
}

/** A copy on its way into a client's database. */
export class GrowingCopy {
  readonly #connection: Connection;
  readonly #scope: Scope;
  readonly #info: CollectionInfo;
  readonly #name: string;
  /** Records that an earlier call, which was interrupted, has left. */
  readonly found: number;
  /** What the target cannot keep of the source, by name. */
  readonly leftOut: string[];

  private constructor({ connection, scope }: Home, info: CollectionInfo, name: string, found: number, leftOut: string[]) {
    this.#connection = connection;
    this.#scope = scope;
    this.#info = info;
    this.#name = name;
    this.found = found;
    this.leftOut = leftOut;
  }

  /** Goes on with what an interrupted call has left, or begins. Rejects with `ALREADY_EXISTS` where the name is taken. */
  static async begin(client: TidepoolClient, name: string, described: Described, signal: AbortSignal | undefined): Promise<GrowingCopy> {
    validateName(name);
    const unfinished = UNFINISHED + name;
    if (unfinished.length > 512)
      throw invalidArgument(`to.name must have at most ${512 - UNFINISHED.length} characters, got ${name.length}`);
    const home = homeOf(client);
    const { connection, scope } = home;
    if (await existing(connection, { ...scope, name })) {
      throw new TidepoolError("ALREADY_EXISTS", `Collection [${name}] already exists; a copy is put in place of none`);
    }
    const { request, leftOut } = creationOf(described, connection.remote !== undefined);
    const left = await existing(connection, { ...scope, name: unfinished });
    const created =
      left ?? (await connection.call("createCollection", { ...scope, name: unfinished, ...request, getOrCreate: false }, { signal }));
    const found = left === null ? 0 : await connection.call("count", { collectionId: created.id }, { signal });
    return new GrowingCopy(home, created, name, found, leftOut);
  }

  /** The page's records after those that are there. Those that are there already stay, so it may be repeated. */
  async write(page: RecordColumns, signal: AbortSignal | undefined): Promise<void> {
    for (let start = 0; start < page.ids.length; start += RECORDS_AT_ONCE) {
      const { embeddings, metadatas, ...columns } = sliceRecords(page, start, start + RECORDS_AT_ONCE);
      const records = {
        ...columns,
        metadatas: metadatas?.map((metadata) => (metadata === null || Object.keys(metadata).length === 0 ? null : metadata)) ?? null,
        embeddings: embeddings && { ...embeddings, present: null },
      };
      await this.#connection.call("write", { collectionId: this.#info.id, operation: "add", records }, { signal });
    }
  }

  /** What is there now. To be ended. */
  read(signal: AbortSignal | undefined): Promise<CopySource> {
    return readSnapshot(this.#connection, this.#info, signal);
  }

  /** Gives it its own name: from then on it is there. */
  async finish(): Promise<void> {
    await this.#connection.call("modifyCollection", { collectionId: this.#info.id, name: this.#name });
  }

  get place(): string {
    return `${UNFINISHED}${this.#name} of ${this.#scope.tenant}/${this.#scope.database}`;
  }
}

async function existing(connection: Connection, named: Scope & { name: string }): Promise<CollectionInfo | null> {
  return connection.call("getCollection", named).catch((error: TidepoolError) => {
    if (error.code === "NOT_FOUND") return null;
    throw error;
  });
}
