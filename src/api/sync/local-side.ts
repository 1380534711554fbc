/** The side of a sync that is a database in this browser: its reads, what has changed, and writes that overwrite nothing unseen. */
import { TidepoolError } from "../../core/errors.js";
import type { ConditionalOperation, Scope } from "../../core/service.js";
import type { CollectionInfo, IncludeField } from "../../core/types.js";
import type { Connection } from "../connection.js";
import { creationOf } from "../copy/creation.js";
import { batchOf, type Records, recordsOf, type SyncRecord } from "./sync-record.js";

export const EVERYTHING: IncludeField[] = ["documents", "embeddings", "metadatas", "uris"];

/** Where a side's calls go. */
export type LocalCalls = Pick<Connection, "call">;

/** Records, and the moment of which they are; `null` where the side keeps no moments. */
export interface ReadAt {
  records: Records;
  token: number | null;
}

/** What is to be true of a side. */
export interface Change {
  upserts: SyncRecord[];
  deletes: string[];
}

/** A collection of a database in this browser. */
export class LocalSide {
  readonly #calls: LocalCalls;
  readonly info: CollectionInfo;

  constructor(calls: LocalCalls, info: CollectionInfo) {
    this.#calls = calls;
    this.info = info;
  }

  static async find(calls: LocalCalls, scope: Scope, name: string): Promise<LocalSide | null> {
    const info = await calls.call("getCollection", { ...scope, name }).catch(nullWhereMissing);
    return info && new LocalSide(calls, info);
  }

  /** The counterpart of a server's collection. */
  static async create(calls: LocalCalls, scope: Scope, name: string, like: CollectionInfo): Promise<LocalSide> {
    const { request } = creationOf(like, false);
    return new LocalSide(calls, await calls.call("createCollection", { ...scope, name, ...request, getOrCreate: true }));
  }

  /** Ids that were written since, `null` where that is not known any more; and what to ask with the next time. */
  changed(since: number | null): Promise<{ ids: string[] | null; next: number }> {
    return this.#calls.call("changedIds", { collectionId: this.info.id, since });
  }

  async read(ids: string[]): Promise<ReadAt> {
    const { readToken, ...columns } = await this.#calls.call("conditionalGet", { collectionId: this.info.id, ids, include: EVERYTHING });
    return { records: recordsOf(columns), token: readToken };
  }

  /** Whether it is certain that none of them was written since. */
  isUnwritten(ids: string[], readToken: number): Promise<boolean> {
    return isAnswered(this.#calls.call("conditionalGet", { collectionId: this.info.id, ids, include: [], readToken }));
  }

  /** All records of one moment, in pages. */
  async *pages(signal: AbortSignal): AsyncGenerator<Records, void, undefined> {
    const collectionId = this.info.id;
    const { snapshot, count } = await this.#calls.call("beginExport", { collectionId });
    try {
      for (let from = 0; from < count; ) {
        const page = await this.#calls.call("readExport", { collectionId, snapshot, from, include: EVERYTHING }, { signal });
        yield recordsOf(page);
        from += page.ids.length;
      }
    } finally {
      // Where that fails the engine has gone, and what it kept with it, or it lets go by itself after a while.
      await this.#calls.call("endExport", { collectionId, snapshot }).catch(() => undefined);
    }
  }

  /** Rejects with `CONFLICT` or `STALE_READ`, and changes nothing, where any of the records was written since they were read. */
  async commit({ upserts, deletes }: Change, { records, token }: ReadAt): Promise<void> {
    const operations: ConditionalOperation[] = [];
    if (upserts.length > 0) operations.push({ operation: "upsert", records: batchOf(upserts, records) });
    if (deletes.length > 0) operations.push({ operation: "delete", ids: deletes });
    const readIds = [...upserts.map(({ id }) => id), ...deletes];
    if (operations.length === 0) return;
    await this.#calls.call("conditionalCommit", { collectionId: this.info.id, readToken: token, readIds, operations });
  }
}

export function nullWhereMissing(error: TidepoolError): null {
  if (error.code === "NOT_FOUND") return null;
  throw error;
}

/** Whether a read of an earlier moment was answered, and not refused since something was written. */
export function isAnswered(answer: Promise<unknown>): Promise<boolean> {
  return answer.then(
    () => true,
    (error: unknown) => {
      // A server that was set back does not know the moment, which is an argument that it refuses.
      if (error instanceof TidepoolError && ["STALE_READ", "INVALID_ARGUMENT"].includes(error.code)) return false;
      throw error;
    },
  );
}
