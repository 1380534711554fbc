import { expect, test } from "vitest";
import { crc32 } from "./checksum.js";

test("equals the published check value", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});

test("does not depend on where in memory the bytes lie", () => {
  const all = Uint8Array.from({ length: 64 }, (_, i) => i * 11);
  for (let shift = 0; shift < 36; shift++) {
    const bytes = shift < 9 ? all : all.subarray(0, Math.floor(shift / 9));
    const moved = new Uint8Array(bytes.length + shift).subarray(shift);
    moved.set(bytes);
    expect(crc32(moved)).toBe(bitwise(bytes));
  }
});

test("equals the bit-by-bit definition at every length around the eight-byte stride, and in parts", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => (i * 197 + 31) & 255);
  for (let n = 0; n <= bytes.length; n++) {
    const part = bytes.subarray(0, n);
    expect(crc32(part)).toBe(bitwise(part));
    expect(crc32(bytes.subarray(n), crc32(part))).toBe(crc32(bytes));
  }
});

function bitwise(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
}
