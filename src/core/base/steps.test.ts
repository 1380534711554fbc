import { expect, test } from "vitest";
import { atOnce, inTurns, type Steps } from "./steps.js";

function* work(log: string[]): Steps<number> {
  try {
    for (let i = 0; i < 3; i++) {
      log.push(`step ${i}`);
      yield;
    }
    return 7;
  } finally {
    log.push("end");
  }
}

test("ticks come between the steps", async () => {
  const log: string[] = [];
  expect(await inTurns(work(log), () => void log.push("tick"))).toBe(7);
  expect(log).toEqual(["step 0", "tick", "step 1", "tick", "step 2", "tick", "end"]);
  expect(atOnce(work([]))).toBe(7);
});

test("a tick that throws ends the work, which cleans up", async () => {
  const log: string[] = [];
  await expect(inTurns(work(log), () => Promise.reject(new Error("enough")))).rejects.toThrow("enough");
  expect(log).toEqual(["step 0", "end"]);
});
