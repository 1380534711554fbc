/** Changes of bytes and of JSON values, as somebody would make them who knows the formats. */
import type { Random } from "../environment.js";

const EXTREMES = [0, 1, 2, 3, 4, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff];

/** A copy with one to four changes: bits, bytes, aligned numbers, pieces moved, cut off or put in. */
export function mutateBytes(random: Random, bytes: Uint8Array): Uint8Array {
  let changed: Uint8Array = bytes.slice();
  for (let i = 1 + random.below(4); i > 0; i--) changed = mutateOnce(random, changed);
  return changed;
}

function mutateOnce(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length < 8) return Uint8Array.from([...bytes, random.below(256)]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = random.below(bytes.length);
  const aligned = at - (at % 4) > bytes.length - 4 ? 0 : at - (at % 4);
  switch (random.below(7)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      bytes[at] = random.below(256);
      return bytes;
    case 2:
      view.setUint32(aligned, random.pick(EXTREMES), true);
      return bytes;
    case 3:
      view.setUint32(aligned, view.getUint32(aligned, true) + random.pick([-8, -4, -1, 1, 4, 8]), true);
      return bytes;
    case 4:
      return bytes.slice(0, at);
    case 5:
      bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length));
      return bytes;
    default:
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(random.below(bytes.length))]);
  }
}

/** Values of every type, and what breaks code that trusts them. */
export function oddValue(random: Random): unknown {
  return random.pick<() => unknown>([
    () => null,
    () => random.pick([true, false]),
    () => random.pick([0, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308, 4]),
    () => random.pick(["", "a", "\ud800", "0", "__proto__", "constructor", "x".repeat(300)]),
    () => [],
    () => [null],
    () => ["a", 1],
    () => ({}),
    () => JSON.parse('{"__proto__":{"length":1},"constructor":1}') as unknown,
    () => ({ length: 3 }),
    () => ({ toString: 1, valueOf: null }),
    () => [[[[]]]],
  ])();
}

/** A copy of a JSON value in which one value, somewhere, is another, missing, or has one more beside it. */
export function mutateJson(random: Random, value: unknown): unknown {
  if (typeof value !== "object" || value === null || random.chance(0.2)) return oddValue(random);
  const entries = Object.entries(value);
  if (entries.length === 0) return oddValue(random);
  const at = random.below(entries.length);
  const [key, inner] = entries[at]!;
  const way = random.below(6);
  const changed =
    way === 0
      ? entries.filter((_, i) => i !== at)
      : way === 1
        ? [...entries, [random.pick(["__proto__", "constructor", "toString", "length", "more"]), oddValue(random)] as [string, unknown]]
        : entries.map((entry, i) => (i === at ? ([key, mutateJson(random, inner)] as [string, unknown]) : entry));
  return Array.isArray(value) ? changed.map(([, one]) => one) : Object.fromEntries(changed);
}
