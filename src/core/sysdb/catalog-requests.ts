/**
 * Which requests the latest changes of the catalog came from. Each is written into the one row `requests` by the transaction that
 * makes the change, so that a change which is tried again, since its outcome is unknown to its caller, happens once.
 *
 * Changes with a request run one after the other (`gateway/service.ts`), so the row is not written from two sides. Where the row is
 * damaged, nothing is remembered; the catalog's damage tells.
 */
import { limits } from "../limits.js";
import type { CatalogTransaction } from "../storage.js";
import { decodeRow, encodeRow } from "./row.js";
import type { SealedCatalog } from "./sealed-catalog.js";

export const requestsKey = "requests";

/** A request that changed the catalog; plain JSON. */
export interface CatalogRequest {
  id: string;
  /** Id of the collection that it made or changed. */
  collection?: string;
}

interface RequestsRow {
  /** The oldest first. */
  requests: CatalogRequest[];
}

export class CatalogRequests {
  readonly #catalog: SealedCatalog;
  #requests: readonly CatalogRequest[];

  constructor(catalog: SealedCatalog) {
    const rows = catalog.list(requestsKey);
    this.#catalog = catalog;
    this.#requests = rows.flatMap(([key, bytes]) => decodeRow<RequestsRow>(key, bytes).requests);
  }

  find(id: string | undefined): CatalogRequest | undefined {
    return id === undefined ? undefined : this.#requests.findLast((request) => request.id === id);
  }

  /** Commits a change together with the request that it came from, if that has an id. */
  async commit(transaction: CatalogTransaction, id: string | undefined, collection?: string): Promise<void> {
    if (id === undefined) return this.#catalog.commit(transaction);
    const requests = [...this.#requests, { id, collection }].slice(-limits.requestsRememberedMax);
    const row: RequestsRow = { requests };
    await this.#catalog.commit({ ...transaction, put: new Map([...(transaction.put ?? []), [requestsKey, encodeRow(requestsKey, row)]]) });
    this.#requests = requests;
  }
}
