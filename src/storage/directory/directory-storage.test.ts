import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Storage } from "../../core/storage.js";
import type { ConformanceTarget } from "../../testing/storage-conformance.js";
import { conformanceCases, pattern, runConformanceCase } from "../../testing/storage-conformance.js";
import { type DirectoryOptions, openDirectoryStorage } from "./directory-storage.js";

const root = fs.mkdtempSync(join(tmpdir(), "tidepool-directory-"));
afterAll(() => fs.rmSync(root, { recursive: true }));

const arenaLimits = { arenaBytesMin: 128 * 1024, arenaBytesMax: 1024 * 1024, arenaReserveBytes: 0, arenaSpreadMax: 2 };

function directoryOf(name: string): string {
  const directory = join(root, encodeURIComponent(name));
  fs.mkdirSync(directory, { recursive: true });
  return directory;
}

function open(name: string, options: Partial<DirectoryOptions> = {}): Promise<Storage> {
  const given = { durability: "strict", now: () => 0, lost: () => undefined, arenaLimits, deadBytesMin: 4096 } as const;
  return openDirectoryStorage(directoryOf(name), { ...given, ...options });
}

const target: ConformanceTarget = { open: (name) => open(name), capabilities: { arenas: true } };

describe("conformance", () => {
  for (const { name } of conformanceCases(target.capabilities)) test(name, () => runConformanceCase(name, target));
});

const entry = (offset: number, length = 100) => ({ collectionId: "a", offset, bytes: pattern(length, offset) });
const offsetsOf = async (storage: Storage) => (await storage.log.read("a", 0, Infinity)).map(({ offset }) => offset);
const journalOf = (name: string) => join(directoryOf(name), fs.readdirSync(directoryOf(name)).find((file) => file.startsWith("journal-"))!);

test("a journal that is cut anywhere is whole up to there, and goes on", async () => {
  const storage = await open("cut");
  const ends = [fs.statSync(journalOf("cut")).size];
  for (let offset = 1; offset <= 5; offset++) {
    await storage.log.append([entry(offset)]);
    ends.push(fs.statSync(journalOf("cut")).size);
  }
  await storage.close();
  const whole = fs.readFileSync(journalOf("cut"));
  for (let length = ends[0]!; length <= ends[5]!; length += 37) {
    fs.writeFileSync(journalOf("cut"), whole.subarray(0, length));
    const kept = ends.filter((end) => end <= length).length - 1;
    const cut = await open("cut");
    expect(await offsetsOf(cut)).toEqual([1, 2, 3, 4, 5].slice(0, kept));
    await cut.log.append([entry(kept + 1)]);
    await cut.close();
    const again = await open("cut");
    expect(await offsetsOf(again)).toEqual([1, 2, 3, 4, 5, 6].slice(0, kept + 1));
    await again.close();
  }
});

test("damage to what was acknowledged is never taken for the end of the journal", async () => {
  const storage = await open("damage");
  for (let offset = 1; offset <= 4; offset++) await storage.log.append([entry(offset)]);
  await storage.close();
  const whole = fs.readFileSync(journalOf("damage"));
  for (let at = 0; at < whole.length - 29; at += 3) {
    const damaged = Buffer.from(whole);
    damaged[at]! ^= 0x10;
    fs.writeFileSync(journalOf("damage"), damaged);
    await expect(open("damage"), `byte ${at}`).rejects.toMatchObject({ code: expect.stringMatching(/^(CORRUPTION|FORMAT_TOO_NEW)$/) });
  }
  fs.writeFileSync(journalOf("damage"), whole);
  const reopened = await open("damage");
  expect(await offsetsOf(reopened)).toEqual([1, 2, 3, 4]);
  await reopened.close();
});

test("of relaxed writes a loss of power may take the last ones, in any order of their sectors", async () => {
  const storage = await open("relaxed", { durability: "relaxed" });
  await storage.catalog.commit({ put: new Map([["k", pattern(1)]]) });
  const synced = fs.statSync(journalOf("relaxed")).size;
  for (let offset = 1; offset <= 3; offset++) await storage.log.append([entry(offset)]);
  const lost = fs.readFileSync(journalOf("relaxed"));
  await storage.close();
  lost[synced + 40]! ^= 0xff;
  fs.writeFileSync(journalOf("relaxed"), lost);
  const reopened = await open("relaxed");
  expect([await reopened.catalog.get("k"), await offsetsOf(reopened)]).toEqual([pattern(1), []]);
  await reopened.close();
});

