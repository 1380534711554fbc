import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { sha256Hex } from "./sha256.js";
import { atOnce } from "./steps.js";

test("agrees with the standard's example", () => {
  expect(atOnce(sha256Hex(new TextEncoder().encode("abc")))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("agrees with the platform's implementation at every length around the block size", () => {
  for (let length = 0; length <= 200; length++) {
    const bytes = randomBytes(length);
    expect(atOnce(sha256Hex(bytes)), bytes.toString("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
});
