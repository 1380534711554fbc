import { expect, test } from "vitest";
import { latestOnly } from "./latest-only.js";

test("of the inputs that arrive during a run only the newest is taken", async () => {
  const seen: string[] = [];
  const finish: (() => void)[] = [];
  const run = latestOnly<string>((input) => {
    seen.push(input);
    return new Promise((resolve) => finish.push(resolve));
  });
  for (const input of ["c", "cr", "cra", "crab"]) run(input);
  expect(seen).toEqual(["c"]);
  finish[0]!();
  await expect.poll(() => seen).toEqual(["c", "crab"]);
  finish[1]!();
  run("crabs");
  await expect.poll(() => seen).toEqual(["c", "crab", "crabs"]);
});
