/**
 * A share of one core for all pages of a browser and their workers together, as a slow phone has it. A control group does that; where
 * there is none, the browser's own throttling slows the page alone and leaves its workers, which the results say.
 */
import { mkdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What held the processes back. */
export type CpuLimitKind = "control group of pages and workers" | "the browser's throttling of pages, workers not held back";

const controllers = "/sys/fs/cgroup/cpu";
/** Short, so that a task that needs more than its share is stretched and not stopped for long. */
const PERIOD_US = 10_000;

export class CpuLimit {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** `null` where control groups cannot be made. */
  static async make(share: number): Promise<CpuLimit | null> {
    const folder = join(controllers, `tidepool-bench-${process.pid}`);
    try {
      await mkdir(folder);
      await writeFile(join(folder, "cpu.cfs_period_us"), `${PERIOD_US}`);
      await writeFile(join(folder, "cpu.cfs_quota_us"), `${Math.round(share * PERIOD_US)}`);
      return new CpuLimit(folder);
    } catch {
      await rmdir(folder).catch(() => undefined);
      return null;
    }
  }

  async hold(processIds: readonly number[]): Promise<void> {
    for (const id of processIds) await writeFile(join(this.#folder, "cgroup.procs"), `${id}`);
  }

  /** Once its processes have ended. */
  remove(): Promise<void> {
    return rmdir(this.#folder);
  }
}
