/**
 * The power fails, or the process ends, at every step of the storage in turn: each write, truncation and flush of a file, each
 * name that comes or goes, each transaction; also with what was not synced lost in part and out of order, and again while the
 * database recovers. Each time it must open, with every acknowledged call in it and none by half, with indexes that agree with the
 * records, and it must go on working. Calls that were under way are tried again, and happen once. A failure names the command that
 * repeats it.
 */
import { afterAll, describe, expect, test } from "vitest";
import { type CrashPoint, crashPoints, examine } from "../testing/crash-points.js";
import { type Workload, workloads } from "../testing/crash-workload.js";
import { Random } from "../testing/environment.js";

const only = { workload: process.env["WORKLOAD"], seed: process.env["SEED"], point: process.env["POINT"] };
/** Seed 2 was tried as well, and any other may be: together they take twice as long. */
const seeds = [Number(only.seed ?? 1)];
/**
 * Of a workload's points, so many are examined: one of each of as many stretches of equal length, which `SAMPLE` draws, a number.
 * `ALL=1` examines all of them.
 */
const sample = Number(process.env["SAMPLE"] ?? 1);
const takesAll = process.env["ALL"] === "1" || only.point !== undefined;
const pointsMax = takesAll ? Number.POSITIVE_INFINITY : 110;
/** Of those of one recovery. */
const deeperPointsMax = takesAll ? Number.POSITIVE_INFINITY : 30;
/** Points among which one is crashed into again, at every step of its recovery. */
const deeperEvery = 55;
/** Points of which one is verified, index by index. */
const verifiedEvery = 5;
let examined = 0;

afterAll(() => {
  globalThis.process.stdout.write(`crash points examined: ${examined}\n`);
});

/** Points are numbered from 0, those of a recovery as `<point>.<number>`. */
async function examineAll(workload: Workload, seed: number, points: readonly CrashPoint[], prefix = ""): Promise<void> {
  for (const [turn, i] of chosen(points.length, prefix === "" ? mostOf(workload) : deeperPointsMax).entries()) {
    const point = points[i]!;
    const name = `${prefix}${i}`;
    if (!isWanted(name)) continue;
    const thoroughness = { triesAgain: i % 2 === 0, verifies: i % verifiedEvery === seed % verifiedEvery };
    const goesDeeper = prefix === "" && (turn % deeperEvery === deeperEvery - 1 || only.point !== undefined);
    const { problem, points: after } = await examine(workload, point, { ...thoroughness, recordsPoints: goesDeeper });
    examined++;
    const repeat = `WORKLOAD="${workload.name}" SEED=${seed} POINT=${name} npx vitest run --project unit src/storage/crash-points.test.ts`;
    expect(problem, `${point.what}\n${repeat}\n`).toBeNull();
    if (goesDeeper) await examineAll(workload, seed, after, `${name}.`);
  }
}

function mostOf(workload: Workload): number {
  return takesAll ? pointsMax : Math.min(pointsMax, workload.pointsMax ?? pointsMax);
}

/** Ascending, all different. */
function chosen(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  const [stretch, random] = [count / most, new Random(sample)];
  return [...new Set(Array.from({ length: most }, (_, i) => Math.floor((i + random.next()) * stretch)))];
}

function isWanted(name: string): boolean {
  return only.point === undefined || only.point === name || only.point.startsWith(`${name}.`);
}

describe.each(workloads.filter(({ name }) => only.workload === undefined || only.workload === name))("$name", (workload) => {
  test.each(seeds)("seed %i", async (seed) => {
    const points = await crashPoints(workload, seed);
    expect(points.length).toBeGreaterThan(20);
    await examineAll(workload, seed, points);
  });
});
