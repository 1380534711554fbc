/** The processor time that each worker of a browser has taken: other work on the machine lengthens it less than what is waited. */
import { readdir, readFile } from "node:fs/promises";
import { pageProcesses } from "../tools/browser/browser.js";

/** As the system counts: a hundred a second. */
const TICK_MS = 10;
/** As Chromium and Firefox call such threads. */
const WORKER = /\((?:DedicatedWorker|DOM Worker)/;
/** Where `utime` stands behind a thread's name, and `stime` after it. */
const UTIME = 11;

/** By process and thread; empty where there is no `/proc`. */
export type WorkerCpu = ReadonlyMap<string, number>;

export async function workerCpu(profile: string): Promise<WorkerCpu> {
  const times = new Map<string, number>();
  if (process.platform !== "linux") return times;
  for (const { pid } of await pageProcesses(profile)) {
    for (const thread of await readdir(`/proc/${pid}/task`)) {
      const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, "latin1");
      if (!WORKER.test(stat)) continue;
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      times.set(`${pid}/${thread}`, (Number(fields[UTIME]) + Number(fields[UTIME + 1])) * TICK_MS);
    }
  }
  return times;
}

/** What the thread took that took most between the two: with a core for each thread nothing is done before. */
export function busiestMs(before: WorkerCpu, after: WorkerCpu): number {
  return Math.max(0, ...[...after].map(([thread, ms]) => ms - (before.get(thread) ?? 0)));
}
