/**
 * What a person feels who searches while a collection is being built: one query after the other is timed while rows are
 * added, compacted and linked into the graph, and small writes go on.
 */
import type { EngineInfo } from "tidepool-db";
import { quantile } from "../statistics.js";

/** Background work begins up to 1.5 s after a write; a graph is built 300 ms after one. Quiet is what is longer. */
const QUIET_MS = 2000;
const WRITE_EVERY_MS = 3000;
const ASK_PAUSE_MS = 5;
const INFO_EVERY_MS = 100;

/** Times of the queries of one stage. */
export interface AskedWhile {
  queries: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
}

export interface BuiltWhileAsking {
  ingestMs: number;
  /** From the last acknowledgement until nothing ran in the background. */
  backgroundMs: number;
  /** Small writes in both stages. */
  writes: number;
  ingest: AskedWhile;
  background: AskedWhile;
}

/** What it drives. */
export interface Building {
  ask(q: number): Promise<void>;
  write(n: number): Promise<void>;
  info(): Promise<EngineInfo>;
  isIngesting(): boolean;
}

export class BuildWhileAsking {
  readonly #building: Building;
  readonly #times = { ingest: [] as number[], background: [] as number[] };
  #writes = 0;
  #nextWriteAt = 0;
  #nextInfoAt = 0;
  #acknowledgedAt = 0;
  /** Infinite while there is work in the background. */
  #quietSince = Infinity;

  constructor(building: Building) {
    this.#building = building;
  }

  async run(): Promise<Omit<BuiltWhileAsking, "ingestMs">> {
    this.#nextWriteAt = performance.now() + WRITE_EVERY_MS;
    for (let q = 0; !(await this.#isOver()); q++) {
      const isIngesting = this.#building.isIngesting();
      if (!isIngesting) this.#acknowledgedAt ||= performance.now();
      const begin = performance.now();
      await this.#building.ask(q);
      (isIngesting ? this.#times.ingest : this.#times.background).push(performance.now() - begin);
      await this.#writeWhenDue();
      await new Promise((resolve) => setTimeout(resolve, ASK_PAUSE_MS));
    }
    const { ingest, background } = this.#times;
    return {
      backgroundMs: this.#quietSince - this.#acknowledgedAt,
      writes: this.#writes,
      ingest: summarize(ingest),
      background: summarize(background),
    };
  }

  async #writeWhenDue(): Promise<void> {
    if (performance.now() < this.#nextWriteAt) return;
    await this.#building.write(this.#writes++);
    this.#nextWriteAt = performance.now() + WRITE_EVERY_MS;
  }

  async #isOver(): Promise<boolean> {
    const now = performance.now();
    if (this.#building.isIngesting() || now < this.#nextInfoAt) return false;
    this.#nextInfoAt = now + INFO_EVERY_MS;
    const { compacting, compactionError } = await this.#building.info();
    if (compactionError !== null) throw new Error(`compaction failed: ${compactionError}`);
    if (compacting) this.#quietSince = Infinity;
    else if (this.#quietSince === Infinity) this.#quietSince = now;
    return now - this.#quietSince > QUIET_MS;
  }
}

function summarize(timesMs: readonly number[]): AskedWhile {
  if (timesMs.length === 0) return { queries: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 };
  const at = (q: number): number => quantile(timesMs, q);
  return { queries: timesMs.length, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: at(1) };
}
