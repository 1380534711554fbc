import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bitmap } from "./bitmap.js";

const ordinals = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 80 });

function ascending(set: Iterable<number>): number[] {
  return [...set].sort((a, b) => a - b);
}

/** Applied alike to a bitmap and to the set it stands for. */
type Operation =
  | { name: "add" | "delete"; ordinal: number }
  | { name: "union" | "intersect" | "subtract" | "addAll" | "addRange"; ordinals: number[] };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ name: fc.constantFrom("add" as const, "delete" as const), ordinal: fc.integer({ min: 0, max: 300 }) }),
  fc.record({
    name: fc.constantFrom("union" as const, "intersect" as const, "subtract" as const, "addAll" as const, "addRange" as const),
    ordinals,
  }),
);

/** From the first of the numbers to the last, which may be before it: then there are none between. */
function rangeOf(ordinals: readonly number[]): [from: number, to: number] {
  return [ordinals[0] ?? 7, ordinals.at(-1) ?? 7];
}

function applyToBitmap(bitmap: Bitmap, step: Operation): void {
  if ("ordinal" in step) bitmap[step.name](step.ordinal);
  else if (step.name === "addAll") bitmap.addAll(step.ordinals);
  else if (step.name === "addRange") bitmap.addRange(...rangeOf(step.ordinals));
  else bitmap[step.name](Bitmap.of(step.ordinals));
}

function applyToSet(set: Set<number>, step: Operation): Set<number> {
  if ("ordinal" in step) {
    set[step.name](step.ordinal);
    return set;
  }
  const [from, to] = rangeOf(step.ordinals);
  if (step.name === "addRange") return new Set([...set, ...Array(301).keys()].filter((n) => set.has(n) || (n >= from && n < to)));
  const other = new Set(step.ordinals);
  if (step.name === "intersect") return new Set([...set].filter((ordinal) => other.has(ordinal)));
  if (step.name === "subtract") return new Set([...set].filter((ordinal) => !other.has(ordinal)));
  return new Set([...set, ...other]);
}

describe("Bitmap", () => {
  it("behaves as a set of numbers under any sequence of operations", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), fc.integer({ min: 0, max: 320 }), (steps, from) => {
        const bitmap = new Bitmap();
        let model = new Set<number>();
        for (const step of steps) {
          applyToBitmap(bitmap, step);
          model = applyToSet(model, step);
        }
        const members = ascending(model);
        expect([...bitmap.toArray()]).toEqual(members);
        expect([...bitmap.values()]).toEqual(members);
        expect([...bitmap.values(from)]).toEqual(members.filter((ordinal) => ordinal >= from));
        expect(bitmap.count()).toBe(members.length);
        const other = new Bitmap(from);
        for (const ordinal of members) other.add(ordinal);
        expect([bitmap.equals(other), other.equals(bitmap)]).toEqual([true, true]);
        if (other.has(from)) other.delete(from);
        else other.add(from);
        expect([bitmap.equals(other), other.equals(bitmap)]).toEqual([false, false]);
        expect(Array.from({ length: 321 }, (_, ordinal) => ordinal).filter((ordinal) => bitmap.has(ordinal))).toEqual(members);
      }),
    );
  });

  it("keeps a clone apart from its original", () => {
    const original = Bitmap.of([1, 64]);
    const copy = original.clone();
    copy.add(2);
    original.delete(64);
    expect([...original.toArray()]).toEqual([1]);
    expect([...copy.toArray()]).toEqual([1, 2, 64]);
  });

  it("counts the members that another has and those that it has not", () => {
    const ordinals = fc.uniqueArray(fc.integer({ min: 0, max: 320 }));
    fc.assert(
      fc.property(ordinals, ordinals, (some, others) => {
        const outside = some.filter((ordinal) => !others.includes(ordinal)).length;
        expect(Bitmap.of(some).countAgainst(Bitmap.of(others))).toEqual({ inside: some.length - outside, outside });
      }),
    );
    expect(Bitmap.of([31, 5]).countAgainst(Bitmap.of([31]))).toEqual({ inside: 1, outside: 1 });
  });

  it("leaves the other operand as it was", () => {
    const other = Bitmap.of([3, 500]);
    Bitmap.of([1]).union(other);
    Bitmap.of([1]).intersect(other);
    Bitmap.of([1, 3]).subtract(other);
    expect([...other.toArray()]).toEqual([3, 500]);
  });

  it("holds the highest bit of a word and ordinals far apart", () => {
    const bitmap = Bitmap.of([31, 63, 2_000_000]);
    expect([...bitmap.values(32)]).toEqual([63, 2_000_000]);
    expect(bitmap.words[0]).toBe(0x80000000);
  });

  it("answers for ordinals beyond its capacity", () => {
    const bitmap = new Bitmap(10);
    bitmap.delete(1000);
    expect(bitmap.has(1000)).toBe(false);
    expect(bitmap.count()).toBe(0);
  });

  it("includes says whether all of another's members are in there, however long either is", () => {
    const short = Bitmap.of([3, 40]);
    const long = Bitmap.of([3, 40, 1000]);
    expect(long.includes(short)).toBe(true);
    expect(short.includes(long)).toBe(false);
    expect(short.includes(new Bitmap(5000))).toBe(true);
    expect(Bitmap.of([3]).includes(short)).toBe(false);
  });

  it("trim lets go of what lies behind the last member, and of nothing else", () => {
    const bitmap = Bitmap.of([3, 40, 1000]);
    bitmap.delete(1000);
    expect(bitmap.trim().words).toHaveLength(2);
    expect([...bitmap.values()]).toEqual([3, 40]);
    bitmap.add(70);
    expect([...bitmap.values()]).toEqual([3, 40, 70]);
    expect(Bitmap.of([]).trim().words).toHaveLength(0);
  });
});
