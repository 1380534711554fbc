import { describe, expect, it } from "vitest";
import { flatRowsMax, planSearch, walkCost } from "./planner.js";

describe("planSearch", () => {
  it("scans what is few and walks to what is many", () => {
    const covered = 50_000;
    const plans = [10, 500, 2500, 25_000, 50_000].map((matches) => planSearch({ covered, matches, uncovered: 0, beam: 48 }));
    expect(plans).toEqual(["scan", "scan", "scan", "walk", "walk"]);
  });

  it("changes its mind once as more rows are allowed, earlier for narrower beams and larger graphs", () => {
    const turn = (covered: number, beam: number): number => {
      const plans = Array.from({ length: 100 }, (_, i) => planSearch({ covered, matches: (covered * (i + 1)) / 100, uncovered: 0, beam }));
      const first = plans.indexOf("walk");
      expect(plans.slice(first).every((plan) => plan === "walk")).toBe(true);
      return first;
    };
    expect(turn(50_000, 16)).toBeLessThan(turn(50_000, 100));
    expect(turn(500_000, 64)).toBeLessThan(turn(50_000, 64));
  });

  it("scans when the beam could hold every match", () => {
    expect(planSearch({ covered: 1e6, matches: 500, uncovered: 0, beam: 500 })).toBe("scan");
  });
});

describe("walkCost", () => {
  it("never exceeds that of meeting every node", () => {
    expect(walkCost(10_000, 1, 1000)).toBe(walkCost(10_000, 1, 100_000));
  });
});

describe("flatRowsMax", () => {
  it("allows fewer rows the longer they are", () => {
    const rows = [1, 384, 1536, 4096].map(flatRowsMax);
    expect(rows).toEqual([...rows].sort((a, b) => b - a));
    expect(rows[1]).toBeGreaterThan(2000);
    expect(rows[1]).toBeLessThan(50_000);
  });
});
