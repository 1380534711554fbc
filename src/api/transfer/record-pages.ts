/** The records of one export, page by page and as often as they are asked for: they are of one moment. */
import type { RequestOf, ResponseOf } from "../../core/service.js";
import type { IncludeField, RecordColumns } from "../../core/types.js";
import type { Connection } from "../connection.js";
import type { ExportProgress } from "./export-arguments.js";

export class RecordPages {
  readonly #connection: Connection;
  readonly #name: { collectionId: string; snapshot: string };
  readonly #signal: AbortSignal | undefined;
  /** Records in all. */
  readonly count: number;
  /** Length of the embeddings; `null` where the collection has had no record. */
  readonly dimension: number | null;

  private constructor(
    connection: Connection,
    { collectionId }: RequestOf<"beginExport">,
    { snapshot, count, dimension }: ResponseOf<"beginExport">,
    signal: AbortSignal | undefined,
  ) {
    this.#connection = connection;
    this.#name = { collectionId, snapshot };
    this.#signal = signal;
    this.count = count;
    this.dimension = dimension;
  }

  /** Has the engine keep what is selected now. To be ended. */
  static async begin(connection: Connection, request: RequestOf<"beginExport">, signal: AbortSignal | undefined): Promise<RecordPages> {
    return new RecordPages(connection, request, await connection.call("beginExport", request, { signal }), signal);
  }

  /** All records in insertion order, with these columns. `onProgress` is told when whoever asked is done with a page. */
  async *read(include: IncludeField[], onProgress?: (progress: ExportProgress) => void): AsyncGenerator<RecordColumns, void, undefined> {
    for (let from = 0; from < this.count; ) {
      const page = await this.#connection.call("readExport", { ...this.#name, from, include }, { signal: this.#signal });
      yield page;
      from += page.ids.length;
      onProgress?.({ done: from, total: this.count });
    }
  }

  /** Where it fails the engine has gone, and what it kept with it, or it lets go by itself after a while. */
  async end(): Promise<void> {
    await this.#connection.call("endExport", this.#name).catch(() => undefined);
  }
}

/** Writes pages of records as bytes; `include` says which columns. */
export type WriteRecords = (
  pages: RecordPages,
  include: IncludeField[],
  onProgress?: (progress: ExportProgress) => void,
) => AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;
