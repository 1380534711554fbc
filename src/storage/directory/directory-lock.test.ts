import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { lockDirectory, newLockName, unlockDirectory } from "./directory-lock.js";

const root = fs.mkdtempSync(join(tmpdir(), "tidepool-lock-"));
afterAll(() => fs.rmSync(root, { recursive: true }));

function newDirectory(): string {
  return fs.mkdtempSync(join(root, "directory-"));
}

/** As a lock of ours is called, with some parts of its name replaced. */
function lockLike(parts: { machine?: string; pid?: number; began?: string }): string {
  const [word, machine, pid, began, own] = newLockName().split("-");
  return [word, parts.machine ?? machine, parts.pid ?? pid, parts.began ?? began, own].join("-");
}

test("who has the directory keeps others out until it lets go", async () => {
  const directory = newDirectory();
  const [a, b] = [newLockName(), newLockName()];
  await lockDirectory(directory, a, 0);
  await expect(lockDirectory(directory, b, 0)).rejects.toMatchObject({
    code: "LOCKED",
    message: expect.stringContaining(String(process.pid)),
  });
  expect(fs.readdirSync(directory)).toEqual([a]);
  const waiting = lockDirectory(directory, b, 60_000);
  unlockDirectory(directory, a);
  await waiting;
  expect(fs.readdirSync(directory)).toEqual([b]);
});

test("of many who come at once one has it at a time, and in the end all had it", async () => {
  const directory = newDirectory();
  let holders = 0;
  const had = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const name = newLockName();
      await lockDirectory(directory, name, 60_000);
      const others = holders++;
      await new Promise((resolve) => setImmediate(resolve));
      holders--;
      unlockDirectory(directory, name);
      return others;
    }),
  );
  expect(had).toEqual([0, 0, 0, 0, 0, 0]);
});

test("the lock of a process that is gone is in nobody's way, nor that of an earlier one of the same number", async () => {
  const directory = newDirectory();
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  const dead = [lockLike({ pid })];
  // Where the system does not tell when a process began, one of the same number counts as the same.
  if (fs.existsSync("/proc/self/stat")) dead.push(lockLike({ began: "0123456789abcdef" }));
  for (const name of dead) fs.writeFileSync(join(directory, name), "");
  const own = newLockName();
  await lockDirectory(directory, own, 0);
  expect(fs.readdirSync(directory)).toEqual([own]);
});

test("what another machine has made counts as alive, and the error says which file to remove", async () => {
  const directory = newDirectory();
  const name = lockLike({ machine: "0123456789abcdef", pid: 1 });
  fs.writeFileSync(join(directory, name), "");
  await expect(lockDirectory(directory, newLockName(), 0)).rejects.toMatchObject({
    code: "LOCKED",
    message: expect.stringMatching(new RegExp(`another machine or container.*remove the file ${name}`)),
  });
  expect(fs.readdirSync(directory)).toEqual([name]);
});
