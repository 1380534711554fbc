import { expect, test } from "vitest";
import { ours, type Setting, simulate } from "./many-tabs.js";

const calm: Setting = {
  tabs: 100,
  changeEveryMs: 10_000,
  requestsPerRound: 3,
  workers: 4,
  serviceMs: 5,
  queueMax: 50,
  down: [0, 0],
  untilMs: 100_000,
  waits: ours,
};

test("a server with room refuses nobody, and a change waits for the gathering and its requests", () => {
  const { rounds, requests, refusedShare, waitMs } = simulate(calm);
  expect(rounds).toBeGreaterThan(700);
  expect(requests).toBeGreaterThanOrEqual(3 * rounds);
  expect(refusedShare).toBe(0);
  expect(waitMs.p50).toBe(250 + 3 * 5);
});

test("a server that was down gets everything in the end; chance spreads who comes back", () => {
  const down: Setting = { ...calm, tabs: 1000, workers: 3, down: [20_000, 50_000], untilMs: 200_000 };
  const [spread, together] = [true, false].map((byChance) => simulate({ ...down, waits: { ...ours, byChance } }));
  expect(spread!.drainedAfterMs).toBeGreaterThan(0);
  expect(together!.peak).toBeGreaterThan(spread!.peak);
});

test("a server that is too small refuses, and is asked again", () => {
  const { refusedShare, rounds } = simulate({ ...calm, workers: 1, serviceMs: 50, queueMax: 2 });
  expect(refusedShare).toBeGreaterThan(0);
  expect(rounds).toBeGreaterThan(0);
});
