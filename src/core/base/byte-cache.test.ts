import { expect, test } from "vitest";
import { Random } from "../../testing/environment.js";
import { ByteCache } from "./byte-cache.js";

test.each([1, 2, 3])("keeps what was used last, as far as its bytes reach, after any calls: seed %i", (seed) => {
  const random = new Random(seed);
  const cache = new ByteCache<number, string>(100);
  // From what was used longest ago to what was used last.
  let model: [key: number, value: string, bytes: number][] = [];
  let bytesMax = 100;
  const held = (): number => model.reduce((sum, [, , bytes]) => sum + bytes, 0);
  const evict = (): void => {
    while (held() > bytesMax) model.shift();
  };
  for (let step = 0; step < 3000; step++) {
    const key = random.below(20);
    const entry = model.find(([own]) => own === key);
    const others = model.filter(([own]) => own !== key);
    const kind = random.below(100);
    if (kind < 50) {
      expect(cache.get(key)).toBe(entry?.[1]);
      if (entry !== undefined) model = [...others, entry];
    } else if (kind < 90) {
      const bytes = random.below(40);
      cache.set(key, `${step}`, bytes);
      model = bytes > bytesMax ? others : [...others, [key, `${step}`, bytes]];
    } else if (kind < 96) {
      cache.delete(key);
      model = others;
    } else if (kind < 99) {
      bytesMax = 20 + random.below(100);
      cache.resize(bytesMax);
    } else {
      cache.clear();
      model = [];
    }
    evict();
    expect([cache.bytes, cache.bytesMax]).toEqual([held(), bytesMax]);
  }
});
