import { describe, expect, test } from "vitest";
import { aimsOf, rooflines } from "./aims.js";
import { describeVectorResults } from "./describe.js";
import type { EngineResult, SetResult, Timed } from "./results.js";

const spread = (median: number) => ({ median, p25: median, p75: median });
const timed = (ms: number): Timed => ({ ef: 16, p50Ms: spread(ms), p95Ms: spread(ms), recall: 0.96 });

function engine(name: string, seconds: number, ms: number, filterMs: number): EngineResult {
  return {
    engine: name,
    buildSeconds: seconds,
    buildRate: 10_000 / seconds,
    curve: [{ ef: 16, p50Ms: ms, p95Ms: ms, recall: 0.96 }],
    at95: timed(ms),
    at99: timed(2 * ms),
    filters: { "1 %": timed(filterMs) },
    fromPage: timed(ms + 0.1),
    wasmBytes: 1e6,
    heapBytes: 1e6,
    snapshotBytes: 1e6,
    reopenMs: spread(50),
    distances: 300,
  };
}

const set = (changes: Partial<SetResult> = {}): SetResult => ({
  set: "clustered-10k",
  records: 10_000,
  dimension: 384,
  space: "cosine",
  queries: 100,
  seconds: 60,
  loadAverage: { before: 0.1, after: 1 },
  bandwidth: 40e9,
  engines: [
    engine("hnswlib-wasm", 10, 0.3, 10),
    engine("tidepool hnsw, portable", 1.5, 0.06, 0.04),
    engine("tidepool hnsw, relaxed", 1, 0.04, 0.04),
    engine("tidepool flat, portable", 0.1, 0.1, 0.04),
  ],
  database: null,
  absent: [],
  ...changes,
});

describe("aims", () => {
  test("are judged by the faster kernel, in ratios to the baseline of the same set", () => {
    const aims = Object.fromEntries(aimsOf([set()]).map(({ aim, measured, isMet }) => [aim, `${measured} ${isMet}`]));
    expect(aims).toEqual({
      "build ≥ 8× hnswlib-wasm": "10.0× (relaxed) true",
      "query at recall ≥ .95 ≥ 6×": "7.50× (relaxed) true",
      "query at recall ≥ .99 ≥ 6×": "7.50× (relaxed) true",
      "filter 1 % ≥ 200×": "250× (portable) true",
      "flat ≤ 0.2 ms": "0.200 ms (portable) true",
    });
  });

  test("are missed where the figure is short of them", () => {
    const slow = set({ engines: [engine("hnswlib-wasm", 7, 0.3, 5), engine("tidepool hnsw, portable", 1, 0.06, 0.04)] });
    expect(aimsOf([slow]).map(({ isMet }) => isMet)).toEqual([false, false, false, false]);
  });

  test("of larger sets are lower, and of real ones there are none", () => {
    expect(aimsOf([set({ set: "clustered-50k", records: 50_000 })]).map(({ aim }) => aim)).toContain("query at recall ≥ .95 ≥ 3.5×");
    expect(aimsOf([set({ set: "mnist10k" })])).toEqual([]);
  });

  test("of the database are judged at 100,000 records", () => {
    const asked = { queries: 10, p50Ms: 1, p95Ms: 2, p99Ms: 30, maxMs: 40 };
    const database = {
      backgroundSeconds: 9,
      whileBuilding: { ingestMs: 1, backgroundMs: 1, writes: 3, ingest: { ...asked, p99Ms: 4 }, background: asked },
      reopen: { openMs: spread(100), firstMs: spread(290), logRecords: 0 },
      memory: { heapBytes: 1e6, processBytes: 149e6 },
      blockBytesUsed: 1,
    };
    const aims = aimsOf([set({ set: "low-rank-100k", records: 100_000, engines: [], database })]);
    expect(aims.map(({ isMet }) => isMet)).toEqual([true, true, false]);
    expect(aimsOf([set({ database })]).filter(({ aim }) => aim.includes("MB"))).toEqual([]);
  });
});

test("the roofline counts the rows a query reads and what they take", () => {
  const [flat, , hnsw] = rooflines([set()]).sort((a, b) => b.bytes - a.bytes);
  expect(flat).toMatchObject({ engine: "tidepool flat, portable", bytes: 10_000 * 392, floorMs: 0.098 });
  expect(hnsw!.bytes).toBe(300 * 400);
});

test("the description names every engine and what is missing", () => {
  const { text, pictures } = describeVectorResults({ browser: "Chromium 1", parameters: {}, sets: [set()] }, [
    set({ absent: [{ engine: "voy-search", why: "asleep" }] }),
  ]);
  for (const word of ["hnswlib-wasm", "tidepool hnsw, relaxed", "without voy-search: asleep", "× the bound"]) expect(text).toContain(word);
  expect(Object.keys(pictures!)).toEqual(["vector-recall", "vector-build", "vector-filters"]);
});
