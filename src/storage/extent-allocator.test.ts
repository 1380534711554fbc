import fc from "fast-check";
import { expect, test } from "vitest";
import type { Extent } from "../core/storage.js";
import { ExtentAllocator, slotBytes, slotted } from "./extent-allocator.js";

const slots = (n: number) => n * slotBytes;

function withArenas(...sizes: number[]): ExtentAllocator {
  const allocator = new ExtentAllocator();
  sizes.forEach((size, i) => allocator.addArena(i, slots(size)));
  return allocator;
}

test("fills the oldest arena first and answers null when nothing is long enough", () => {
  const allocator = withArenas(2, 3);
  expect(allocator.allocate(slots(2))).toEqual({ arena: 0, offset: 0, length: slots(2) });
  expect(allocator.allocate(1)).toEqual({ arena: 1, offset: 0, length: 1 });
  expect(allocator.allocate(slots(3))).toBeNull();
  allocator.addArena(2, slots(3));
  expect(allocator.allocate(slots(3))).toEqual({ arena: 2, offset: 0, length: slots(3) });
});

test("draws what each arena has in use", () => {
  const allocator = withArenas(128, 0, 64);
  const [first, second] = [allocator.allocate(slots(63))!, allocator.allocate(1)!];
  allocator.allocate(slots(64));
  allocator.release([first]);
  const map = [...new Array(31).fill(0), 0.5, ...new Array(32).fill(1)];
  expect(allocator.usages()).toEqual([
    { arena: 0, bytes: slots(128), bytesUsed: slots(65), blocks: 2, map },
    { arena: 1, bytes: 0, bytesUsed: 0, blocks: 0, map: [] },
    { arena: 2, bytes: slots(64), bytesUsed: 0, blocks: 0, map: new Array(64).fill(0) },
  ]);
  expect(second.offset).toBe(slots(63));
});

test("draws as much as is in use, whatever was taken and given back", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9)), fc.integer({ min: 1, max: 300 }), (lengths, size) => {
      const allocator = withArenas(size);
      const taken = lengths.flatMap((length) => allocator.allocate(slots(length)) ?? []);
      allocator.release(taken.filter((_, i) => i % 3 === 1));
      const [{ bytesUsed, map } = { bytesUsed: 0, map: [0] }] = allocator.usages();
      expect((map.reduce((sum, use) => sum + use, 0) * slots(size)) / 64).toBeCloseTo(bytesUsed, 3);
    }),
  );
});

test("chooses the lowest hole that is long enough and joins neighbours again", () => {
  const allocator = withArenas(10);
  const [a, b, c, d] = [2, 1, 3, 1].map((n) => allocator.allocate(slots(n))!) as [Extent, Extent, Extent, Extent];
  allocator.release([a]);
  allocator.release([c]);
  expect([allocator.allocate(slots(3)), allocator.allocate(slots(1))]).toEqual([c, { ...a, length: slots(1) }]);
  allocator.release([c, b, d, { ...a, length: slots(1) }]);
  expect(allocator.allocate(slots(10))).toEqual({ arena: 0, offset: 0, length: slots(10) });
});

test("an empty extent has a place of its own", () => {
  const allocator = withArenas(2);
  expect([allocator.allocate(0)?.offset, allocator.allocate(0)?.offset]).toEqual([0, slotBytes]);
  expect(allocator.allocate(0)).toBeNull();
});

test("retained extents leave exactly the gaps free", () => {
  const allocator = withArenas(8);
  allocator.retain([
    { arena: 0, offset: slots(5), length: slots(1) },
    { arena: 0, offset: slots(1), length: 10 },
  ]);
  expect(allocator.bytesUsed).toBe(slots(2));
  expect(allocator.arenaUsedEnd(0)).toBe(slots(6));
  expect([1, 3, 2, 1].map((n) => allocator.allocate(slots(n))?.offset)).toEqual([0, slots(2), slots(6), undefined]);
});

