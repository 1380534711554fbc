import { expect, test } from "vitest";
import { Random } from "../test-environment.js";
import { Bitmap } from "./bitmap.js";
import { SlotMap } from "./slot-map.js";

test("an ordinal's slot is the ordinal itself until slots are used again", () => {
  const slots = new SlotMap();
  for (let ordinal = 0; ordinal < 100; ordinal++) expect(slots.assign(ordinal)).toBe(ordinal);
  const all = Bitmap.of([3, 50, 99]);
  expect(slots.slotsOf(all)).toBe(all);
  expect(slots.slotOf(100)).toBe(-1);
});

test.each([1, 2, 3])("agrees with a plain Map while ordinals come and go, and needs no more slots than its busiest moment (seed %i)", (seed) => {
  const random = new Random(seed);
  const slots = new SlotMap();
  const held = new Map<number, number>();
  let next = 0;
  let busiest = 0;
  for (let step = 0; step < 3000; step++) {
    if (held.size < 20 || random.chance(0.5)) {
      if (random.chance(0.1)) next++;
      const slot = slots.assign(next);
      expect(new Set(held.values()).has(slot)).toBe(false);
      held.set(next++, slot);
    } else {
      const ordinal = random.pick([...held.keys()]);
      slots.free(ordinal);
      held.delete(ordinal);
      expect(slots.slotOf(ordinal)).toBe(-1);
    }
    busiest = Math.max(busiest, held.size);
    if (held.size > 60) for (const ordinal of [...held.keys()].slice(0, 50)) slots.free(ordinal), held.delete(ordinal);
  }
  for (const [ordinal, slot] of held) {
    expect([slots.assign(ordinal), slots.slotOf(ordinal), slots.ordinalOf(slot)]).toEqual([slot, slot, ordinal]);
  }
  expect([...slots.slotsOf(Bitmap.of(held.keys())).values()]).toEqual([...held.values()].sort((a, b) => a - b));
  expect(slots.end).toBe(busiest);
});
