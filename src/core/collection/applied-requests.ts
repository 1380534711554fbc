/**
 * Which requests the log records of a collection came from, the latest ones: what tells that a write whose outcome is unknown to
 * its caller has been applied. Log records carry the id of their request, and since publishing a manifest truncates the log,
 * manifests carry on the ids of those that they contain.
 */
import { limits } from "../limits.js";

/** A request that was applied; plain JSON. */
export interface AppliedRequest {
  id: string;
  /** Records that it deleted; 0 for a write. */
  deleted: number;
}

export class AppliedRequests {
  /** The oldest first. */
  readonly #requests = new Map<string, AppliedRequest>();

  constructor(requests: readonly AppliedRequest[] = []) {
    for (const request of requests) this.note(request);
  }

  /** Remembers a request, and forgets the oldest one where they are more than `requestsRememberedMax`. */
  note(request: AppliedRequest): void {
    this.#requests.delete(request.id);
    this.#requests.set(request.id, request);
    if (this.#requests.size > limits.requestsRememberedMax) this.#requests.delete(this.#requests.keys().next().value!);
  }

  find(id: string): AppliedRequest | undefined {
    return this.#requests.get(id);
  }

  /** All that are remembered, the oldest first. */
  list(): AppliedRequest[] {
    return [...this.#requests.values()];
  }
}
