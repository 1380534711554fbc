/** When subscriptions are refreshed, and how many at once, on a clock that the test drives. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { limits } from "../../core/limits.js";
import type { Connection } from "../connection.js";
import { LiveQueries, type Refreshed } from "./live-queries.js";

let queries: LiveQueries;
/** How many were refreshed together, each time. */
let together: number[];
/** Since when nothing is refreshed, and how long it was not before each time. */
let restingSince: number;
let rests: number[];
/** How long one refresh takes. */
let refreshMs: number;

function subscription(): Refreshed {
  let underWay = 0;
  const refreshNow = async (): Promise<void> => {
    if (underWay > 0) throw new Error("it was refreshed twice at once");
    underWay++;
    begin();
    await new Promise((resolve) => setTimeout(resolve, refreshMs));
    underWay--;
    restingSince = performance.now();
  };
  return { name: queries.newName(), refreshNow, end: () => undefined };
}

function begin(): void {
  if (performance.now() === restingSince && together.length > 0) throw new Error("it did not rest");
  const isFirst = restingSince >= 0;
  if (isFirst) {
    together.push(0);
    rests.push(performance.now() - restingSince);
  }
  restingSince = -1;
  together[together.length - 1]!++;
}

beforeEach(() => {
  vi.useFakeTimers();
  [together, rests, restingSince] = [[], [], performance.now()];
  queries = LiveQueries.of({ subscriptions: null } as unknown as Connection);
});
afterEach(() => void vi.useRealTimers());

/** Touches so many, and waits until all were refreshed. */
async function touch(count: number): Promise<void> {
  const all = Array.from({ length: count }, subscription);
  for (const one of all) queries.add(one);
  for (const one of all) queries.touch(one);
  await vi.runAllTimersAsync();
}

test("those that take little are refreshed together, more each time, up to a limit", async () => {
  refreshMs = 2;
  await touch(60);
  expect(together).toEqual([1, 2, 4, 8, limits.liveAtOnceMax, limits.liveAtOnceMax, 13]);
  expect(rests.slice(1).every((rest) => rest === limits.livePauseShare * refreshMs)).toBe(true);
});

test("those that take long are refreshed one by one, and rested after longer", async () => {
  refreshMs = 2;
  await touch(15);
  [together, rests, refreshMs] = [[], [], 100];
  await touch(20);
  expect(together).toEqual([limits.liveAtOnceMax, 2, 1, 1]);
  expect(rests.at(-1)).toBe(limits.livePauseShare * refreshMs);
});
