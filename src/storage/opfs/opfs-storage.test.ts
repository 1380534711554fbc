import "fake-indexeddb/auto";
import { describe, expect, test } from "vitest";
import { FakeDirectory, installFakeFileSystem } from "../../testing/fake-file-system.js";
import type { ConformanceTarget } from "../../testing/storage-conformance.js";
import { conformanceCases, runConformanceCase } from "../../testing/storage-conformance.js";
import { openOpfsStorage } from "./opfs-storage.js";

const root = new FakeDirectory();
installFakeFileSystem(root);

const arenaLimits = { arenaBytesMin: 128 * 1024, arenaBytesMax: 1024 * 1024, arenaReserveBytes: 0, arenaSettleMs: 1000, arenaSpreadMax: 2 };
const target: ConformanceTarget = { open: (name) => openOpfsStorage(name, "strict", () => 0, arenaLimits), capabilities: { arenas: true } };

describe("conformance", () => {
  for (const { name } of conformanceCases(target.capabilities)) test(name, () => runConformanceCase(name, target));
});

const directories = () => [...(root.directories.get("tidepool")?.directories.keys() ?? [])];

test("destroy removes the directory, and any path has one of its own", async () => {
  const storages = [];
  for (const path of ["a", "a/b", "..", ".", "ä %"]) storages.push(await openOpfsStorage(path, "strict", () => 0));
  expect(directories()).toEqual(expect.arrayContaining(["a", "a%2Fb", "%2E%2E", "%2E", "%C3%A4%20%25"]));
  for (const storage of storages) await storage.destroy();
  expect(directories()).toEqual([]);
});

test.each(["", "\ud800"])("the path %j is refused and no connection stays open", async (path) => {
  await expect(openOpfsStorage(path, "strict", () => 0)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});
