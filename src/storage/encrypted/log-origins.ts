/** Where the logs of forks come from: rows of the catalog that the engine does not see, since copies of a log are made below it. */
import { decodeUtf8, encodeUtf8 } from "../../core/base/json-bytes.js";
import type { CatalogTransaction } from "../../core/storage.js";

/** No key of the engine's begins like this. */
const PREFIX = "\u0000log-origin/";

export class LogOrigins {
  readonly #get: (key: string) => Promise<Uint8Array | null>;
  readonly #known = new Map<string, Promise<string>>();

  /** `get` reads a row of the encrypted catalog. */
  constructor(get: (key: string) => Promise<Uint8Array | null>) {
    this.#get = get;
  }

  static isOwn(key: string): boolean {
    return key.startsWith("\u0000");
  }

  /** The collection whose log this one's began with: itself, unless it is a fork. */
  of(collectionId: string): Promise<string> {
    const known = this.#known.get(collectionId) ?? this.#read(collectionId);
    this.#known.set(collectionId, known);
    known.catch(() => this.#known.delete(collectionId));
    return known;
  }

  async #read(collectionId: string): Promise<string> {
    const row = await this.#get(PREFIX + collectionId);
    return row === null ? collectionId : decodeUtf8(row);
  }

  /** What a transaction writes beside the engine's rows. A log that is dropped whole begins anew. */
  async changes({ copyLog, truncateLog }: CatalogTransaction): Promise<{ put: Map<string, Uint8Array>; delete: string[] }> {
    const put = new Map<string, Uint8Array>();
    if (copyLog) put.set(PREFIX + copyLog.to, encodeUtf8(await this.of(copyLog.from)));
    const dropped = (truncateLog ?? []).filter(({ upTo }) => upTo === Infinity).map(({ collectionId }) => PREFIX + collectionId);
    return { put, delete: dropped };
  }

  /** The transaction is committed. */
  forget({ copyLog, truncateLog }: CatalogTransaction): void {
    if (copyLog) this.#known.delete(copyLog.to);
    for (const { collectionId, upTo } of truncateLog ?? []) if (upTo === Infinity) this.#known.delete(collectionId);
  }
}
