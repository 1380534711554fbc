import { expect, test } from "vitest";
import { TidepoolError } from "../errors.js";
import type { EngineMethods, EngineService } from "../service.js";
import { CallMetrics } from "./call-metrics.js";

/** Calls of `count` that take the given times, one after the other; a negative one is refused. */
async function afterCalls(times: readonly number[]) {
  let now = 0;
  const take = async (ms: number): Promise<number> => {
    now += Math.abs(ms);
    if (ms < 0) throw new TidepoolError("NOT_FOUND", "no");
    return 7;
  };
  const metrics = new CallMetrics(5, () => now);
  const service = metrics.measured({ count: take } as unknown as EngineService, ["count"]) as unknown as { count: typeof take };
  for (const ms of times) await service.count(ms).catch(() => 0);
  return metrics.report();
}

const called = async (times: readonly number[]) => (await afterCalls(times)).methods["count" satisfies keyof EngineMethods]!;

test("counts calls, their errors and their time", async () => {
  expect(await afterCalls([])).toEqual({ since: 5, methods: {} });
  const { calls, errors, ms } = await called([1, -4, 2, -1]);
  expect({ calls, errors }).toEqual({ calls: 4, errors: { NOT_FOUND: 2 } });
  expect(ms).toMatchObject({ total: 8, max: 4 });
});

test.each([0.004, 0.3, 1, 17, 900, 86_400_000])("tells quantiles within 5 %%, of times about %d ms", async (about) => {
  const times = Array.from({ length: 1000 }, (_, i) => about * (1 + i / 1000));
  const { ms } = await called(times);
  for (const [share, told] of [
    [0.5, ms.p50],
    [0.95, ms.p95],
    [0.99, ms.p99],
  ] as const) {
    const exact = times[Math.ceil(share * 1000) - 1]!;
    expect(Math.abs(told / exact - 1)).toBeLessThan(0.05);
  }
});

test("a time of nothing, and one beyond all bounds, are counted", async () => {
  const { ms, calls } = await called([0, 0, 1e12]);
  expect(calls).toBe(3);
  expect(ms.p50).toBeLessThan(0.002);
  expect(ms.max).toBe(1e12);
});
