/**
 * Knows how full the origin is. It looks after writes, not more often than every `quotaCheckMs`, and tells once for each
 * threshold that is crossed; what falls below one and rises again is told again. Asking the browser takes a moment, which no
 * write waits for.
 */
import type { Tell } from "../events.js";
import { limits } from "../limits.js";
import type { OriginQuota } from "../service.js";
import type { Environment } from "../storage.js";

/** Asks the browser; `null` where it does not say. */
export type ReadQuota = () => Promise<OriginQuota | null>;

export interface QuotaWatchParts {
  read: ReadQuota;
  environment: Pick<Environment, "now">;
  tell: Tell;
}

export class QuotaWatch {
  readonly #parts: QuotaWatchParts;
  #lookedAt = -Infinity;
  /** How many thresholds were below what is used, when it was last looked at. */
  #passed = 0;

  constructor(parts: QuotaWatchParts) {
    this.#parts = parts;
  }

  /** As it is now. */
  read(): Promise<OriginQuota | null> {
    return this.#parts.read();
  }

  /** Called after every applied write. */
  noteWrite(): void {
    const now = this.#parts.environment.now();
    if (Math.abs(now - this.#lookedAt) < limits.quotaCheckMs) return;
    this.#lookedAt = now;
    void this.#look();
  }

  async #look(): Promise<void> {
    const quota = await this.read();
    if (quota === null) return;
    const { usageBytes, quotaBytes } = quota;
    const passed = limits.quotaNoticeShares.filter((share) => usageBytes >= share * quotaBytes).length;
    if (passed > this.#passed) this.#parts.tell("quota", { usageBytes, quotaBytes });
    this.#passed = passed;
  }
}
