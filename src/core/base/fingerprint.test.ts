import { expect, test } from "vitest";
import { fingerprintOf } from "./fingerprint.js";

test("is MurmurHash3 of the code units, as it stands on disk", () => {
  // "" and texts of one word and less by the published test vectors: seed 0, bytes as UTF-16 has them.
  expect(fingerprintOf("")).toBe(0);
  expect(fingerprintOf("\uffff\uffff")).toBe(0x76293b50);
  expect(fingerprintOf("\u4321\u8765")).toBe(0xf55b516b);
  expect(fingerprintOf("\u4321")).toBe(0xa0f7b07a);
  expect(fingerprintOf("\0\0")).toBe(0x2362f9de);
});

test("spreads ids that differ in little", () => {
  const buckets = new Uint32Array(64);
  const seen = new Set<number>();
  for (let i = 0; i < 100_000; i++) {
    const fingerprint = fingerprintOf(`document-${i}`);
    seen.add(fingerprint);
    buckets[fingerprint & 63]!++;
  }
  // About one pair in 4,300 of a million is expected to collide: here 1.2 pairs.
  expect(seen.size).toBeGreaterThan(99_990);
  for (const count of buckets) expect(Math.abs(count - 100_000 / 64)).toBeLessThan(250);
});
