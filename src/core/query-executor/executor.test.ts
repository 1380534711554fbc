/** What ends a read before it is done. What reads answer is tried with the engine. */
import { expect, test } from "vitest";
import type { CollectionState } from "../collection/collection-state.js";
import type { SearchTextPlan } from "../gateway/plan.js";
import { QueryExecutor } from "./executor.js";

const plan: SearchTextPlan = {
  filter: null,
  source: { kind: "text", query: "tide", limit: 1, prefix: false, fuzzy: 0 },
  include: new Set(),
  highlight: null,
  suggest: false,
};

/** A collection whose text index takes ten steps to get ready; `done` counts them. */
function slow(done: (steps: number) => void): CollectionState {
  const ready = async (tick: () => Promise<void> | void): Promise<void> => {
    for (let steps = 1; steps <= 10; steps++) {
      done(steps);
      await tick();
    }
  };
  return { parts: { text: { ready } }, read: () => "read" } as unknown as CollectionState;
}

test("a read that nobody waits for ends at its next tick, and others go on", async () => {
  let cancelled = false;
  let steps = 0;
  const executor = new QueryExecutor(() => undefined);
  const state = slow((done) => {
    steps = done;
    cancelled = done === 3;
  });
  await expect(executor.until(() => cancelled).searchText(state, plan)).rejects.toMatchObject({ code: "ABORTED" });
  expect(steps).toBe(3);
  expect(await executor.searchText(state, plan)).toBe("read");
  expect(steps).toBe(10);
});
