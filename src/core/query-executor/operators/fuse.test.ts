import { expect, test } from "vitest";
import { type FusedBranch, fuse } from "./fuse.js";

const branch = (weight: number, ...ordinals: number[]): FusedBranch => ({ ordinals: Uint32Array.from(ordinals), weight });

test("what a rank counts falls from 1, and the shares are added by weight", () => {
  const { ordinals, scores, ranks } = fuse([branch(1, 7, 3), branch(1, 3, 9)]);
  expect([...ordinals]).toEqual([3, 7, 9]);
  expect([...scores]).toEqual([(61 / 62 + 1) / 2, 1 / 2, 61 / 62 / 2].map((score) => expect.closeTo(score, 12)));
  expect(ranks.map((column) => [...column])).toEqual([
    [2, 1, 0],
    [1, 0, 2],
  ]);
});

test("a branch that counts three times as much has three quarters of the score", () => {
  expect([...fuse([branch(3, 1), branch(1, 2)]).scores]).toEqual([0.75, 0.25]);
});

test("one branch alone keeps its order, and equal scores come in insertion order", () => {
  expect([...fuse([branch(2, 5, 4, 6)]).ordinals]).toEqual([5, 4, 6]);
  expect([...fuse([branch(1, 9), branch(1, 4)]).ordinals]).toEqual([4, 9]);
  expect(fuse([branch(1), branch(1)]).ordinals).toHaveLength(0);
});
