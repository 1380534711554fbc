/**
 * Which requests the log records of a collection came from, the latest ones: what makes a write that is tried again, since its
 * outcome is unknown to its caller, happen once. Log records carry the id of their request, and since publishing a manifest
 * truncates the log, manifests carry on the ids of those that they contain. A fork begins with those of its source.
 *
 * A request that left nothing in the log, such as a delete that selected nothing, is not remembered: tried again it is what its
 * caller sees happen, for the first time.
 */
import { limits } from "../limits.js";

/** A request that was applied; plain JSON. */
export interface AppliedRequest {
  id: string;
  /** Records that it deleted; 0 for a write. */
  deleted: number;
  /** Where its log record stood, for a transaction only. */
  offset?: number;
}

/** What a request did. */
export type Outcome = Omit<AppliedRequest, "id">;

export class AppliedRequests {
  /** The oldest first. */
  readonly #requests = new Map<string, AppliedRequest>();
  readonly #underWay = new Map<string, Promise<Outcome>>();

  constructor(requests: readonly AppliedRequest[] = []) {
    for (const request of requests) this.note(request);
  }

  /** Does the work of a request unless that was done: then this is another try, and gets its outcome; or it is being done. */
  async once(id: string | undefined, work: () => Promise<Outcome>): Promise<Outcome> {
    if (id === undefined) return work();
    const known = this.#requests.get(id);
    if (known === undefined) return this.#underWay.get(id) ?? this.#begin(id, work);
    const { id: _, ...outcome } = known;
    return outcome;
  }

  #begin(id: string, work: () => Promise<Outcome>): Promise<Outcome> {
    const outcome = work().finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, outcome);
    return outcome;
  }

  /** Remembers a request, and forgets the oldest one where they are more than `requestsRememberedMax`. */
  note(request: AppliedRequest): void {
    this.#requests.delete(request.id);
    this.#requests.set(request.id, request);
    if (this.#requests.size > limits.requestsRememberedMax) this.#requests.delete(this.#requests.keys().next().value!);
  }

  /** All that are remembered, the oldest first. */
  list(): AppliedRequest[] {
    return [...this.#requests.values()];
  }
}