test("a journal of mostly dead rows is written anew, with all that lives, and its name is the next", async () => {
  const storage = await open("anew");
  await storage.log.append([entry(1)], new Map([["a", pattern(16)]]));
  await storage.catalog.commit({ copyLog: { from: "a", to: "b", after: 0 } });
  for (let i = 0; i < 200; i++) await storage.catalog.commit({ put: new Map([["row", pattern(500, i)]]) });
  await storage.log.append([entry(2)]);
  await storage.close();
  expect(fs.statSync(journalOf("anew")).size).toBeLessThan(20_000);
  expect(journalOf("anew")).not.toMatch(/journal-1$/);
  const reopened = await open("anew");
  expect(await reopened.catalog.get("row")).toEqual(pattern(500, 199));
  expect(await reopened.log.read("a", 0, Infinity)).toEqual([entry(1), entry(2)]);
  expect(await reopened.log.read("b", 0, Infinity)).toEqual([{ ...entry(1), collectionId: "b" }]);
  expect([await reopened.log.tail("a"), await reopened.log.tail("b")]).toEqual([pattern(16), pattern(16)]);
  await reopened.close();
});

test("a journal is closed without a log that was truncated since it was last looked at", async () => {
  const storage = await open("closed");
  for (let offset = 1; offset <= 20; offset++) await storage.log.append([entry(offset, 2000)]);
  await storage.catalog.commit({ truncateLog: [{ collectionId: "a", upTo: 19 }] });
  await storage.log.append([entry(21)]);
  const whole = fs.statSync(journalOf("closed")).size;
  await storage.close();
  expect(whole).toBeGreaterThan(40_000);
  expect(fs.statSync(journalOf("closed")).size).toBeLessThan(5000);
  const reopened = await open("closed");
  expect(await reopened.log.read("a", 0, Infinity)).toEqual([entry(20, 2000), entry(21)]);
  await reopened.close();
});

test("what a crash leaves of a journal that was being written anew is removed", async () => {
  const storage = await open("draft");
  await storage.log.append([entry(1)]);
  await storage.close();
  fs.copyFileSync(journalOf("draft"), join(directoryOf("draft"), "journal-3"));
  fs.writeFileSync(join(directoryOf("draft"), "journal-draft"), "half");
  const reopened = await open("draft");
  expect(await offsetsOf(reopened)).toEqual([1]);
  await reopened.close();
  expect(fs.readdirSync(directoryOf("draft")).filter((name) => name.startsWith("journal"))).toEqual(["journal-3"]);
});

test("a write that the disk refuses leaves nothing, and ends the storage where more than room is missing", async () => {
  const told: string[] = [];
  const storage = await open("refused", { lost: ({ code }) => told.push(code) });
  await storage.log.append([entry(1)]);
  const write = fs.write;
  const failing = (code: string) => {
    (fs as { write: unknown }).write = (...args: unknown[]) =>
      (args.at(-1) as (error: unknown, written: number) => void)(Object.assign(new Error(code), { code }), 0);
  };
  failing("ENOSPC");
  await expect(storage.log.append([entry(2)])).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  fs.write = write;
  await storage.log.append([entry(2)]);
  failing("EIO");
  await expect(storage.log.append([entry(3)])).rejects.toMatchObject({ code: "POISONED" });
  fs.write = write;
  await expect(storage.log.append([entry(3)])).rejects.toMatchObject({ code: "POISONED" });
  expect(told).toEqual(["POISONED"]);
  await storage.close();
  const reopened = await open("refused");
  expect(await offsetsOf(reopened)).toEqual([1, 2]);
  await reopened.close();
});

test("blocks without a journal, and a manifest's blocks without their arena, are corruption", async () => {
  const storage = await open("orphans");
  await storage.blobs.retain([]);
  const extent = await storage.blobs.write(pattern(5000));
  await storage.blobs.flush();
  await storage.close();
  const arenas = fs.readdirSync(directoryOf("orphans")).filter((name) => name.startsWith("arena-"));
  const journal = journalOf("orphans");
  fs.renameSync(journal, join(root, "aside"));
  await expect(open("orphans")).rejects.toMatchObject({ code: "CORRUPTION", message: expect.stringContaining("no journal") });
  fs.renameSync(join(root, "aside"), journal);
  for (const name of arenas) fs.rmSync(join(directoryOf("orphans"), name));
  const reopened = await open("orphans");
  await expect(reopened.blobs.retain([extent])).rejects.toMatchObject({ code: "CORRUPTION", message: expect.stringContaining("arena 1") });
  await reopened.close();
});

test("a destruction that was interrupted is gone on with", async () => {
  const storage = await open("destroyed");
  await storage.log.append([entry(1)]);
  await storage.close();
  fs.writeFileSync(join(directoryOf("destroyed"), "destroying"), "");
  fs.writeFileSync(join(directoryOf("destroyed"), "notes.txt"), "not ours");
  const reopened = await open("destroyed");
  expect(await offsetsOf(reopened)).toEqual([]);
  await reopened.destroy();
  expect(fs.readdirSync(directoryOf("destroyed"))).toEqual(["notes.txt"]);
});