test.each<[string, Extent[], RegExp]>([
  ["an unknown arena", [{ arena: 9, offset: 0, length: 1 }], /9:0\+1 lies in arena 9, which is missing/],
  ["a place past the end", [{ arena: 0, offset: slots(3), length: slots(2) }], /past the end.*16384/],
  ["a place off the slot boundary", [{ arena: 0, offset: 64, length: 1 }], /0:64\+1/],
  ["a negative length", [{ arena: 0, offset: 0, length: -1 }], /0:0\+-1/],
  ["a fractional offset", [{ arena: 0, offset: 0.5, length: 1 }], /0:0.5\+1/],
  [
    "an overlap",
    [
      { arena: 0, offset: slotBytes, length: 1 },
      { arena: 0, offset: 0, length: slotBytes + 1 },
    ],
    /0:4096\+1 overlaps extent 0:0\+4097/,
  ],
  [
    "the same extent twice",
    [
      { arena: 0, offset: 0, length: 1 },
      { arena: 0, offset: 0, length: 1 },
    ],
    /overlaps/,
  ],
])("retain refuses %s and keeps nothing of it", (_, extents, message) => {
  const allocator = withArenas(4);
  const good = { arena: 0, offset: slots(2), length: 1 };
  expect(() => allocator.retain([good, ...extents])).toThrow(
    expect.objectContaining({ code: "CORRUPTION", message: expect.stringMatching(message) }),
  );
  expect(allocator.bytesUsed).toBe(0);
});

test("releasing what is not in use is refused and changes nothing", () => {
  const allocator = withArenas(4);
  const a = allocator.allocate(10)!;
  const b = allocator.allocate(10)!;
  for (const wrong of [
    [b, a, a],
    [a, { ...b, length: 11 }],
    [a, { ...b, offset: slots(3) }],
    [a, { ...b, arena: 7 }],
  ]) {
    expect(() => allocator.release(wrong)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  }
  expect(allocator.bytesUsed).toBe(slots(2));
  allocator.release([a]);
  expect(() => allocator.release([a])).toThrow(/is not in use/);
});

test("an arena grows at its end and shrinks only over free space", () => {
  const allocator = withArenas(2);
  allocator.allocate(1);
  const last = allocator.allocate(1)!;
  allocator.resizeArena(0, slots(4));
  expect(allocator.bytesReserved).toBe(slots(4));
  expect(allocator.allocate(slots(2))).toEqual({ arena: 0, offset: slots(2), length: slots(2) });
  expect(() => allocator.resizeArena(0, slots(3))).toThrow(/extents reach up to 16384/);
  allocator.release([{ arena: 0, offset: slots(2), length: slots(2) }, last]);
  allocator.resizeArena(0, slots(1));
  expect(allocator.allocate(1)).toBeNull();
  expect(() => withArenas(1, 1).addArena(1, slots(1))).toThrow(/does not come after/);
});

type Step = { kind: "allocate"; length: number } | { kind: "release"; pick: number } | { kind: "grow"; slots: number } | { kind: "reopen" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("allocate" as const), length: fc.nat(slots(6)) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("release" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("grow" as const), slots: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
);

/** The plain interval set: one boolean per slot of every arena. */
class SlotMap {
  readonly arenas: boolean[][] = [];
  set(extent: Extent, value: boolean): void {
    for (let i = extent.offset / slotBytes; i < (extent.offset + slotted(extent.length)) / slotBytes; i++) {
      if (this.arenas[extent.arena]![i] !== !value) throw new Error(`slot ${i} of arena ${extent.arena} is already ${value}`);
      this.arenas[extent.arena]![i] = value;
    }
  }
  longestFree(): number {
    const runs = this.arenas.map((arena) => arena.map((used) => (used ? "u" : "f")).join(""));
    return Math.max(0, ...runs.flatMap((run) => run.split("u")).map((free) => free.length));
  }
  used(): number {
    return this.arenas.flat().filter(Boolean).length;
  }
}

test("agrees with a plain map of slots under any sequence of calls", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const model = new SlotMap();
      let allocator = new ExtentAllocator();
      let live: Extent[] = [];
      for (const s of steps) {
        if (s.kind === "allocate") {
          const extent = allocator.allocate(s.length);
          if (extent) {
            model.set(extent, true);
            live.push(extent);
          } else expect(model.longestFree()).toBeLessThan(slotted(s.length) / slotBytes);
        } else if (s.kind === "release" && live.length > 0) {
          const [extent] = live.splice(s.pick % live.length, 1);
          allocator.release([extent!]);
          model.set(extent!, false);
        } else if (s.kind === "grow") {
          allocator.addArena(model.arenas.length, slots(s.slots));
          model.arenas.push(Array<boolean>(s.slots).fill(false));
        } else if (s.kind === "reopen") {
          allocator = withArenas(...model.arenas.map((arena) => arena.length));
          allocator.retain(live);
          live = live.reverse();
        }
        expect(allocator.bytesUsed).toBe(slots(model.used()));
      }
      const longest = model.longestFree();
      expect(allocator.allocate(slots(longest + 1))).toBeNull();
      if (longest > 0) expect(allocator.allocate(slots(longest))).not.toBeNull();
    }),
  );
});
