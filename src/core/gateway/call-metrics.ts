/**
 * How often each method of the engine was called, how it ended, and how long it took: counted since the engine was opened, in a
 * histogram of fixed size for each method, so that it costs the same after a year as after a minute.
 */
import { TidepoolError } from "../errors.js";
import type { EngineMethods, EngineMetrics, EngineService, MethodMetrics } from "../service.js";

/** Buckets for each doubling of time: a quantile is off by at most 9 %, half a bucket by half of that. */
const BUCKETS_PER_OCTAVE = 8;
/** The shortest time told apart from none, in ms. The last bucket takes in everything beyond some twelve days. */
const SHORTEST_MS = 1 / 1024;
const BUCKETS = 40 * BUCKETS_PER_OCTAVE;

class MethodCalls {
  readonly #buckets = new Uint32Array(BUCKETS);
  readonly #errors = new Map<string, number>();
  #calls = 0;
  #totalMs = 0;
  #maxMs = 0;

  add(ms: number, error: string | null): void {
    this.#calls++;
    this.#totalMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
    this.#buckets[bucketOf(ms)]!++;
    if (error !== null) this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1);
  }

  report(): MethodMetrics {
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => this.#quantile(share)) as [number, number, number];
    const ms = { total: this.#totalMs, p50, p95, p99, max: this.#maxMs };
    return { calls: this.#calls, errors: Object.fromEntries(this.#errors), ms };
  }

  /** The middle of the bucket in which the call lies that is slower than this share of all. */
  #quantile(share: number): number {
    let left = Math.ceil(share * this.#calls);
    const bucket = this.#buckets.findIndex((count) => (left -= count) <= 0);
    return Math.min(SHORTEST_MS * 2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE), this.#maxMs);
  }
}

function bucketOf(ms: number): number {
  const bucket = Math.floor(Math.log2(Math.max(ms, SHORTEST_MS) / SHORTEST_MS) * BUCKETS_PER_OCTAVE);
  return Math.min(bucket, BUCKETS - 1);
}

export class CallMetrics {
  readonly #since: number;
  readonly #elapsed: () => number;
  readonly #methods = new Map<keyof EngineMethods, MethodCalls>();

  /** `since` in ms since the epoch; `elapsed` in ms since whenever, with fractions. */
  constructor(since: number, elapsed: () => number) {
    this.#since = since;
    this.#elapsed = elapsed;
  }

  report(): EngineMetrics {
    const methods = [...this.#methods].map(([method, calls]) => [method, calls.report()] as const);
    return { since: this.#since, methods: Object.fromEntries(methods) };
  }

  /** The service, of which every call is counted. */
  measured(service: EngineService, names: readonly (keyof EngineMethods)[]): EngineService {
    const measured = names.map((method) => {
      const ask = service[method] as (...given: unknown[]) => Promise<unknown>;
      return [method, (...given: unknown[]) => this.#count(method, () => ask.apply(service, given))] as const;
    });
    return Object.fromEntries(measured) as unknown as EngineService;
  }

  #count(method: keyof EngineMethods, ask: () => Promise<unknown>): Promise<unknown> {
    const begun = this.#elapsed();
    const answer = ask();
    answer.then(
      () => this.#add(method, begun, null),
      (error: unknown) => this.#add(method, begun, error instanceof TidepoolError ? error.code : "INTERNAL"),
    );
    return answer;
  }

  #add(method: keyof EngineMethods, begun: number, error: string | null): void {
    let calls = this.#methods.get(method);
    if (calls === undefined) this.#methods.set(method, (calls = new MethodCalls()));
    calls.add(this.#elapsed() - begun, error);
  }
}
