/**
 * The lease is taken from an engine at every step of its storage in turn, and the engine goes on as if nothing had happened: the
 * next one finds all that was acknowledged, and works on undisturbed. A failure names the command that repeats it.
 */
import { afterAll, describe, expect, test } from "vitest";
import { workloads } from "../testing/crash-workload.js";
import { takeOver } from "../testing/takeover.js";

const only = { workload: process.env["WORKLOAD"], point: process.env["POINT"] };
const tried = workloads
  .filter(({ name }) => ["small arenas", "vacuum", "IndexedDB alone"].includes(name))
  // Whoever opens anew would take the lease back.
  .map((workload) => ({ ...workload, steps: 16, weights: { ...workload.weights, reopen: 0 } }));
let examined = 0;

afterAll(() => {
  globalThis.process.stdout.write(`takeover points examined: ${examined}\n`);
});

describe.each(tried.filter(({ name }) => only.workload === undefined || only.workload === name))("$name", (workload) => {
  test("an engine that loses the lease at any step harms nobody", async () => {
    for (let at = only.point === undefined ? 1 : Number(only.point); ; at++) {
      const { problem, happened } = await takeOver(workload, 2, at);
      const repeat = `WORKLOAD="${workload.name}" POINT=${at} npx vitest run --project unit src/storage/takeover-points.test.ts`;
      expect(problem, `${repeat}\n`).toBeNull();
      if (!happened) break;
      examined++;
      if (only.point !== undefined) return;
    }
    expect(examined).toBeGreaterThan(20);
  });
});
